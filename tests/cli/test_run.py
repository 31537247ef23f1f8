"""`jackfield run` from its first start to its end, and commands where nothing runs."""

from __future__ import annotations

import asyncio
import inspect
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from jackfield import __version__
from jackfield.cli import output, running
from jackfield.control import ControlServer
from jackfield.settings import Settings, load

from .conftest import PATIENCE, Installation


def jackfield(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command that needs no installation."""
    command = [sys.executable, "-m", "jackfield.cli", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | environment)


def test_ctrl_c_stops_everything_in_order_and_a_second_start_asks_nothing(fresh: Installation) -> None:
    fresh.start()
    assert "A first configuration" in fresh.output
    processes = json.loads(fresh.jackfield("status", "--json").stdout)["processes"]
    assert fresh.end(signal.SIGINT) == 0
    assert "Stopping …" in fresh.output
    assert fresh.output.rstrip().endswith("Jackfield has stopped.")
    assert "Traceback" not in fresh.output
    assert not [one for one in processes if Path(f"/proc/{one['pid']}").exists()]

    fresh.start()
    assert "first configuration" not in fresh.output
    done = fresh.jackfield("stop", "--json")
    assert json.loads(done.stdout) == {"stopping": True, "calls": 0}
    assert fresh.end(None) == 0


async def test_a_status_without_a_switch_is_a_failure(tmp_path: Path) -> None:
    files = load(data_dir=tmp_path).files
    files.prepare()

    async def processes(_: dict[str, Any]) -> list[dict[str, Any]]:
        return [{"name": "switch", "state": "waiting", "pid": 0, "since": 0.0, "restarts": 9, "rss": 0}]

    supervisor = ControlServer(files.supervisor_socket, {"processes": processes})
    await supervisor.start()
    try:
        for more in ([], ["--json"]):
            command = [sys.executable, "-m", "jackfield.cli", "status", "--data-dir", str(tmp_path), *more]
            process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
            told, _ = await process.communicate()
            assert process.returncode == 1
            assert b"waiting" in told
    finally:
        await supervisor.close()


def test_a_killed_switch_is_started_again(fresh: Installation) -> None:
    fresh.start()
    processes = json.loads(fresh.jackfield("status", "--json").stdout)["processes"]
    os.kill(next(one["pid"] for one in processes if one["name"] == "switch"), signal.SIGKILL)
    fresh.read_until("switch was ended by signal SIGKILL: it is started again in 0.2 s (restart 1)")
    fresh.read_until("switch runs again")
    assert fresh.jackfield("selftest", "--seconds", "0.2").returncode == 0
    assert fresh.end() == 0


def test_a_supervisor_that_is_killed_leaves_nothing_that_is_in_the_way_of_the_next(fresh: Installation) -> None:
    fresh.start()
    command = [sys.executable, "-m", "jackfield.cli", "phone", "101", "--call", "*43"]
    pipes = {"stderr": subprocess.PIPE, "stdout": subprocess.DEVNULL, "text": True, "env": fresh.environment}
    phone = subprocess.Popen(command, **pipes)  # type: ignore[call-overload]
    assert phone.stderr is not None
    while "answered" not in phone.stderr.readline():
        pass
    fresh.end(signal.SIGKILL)
    assert "ended: 200" in phone.stderr.read()  # the phone was told
    phone.wait()
    fresh.start()
    assert fresh.end() == 0


def test_other_commands_know_the_flags_of_a_running_system(fresh: Installation) -> None:
    fresh.flags = ["--sip-port", str(fresh.sip_port), "--database-url", f"sqlite:///{fresh.data_dir}/other.sqlite3"]
    fresh.more = {"JACKFIELD_SIP_PORT": "5060", "JACKFIELD_SIP_PROT": "5060"}
    fresh.start()
    assert 'JACKFIELD_SIP_PROT sets nothing: did you mean "JACKFIELD_SIP_PORT"?' in fresh.output
    assert fresh.jackfield("selftest", "--seconds", "0.2").returncode == 0
    assert "101" in fresh.jackfield("export").stdout
    assert not (fresh.data_dir / "jackfield.sqlite3").exists()
    findings = json.loads(fresh.jackfield("check", "--json").stdout)
    assert [one["text"] for one in findings if one["subject"] == "SIP over UDP"] == [
        f"Jackfield listens at UDP port {fresh.sip_port} on 127.0.0.1"
    ]
    assert fresh.end() == 0


def test_a_port_that_is_taken_is_named_with_the_mend(fresh: Installation) -> None:
    import socket

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", fresh.sip_port))
        done = fresh.jackfield("run")
    assert done.returncode == 1
    assert f"port {fresh.sip_port}" in done.stderr
    assert "--sip-port" in done.stderr
    assert "switch could not start" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_address_of_another_machine_is_told_with_those_of_this_one(fresh: Installation) -> None:
    fresh.more = {"JACKFIELD_HOST": "192.0.2.77"}
    done = fresh.jackfield("run")
    assert done.returncode == 1
    assert "SIP over UDP can't listen: 192.0.2.77 is no address of this machine; --host must be one of: " in done.stderr


def test_a_certificate_that_is_not_there_is_named(fresh: Installation) -> None:
    fresh.more = {"JACKFIELD_TLS_CERTIFICATE": "/none.pem", "JACKFIELD_TLS_KEY": "/none.key"}
    done = fresh.jackfield("run")
    assert done.returncode == 2
    assert "/none.pem does not exist" in done.stderr


def test_log_lines_can_be_json(fresh: Installation) -> None:
    fresh.more = {"JACKFIELD_LOG_FORMAT": "json"}
    fresh.start()
    fresh.read_until('"process": "switch"')
    fresh.end()
    line = (fresh.data_dir / "logs" / "switch.log").read_text().splitlines()[0]
    assert json.loads(line)["level"] == "info"


@pytest.mark.parametrize("command", [["status"], ["calls"], ["hangup", "x"], ["trace", "x"], ["stop"], ["selftest"]])
def test_commands_say_when_nothing_runs(fresh: Installation, command: list[str]) -> None:
    done = fresh.jackfield(*command)
    assert done.returncode == 1
    assert done.stderr == (
        f"jackfield: Jackfield is not running in {fresh.data_dir}: "
        f"start it with 'jackfield run --data-dir {fresh.data_dir}'\n"
    )


def test_route_needs_a_configuration(fresh: Installation) -> None:
    done = fresh.jackfield("route", "101", "102")
    assert done.returncode == 1
    assert "“jackfield init” makes one" in done.stderr


def test_route_goes_through_a_schedule_to_what_rings_at_that_time(fresh: Installation) -> None:
    assert fresh.jackfield("init", "--time-zone", "Europe/Prague").returncode == 0
    document = """
        services:
        - number: "*28"
          kind: schedule
          name: Reception
          time_ranges: [{name: Office, days: [mon], start: "08:00", end: "16:00"}]
          open_target: 102
          closed_target: 103
    """
    assert fresh.jackfield("apply", "-", given=document).returncode == 0
    day = fresh.jackfield("route", "101", "*28", "--at", "2026-11-23T10:00")
    assert 'schedule *28 (Reception): Mon 10:00 (Europe/Prague) is inside "Office": goes to 102' in day.stdout
    assert "extension 102" in day.stdout.splitlines()[-1]
    night = json.loads(fresh.jackfield("route", "101", "*28", "--at", "2026-11-23T16:00", "--json").stdout)
    assert night["target"]["number"] == "103"
    assert [stage["range"] for stage in night["through"]] == [None]


def test_a_trunk_where_nobody_listens_is_told_as_such(fresh: Installation) -> None:
    fresh.start()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as nobody:
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]
    document = f"""
        trunks: [{{name: Dead, kind: address, hosts: ["127.0.0.1:{port}"], qualify_interval: 0}}]
        outbound: [{{name: World, prefix: "9", trunks: [Dead]}}]
    """
    assert fresh.jackfield("apply", "-", given=document).returncode == 0
    assert fresh.jackfield("phone", "101", "--call", "95551234").returncode == 1
    found: list[dict[str, Any]] = []
    until = time.monotonic() + PATIENCE
    while not found:
        assert time.monotonic() < until
        found = json.loads(fresh.jackfield("calls", "--history", "--json").stdout)
    call = found[0]["id"]
    assert "INVITE SDP ────────────>│\n" in fresh.jackfield("trace", call).stdout, "what was sent is in the ladder"
    assert f"trunk Dead UDP 127.0.0.1:{port}" in fresh.jackfield("trace", call).stdout
    told = fresh.jackfield("calls", call).stdout
    assert f"nobody listens at 127.0.0.1 port {port} (UDP)" in told
    assert "check Trunks > Dead > Provider's address" in told
    assert "503 Connection Failed" not in told


def test_a_file_that_is_not_there_is_named(fresh: Installation) -> None:
    done = fresh.jackfield("apply", "/none.yaml")
    assert done.returncode == 1
    assert done.stderr == "jackfield: /none.yaml: No such file or directory\n"


def test_a_data_directory_that_can_not_be_made_is_named_with_the_mend(fresh: Installation) -> None:
    done = fresh.jackfield("run", "--data-dir", "/proc/nowhere")
    assert done.returncode == 1
    assert "the data directory /proc/nowhere can't be used" in done.stderr
    assert "choose another with --data-dir" in done.stderr


def test_init_makes_what_was_asked_for(fresh: Installation) -> None:
    made = json.loads(
        fresh.jackfield("init", "--json", "--country", "CZ", "--time-zone", "Europe/Prague", "--extensions", "2").stdout
    )
    assert made["created"]
    assert [phone["number"] for phone in made["phones"]] == ["101", "102"]
    assert made["time_zone"] == "Europe/Prague"


def test_help_is_there_for_every_command_and_quick() -> None:
    done = jackfield("--help")
    for name in ("run", "init", "check", "apply", "export", "status", "calls", "hangup", "route", "phone", "selftest"):
        assert name in done.stdout
        assert "Usage" in jackfield(name, "--help").stdout
    loaded = "import sys; sys.argv = ['jackfield']; import jackfield.cli.app; print(*sys.modules)"
    modules = subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True, check=True).stdout.split()
    assert not {"django", "numpy", "pydantic", "yaml", "cryptography", "msgspec"} & set(modules)


def test_completion_is_offered() -> None:
    done = jackfield("--show-completion", "bash", _TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION="1")
    assert "JACKFIELD_COMPLETE" in done.stdout


def test_version() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "jackfield.cli", "version"], capture_output=True, text=True, check=True
    )
    assert done.stdout == f"jackfield {__version__}\n"
    assert jackfield("--version").stdout == f"jackfield {__version__}\n"
    done = jackfield("version", "--json")
    assert json.loads(done.stdout)["jackfield"] == __version__


def test_every_setting_is_a_flag_of_run() -> None:
    assert set(inspect.signature(running.run).parameters) == set(Settings.model_fields)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.4, "0 s"), (59, "59 s"), (61, "1:01 min"), (7260, "2:01 h"), (90_000, "1 day"), (200_000, "2 days")],
)
def test_lengths_of_time_are_said_as_people_read_them(seconds: float, words: str) -> None:
    assert output.duration(seconds) == words


def test_ago_is_empty_for_never() -> None:
    assert output.ago(None) == ""
    assert output.ago(100.0, 108.0) == "8 s"
