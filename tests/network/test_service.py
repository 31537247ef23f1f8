"""The network process: what fails in it is told, and keeps nothing else from going on."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from jackfield.control import ask
from jackfield.network import service as module
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
