"""What phones of the local networks find: the directory from the database, and servers that follow what is set."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from jackfield.console import api, database
from jackfield.console.lan import asking, directory
from jackfield.console.lan.keeper import Keeper, running
from jackfield.console.lan.phonebook import KEPT_SECONDS, Phonebook, password_of, sign_in
from jackfield.console.provisioning import serving
from jackfield.network import turn
from jackfield.provisioning.pnp import Question
from jackfield.provisioning.tftp import NO_ACCESS, NOT_FOUND, TftpError
from jackfield.settings import Settings

HOUSE = """
settings: {country: DE, outside_prefix: "0"}
users:
  - {login: anna, name: Anna Example, role: user}
extensions:
  - {number: 201, name: Anna Example, user: anna}
  - {number: 202, name: Workshop}
  - {number: 203, name: Away, enabled: false}
desk_phones:
  - {mac: 00156512abcd, model: yealink-t46u, extensions: [201]}
  - {mac: "000413000001", model: snom-320, extensions: [202]}
  - {mac: "000413000002", model: snom-320, enabled: false}
"""


@pytest.fixture
def house(sqlite: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setattr(serving, "desk", serving.Desk())  # its thread keeps the database that it has seen first
    monkeypatch.setattr(directory, "_reading", ThreadPoolExecutor(1))
    monkeypatch.setattr(directory, "_book", Phonebook())
    api.apply(sqlite, HOUSE)
    from jackfield.contacts.models import Contact
    from jackfield.people.models import User

    for owner, name, number in (
        (None, "Bell & Sons", "+49 30 1234567"),
        ("anna", "Mum", "0171 5550101"),
        (None, "Taxi", "202"),
    ):
        contact = Contact.objects.create(owner=owner and User.objects.get(login=owner), name=name)
        contact.numbers.create(kind="work", number=number, known_as=number)
    return sqlite


def phone(mac: str) -> Any:
    from jackfield.desk_phones.models import DeskPhone

    return DeskPhone.objects.get(mac=mac)


def test_a_phone_signs_in_with_its_own_password_and_reads_what_its_user_may(house: Settings) -> None:
    anna, workshop = phone("00156512abcd"), phone("000413000001")
    reader = sign_in(house, "00:15:65:12:AB:CD", password_of(house, anna))
    assert reader is not None
    assert {one.name: [n.number for n in one.numbers] for one in Phonebook().entries(reader.user)} == {
        "Anna Example": ["201"],
        "Workshop": ["202"],
        "Bell & Sons": ["0030 1234567".replace(" ", "")],
        "Mum": ["001715550101"],
        "Taxi": ["202"],
    }
    other = sign_in(house, "000413000001", password_of(house, workshop))
    assert other is not None
    assert "Mum" not in {one.name for one in Phonebook().entries(other.user)}


@pytest.mark.parametrize("case", ["another's", "empty", "nobody", "no mac", "not ascii", "switched off"])
def test_nobody_else_signs_in(house: Settings, case: str) -> None:
    own = password_of(house, phone("00156512abcd"))
    name, password = {
        "another's": ("000413000001", own),
        "empty": ("00156512abcd", ""),
        "nobody": ("00156512abce", own),
        "no mac": ("anna", own),
        "not ascii": ("00156512abcd", "pässwörd"),
        "switched off": ("000413000002", password_of(house, phone("000413000002"))),
    }[case]
    assert sign_in(house, name, password) is None


def test_a_phone_that_was_removed_and_entered_again_has_another_password(house: Settings) -> None:
    before = password_of(house, phone("00156512abcd"))
    from jackfield.desk_phones.models import DeskPhone

    DeskPhone.objects.filter(mac="00156512abcd").delete()
    DeskPhone.objects.create(mac="00156512abcd", model="yealink-t46u")
    assert password_of(house, phone("00156512abcd")) != before


def test_a_change_is_found_soon_and_not_asked_for_with_every_letter(house: Settings) -> None:
    now = [0.0]
    book = Phonebook(clock=lambda: now[0])
    assert len(book.entries(None)) == 4
    api.apply(house, "extensions: [{number: 204, name: New}]")
    assert len(book.entries(None)) == 4
    now[0] += KEPT_SECONDS + 1
    assert len(book.entries(None)) == 5


# --- files by TFTP ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    ["../../etc/passwd", "..\\\\boot.ini", "/etc/shadow", "%2e%2e/secret.key", "C:secret.key", "secret.key", "a" * 400],
)
async def test_path_tricks_get_no_file_and_are_seen_on_the_page(house: Settings, name: str) -> None:
    await asyncio.to_thread(changed, house, "provisioning: {enabled: 'on'}")
    with pytest.raises(TftpError):
        await asking.file_for(name, "192.168.1.9")


async def test_a_phones_file_is_given_by_tftp_in_the_local_networks_alone(house: Settings) -> None:
    await asyncio.to_thread(changed, house, "provisioning: {enabled: 'on'}")
    file = await asking.file_for("00156512abcd.cfg", "192.168.1.9")
    assert b"account.1.user_name" in file
    with pytest.raises(TftpError) as problem:
        await asking.file_for("00156512abcd.cfg", "203.0.113.9")
    assert problem.value.code in (NOT_FOUND, NO_ACCESS)


@pytest.mark.parametrize(
    ("vendor", "model", "mac", "slug"),
    [
        ("snom", "snom370", "000413000001", "snom-370"),
        ("Yealink", "SIP-T46U", "00156512abcd", "yealink-t46u"),
        ("", "", "00156512abcd", "yealink-t19p_e2"),
        ("nobody", "X", "02aabbccddee", None),
    ],
)
def test_the_model_that_asks_the_network_is_known_by_what_it_says(vendor: str, model: str, mac: str, slug: str) -> None:
    found = asking.model_of(Question("192.168.1.9", 5060, mac, vendor, model))
    assert (found.slug if found else None) == slug


async def test_who_asks_the_network_is_told_where_while_it_may_be(house: Settings) -> None:
    question = Question("192.168.1.9", 5060, "00156512abcd", "Yealink", "T46U")
    await asyncio.to_thread(changed, house, "provisioning: {enabled: 'on', server: 192.168.1.1}")
    url = await asking.address_for(house, question)
    assert url.startswith("http://192.168.1.1:")
    assert url.endswith("/provision/")
    await asyncio.to_thread(changed, house, "provisioning: {enabled: 'off'}")
    assert await asking.address_for(house, question) == ""


# --- the vendors' XML ------------------------------------------------------------------------------------------------


async def asked(path: str, *, address: str = "192.168.1.9", scheme: str = "http", query: str = "") -> tuple[int, str]:
    said: list[Any] = []

    async def send(message: Any) -> None:
        said.append(message)

    scope = {"method": "GET", "scheme": scheme, "path": path, "query_string": query.encode(), "client": (address, 9),
             "headers": [(b"host", b"192.168.1.1:8443")]}  # fmt: skip
    await directory.serve(scope, send)
    return said[0]["status"], said[1]["body"].decode()


async def test_a_phone_reads_the_directory_in_its_vendors_xml(house: Settings) -> None:
    row = await asyncio.to_thread(phone, "00156512abcd")
    base = f"/provision/directory/00156512abcd/{password_of(house, row)}"
    status, page = await asked(f"{base}/yealink.xml", query="q=bell")
    assert status == 200
    assert "Bell &amp; Sons" in page
    assert "Workshop" not in page
    assert (await asked(f"{base}/grandstream.xml/phonebook.xml"))[0] == 200
    assert (await asked(f"{base}/yealink.xml", address="203.0.113.9"))[0] == 404  # readable on the way
    assert (await asked(f"{base}/yealink.xml", address="203.0.113.9", scheme="https"))[0] == 200
    for wrong in (f"{base}/nobody.xml", f"{base[:-1]}a/yealink.xml", f"{base}/../yealink.xml", base):
        assert (await asked(wrong))[0] == 404
    assert (await asked(f"{base}/yealink.xml", query="&".join(f"a{n}=1" for n in range(99))))[0] == 404


@pytest.mark.parametrize(("language", "said"), [("de", "Suchen"), ("cs-CZ", "Hledat"), ("xx", "Search")])
def test_the_phones_screen_is_in_the_companys_language(house: Settings, language: str, said: str) -> None:
    assert directory.labels(language).search == said


def test_what_a_phone_is_told_of_the_directory(house: Settings) -> None:
    anna = phone("00156512abcd")
    local = directory.directory_of(
        house, anna, "192.168.1.1", "http://192.168.1.1:8443/provision/", local=True, ldap=True
    )
    assert (local.ldap_host, local.ldap_port, local.ldap_tls) == ("192.168.1.1", 389, False)
    assert local.xml_url.endswith("/yealink.xml")
    outside = directory.directory_of(house, anna, "[2001:db8::1]", "https://x/provision/", local=False, ldap=True)
    assert (outside.ldap_host, outside.ldap_port, outside.ldap_tls) == ("2001:db8::1", 636, True)
    assert directory.directory_of(house, anna, "x", "http://x/", local=True, ldap=False).ldap_host == ""


# --- the servers -----------------------------------------------------------------------------------------------------


def free_port(kind: int) -> int:
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not true():
            await asyncio.sleep(0.01)


def changed(settings: Settings, text: str) -> None:
    database.setup(settings)
    api.apply(settings, text)


async def test_servers_open_and_shut_as_it_is_set(house: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jackfield.console.lan.keeper.LOOK_SECONDS", 0.02)
    wanted = {
        "host": "127.0.0.1",
        "tftp_port": free_port(socket.SOCK_DGRAM),
        "ldap_port": free_port(socket.SOCK_STREAM),
    }
    settings = house.replaced(**wanted, ldaps_port=0)
    await asyncio.to_thread(changed, settings, "provisioning: {enabled: 'on'}")

    def is_on(keeper: Keeper, *names: str) -> bool:
        return {name for name, state in keeper.states.items() if state.on} == set(names)

    async with running(settings) as keeper:
        await until(lambda: is_on(keeper, "tftp", "ldap"))
        await asyncio.to_thread(changed, settings, "plug_and_play: {ldap: false}")
        await until(lambda: is_on(keeper, "tftp"))
        await asyncio.to_thread(changed, settings, "provisioning: {enabled: 'off'}")
        await until(lambda: is_on(keeper))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as again:
        again.bind(("127.0.0.1", settings.tftp_port))  # everything was closed


async def test_a_port_that_is_taken_is_told_with_the_mend(house: Settings) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        port = other.getsockname()[1]
        settings = house.replaced(host="127.0.0.1", tftp_port=port, ldap_port=0, ldaps_port=0)
        await asyncio.to_thread(changed, settings, "provisioning: {enabled: 'on'}")
        async with running(settings) as keeper:
            await until(lambda: keeper.states["tftp"].wrong)
            state = keeper.states["tftp"]
    assert f"UDP port {port} on 127.0.0.1 is taken" in state.why
    assert "--tftp-port" in state.mend


def test_nobody_elsewhere_gets_a_phones_file_through_our_own_relay(
    house: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """coturn sends from this machine's address, which is a local one, for whoever may use TURN."""
    monkeypatch.setattr("jackfield.console.lan.keeper.local_addresses", lambda: ["192.168.1.10", "127.0.0.1"])
    keeper = Keeper(house)
    assert keeper._may_by_tftp("192.168.1.10")
    (house.files.run / turn.CONFIGURATION).touch()
    assert not keeper._may_by_tftp("192.168.1.10")
    assert keeper._may_by_tftp("192.168.1.20"), "a phone"
    assert keeper._may_by_tftp("127.0.0.1"), "whoever is on this machine, which coturn relays for nobody"
