"""/health and /metrics: what they say, to whom."""

from __future__ import annotations

import asyncio
import json
import os
from dataclasses import dataclass
from typing import Any

import pytest

from jackfield.console import access, api, monitoring, views
from jackfield.console.importer import Importer
from jackfield.control import ControlServer
from jackfield.settings import Settings, load
from jackfield.spool import Spool

FIGURES = {
    "calls_active": 2,
    "registrations": 40,
    "uptime_seconds": 77.5,
    "calls_total": 1000,
    "sip_requests_total": 5.0,
}
PROCESSES: list[dict[str, Any]] = [
    {"name": "switch", "pid": os.getpid(), "state": "running", "restarts": 1, "rss": 12_000_000},
    {"name": "media-0", "pid": 0, "state": "running", "restarts": 0, "rss": 9_000_000},
]


TRUNKS: list[dict[str, Any]] = [
    {"name": "Carrier", "state": "registered", "text": "", "calls": 3},
    {"name": "Old", "state": "down", "text": "none of its addresses answers", "calls": 0},
    {"name": "Spare", "state": "disabled", "text": "", "calls": 0},
]


@pytest.fixture
async def house(settings: Settings):
    """A switch and a supervisor that answer."""

    async def metrics(_: dict) -> dict[str, float]:
        return FIGURES

    async def trunks(_: dict) -> list[dict[str, Any]]:
        return TRUNKS

    async def processes(_: dict) -> list[dict[str, Any]]:
        return PROCESSES

    servers = [
        ControlServer(settings.files.switch_socket, {"metrics": metrics, "trunks": trunks}),
        ControlServer(settings.files.supervisor_socket, {"processes": processes}),
    ]
    for server in servers:
        await server.start()
    yield settings
    for server in servers:
        await server.close()


@pytest.fixture(autouse=True)
def _no_importer():
    yield
    views.importer = None


@dataclass
class Answer:
    status_code: int
    headers: dict[str, str]
    content: bytes


async def get(path: str, address: str = "127.0.0.1", *, method: str = "GET", accept: str = "") -> Answer:
    """Ask the ASGI application as a client at `address` does."""
    from jackfield.console.asgi import application

    sent: list[dict[str, Any]] = []
    asked = asyncio.Queue[dict[str, Any]]()
    asked.put_nowait({"type": "http.request", "body": b"", "more_body": False})

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    headers = [(b"host", b"pbx"), (b"accept", accept.encode())]
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": method,
        "path": path,
        "query_string": b"",
        "headers": headers,
    }
    await application(scope | {"client": (address, 50000), "server": ("127.0.0.1", 80)}, asked.get, send)
    found = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return Answer(sent[0]["status"], found, b"".join(message.get("body", b"") for message in sent))


async def test_a_system_that_is_well_is_healthy(house: Settings):
    views.importer = await asyncio.to_thread(Importer, house)
    answer = await get("/health")
    assert answer.status_code == 200
    found = json.loads(answer.content)
    assert (found["status"], found["reasons"]) == ("ok", [])
    assert found["checks"]["switch"] == {"ok": True, "calls_active": 2, "registrations": 40, "uptime_seconds": 77}
    assert found["checks"]["media"]["processes"] == {"media-0": "running"}
    assert found["checks"]["records"]["waiting_bytes"] == 0
    assert found["checks"]["trunks"]["states"] == {"Carrier": "registered", "Old": "down", "Spare": "disabled"}
    assert found["checks"]["trunks"]["ok"], "another trunk stands in"
    assert found["checks"]["trunks"]["down"] == ["Old"]


async def test_without_any_usable_trunk_it_is_degraded_but_still_gets_calls(
    house: Settings, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(TRUNKS[0], "state", "refused")
    monkeypatch.setitem(TRUNKS[0], "text", "password refused (403) - check Trunks > Carrier > Password")
    answer = await get("/health")
    assert answer.status_code == 200, "calls inside the company work"
    found = json.loads(answer.content)
    assert found["status"] == "degraded"
    assert found["checks"]["trunks"]["down"] == ["Carrier", "Old"]
    assert not found["checks"]["trunks"]["ok"]
    (reason,) = found["reasons"]
    assert '"Carrier" refused: password refused (403) - check Trunks > Carrier > Password' in reason
    assert '"Old" down: none of its addresses answers' in reason
    assert "Spare" not in reason


async def test_trunks_that_are_down_do_not_hide_what_is_worse(house: Settings, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(TRUNKS[0], "state", "down")
    monkeypatch.setitem(PROCESSES[1], "state", "waiting")
    answer = await get("/health")
    assert answer.status_code == 503
    found = json.loads(answer.content)
    assert found["status"] == "failing"
    assert len(found["reasons"]) == 2


@pytest.mark.parametrize("state", ["registering", "up"])
def test_a_trunk_that_begins_or_is_up_is_no_reason_for_alarm(state: str):
    found = monitoring.Observation(trunks=[{"name": "New", "state": state}], disk_free=1 << 40, disk_size=1 << 40)
    assert monitoring.health(found)["status"] == "ok"


def test_trunks_that_are_all_switched_off_are_meant_to_be():
    found = monitoring.Observation(trunks=[{"name": "A", "state": "disabled"}], disk_free=1 << 40, disk_size=1 << 40)
    assert monitoring.health(found)["status"] == "ok"


async def test_a_system_that_stops_says_so_to_those_who_spread_calls(house: Settings, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(FIGURES, "draining", 1)
    answer = await get("/health")
    assert answer.status_code == 503
    assert json.loads(answer.content)["reasons"] == ["Jackfield is stopping: it takes no new calls"]


async def test_without_a_switch_it_is_not_and_says_why(settings: Settings):
    answer = await get("/health")
    assert answer.status_code == 503
    found = json.loads(answer.content)
    assert found["status"] == "failing"
    assert found["reasons"] == [
        "the switch does not run, so no call can be made: see its log, or start Jackfield again"
    ]
    assert found["checks"]["database"]["ok"]


async def test_a_media_process_that_is_down_is_named(house: Settings, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(PROCESSES[1], "state", "waiting")
    answer = await get("/health")
    assert answer.status_code == 503
    assert json.loads(answer.content)["reasons"] == ["media-0 does not run, so some calls have no audio: see its log"]


async def test_a_database_that_is_away_is_told_once(postgres: Settings, server):
    importer = await asyncio.to_thread(Importer, postgres)
    views.importer = importer
    server.stop()
    try:
        assert not await asyncio.to_thread(importer.step)
        found = monitoring.health(await monitoring.observe(postgres, importer))
    finally:
        server.start()
    assert not found["checks"]["database"]["ok"]
    assert not found["checks"]["records"]["ok"]
    assert len([reason for reason in found["reasons"] if "PostgreSQL" in reason]) == 1


def test_a_full_disk_and_a_full_spool_are_told():
    found = monitoring.Observation(disk_free=10 << 20, disk_size=100 << 30, spool_bytes=100 << 20)
    assert monitoring.health(found)["reasons"] == [
        "100 MB of call records wait for the database, which does not keep up: give it a faster disk",
        "only 10 MB are free on the disk: make room, or call records and messages are lost",
    ]


async def test_prometheus_gets_the_figures(house: Settings):
    importer = await asyncio.to_thread(Importer, house)
    views.importer = importer
    spool = Spool(house.files.spool)
    spool.append("event", "e", {"at": 1.0})
    answer = await get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/plain; version=")
    lines = answer.content.decode().splitlines()
    for line in (
        "jackfield_up 1.0",
        "jackfield_calls_active 2.0",
        "jackfield_registrations 40.0",
        "jackfield_calls_total 1000.0",
        "jackfield_sip_requests_total 5.0",
        "# TYPE jackfield_calls_total counter",
        "# TYPE jackfield_calls_active gauge",
        'jackfield_process_up{process="media-0"} 1.0',
        'jackfield_process_resident_memory_bytes{process="switch"} 1.2e+07',
        'jackfield_process_restarts_total{process="switch"} 1.0',
        "jackfield_database_up 1.0",
        'jackfield_trunk_up{trunk="Carrier"} 1.0',
        'jackfield_trunk_up{trunk="Old"} 0.0',
        'jackfield_trunk_calls{trunk="Carrier"} 3.0',
        'jackfield_records_stored_total{kind="call"} 0.0',
        'jackfield_info{version="0.1.0"} 1.0',
    ):
        assert line in lines, line
    assert any(line.startswith('jackfield_process_cpu_seconds_total{process="switch"}') for line in lines)
    assert not any(line.startswith('jackfield_process_cpu_seconds_total{process="media-0"}') for line in lines)
    assert f"jackfield_records_waiting_bytes {float(importer.waiting())}" in lines
    await asyncio.to_thread(spool.close)


async def test_prometheus_may_ask_for_the_newer_format(sqlite: Settings):
    answer = await get("/metrics", accept="application/openmetrics-text; version=1.0.0")
    assert answer.headers["Content-Type"].startswith("application/openmetrics-text")
    assert answer.content.endswith(b"# EOF\n")
    assert b"jackfield_up 0.0" in answer.content


async def test_only_local_networks_may_look(sqlite: Settings):
    for path in ("/health", "/metrics"):
        answer = await get(path, "203.0.113.9")
        assert answer.status_code == 403
        assert b"open metrics to it in the firewall" in answer.content
    assert (await get("/health", method="POST")).status_code == 405
    assert (await get("/nothing")).status_code == 404


def test_the_local_networks_are_those_that_are_configured(sqlite: Settings):
    assert access.is_local(sqlite, "192.168.1.7")
    assert access.is_local(sqlite, "::ffff:10.0.0.1")
    assert access.is_local(sqlite, "fe80::1%eth0")
    assert not access.is_local(sqlite, "203.0.113.9")
    assert not access.is_local(sqlite, "")
    api.apply(sqlite, "settings: {local_networks: [203.0.113.0/24]}")
    assert access.is_local(sqlite, "203.0.113.9")
    assert not access.is_local(sqlite, "192.168.1.7")
    sqlite.files.snapshot.write_bytes(b"damaged")
    assert access.is_local(sqlite, "192.168.1.7")


async def test_a_spool_that_cant_be_read_is_told(sqlite: Settings, monkeypatch: pytest.MonkeyPatch):
    importer = await asyncio.to_thread(Importer, sqlite)

    def waiting() -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(importer, "waiting", waiting)
    found = monitoring.health(await monitoring.observe(sqlite, importer))
    assert "can't be read: Permission denied" in found["checks"]["records"]["problem"]


async def test_a_switch_that_answers_nonsense_is_told(sqlite: Settings):
    async def metrics(_: dict) -> str:
        return "nonsense"

    switch = ControlServer(sqlite.files.switch_socket, {"metrics": metrics})
    await switch.start()
    try:
        assert (await monitoring.observe(sqlite, None)).switch_problem
    finally:
        await switch.close()


async def test_a_database_that_hangs_does_not_hang_the_page(sqlite: Settings, monkeypatch: pytest.MonkeyPatch):
    import threading

    release = threading.Event()
    monkeypatch.setattr(monitoring, "ANSWER_SECONDS", 0.05)
    monkeypatch.setattr(monitoring, "_try_database", lambda _: release.wait(10))
    found = await monitoring.observe(sqlite, None)
    release.set()
    assert found.database_problem == "the database did not answer within 0.05 s"


def test_loading_settings_again_is_the_same_installation(sqlite: Settings):
    api.apply(sqlite, "extensions: [{number: 1}]")
    assert "number: '1'" in api.export(load(data_dir=sqlite.data_dir))
