"""The commands on a running system, as an administrator or a script uses them."""

from __future__ import annotations

import json
import os
import signal
import struct
import subprocess
import sys
import time
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import yaml

from .conftest import Installation


def result(done: subprocess.CompletedProcess[str], status: int = 0) -> str:
    assert done.returncode == status, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout


def test_the_first_start_prints_the_passwords_once(running: Installation) -> None:
    assert "A first configuration" in running.output
    document = yaml.safe_load(result(running.jackfield("export", "--secrets")))
    assert [entry["number"] for entry in document["extensions"]] == ["101", "102", "103", "104"]
    for entry in document["extensions"]:
        assert f"{entry['sip_username']}  {entry['sip_password']}" in running.output
        assert entry["sip_username"] != entry["number"]
    assert str(running.sip_port) in running.output


def test_status_tells_people_and_programs(running: Installation) -> None:
    text = result(running.jackfield("status"))
    assert "No phone is registered." in text
    assert "media-0" in text
    data = json.loads(result(running.jackfield("status", "--json")))
    assert [one["name"] for one in data["processes"]] == ["supervisor", "media-0", "switch", "network", "console"]
    assert data["registrations"] == []


@pytest.mark.parametrize(
    "wish",
    [
        [],
        ["--transport", "tcp", "--codecs", "pcmu", "--answering-codecs", "pcma"],
        ["--transport", "tls", "--srtp", "--codecs", "g722,pcma"],
    ],
)
def test_the_selftest_proves_calls_and_audio_both_ways(running: Installation, wish: list[str]) -> None:
    report = json.loads(result(running.jackfield("selftest", "--json", "--seconds", "0.4", *wish)))
    assert report["ok"]
    assert report["problem"] == ""
    assert len(report["latency_ms"]) == 2
    assert report["secure"] == ("--srtp" in wish)
    assert all(packets > 50 for packets in report["packets"])
    # Nothing is left of it.
    assert json.loads(result(running.jackfield("status", "--json")))["registrations"] == []
    assert "999901" not in result(running.jackfield("export"))


def test_commands_find_the_ports_of_a_system_that_got_them_as_flags(running: Installation) -> None:
    own = {name: value for name, value in os.environ.items() if not name.startswith("JACKFIELD_")}
    command = [sys.executable, "-m", "jackfield.cli", "selftest", "--seconds", "0.2", "--data-dir", running.data_dir]
    done = subprocess.run(command, env=own, capture_output=True, text=True, timeout=60, check=False)
    assert f"registered at 127.0.0.1:{running.sip_port}" in done.stdout


def test_the_selftest_speaks_to_people(running: Installation) -> None:
    text = result(running.jackfield("selftest", "--seconds", "0.2"))
    assert "Calls work, and audio passes both ways." in text
    assert "the second phone hears the first" in text


def test_a_selftest_that_fails_says_why(running: Installation) -> None:
    text = result(running.jackfield("selftest", "--codecs", "pcma", "--srtp", "--transport", "sctp"), 2)
    assert text == ""


class Phones:
    """102 waits for calls and says back what it hears; 101 calls it."""

    def __init__(self, running: Installation) -> None:
        self.running = running
        command = [sys.executable, "-m", "jackfield.cli", "phone"]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "env": running.environment}
        self.called = subprocess.Popen([*command, "102"], **pipes)  # type: ignore[call-overload]
        assert self.called.stderr is not None
        self.read(self.called, "waiting for calls")
        self.caller = subprocess.Popen([*command, "101", "--call", "102", "--tone", "440", "--json"], **pipes)  # type: ignore[call-overload]
        self.read(self.called, "answered")

    @staticmethod
    def read(process: subprocess.Popen[str], words: str) -> None:
        assert process.stderr is not None
        for line in process.stderr:
            if words in line:
                return
        raise AssertionError(f"“{words}” was not said")

    def call(self) -> dict[str, object]:
        until = time.monotonic() + 20
        while time.monotonic() < until:
            found: list[dict[str, object]] = json.loads(result(self.running.jackfield("calls", "--json")))
            if found and found[0]["state"] == "talking":
                return found[0]
        raise AssertionError("no call")

    def close(self) -> tuple[str, int]:
        text, _ = self.caller.communicate(timeout=30)
        self.called.send_signal(signal.SIGINT)
        self.called.communicate(timeout=30)
        return text, self.called.returncode


def test_a_call_can_be_seen_traced_and_hung_up(running: Installation, tmp_path: Path) -> None:
    phones = Phones(running)
    call = phones.call()
    id = str(call["id"])
    assert call["from"] == {"number": "101", "name": "Phone 101", "extension": "101", "trunk": ""}
    table = result(running.jackfield("calls"))
    assert "talking" in table
    assert id in table
    status = result(running.jackfield("status"))
    assert "101" in status
    assert "102" in status

    drawn = result(running.jackfield("trace", id))
    assert "INVITE SDP" in drawn
    assert "180 Ringing (INVITE)" in drawn
    assert "INVITE SDP" in json.loads(result(running.jackfield("trace", id, "--json")))["ladder"]
    result(running.jackfield("trace", id, "--pcap", str(tmp_path / "call.pcap")))
    saved = running.jackfield("trace", id, "--json", "--pcap", str(tmp_path / "call.pcap"))
    assert json.loads(result(saved))["bytes"] == (tmp_path / "call.pcap").stat().st_size
    assert struct.unpack("<I", (tmp_path / "call.pcap").read_bytes()[:4]) == (0xA1B2C3D4,)

    assert json.loads(result(running.jackfield("hangup", id, "--json"))) == {"ended": id}
    text, status_of_called = phones.close()
    outcome = json.loads(text)
    assert outcome["ok"]
    assert outcome["calls"][0]["number"] == "102"
    assert outcome["calls"][0]["audio"]["lost"] == 0
    assert status_of_called == 0

    done = running.jackfield("hangup", id)
    result(done, 1)
    assert "is in progress" in done.stderr
    until = time.monotonic() + 20
    while id not in (text := result(running.jackfield("calls", "--history", "--number", "101"))):
        assert time.monotonic() < until, text
    told = result(running.jackfield("calls", id))
    assert "hung up by the administrator (SIP 200, Q.850 16)" in told
    assert "102 is extension 102 (Phone 102)" in told
    assert "Phone 101 (101) talks with Phone 102 (102)" in told
    assert [leg["role"] for leg in json.loads(result(running.jackfield("calls", id, "--json")))["legs"]] == [
        "caller", "callee",
    ]  # fmt: skip
    past = json.loads(
        result(running.jackfield("calls", "--history", "--since", "2026-01-01", "--json", "--limit", "5"))
    )
    assert id in [one["id"] for one in past]


def test_the_echo_test_says_back_what_it_hears(running: Installation, tmp_path: Path) -> None:
    heard = tmp_path / "echo.wav"
    done = running.jackfield(
        "phone", "101", "--call", "*43", "--tone", "440", "--record", str(heard), "--seconds", "1.5", "--digits", "12",
        "--codecs", "pcma",
    )  # fmt: skip
    result(done)
    assert "answered by *43" in done.stderr
    assert heard.stat().st_size > 8000


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("phone 10", ["101", "102", "103", "104"]),
        ("route 101 *4", ["*43"]),
        ("route anon", ["anonymous"]),
        ("selftest --transport t", ["tcp", "tls"]),
        ("phone 101 --codecs pcma,g", ["pcma,g722", "pcma,gsm"]),
        ("hangup x", []),
        ("run --log-format j", ["json"]),
    ],
)
def test_the_tab_key_offers_what_the_installation_has(running: Installation, typed: str, offered: list[str]) -> None:
    words = ["jackfield", *typed.split()]
    environment = running.environment | {
        "_JACKFIELD_COMPLETE": "complete_bash", "COMP_WORDS": " ".join(words), "COMP_CWORD": str(len(words) - 1),
    }  # fmt: skip
    program = "import sys; sys.argv = ['jackfield']; from jackfield.cli import main; main()"
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False)
    assert done.stdout.split() == offered


def test_a_call_that_never_was_is_named(running: Installation) -> None:
    done = running.jackfield("calls", "nothing")
    result(done, 1)
    assert 'there is no call "nothing"' in done.stderr


def test_the_history_is_told_in_the_time_of_the_company(running: Installation, tmp_path: Path) -> None:
    running.jackfield("phone", "101", "--call", "7778", "--json")
    rows: list[dict[str, str]] = []
    until = time.monotonic() + 20
    while not rows:
        assert time.monotonic() < until
        rows = json.loads(result(running.jackfield("calls", "--history", "--number", "7778", "--json")))
    (tmp_path / "zone.yaml").write_text("settings: {time_zone: Pacific/Kiritimati}\n")
    (tmp_path / "back.yaml").write_text("settings: {time_zone: UTC}\n")
    result(running.jackfield("apply", str(tmp_path / "zone.yaml")))
    try:
        question = ("calls", "--history", "--number", "7778")
        table = result(running.jackfield(*question))
        assert "started (Pacific/Kiritimati)" in table
        there = f"{datetime.fromisoformat(rows[0]['started']) + timedelta(hours=14):%Y-%m-%d %H:%M:%S}"
        assert there in table
        assert json.loads(result(running.jackfield(*question, "--until", there, "--json"))) == []
    finally:
        result(running.jackfield("apply", str(tmp_path / "back.yaml")))


def test_a_document_that_is_not_text_is_told_by_its_line(running: Installation, tmp_path: Path) -> None:
    (tmp_path / "latin.yaml").write_bytes('extensions:\n  - {number: "201", name: Zoë}\n'.encode("latin-1"))
    done = running.jackfield("apply", str(tmp_path / "latin.yaml"))
    result(done, 1)
    assert "latin.yaml, line 2: not UTF-8 text" in done.stderr


def test_a_call_to_nowhere_fails_with_a_status(running: Installation) -> None:
    done = running.jackfield("phone", "101", "--call", "7777", "--json")
    assert json.loads(result(done, 1))["problem"].startswith("7777: 404")


def test_an_outgoing_account_may_be_given_by_flags(running: Installation) -> None:
    done = running.jackfield(
        "phone", "--user", "nobody", "--password", "wrong", "--server", "127.0.0.1", "--port", str(running.sip_port),
        "--call", "101",
    )  # fmt: skip
    result(done, 1)
    assert "nobody can't register: 40" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["phone"], "name an extension"),
        (["phone", "999"], "there is no extension 999; known: 101"),
        (["phone", "101", "--codecs", "mp3"], "there is no codec “mp3”"),
        (["phone", "101", "--transport", "smoke"], "is no transport"),
        (["phone", "101", "--call", "102", "--digits", "1x"], "“x” can't be dialled with --digits"),
        (["phone", "101", "--call", "102", "--record", "/nowhere/x.wav"], "there is no folder /nowhere"),
        (["calls", "--number", "101"], "belong to --history"),
        (["phone", "101", "--digits-by", "shouting"], "is no way to send digits"),
        (["route", "999", "101"], "there is no extension 999"),
        (["route", "trunk:x", "101"], "there is no trunk"),
        (["route", "101", "102", "--at", "noon"], "is no time"),
        (["calls", "--history", "--since", "yesterday"], "is no time"),
        (["run", "--sip-port", "99999"], "--sip-port 99999 is wrong for sip_port"),
        (["status", "--nonsense"], "No such option"),
    ],
)
def test_wrong_usage_ends_with_status_2_and_says_what_was_meant(
    running: Installation, arguments: list[str], words: str
) -> None:
    done = running.jackfield(*arguments)
    result(done, 2)
    assert words in " ".join(done.stderr.replace("│", " ").split())


def test_apply_is_shown_made_and_taken_back(running: Installation, tmp_path: Path) -> None:
    before = result(running.jackfield("export", "--secrets"))
    file = tmp_path / "office.yaml"
    file.write_text("extensions:\n  - number: '150'\n    name: Reception\n")
    assert "+ extensions 150" in result(running.jackfield("apply", str(file), "--dry-run"))
    assert "150" not in result(running.jackfield("export"))
    data = json.loads(result(running.jackfield("apply", str(file), "--json")))
    assert data["counts"]["create"] >= 1
    assert "Nothing to change" in result(running.jackfield("apply", "-", given=file.read_text()))
    assert json.loads(result(running.jackfield("route", "101", "150", "--json")))["target"]["name"] == "Reception"
    result(running.jackfield("apply", "-", "--prune", given=before))
    assert result(running.jackfield("export", "--secrets")) == before
    assert json.loads(result(running.jackfield("export", "--json")))["extensions"][0]["number"] == "101"


def test_a_document_that_is_wrong_changes_nothing_and_names_the_line(running: Installation) -> None:
    wrong = "extensions:\n  - number: '150'\n    nmae: X\n"
    done = running.jackfield("apply", "-", given=wrong)
    result(done, 1)
    assert "line 3" in done.stderr
    data = json.loads(result(running.jackfield("apply", "-", "--json", given=wrong), 1))
    assert data["problems"][0]["line"] == 3


def test_version_knows_what_runs(running: Installation) -> None:
    facts = json.loads(result(running.jackfield("version", "--json")))
    assert facts["running"] == facts["jackfield"]
    assert "pcma" in facts["codecs"]


def test_route_explains_itself(running: Installation) -> None:
    text = result(running.jackfield("route", "101", "102", "--at", "12:30"))
    assert "extension 102" in text
    assert "the caller is shown as 101" in text
    text = result(running.jackfield("route", "101", "911", "--at", "2026-12-24T18:30"), 1)
    assert text
    refused = json.loads(result(running.jackfield("route", "anonymous", "7777", "--json"), 1))
    assert refused["refusal"]["status"] == 404
    assert refused["target"] == {}


def test_check_finds_the_system_running(running: Installation) -> None:
    findings = json.loads(running.jackfield("check", "--json").stdout)
    by_subject = {finding["subject"]: finding for finding in findings}
    assert by_subject["SIP over UDP"]["text"].startswith("Jackfield listens")
    assert "checks" in running.jackfield("check").stdout


def test_a_second_start_on_the_same_data_is_refused(running: Installation) -> None:
    done = running.jackfield("run")
    result(done, 1)
    assert "already runs with the data directory" in done.stderr


def test_init_leaves_a_configuration_alone(running: Installation) -> None:
    assert "nothing was changed" in result(running.jackfield("init"))
    assert json.loads(result(running.jackfield("init", "--json")))["created"] is False
