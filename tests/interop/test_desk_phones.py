"""A desk phone far away: from a one-time address to a registered line, whose password is another after each fetch."""

from __future__ import annotations

import asyncio
import base64
import http.client
import ssl
import subprocess
import sys
from pathlib import Path

from .rig.accounts import Account
from .rig.booth import Booth, RefusedByPhone
from .rig.configuration import configuration, extension
from .rig.ports import Block
from .rig.system import System, eventually

MAC = "00156512abcd"
NEW_LINK = """
import sys
from jackfield.settings import load
from jackfield.console import database
database.setup(load(data_dir=sys.argv[1]))
from jackfield.console.provisioning import links
from jackfield.desk_phones.models import DeskPhone
print(links.new(DeskPhone.objects.get(), hours=1))
"""
COMPANY = configuration(
    [extension("120", max_contacts=5)],
    settings={"local_networks": ["10.0.0.0/8"]},  # so that this machine is somewhere in the Internet
    desk_phones=[{"mac": MAC, "model": "yealink-t46u", "extensions": ["120"]}],
    provisioning={"remote_transport": "udp", "server": "127.0.0.1"},
)


def fetch(system: System, path: str, password: str = "") -> tuple[int, dict[str, str]]:
    """Fetch as a Yealink does; return the status, and what it reads in its file."""
    context = ssl.create_default_context(cafile=str(system.data / "certificates" / "self-signed.pem"))
    context.check_hostname = False
    connection = http.client.HTTPSConnection("127.0.0.1", system.console_port, timeout=20, context=context)
    headers = {"User-Agent": "Yealink SIP-T46U 108.86.0.20 00:15:65:12:ab:cd"}
    if password:
        headers["Authorization"] = "Basic " + base64.b64encode(f"{MAC}:{password}".encode()).decode()
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    lines = answer.read().decode().splitlines()
    connection.close()
    return answer.status, {key: value for key, _, value in (line.partition(" = ") for line in lines)}


def account(system: System, told: dict[str, str]) -> Account:
    """Return what a phone makes of its file."""
    host, port = told["account.1.sip_server.1.address"], int(told["account.1.sip_server.1.port"])
    return Account("120", told["account.1.user_name"], told["account.1.password"], host, port)


def new_link(data: Path) -> str:
    done = subprocess.run([sys.executable, "-c", NEW_LINK, str(data)], capture_output=True, text=True, check=True)
    return done.stdout.strip()


async def test_a_phone_far_away_registers_with_what_its_one_time_address_gave_it(
    tmp_path: Path, ports: Block, booth: Booth
) -> None:
    async with System(tmp_path, ports, COMPANY, console_tls="on") as system:
        secret = await asyncio.to_thread(new_link, system.data)
        assert (await asyncio.to_thread(fetch, system, f"/provision/{MAC}.cfg"))[0] == 401
        status, told = await asyncio.to_thread(fetch, system, f"/provision/{secret}/{MAC}.cfg")
        assert status == 200
        assert (await asyncio.to_thread(fetch, system, f"/provision/{secret}/{MAC}.cfg"))[0] == 410

        first = account(system, told)
        await booth.phone(first, 440)
        (row,) = await system.registrations("120")
        assert row["sip_username"] == "sip120"

        own = told["static.auto_provision.server.password"]
        status, again = await asyncio.to_thread(fetch, system, f"/provision/{MAC}.cfg", own)
        second = account(system, again)
        assert (status, second.password != first.password) == (200, True)
        await booth.phone(first, 440)  # it has not read its new file yet
        await booth.phone(second, 440)

        async def ended() -> bool:  # the one before ends with the first use of the new one
            try:
                await booth.phone(first, 440)
            except RefusedByPhone:
                return True
            return False

        await eventually(ended, "the password before to count no more")
        lines = [{"sip_username": "sip120", "event": "check-sync;reboot=false"}]
        answers = await system.ask("notify", lines=lines)
        assert {answer["sip_username"] for answer in answers} == {"sip120"}
        assert all(answer["status"] for answer in answers), answers  # the phone has heard it
        system.expected.append("wrong password")
