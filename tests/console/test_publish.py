"""From the database to the file that the switch reads."""

from __future__ import annotations

import hashlib
import threading

import pytest
from django.db import connections

from jackfield.company.models import State
from jackfield.console import api
from jackfield.control import ControlServer
from jackfield.settings import Settings
from jackfield.switch import snapshot
from jackfield.switch.snapshot import Inbound, Rewrite, TimeRange

from .test_apply import HOUSE


def test_the_file_holds_the_configuration(settings: Settings):
    api.apply(settings, HOUSE)
    api.apply(
        settings,
        "services:\n"
        "- {number: 500, kind: schedule, open_target: 300, time_ranges: [{name: day, days: [mon], start: 08:00}]}\n"
        "trunks: [{name: Carrier, in_calling: {strip: 1}}]",
    )
    found = snapshot.read(settings.files.snapshot)
    assert found.general.company == "Acme"
    assert [extension.number for extension in found.extensions] == ["201", "202"]
    assert found.extensions[0].user == "anna"
    assert found.extensions[0].codecs == ("pcma", "opus")
    assert found.inbound[0] == Inbound(trunk="Carrier", number="5550101", rewrite=Rewrite(strip=5, prefix="2"))
    assert found.numbers["500"].time_ranges == (TimeRange(name="day", days=("mon",), start="08:00"),)  # type: ignore[union-attr]
    assert found.trunks[0].password == "battery-staple"
    assert found.trunks[0].in_calling == Rewrite(strip=1)
    assert {sound.name: sound.path for sound in found.sounds}["ours"] == str(settings.files.sounds / "ours")
    assert found.emergency["0112"].trunks == ("Carrier",)


def test_phones_are_published_with_digests_only(settings: Settings):
    api.apply(settings, HOUSE)
    line = snapshot.read(settings.files.snapshot).lines["annas"][1]
    assert line.ha1_md5 == hashlib.md5(b"annas:jackfield:correct-horse").hexdigest()
    assert line.ha1_sha256 == hashlib.sha256(b"annas:jackfield:correct-horse").hexdigest()
    assert b"correct-horse" not in settings.files.snapshot.read_bytes()
    assert settings.files.snapshot.stat().st_mode & 0o777 == 0o600


def test_another_realm_makes_other_digests(settings: Settings):
    api.apply(settings, HOUSE)
    api.apply(settings, "settings: {realm: pbx.example.com}")
    line = snapshot.read(settings.files.snapshot).lines["annas"][1]
    assert line.ha1_md5 == hashlib.md5(b"annas:pbx.example.com:correct-horse").hexdigest()


def test_versions_grow_with_changes_only(settings: Settings):
    first = api.publish(settings)
    stamp = settings.files.snapshot.stat().st_mtime_ns
    assert api.publish(settings).version == first.version == 1
    assert settings.files.snapshot.stat().st_mtime_ns == stamp
    api.apply(settings, "users: [{login: nobody-the-switch-knows}]")
    assert api.publish(settings).version == 1
    api.apply(settings, "extensions: [{number: 201}]")
    assert api.publish(settings).version == 2


def test_a_lost_or_damaged_file_is_written_again(settings: Settings):
    api.apply(settings, HOUSE)
    version = snapshot.read(settings.files.snapshot).version
    settings.files.snapshot.write_bytes(b"{")
    assert api.publish(settings).version == version
    settings.files.snapshot.unlink()
    api.publish(settings)
    assert snapshot.read(settings.files.snapshot).version == version


def test_after_the_database_was_restored_the_version_still_grows(settings: Settings):
    api.apply(settings, HOUSE)
    for number in (301, 302, 303):
        api.apply(settings, f"extensions: [{{number: {number}}}]")
    state = State.objects.get(key="published")
    state.value = {"version": 1, "digest": "of long ago"}
    state.save()
    before = snapshot.read(settings.files.snapshot).version
    assert api.publish(settings).version == before + 1


def test_a_file_that_cant_be_written_is_told_with_the_mend(settings: Settings):
    settings.files.snapshot.with_name("snapshot.json.new").mkdir()
    with pytest.raises(api.ConsoleError, match=r"can't be written to .*: Is a directory\. Make room"):
        api.publish(settings)
    settings.files.snapshot.with_name("snapshot.json.new").rmdir()
    assert api.publish(settings).version == 1


async def _apply(settings: Settings, text: str) -> None:
    import asyncio

    def work() -> None:
        api.apply(settings, text)
        connections.close_all()

    await asyncio.to_thread(work)


async def test_a_running_switch_is_told(sqlite: Settings):
    heard = []

    async def reload(request: dict) -> dict:
        heard.append(snapshot.read(sqlite.files.snapshot).version)
        return {"version": heard[-1]}

    switch = ControlServer(sqlite.files.switch_socket, {"reload": reload})
    await switch.start()
    try:
        await _apply(sqlite, HOUSE)
        assert heard == [1]
    finally:
        await switch.close()


async def test_a_switch_that_refuses_is_a_line_in_the_log(sqlite: Settings, caplog: pytest.LogCaptureFixture):
    switch = ControlServer(sqlite.files.switch_socket, {})
    await switch.start()
    try:
        await _apply(sqlite, HOUSE)
    finally:
        await switch.close()
    assert 'the switch did not take configuration 1: there is no "reload" here' in caplog.text


def test_many_who_apply_at_once_lose_nothing(settings: Settings):
    failed: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for step in range(3):
                api.apply(settings, f"extensions: [{{number: {number + step}}}]")
        except BaseException as error:
            failed.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work, args=(number,)) for number in (100, 200, 300, 400)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    assert len(snapshot.read(settings.files.snapshot).extensions) == 12
    assert snapshot.read(settings.files.snapshot).version == api.publish(settings).version
