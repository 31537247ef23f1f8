"""How the installation is: asked of all processes at once, told as health to people and as metrics to Prometheus."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import prometheus_client
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily
from prometheus_client.registry import Collector

from jackfield import __version__
from jackfield.control import ControlError, NotRunning, ask

if TYPE_CHECKING:
    from prometheus_client import Metric

    from jackfield.console.importer import Importer
    from jackfield.settings import Settings

__all__ = ["Observation", "exposition", "health", "observe"]

ANSWER_SECONDS = 3.0
SPOOL_LIMIT = 64 << 20  # bytes that may wait before it counts as ill
DISK_FREE = 200 << 20  # bytes
DISK_SHARE = 0.02
UNUSABLE = frozenset(("down", "refused"))  # states of a trunk, by OPTIONS or its registration


@dataclass(slots=True)
class Observation:
    """What was found. A problem is "" where all is well, else a sentence with the mend."""

    switch_problem: str = ""
    switch: dict[str, float] = field(default_factory=dict)  # the switch's own figures, by its names
    trunks: list[dict[str, Any]] = field(default_factory=list)
    processes: list[dict[str, Any]] | None = None  # of the supervisor; None when there is none
    database_problem: str = ""
    importer_problem: str = ""
    spool_bytes: int = 0
    records: Mapping[str, int] = field(default_factory=dict)  # stored since the console's start, by kind
    refused: int = 0
    disk_free: int = 0
    disk_size: int = 0


async def observe(settings: Settings, importer: Importer | None) -> Observation:
    """Ask everybody, at the same time, and wait at most a few seconds. Never raises."""
    found = Observation()
    await asyncio.gather(_ask_switch(settings, found), _ask_supervisor(settings, found), _ask_database(settings, found))
    disk = shutil.disk_usage(settings.data_dir)
    found.disk_free, found.disk_size = disk.free, disk.total
    if importer is not None:
        found.importer_problem = importer.trouble
        found.records, found.refused = dict(importer.stored), importer.refused
        try:
            found.spool_bytes = importer.waiting()
        except OSError as error:
            found.importer_problem = f"the spool {settings.files.spool} can't be read: {error.strerror}"
    return found


async def _ask_switch(settings: Settings, found: Observation) -> None:
    try:
        answer = await ask(settings.files.switch_socket, "metrics", timeout=ANSWER_SECONDS)
        found.switch = {name: float(value) for name, value in answer.items() if isinstance(value, int | float)}
        found.trunks = await ask(settings.files.switch_socket, "trunks", timeout=ANSWER_SECONDS)
    except NotRunning:
        found.switch_problem = "the switch does not run, so no call can be made: see its log, or start Jackfield again"
    except (ControlError, AttributeError) as error:
        found.switch_problem = str(error)


async def _ask_supervisor(settings: Settings, found: Observation) -> None:
    try:
        found.processes = await ask(settings.files.supervisor_socket, "processes", timeout=ANSWER_SECONDS)
    except ControlError:
        found.processes = None  # each process may be run alone


async def _ask_database(settings: Settings, found: Observation) -> None:
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            await asyncio.to_thread(_try_database, settings)
    except TimeoutError:
        found.database_problem = f"the database did not answer within {ANSWER_SECONDS:g} s"
    except Exception as error:
        found.database_problem = str(error)


def _try_database(settings: Settings) -> None:
    from django.db import connection

    from jackfield.console.database import database_errors

    try:
        with database_errors(settings), connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    finally:
        connection.close()


def health(found: Observation) -> dict[str, Any]:
    """Return the state in words: `status` is "ok", "degraded" or "failing", `reasons` say why, `checks` has each part.

    Degraded: calls inside the company work as ever, but those to the outside don't. Another system with the same
    carriers would do no better, so whoever spreads calls need not pass this one over.
    """
    media = [one for one in found.processes or [] if str(one.get("name", "")).startswith("media")]
    checks = {
        "switch": _check(
            found.switch_problem or _draining(found),
            **{
                name: int(found.switch[name])
                for name in ("calls_active", "registrations", "uptime_seconds")
                if name in found.switch
            },
        ),
        "trunks": _check(
            _trunks_problem(found.trunks),
            states={one["name"]: one["state"] for one in found.trunks},
            down=[one["name"] for one in found.trunks if one["state"] in UNUSABLE],
        ),
        "media": _check(_media_problem(media), processes={one["name"]: one["state"] for one in media}),
        "database": _check(found.database_problem),
        "records": _check(_records_problem(found), waiting_bytes=found.spool_bytes),
        "disk": _check(_disk_problem(found), free_bytes=found.disk_free),
    }
    wrong = [name for name, check in checks.items() if not check["ok"]]
    reasons = [str(checks[name]["problem"]) for name in wrong]
    return {
        "status": "ok" if not wrong else "degraded" if wrong == ["trunks"] else "failing",
        "reasons": list(dict.fromkeys(reasons)),
        "version": __version__,
        "checks": checks,
    }


def _check(problem: str, **more: Any) -> dict[str, Any]:
    return {"ok": not problem, **({"problem": problem} if problem else {}), **more}


def _draining(found: Observation) -> str:
    """Say so while it stops: whoever spreads calls over several systems is to pass this one over."""
    return "Jackfield is stopping: it takes no new calls" if found.switch.get("draining") else ""


def _media_problem(media: list[dict[str, Any]]) -> str:
    down = [str(one["name"]) for one in media if one["state"] != "running"]
    return f"{', '.join(down)} does not run, so some calls have no audio: see its log" if down else ""


def _trunks_problem(trunks: list[dict[str, Any]]) -> str:
    """Say so when there are trunks, and not one that is on can be used. Why each can't is in its own words."""
    enabled = [one for one in trunks if one["state"] != "disabled"]
    if not enabled or any(one["state"] not in UNUSABLE for one in enabled):
        return ""
    each = "; ".join(f'"{one["name"]}" {one["state"]}: {one.get("text") or "see Trunks"}' for one in enabled)
    return f"no trunk can be used, so there are no calls to or from outside, emergency calls neither: {each}"


def _records_problem(found: Observation) -> str:
    if found.importer_problem:
        return found.importer_problem
    if found.spool_bytes > SPOOL_LIMIT:
        return (
            f"{found.spool_bytes >> 20} MB of call records wait for the database, which does not keep up: "
            "give it a faster disk"
        )
    return ""


def _disk_problem(found: Observation) -> str:
    if found.disk_free < min(DISK_FREE, DISK_SHARE * found.disk_size):
        return f"only {found.disk_free >> 20} MB are free on the disk: make room, or call records and messages are lost"
    return ""


def exposition(found: Observation, accept: str = "") -> tuple[bytes, str]:
    """Return the metrics as Prometheus reads them, and their content type."""
    registry = prometheus_client.CollectorRegistry()
    registry.register(_Found(found))
    encode, content_type = prometheus_client.exposition.choose_encoder(accept)
    return encode(registry), content_type


class _Found(Collector):
    def __init__(self, found: Observation) -> None:
        self.found = found

    def collect(self) -> Iterator[Metric]:
        found = self.found
        yield InfoMetricFamily("jackfield", "The running version", value={"version": __version__})
        yield _gauge("up", "1 while the switch answers", not found.switch_problem)
        yield from _switch(found.switch)
        yield from _trunks(found.trunks)
        yield from _processes(found.processes or [])
        yield _gauge("database_up", "1 while the database can be used", not found.database_problem)
        yield _gauge("records_waiting_bytes", "Call records in the spool, not yet in the database", found.spool_bytes)
        stored = CounterMetricFamily(
            "jackfield_records_stored", "Records moved into the database since the console started", labels=["kind"]
        )
        for kind, count in found.records.items():
            stored.add_metric([kind], count)
        yield stored
        yield CounterMetricFamily(
            "jackfield_records_refused", "Records that the database did not take", value=found.refused
        )
        yield _gauge("disk_free_bytes", "Room on the disk of the data directory", found.disk_free)
        yield _gauge("disk_size_bytes", "Size of the disk of the data directory", found.disk_size)


HELP = {
    "calls_active": "Calls in progress",
    "media_spare_streams": "Streams that are open in advance, so that no caller waits until ports are opened",
    "media_streams": "Streams that calls use",
    "draining": "1 while it stops and takes no new calls",
    "registrations": "Phones that are registered now",
    "subscriptions": "Lamps: phones that watch an extension",
    "uptime_seconds": "Time since the switch was started",
}


def _gauge(name: str, words: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"jackfield_{name}", words, value=float(value))


def _switch(figures: Mapping[str, float]) -> Iterator[Metric]:
    """Hand on what the switch counts, under its own names: `…_total` are counters, the rest gauges."""
    for name, value in sorted(figures.items()):
        plain = "".join(letter if letter.isalnum() else "_" for letter in name)
        if plain.endswith("_total"):
            words = plain.removesuffix("_total")
            yield CounterMetricFamily(f"jackfield_{words}", f"{words.replace('_', ' ')} since the start", value=value)
        else:
            yield _gauge(plain, HELP.get(plain, plain.replace("_", " ")), value)


def _trunks(trunks: list[dict[str, Any]]) -> Iterator[Metric]:
    up = GaugeMetricFamily("jackfield_trunk_up", "1 while calls can go out by the trunk", labels=["trunk"])
    calls = GaugeMetricFamily("jackfield_trunk_calls", "Calls in progress by the trunk", labels=["trunk"])
    for one in trunks:
        up.add_metric([str(one["name"])], float(one.get("state") in ("registered", "up")))
        calls.add_metric([str(one["name"])], float(one.get("calls", 0)))
    yield from (up, calls)


def _processes(processes: list[dict[str, Any]]) -> Iterator[Metric]:
    up = GaugeMetricFamily("jackfield_process_up", "1 while the process runs", labels=["process"])
    memory = GaugeMetricFamily("jackfield_process_resident_memory_bytes", "Memory in use", labels=["process"])
    restarts = CounterMetricFamily("jackfield_process_restarts", "Unasked restarts", labels=["process"])
    cpu = CounterMetricFamily("jackfield_process_cpu_seconds", "Processor time used", labels=["process"])
    for one in processes:
        label = [str(one["name"])]
        up.add_metric(label, float(one.get("state") == "running"))
        memory.add_metric(label, float(one.get("rss", 0)))
        restarts.add_metric(label, float(one.get("restarts", 0)))
        if (seconds := _cpu_seconds(int(one.get("pid", 0)))) is not None:
            cpu.add_metric(label, seconds)
    yield from (up, memory, restarts, cpu)


def _cpu_seconds(pid: int) -> float | None:
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            columns = file.read().rpartition(b")")[2].split()
    except OSError:
        return None
    return (int(columns[11]) + int(columns[12])) / os.sysconf("SC_CLK_TCK")
