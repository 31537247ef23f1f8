"""The supervisor: starts in order, restarts what dies, drains, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from jackfield import supervisor as module
from jackfield.control import ControlError, ControlServer, NotRunning, ask
from jackfield.settings import Settings, load
from jackfield.supervisor import Program, StartFailed, Supervisor, programs

READY = """
import os, signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: {on_term})
fd = int(sys.argv[sys.argv.index("--ready-fd") + 1])
os.write(fd, b"ready\\n"); os.close(fd)
while True: time.sleep(60)
"""
OBEDIENT = READY.format(on_term="sys.exit(0)")
STUBBORN = READY.format(on_term="None")
FAILS = "import sys; sys.exit(3)"
SILENT = "import time; time.sleep(60)"


def program(name: str, code: str) -> Program:
    return Program(name, [sys.executable, "-c", code])


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    found = load(data_dir=tmp_path / "data", media_processes=2, drain_seconds=30)
    found.files.prepare()
    return found


@asynccontextmanager
async def running(settings: Settings, *given: Program) -> AsyncIterator[Supervisor]:
    """Run the programs, and stop them at the end."""
    up = asyncio.Event()
    supervisor = Supervisor(settings, given)
    run = asyncio.create_task(supervisor.run(up=up.set))
    waiting = asyncio.create_task(up.wait())
    await asyncio.wait((run, waiting), return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    try:
        if run.done():
            await run
        yield supervisor
        supervisor.stop()
        await run
    finally:
        run.cancel()
        await asyncio.gather(run, return_exceptions=True)


async def until(condition: Callable[[], bool | Awaitable[bool]]) -> None:
    """Other processes work on it; pytest's time-out ends what never comes."""
    while True:
        answer = condition()
        if await answer if isinstance(answer, Awaitable) else answer:
            return
        await asyncio.sleep(0.005)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_an_installation_is_media_switch_and_console(settings: Settings) -> None:
    found = programs(settings)
    assert [one.name for one in found] == ["media-0", "media-1", "switch", "network", "console"]
    assert found[0].command[-6:] == (
        ["--socket", str(settings.files.media_socket(0)), "--rtp-ports", "10000-14999", "--host", "0.0.0.0"]
    )
    assert found[2].environment["JACKFIELD_DATA_DIR"] == str(settings.data_dir)


async def test_it_is_up_when_all_are_ready_and_all_end_with_it(settings: Settings) -> None:
    async with running(settings, program("media-0", OBEDIENT), program("switch", OBEDIENT)) as supervisor:
        table = await ask(settings.files.supervisor_socket, "processes")
        pids = [child.pid for child in supervisor.children]
        assert [row["name"] for row in table] == ["supervisor", "media-0", "switch"]
        assert [row["state"] for row in table] == ["running"] * 3
        assert [row["pid"] for row in table] == [os.getpid(), *pids]
        assert all(row["rss"] > 1_000_000 for row in table)
        assert 0 < table[0]["since"] <= table[1]["since"]
    assert not any(alive(pid) for pid in pids)
    with pytest.raises(NotRunning):
        await ask(settings.files.supervisor_socket, "processes")


async def test_a_process_that_is_killed_is_started_again_with_one_clear_line(
    settings: Settings, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PAUSES", (0.01, 0.02))
    async with running(settings, program("media-0", OBEDIENT), program("switch", OBEDIENT)) as supervisor:
        media, switch = supervisor.children
        steady = switch.pid
        for restart in (1, 2, 3):
            first = media.pid
            os.kill(first, signal.SIGKILL)
            await until(lambda first=first: media.pid not in (0, first) and media.state == "running")  # type: ignore[misc]
            assert media.restarts == restart
        assert switch.pid == steady
        lines = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
        assert lines[0] == "media-0 was ended by signal SIGKILL: it is started again in 0.01 s (restart 1)"
        assert "in 0.02 s (restart 3)" in lines[2]


async def test_a_process_that_cannot_start_fails_the_whole_start_and_nothing_is_left(settings: Settings) -> None:
    with pytest.raises(StartFailed, match="switch could not start: it ended with status 3"):
        async with running(settings, program("media-0", OBEDIENT), program("switch", FAILS)) as supervisor:
            raise AssertionError(supervisor)
    with pytest.raises(NotRunning):
        await ask(settings.files.supervisor_socket, "processes")


async def test_a_process_that_never_gets_ready_is_named(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "READY_SECONDS", 0.05)
    with pytest.raises(StartFailed, match="switch did not get ready"):
        async with running(settings, program("switch", SILENT)):
            raise AssertionError


async def test_a_second_one_on_the_same_data_directory_is_refused(settings: Settings) -> None:
    async with running(settings, program("switch", OBEDIENT)):
        with pytest.raises(ControlError, match="another Jackfield already runs"):
            await Supervisor(settings, []).run()


async def test_a_program_can_stop_it_by_the_socket(settings: Settings) -> None:
    async with running(settings, program("switch", OBEDIENT)) as supervisor:
        await ask(settings.files.supervisor_socket, "stop")
        assert supervisor.stopping


async def test_a_stop_while_it_starts_is_obeyed(settings: Settings) -> None:
    supervisor = Supervisor(settings, [program("switch", SILENT)])
    run = asyncio.create_task(supervisor.run(up=lambda: pytest.fail("it is not up")))
    await until(lambda: supervisor.children[0].pid > 0)
    supervisor.stop()
    await run


async def test_one_that_does_not_end_is_killed(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "STOP_SECONDS", 0.05)
    async with running(settings, program("media-0", STUBBORN)) as supervisor:
        pid = supervisor.children[0].pid
    assert not alive(pid)


async def test_a_waiting_process_is_not_started_again_when_all_stop(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PAUSES", (60.0,))
    async with running(settings, program("media-0", OBEDIENT)) as supervisor:
        child = supervisor.children[0]
        os.kill(child.pid, signal.SIGKILL)
        await until(lambda: child.state == "waiting")
    assert child.state == "stopped"
    assert child.pid == 0


async def test_the_switch_may_finish_its_calls_and_a_second_request_ends_them(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "STOP_SECONDS", 0.5)
    ended: list[str] = []
    active = [{"id": "a"}, {"id": "b"}]

    async def calls(_: dict[str, object]) -> list[dict[str, str]]:
        return active

    async def hangup(request: dict[str, str]) -> None:
        ended.append(request["id"])

    control = ControlServer(settings.files.switch_socket, {"calls": calls, "hangup": hangup})
    await control.start()
    said: list[str] = []
    supervisor = Supervisor(settings, [program("media-0", OBEDIENT), program("switch", STUBBORN)], say=said.append)
    up = asyncio.Event()
    run = asyncio.create_task(supervisor.run(up=up.set))
    await up.wait()
    media = supervisor.children[0]
    supervisor.stop()
    await until(lambda: bool(said))
    assert said[0].startswith("2 calls go on, for at most ")
    assert media.state == "running"  # audio goes on with the calls
    supervisor.stop()
    await run
    await control.close()
    assert ended == ["a", "b"]
    assert supervisor.children[1].state == "stopped"


def test_its_processes_die_with_it(tmp_path: Path) -> None:
    code = f"""
import asyncio, sys
from jackfield.settings import load
from jackfield.supervisor import Program, Supervisor
found = load(data_dir={str(tmp_path)!r})
found.files.prepare()
child = Program("switch", [sys.executable, "-c", {STUBBORN!r}])
supervisor = Supervisor(found, [child])
asyncio.run(supervisor.run(up=lambda: print(supervisor.children[0].pid, flush=True)))
"""
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    assert alive(pid)
    parent.kill()
    parent.wait()
    parent.stdout.close()
    while alive(pid):
        pass


async def test_what_can_wait_gives_way_to_calls_and_audio(settings: Settings) -> None:
    nice = {found.name: found.nice for found in programs(settings)}
    assert nice["media-0"] < nice["switch"] < 0 < nice["console"]
    threads = "import threading, time; threading.Thread(target=time.sleep, args=(60,), daemon=True).start()\n"
    patient = Program("patient", [sys.executable, "-c", threads + OBEDIENT], nice=5)
    async with running(settings, patient, program("usual", OBEDIENT)) as supervisor:
        first, second = (child.pid for child in supervisor.children)
        usual = os.getpriority(os.PRIO_PROCESS, second)
        found = [os.getpriority(os.PRIO_PROCESS, int(thread)) for thread in os.listdir(f"/proc/{first}/task")]
        lowered = min(usual + 5, 19)  # the end of the scale, where the tests themselves give way to others
        assert found == [lowered, lowered]
        assert os.sched_getscheduler(first) == os.SCHED_BATCH
        assert os.sched_getscheduler(second) == os.sched_getscheduler(0)
