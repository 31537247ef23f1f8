"""Logs: one line, the call's id on it, no secret in it, and nobody waits for it."""

from __future__ import annotations

import json
import logging
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from jackfield import logs
from jackfield.logs import call_id, redact

log = logging.getLogger("jackfield.test")


@pytest.fixture
def written(tmp_path: Path) -> Iterator[Callable[..., Callable[[], list[str]]]]:
    """Configures logging into a file and returns what reads its lines."""
    root = logging.getLogger()
    before = root.handlers[:], root.level
    root.handlers.clear()

    def start(**options: str) -> Callable[[], list[str]]:
        logs.configure("switch", folder=tmp_path, **options)
        return lambda: (tmp_path / "switch.log").read_text().splitlines()

    yield start
    for handler in root.handlers:
        handler.close()
    root.handlers[:], level = before
    root.setLevel(level)
    logging.captureWarnings(False)


def test_a_text_line_says_when_how_bad_who_which_call_and_what(written: Callable[..., Callable[[], list[str]]]) -> None:
    lines = written()
    token = call_id.set("k3f9-1")
    log.warning("trunk %s: no answer", "north")
    call_id.reset(token)
    log.info("ready")
    first, second = lines()
    assert first.endswith("warning switch   [k3f9-1] trunk north: no answer")
    assert second.endswith("info    switch   ready")
    assert first[4] == "-"
    assert first[19] == "."


def test_a_json_line_has_the_same_and_what_extra_gave(written: Callable[..., Callable[[], list[str]]]) -> None:
    lines = written(format="json")
    token = call_id.set("k3f9-1")
    log.error("no port", extra={"ports": "10000-10010", "url": "postgresql://me:sesame@db/x", "hosts": {"a"}})
    call_id.reset(token)
    line = json.loads(lines()[0])
    at = line.pop("at")
    assert at.endswith("Z")
    assert "T" in at
    assert line == {
        "level": "error",
        "process": "switch",
        "source": "jackfield.test",
        "message": "no port",
        "call": "k3f9-1",
        "ports": "10000-10010",
        "url": "postgresql://me:***@db/x",
        "hosts": "{'a'}",
    }


@pytest.mark.parametrize("format", ["text", "json"])
def test_a_traceback_is_kept_without_its_secrets(written: Callable[..., Callable[[], list[str]]], format: str) -> None:
    lines = written(format=format)
    try:
        raise ValueError("wrong password=sesame")
    except ValueError:
        log.exception("it broke")
    whole = "\n".join(lines())
    assert "Traceback" in whole
    assert "ValueError: wrong password=***" in whole


@pytest.mark.parametrize(
    "text",
    [
        "password=sesame",
        'sip_password: "sesame"',
        "{'auth_password': 'sesame'}",
        "pin=sesame.",
        "PIN: sesame",
        "postgresql://jackfield:sesame@db.example/jackfield",
        "REGISTER sip:101:sesame@pbx.example SIP/2.0",
        'Authorization: Digest username="101", realm="x", response="sesame", nc=00000001',
        "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:sesame|2^20",
        "Authorization: Bearer sesame",
        "ha1_md5=sesame",
        "token=sesame&next=1",
        "Unprocessable Entity: /set-password/1z/sesame",
        "Not Found: /phone/sesame/linphone.xml",
    ],
)
def test_secrets_are_hidden(text: str) -> None:
    assert "sesame" not in redact(text)
    assert "***" in redact(text)


@pytest.mark.parametrize(
    "text", ["101 called 102", "sip:101@192.0.2.1:5060", "the password was refused (403)", "pinned"]
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert redact(text) == text


def test_a_line_from_outside_cannot_forge_another(written: Callable[..., Callable[[], list[str]]]) -> None:
    lines = written()
    log.warning("User-Agent: %s", "Evil\n2026-01-01 00:00:00.000 info switch all is well\x1b[2J")
    assert len(lines()) == 1
    assert "\x1b" not in lines()[0]


def test_the_level_can_be_changed_while_running(written: Callable[..., Callable[[], list[str]]]) -> None:
    lines = written(level="warning")
    log.info("not this")
    logs.set_level("DEBUG")
    log.debug("but this")
    assert len(lines()) == 1
    with pytest.raises(ValueError, match="debug, info, warning or error"):
        logs.set_level("loud")


def test_files_are_turned_over_and_the_oldest_goes(
    written: Callable[..., Callable[[], list[str]]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(logs, "FILE_BYTES", 200)
    monkeypatch.setattr(logs, "FILES_KEPT", 2)
    lines = written()
    for number in range(20):
        log.info("line %d with some words to fill the file", number)
    assert "line 19" in lines()[-1]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["switch.log", "switch.log.1", "switch.log.2"]


def test_a_log_call_with_wrong_arguments_breaks_nothing(written: Callable[..., Callable[[], list[str]]]) -> None:
    lines = written()
    log.info("%d calls", "many")
    assert "unreadable log record" in lines()[0]


def test_a_folder_that_went_away_breaks_nothing(
    written: Callable[..., Callable[[], list[str]]], tmp_path: Path
) -> None:
    output = logs.configure("switch", folder=tmp_path / "none")
    log.info("nobody reads this in a file")
    output.close()


def _fill(write: Callable[[bytes], object]) -> None:
    for _ in range(10_000):
        write(b"x" * 1000 + b"\n")


def test_a_terminal_that_takes_no_more_holds_nobody_up() -> None:
    reader, writer = os.pipe()
    try:
        write = logs._unblocked(writer)
        with pytest.raises(BlockingIOError):
            _fill(write)
        assert os.get_blocking(writer)  # others who share the pipe keep their mode
    finally:
        os.close(reader)
        os.close(writer)


def test_a_journal_that_takes_no_more_holds_nobody_up() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        write = logs._unblocked(ours.fileno())
        with pytest.raises(BlockingIOError):
            _fill(write)


def test_lines_that_the_terminal_missed_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    output = logs.Output(None)

    def stuck(line: bytes) -> None:
        raise BlockingIOError

    output._terminal = stuck
    output.setFormatter(logs.TextFormatter("switch"))
    output.emit(logging.makeLogRecord({"msg": "hello"}))
    assert output.missed == 1
