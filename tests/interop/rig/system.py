"""The system under test, started as an administrator starts it: by the command line, in a data directory of its own."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from jackfield.control import ControlError, ask

from .accounts import Account
from .ports import Block

__all__ = ["System", "SystemFailed", "eventually"]

COMMAND = (sys.executable, "-m", "jackfield.cli")
SICK = re.compile(
    r"Traceback \(most recent call last\)|fault in the program|was never awaited|exception was never retri"
)


class SystemFailed(AssertionError):
    """The system did not start, or complained while it ran."""


class System:
    """`async with System(folder, ports, configuration) as system: …`. Stops it and looks through its log at the end."""

    def __init__(
        self,
        folder: Path,
        ports: Block,
        configuration: dict[str, Any],
        *,
        host: str = "127.0.0.1",
        rtp: int = 200,
        data: Path | None = None,
        prefix: Sequence[str] = (),
        **settings: Any,
    ) -> None:
        self.folder, self.ports, self.configuration, self.host = folder, ports, configuration, host
        self.data = data or folder / "data"
        self.address = host.split(",")[0]
        self.sip_port, self.tls_port, self.ws_port, self.wss_port, self.console_port = (
            ports.take() for _ in range(5)
        )  # fmt: skip
        self.rtp_ports = ports.span(rtp)
        self.expected: list[str] = []  # regular expressions of sick lines that a test provokes
        self.since = time.time()  # records of earlier calls are left out
        self._prefix = prefix
        self._settings = {
            "data_dir": self.data,
            "host": host,
            "sip_port": self.sip_port,
            "sip_tls_port": self.tls_port,
            "sip_ws_port": self.ws_port,
            "sip_wss_port": self.wss_port,
            "console_port": self.console_port,
            "rtp_ports": self.rtp_ports,
            "drain_seconds": 0,
            "firewall": "programs",  # the kernel's rules are the whole machine's
            "tftp_port": 0,  # ports that every system on this machine would want
            "ldap_port": 0,
            "ldaps_port": 0,
            **settings,
        }
        self._output = folder / "output.txt"
        self._process: subprocess.Popen[bytes] | None = None

    async def __aenter__(self) -> System:
        await self.start()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        await self.stop()
        if kind is None:
            self.check_log()

    async def start(self) -> System:
        """Write the configuration if it's not there yet, start, and wait until it's up."""
        self.folder.mkdir(parents=True, exist_ok=True)
        if not (self.data / "snapshot.json").exists():
            await asyncio.to_thread(self._write_configuration)
        with self._output.open("ab") as output:
            self._process = subprocess.Popen(
                [*self._prefix, *COMMAND, "run", *self._flags()],
                stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=self._environment(), cwd=self.folder,
            )  # fmt: skip
        begun = self.log().count("is up")
        await eventually(lambda: self.log().count("is up") > begun or self._ended(), "Jackfield to be up", 45.0)
        if self._ended():
            raise SystemFailed(f"Jackfield did not start:\n{self.log()}")
        return self

    def _write_configuration(self) -> None:
        file = self.folder / "configuration.yaml"
        file.write_text(yaml.safe_dump(self.configuration, sort_keys=False), encoding="utf-8")
        done = subprocess.run(
            [*COMMAND, "apply", str(file), "--data-dir", str(self.data)],
            capture_output=True, text=True, env=self._environment(), cwd=self.folder, timeout=60, check=False,
        )  # fmt: skip
        if done.returncode:
            raise SystemFailed(f"the configuration was refused:\n{done.stdout}{done.stderr}")

    async def apply(self, configuration: dict[str, Any]) -> None:
        """Change the configuration of the running system."""
        file = self.folder / "change.yaml"
        file.write_text(yaml.safe_dump(configuration, sort_keys=False), encoding="utf-8")
        await self.command("apply", str(file))

    def _flags(self) -> list[str]:
        return [part for name, value in self._settings.items() for part in (f"--{name.replace('_', '-')}", str(value))]

    def _environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("JACKFIELD_")}
        if url := self._settings.get("database_url"):
            kept["JACKFIELD_DATABASE_URL"] = str(url)
        return kept | {"PYTHONUNBUFFERED": "1", "PYTHONWARNINGS": "ignore", "COLUMNS": "200"}

    def _ended(self) -> bool:
        return self._process is None or self._process.poll() is not None

    async def stop(self, patience: float = 20.0) -> None:
        """Stop it as an administrator does, and wait."""
        if self._ended() or self._process is None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            await asyncio.to_thread(self._process.wait, patience)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise SystemFailed(f"Jackfield did not stop within {patience:g} s:\n{self.log()[-3000:]}") from None

    def terminate(self) -> None:
        """Ask it to stop, and don't wait."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)

    async def command(self, *arguments: str, check: bool = True) -> str:
        """Run a command of `jackfield` for this system, and return what it prints."""
        done = await asyncio.to_thread(
            subprocess.run, [*self._prefix, *COMMAND, *arguments, "--data-dir", str(self.data)],
            capture_output=True, text=True, env=self._environment(), cwd=self.folder, timeout=60, check=False,
        )  # fmt: skip
        assert not (check and done.returncode), f"jackfield {' '.join(arguments)}: {done.stdout}{done.stderr}"
        return str(done.stdout)

    async def records(self, count: int = 1, *, number: str = "", timeout: float = 15.0) -> list[dict[str, Any]]:
        """Wait until `count` calls of this test (with this number) are over and in the history; newest first."""
        until = time.monotonic() + timeout
        since = datetime.fromtimestamp(self.since, UTC).isoformat()
        arguments = ["calls", "--history", "--json", "--limit", "500", "--since", since]
        arguments += ["--number", number] if number else []
        while True:
            listed = json.loads(await self.command(*arguments))
            found = [one for one in listed if one["outcome"]]
            if len(found) >= count and len(found) == len(listed):
                return found
            assert time.monotonic() < until, f"{count} calls should be in the history, there are: {listed}"
            await asyncio.sleep(0.1)

    async def last_record(self, number: str = "") -> dict[str, Any]:
        """Wait until no call goes on, and return the latest one (with this number in it) with legs and journal."""
        await self.quiet()
        return await self.record((await self.records(number=number))[0]["id"])

    async def record(self, id: str) -> dict[str, Any]:
        """Return one call of the history with legs and journal."""
        program = (
            "import json, sys; from jackfield import settings; from jackfield.console import api; "
            "print(json.dumps(api.call(settings.load(data_dir=sys.argv[1], **json.loads(sys.argv[3])), sys.argv[2])))"
        )
        more = {key: str(value) for key, value in self._settings.items() if key == "database_url"}
        done = await asyncio.to_thread(
            subprocess.run, [sys.executable, "-c", program, str(self.data), id, json.dumps(more)],
            capture_output=True, text=True, env=self._environment(), timeout=60, check=False,
        )  # fmt: skip
        assert not done.returncode, done.stderr
        return dict(json.loads(done.stdout))

    async def ask(self, verb: str, **arguments: Any) -> Any:
        """Ask the switch on its control socket."""
        return await ask(self.data / "run" / "switch.sock", verb, timeout=10.0, **arguments)

    async def processes(self) -> dict[str, dict[str, Any]]:
        """Return the processes by name, as the supervisor sees them."""
        found = await ask(self.data / "run" / "supervisor.sock", "processes", timeout=10.0)
        return {one["name"]: one for one in found}

    async def calls(self) -> list[dict[str, Any]]:
        """Return the calls in progress."""
        return list(await self.ask("calls"))

    async def quiet(self, timeout: float = 10.0) -> None:
        """Wait until no call is in progress."""
        await eventually(self._no_calls, "all calls to be over", timeout)

    async def _no_calls(self) -> bool:
        with contextlib.suppress(ControlError):
            return not await self.calls()
        return False

    async def registrations(self, number: str) -> list[dict[str, Any]]:
        """Return the phones that are registered for an extension and can be reached as far as is known."""
        found = (await self.ask("status"))["registrations"]
        return [one for one in found if one["extension"] == number and one["reachable"]]

    def log(self) -> str:
        """Return all that it has printed."""
        try:
            return self._output.read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return ""

    async def logs(self, pattern: str, timeout: float = 10.0) -> str:
        """Wait until a line matches the regular expression, and return the line."""

        def line() -> str:
            found = re.search(f"^.*(?:{pattern}).*$", self.log(), re.MULTILINE)
            return found.group(0) if found else ""

        await eventually(line, f"a log line that matches {pattern!r} in\n{self.log()[-2000:]}", timeout)
        return line()

    async def capture(self, path: Path, call: str) -> Path:
        """Save the SIP messages of a call for Wireshark."""
        await self.command("trace", call, "--pcap", str(path))
        return path

    async def ladder(self, call: str = "") -> str:
        """Return the SIP messages of a call (of the latest one) as text, for the message of a failed test."""
        call = call or (await self.records())[0]["id"]
        return str(await self.ask("trace", call=call, format="ladder"))

    def check_log(self) -> None:
        """Raise `SystemFailed` if the log tells of a fault in the program."""
        lines = self.log().splitlines()
        for number, line in enumerate(lines):
            if SICK.search(line) and not any(re.search(pattern, line) for pattern in self.expected):
                raise SystemFailed("in Jackfield's log:\n" + "\n".join(lines[max(0, number - 5) : number + 40]))

    def account(self, number: str, transport: str = "udp", *, line: int = 0, host: str = "") -> Account:
        """Return what a phone needs for an extension."""
        entry = next(one for one in self.configuration["extensions"] if str(one["number"]) == number)
        entry = entry["lines"][line] if "lines" in entry else entry
        port = {"tls": self.tls_port, "ws": self.ws_port, "wss": self.wss_port}.get(transport, self.sip_port)
        return Account(number, entry["sip_username"], entry["sip_password"], host or self.address, port, transport)


async def eventually(true: Callable[[], Any], what: str, timeout: float = 10.0) -> Any:
    """Wait until something is true, and return it. For what can't be waited for in a better way."""
    until = time.monotonic() + timeout
    while True:
        result = true()
        if asyncio.iscoroutine(result):
            result = await result
        if result:
            return result
        if time.monotonic() > until:
            raise AssertionError(f"not within {timeout:g} s: {what}")
        await asyncio.sleep(0.05)
