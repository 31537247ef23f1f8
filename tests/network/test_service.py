"""The network process: what fails in it is told, and keeps nothing else from going on."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from jackfield.control import ask
from jackfield.network import service as module
from jackfield.network import turn
from jackfield.network.finding import Sources
from jackfield.network.service import Service
from jackfield.network.tunnel import PeerStatus, TunnelError
from jackfield.network.wireguard import Interface
from jackfield.settings import Settings, load
from jackfield.switch import snapshot as snapshots
from jackfield.switch.snapshot import General, Snapshot


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    found = load(data_dir=tmp_path, host="127.0.0.1", stun_port="0")
    found.files.prepare()
    return found


def service(settings: Settings, **general: object) -> Service:
    snapshots.write(Snapshot(version=1, general=General(**general)), settings.files.snapshot)  # type: ignore[arg-type]
    return Service(settings, sources=Sources(interfaces=lambda: [], cloud=lambda: None, towards=lambda version: ""))


class Broken:
    """A tunnel that can't be had."""

    name = "jfvpn0"

    def apply(self, wanted: Interface) -> None:
        raise TunnelError("no room for a tunnel")

    def remove(self) -> None:
        pass

    def status(self) -> dict[str, PeerStatus]:
        return {}


async def test_a_tunnel_that_fails_is_told_for_as_long_as_it_does(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "why_not", lambda: "")
    found = service(settings, vpn=True)
    found._tunnel = Broken()  # type: ignore[assignment]
    for _ in range(3):
        await found._look_at_configuration()
        state = await found._vpn({})
        assert (state["up"], state["problem"]) == (False, "no room for a tunnel")


async def test_without_the_right_to_make_a_tunnel_the_page_is_told_so(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "why_not", lambda: "Jackfield may not")
    found = service(settings, vpn=True)
    await found._look_at_configuration()
    assert (await found._vpn({}))["problem"] == "Jackfield may not"


async def test_what_breaks_at_the_start_does_not_keep_the_system_from_starting(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(self: Service) -> None:
        raise RuntimeError("nothing works here")

    monkeypatch.setattr(Service, "_serve", broken)
    found, stopping, up = service(settings), asyncio.Event(), asyncio.Event()
    running = asyncio.create_task(found.run(stopping, up.set))
    await asyncio.wait_for(up.wait(), 10)
    known = await ask(settings.files.network_socket, "addresses")
    assert known["stun"] == []
    stopping.set()
    await running


async def test_without_coturn_our_own_stun_stays_and_the_page_is_told_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free_port: Callable[[], int]
) -> None:
    settings = load(data_dir=tmp_path, host="127.0.0.1", stun_port=str(free_port()))
    settings.files.prepare()
    monkeypatch.setattr(turn, "program", lambda: "")
    found = service(settings, turn=True)
    await found._look_at_configuration()
    state = await found._addresses({})
    found._close_stun()
    assert ["127.0.0.1", settings.stun_base] in state["stun"]
    assert not state["turn"]
    assert "apt install coturn" in state["turn_problem"]
    assert "systemctl disable --now coturn" in state["turn_problem"]


async def test_a_port_of_turn_that_another_program_has_is_named_with_the_mend(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free_port: Callable[[], int]
) -> None:
    """As Debian's own service of coturn has it, as soon as the package is installed. It is waited for."""
    settings = load(data_dir=tmp_path, host="127.0.0.1", stun_port=str(free_port()))
    settings.files.prepare()
    monkeypatch.setattr(turn, "program", lambda: "/bin/false")
    found = service(settings, turn=True)
    with socket.create_server(("127.0.0.1", settings.stun_base)):
        await found._look_at_configuration()
        async with asyncio.timeout(10):
            while not (state := await found._addresses({}))["turn_problem"]:
                await asyncio.sleep(0.01)
        led = (settings.files.run / turn.CONFIGURATION).exists()
    await found._coturn.close()
    assert f"TCP port {settings.stun_base} on 127.0.0.1 is taken by" in state["turn_problem"]
    assert "systemctl disable --now coturn" in state["turn_problem"]
    assert not state["turn"]
    assert not led, "the port of the pages leads nobody to the other program"


async def test_relays_never_share_ports_with_audio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load(data_dir=tmp_path, host="127.0.0.1", stun_port="0", rtp_ports="50000-61999")
    settings.files.prepare()
    monkeypatch.setattr(turn, "program", lambda: "/bin/false")
    found = service(settings, turn=True)
    await found._look_at_configuration()
    assert "turn_ports 61000-62999 overlaps rtp_ports 50000-61999" in (await found._addresses({}))["turn_problem"]
