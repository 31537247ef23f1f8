"""From the spool into the database: everything, once, whatever happens."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from django.db import connections

from jackfield.console import api
from jackfield.console.importer import Importer
from jackfield.control import ControlServer
from jackfield.history.models import Call, Event, Journal, Leg
from jackfield.settings import Settings
from jackfield.spool import Spool

from .records import record

NOW = 1_700_001_000.0


class Clock:
    now = NOW

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def spool(settings: Settings):
    found = Spool(settings.files.spool)
    yield found
    found.close()


@pytest.fixture
def importer(settings: Settings, clock: Clock) -> Importer:
    return Importer(settings, clock=clock, active=lambda: None)


def end(spool: Spool, id: str, **more) -> None:
    spool.append("call", id, record(id, **more).to_dict())


def begin(spool: Spool, id: str, **more) -> None:
    spool.append("call_started", id, record(id, **more).beginning())


def all_of(importer: Importer) -> None:
    while importer.step():
        pass


def test_a_call_comes_in_with_its_legs_and_its_journal(settings: Settings, spool: Spool, importer: Importer):
    end(spool, "k3f9")
    all_of(importer)
    found = api.call(settings, "k3f9")
    assert found is not None
    assert found["caller"] == {"number": "101", "name": "Anna", "extension": "101", "trunk": ""}
    assert (found["outcome"], found["talked"], found["duration"]) == ("answered", 60.0, 63.0)
    assert [(leg["role"], leg["line"], leg["codec"]) for leg in found["legs"]] == [
        ("caller", "annas", "pcma"), ("callee", "bobs", ""),
    ]  # fmt: skip
    assert found["legs"][0]["call_id"] == "x@y"
    assert found["legs"][1]["media"] == {"lost": 0, "mos": 4.2}
    assert [line["text"] for line in found["journal"]] == ["102 is the extension Bob", "Bob answered"]
    assert found["journal"][0]["link"] == "extensions/102"
    assert importer.stored == {"call": 1, "event": 0}
    assert importer.waiting() == 0


def test_a_call_that_has_begun_is_there_until_its_end_replaces_it(settings, spool: Spool, importer: Importer):
    begin(spool, "a")
    all_of(importer)
    assert Call.objects.get().ended is None
    assert Call.objects.get().outcome == ""
    assert Call.objects.get().called_number == "102"  # as dialled: nobody has answered yet
    end(spool, "a")
    all_of(importer)
    assert Call.objects.get().outcome == "answered"


def test_a_call_that_begins_and_ends_in_one_batch_is_one(settings, spool: Spool, importer: Importer):
    begin(spool, "a")
    end(spool, "a")
    all_of(importer)
    assert Call.objects.get().outcome == "answered"


def test_what_is_delivered_again_changes_nothing(settings, spool: Spool, importer: Importer, clock: Clock):
    begin(spool, "a")
    end(spool, "a")
    spool.append("registration", "r1", {"at": NOW, "event": "registered"})
    all_of(importer)
    (settings.files.spool / "records.mark").unlink(missing_ok=True)
    segments = list(settings.files.spool.glob("*.spool"))
    assert segments, "the segment is still there, since the writer has it open"
    all_of(Importer(settings, clock=clock, active=lambda: None))
    assert (Call.objects.count(), Leg.objects.count(), Journal.objects.count(), Event.objects.count()) == (1, 2, 1, 1)
    assert Call.objects.get().outcome == "answered"


def test_more_than_one_batch_comes_in(settings, spool: Spool, importer: Importer):
    for index in range(1203):
        end(spool, f"call-{index}", started=1_700_000_000.0 + index)
    assert importer.step()
    assert Call.objects.count() == 500
    all_of(importer)
    assert (Call.objects.count(), Leg.objects.count()) == (1203, 2406)


def test_events_and_registrations_are_kept(settings, spool: Spool, importer: Importer):
    spool.append("event", "e1", {"at": NOW - 77.0, "text": "trunk down"})
    spool.append("registration", "r1", {"event": "registered"})
    all_of(importer)
    assert Event.objects.get(id="e1").at == NOW - 77.0
    assert Event.objects.get(id="r1").at == NOW  # it does not say when it was
    assert Event.objects.get(id="e1").data["text"] == "trunk down"


def test_a_record_that_makes_no_sense_is_put_aside_and_the_others_come_in(settings, spool, importer, caplog):
    end(spool, "a")
    spool.append("call", "bad", {"started": "soon"})
    spool.append("call", "x" * 65, record("x").to_dict())
    spool.append("call_started", "worse", {})
    end(spool, "b")
    all_of(importer)
    assert set(Call.objects.values_list("id", flat=True)) == {"a", "b"}
    assert importer.refused == 3
    aside = settings.files.spool / "refused.jsonl"
    assert [json.loads(line)["id"] for line in aside.read_text().splitlines()] == ["bad", "x" * 65, "worse"]
    assert aside.stat().st_mode & 0o777 == 0o600
    assert "the record call bad can't be stored" in caplog.text


def test_a_record_that_the_database_does_not_take_is_put_aside_too(settings, spool, importer):
    end(spool, "a")
    end(spool, "huge", q850=10**30)
    end(spool, "b")
    all_of(importer)
    assert set(Call.objects.values_list("id", flat=True)) >= {"a", "b"}
    assert Call.objects.filter(id="huge").exists() or importer.refused == 1
    assert importer.trouble == ""


def test_text_that_no_database_takes_is_cleaned(settings, spool, importer):
    end(spool, "a", reason="a\0b", journal=[(1.0, "with \0 in it", "")])
    all_of(importer)
    assert Call.objects.get().reason == "ab"
    assert "\0" not in Journal.objects.get().lines[0]["text"]


# --- the switch is gone ---------------------------------------------------------------------------------------------


def test_calls_of_a_killed_switch_are_closed_when_its_successor_makes_one(settings, spool, importer, caplog):
    begin(spool, "lost", boot="boot-1", started=NOW - 100)
    end(spool, "fine", boot="boot-1", started=NOW - 90)
    all_of(importer)
    begin(spool, "new", boot="boot-2", started=NOW - 10)
    all_of(importer)
    lost = Call.objects.get(id="lost")
    assert (lost.outcome, lost.hung_up_by, lost.ended) == ("interrupted", "system", NOW - 10)
    assert "the system stopped" in lost.reason
    assert Call.objects.get(id="new").ended is None
    assert Call.objects.get(id="fine").outcome == "answered"
    assert "1 calls had no end" in caplog.text


def test_several_restarts_in_one_batch_close_what_each_left(settings, spool, importer):
    for boot in (1, 2, 3):
        begin(spool, f"lost-{boot}", boot=f"boot-{boot}", started=NOW + boot)
    all_of(importer)
    assert {call.id: call.ended for call in Call.objects.all()} == {
        "lost-1": NOW + 2, "lost-2": NOW + 3, "lost-3": None,
    }  # fmt: skip


def test_another_machines_calls_are_left_alone(settings, spool, importer):
    Call.objects.create(id="elsewhere", boot="boot-of-another-node", started=NOW)
    begin(spool, "a", boot="boot-1")
    all_of(importer)
    begin(spool, "b", boot="boot-2")
    all_of(importer)
    assert Call.objects.get(id="elsewhere").ended is None
    assert Call.objects.get(id="a").outcome == "interrupted"


def test_a_new_importer_remembers_the_last_switch(settings, spool, importer, clock):
    begin(spool, "a", boot="boot-1")
    all_of(importer)
    begin(spool, "b", boot="boot-2")
    all_of(Importer(settings, clock=clock, active=lambda: None))
    assert Call.objects.get(id="a").outcome == "interrupted"


def looking(settings: Settings, clock: Clock, active: Callable[[], set[str] | None]) -> Importer:
    return Importer(settings, clock=clock, active=active)


def test_calls_that_the_switch_does_not_know_any_more_are_closed_at_the_second_look(settings, spool, clock):
    importer = looking(settings, clock, lambda: {"talking"})
    begin(spool, "vanished")
    begin(spool, "talking")
    all_of(importer)
    assert Call.objects.filter(ended=None).count() == 2  # the first look: its end may still be on its way
    clock.now += 11
    all_of(importer)
    assert Call.objects.get(id="vanished").outcome == "interrupted"
    assert Call.objects.get(id="vanished").ended == clock.now
    assert Call.objects.get(id="talking").ended is None


def test_nothing_is_closed_while_the_switch_does_not_say(settings, spool, clock):
    importer = looking(settings, clock, lambda: None)
    begin(spool, "a")
    for _ in range(4):
        all_of(importer)
        clock.now += 11
    assert Call.objects.get().ended is None


def test_calls_of_a_switch_that_was_killed_end_when_the_next_one_starts_and_not_with_its_first_call(
    spool: Spool, importer: Importer
):
    begin(spool, "lost", boot="boot-1", started=NOW - 100)
    all_of(importer)
    spool.append("switch_started", "boot-2", {"boot": "boot-2", "started": NOW - 5})
    all_of(importer)
    lost = Call.objects.get()
    assert (lost.outcome, lost.hung_up_by, lost.ended) == ("interrupted", "system", NOW - 5)
    assert not Event.objects.exists()


def test_a_late_end_corrects_an_interrupted_call(settings, spool, clock):
    importer = looking(settings, clock, set)
    begin(spool, "a")
    for _ in range(3):
        all_of(importer)
        clock.now += 11
    assert Call.objects.get().outcome == "interrupted"
    end(spool, "a")
    all_of(importer)
    assert Call.objects.get().outcome == "answered"


async def test_the_switch_is_asked_for_its_calls(sqlite: Settings):
    import asyncio

    importer = Importer(sqlite)
    assert await asyncio.to_thread(importer._ask_switch) == set()  # nobody runs, so nobody has calls

    async def calls(_: dict) -> list[dict]:
        return [{"id": "a"}, {"id": "b"}]

    switch = ControlServer(sqlite.files.switch_socket, {"calls": calls})
    await switch.start()
    assert await asyncio.to_thread(importer._ask_switch) == {"a", "b"}
    await switch.close()
    switch = ControlServer(sqlite.files.switch_socket, {})
    await switch.start()
    assert await asyncio.to_thread(importer._ask_switch) is None
    await switch.close()


# --- the database is away -------------------------------------------------------------------------------------------


def test_while_postgresql_is_away_the_spool_keeps_everything(postgres: Settings, server, clock, caplog):
    spool = Spool(postgres.files.spool)
    importer = Importer(postgres, clock=clock, active=lambda: None)
    end(spool, "before")
    all_of(importer)
    caplog.set_level("INFO")
    connections.close_all()
    server.stop()
    try:
        end(spool, "during")
        for _ in range(3):
            assert not importer.step()
        assert importer.trouble
        assert importer.failures == 3
        told = [line.getMessage() for line in caplog.records if "call records wait in" in line.getMessage()]
        assert len(told) == 1, "one clear line, not one per try"
        assert "See that PostgreSQL runs there" in told[0]
        assert importer.waiting() > 0
    finally:
        server.start()
    all_of(importer)
    assert not importer.trouble
    assert set(Call.objects.values_list("id", flat=True)) == {"before", "during"}
    assert "call records are stored in the database again" in caplog.text
    spool.close()


def test_a_spool_that_cant_be_read_is_told_and_tried_again(sqlite: Settings, clock, caplog):
    importer = Importer(sqlite, clock=clock, active=lambda: None)
    spool = Spool(sqlite.files.spool)
    end(spool, "a")
    segment = next(sqlite.files.spool.glob("*.spool"))
    hidden = segment.with_suffix(".hidden")
    segment.rename(hidden)
    segment.mkdir()
    importer.step()
    assert "Is a directory" in importer.trouble
    segment.rmdir()
    hidden.rename(segment)
    all_of(importer)
    assert Call.objects.count() == 1
    spool.close()


def test_it_works_until_it_is_told_to_stop(sqlite: Settings, clock):
    spool = Spool(sqlite.files.spool)
    stop = threading.Event()
    stored = threading.Event()

    def active() -> set[str]:  # is asked when the spool is empty
        stored.set()
        return {"a"}

    importer = Importer(sqlite, clock=clock, active=active)
    begin(spool, "a")
    thread = threading.Thread(target=importer.run, args=(stop,))
    thread.start()
    assert stored.wait(10)
    stop.set()
    thread.join(10)
    assert not thread.is_alive()
    assert Call.objects.count() == 1
    spool.close()


DIES = """
import os, signal, sys
from jackfield.settings import load
from jackfield.console import api
settings = load(data_dir=sys.argv[1], database_url=sys.argv[2])
api.prepare(settings)
from jackfield.console.importer import Importer
importer = Importer(settings, active=lambda: None)
done = importer._reader.done
def die(mark):
    if sys.argv[3] == "after":
        done(mark)
    os.kill(os.getpid(), signal.SIGKILL)
importer._reader.done = die
importer.step()
"""


@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_between_commit_and_mark_nothing_is_lost_and_nothing_doubled(
    settings: Settings, spool, importer, when: str
):
    for index in range(40):
        begin(spool, f"call-{index}")
        if index % 4:
            end(spool, f"call-{index}")
    connections.close_all()
    killed = subprocess.run(
        [sys.executable, "-c", DIES, str(settings.data_dir), settings.database_url, when],
        capture_output=True,
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert Call.objects.count() == 40  # it was committed
    all_of(importer)
    assert Call.objects.count() == 40
    assert Call.objects.filter(ended=None).count() == 10
    assert Leg.objects.count() == 60
    assert Journal.objects.count() == 30


def test_killed_at_any_moment_all_records_come_in_once(sqlite: Settings, tmp_path: Path):
    """A writer goes on while importers are killed at random moments."""
    spool = Spool(sqlite.files.spool, max_bytes=50_000)
    script = DIES.split("done =")[0] + "print('go', flush=True)\nwhile True: importer.step()\n"
    connections.close_all()
    written = 0
    for _ in range(3):
        child = subprocess.Popen(
            [sys.executable, "-c", script, str(sqlite.data_dir), "", ""],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert child.stdout is not None
        child.stdout.readline()
        for _ in range(400):
            end(spool, f"call-{written}", started=time.time())  # not so old that it would leave at once
            written += 1
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
        child.stdout.close()
    spool.close()
    last = Importer(sqlite, active=lambda: None)
    all_of(last)
    assert last.trouble == ""
    assert (Call.objects.count(), Leg.objects.count()) == (written, 2 * written)
