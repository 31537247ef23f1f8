"""A PostgreSQL of the test run's own: from Debian's package, on a Unix socket, without TCP, thrown away afterwards."""

from __future__ import annotations

import contextlib
import ctypes
import glob
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import psycopg

PR_SET_PDEATHSIG = 1
SECONDS = 30.0
TUNING = {  # nothing of it has to survive
    "fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "shared_buffers": "16MB",
    "max_connections": "40", "autovacuum": "off", "listen_addresses": "", "unix_socket_permissions": "0777",
    "log_min_messages": "fatal",
}  # fmt: skip


class NotToBeHad(Exception):
    """Why there is no PostgreSQL for the tests."""


class Server:
    """A running server. `url(name)` is the URL of one of its databases."""

    def __init__(self, folder: Path, command: list[str], user: str | None) -> None:
        self.folder, self.command, self.user = folder, command, user
        self.process: subprocess.Popen[bytes] | None = None

    def url(self, name: str) -> str:
        return f"postgresql://jackfield@/{name}?host={quote(str(self.folder), safe='')}"

    def sql(self, statement: str) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(statement)

    def start(self) -> None:
        self.process = subprocess.Popen(
            self.command,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            preexec_fn=_die_with_parent,
            **_as(self.user),
        )
        until = time.monotonic() + SECONDS
        while True:
            try:
                return self.sql("SELECT 1")
            except psycopg.OperationalError as error:
                if self.process.poll() is not None or time.monotonic() > until:
                    raise NotToBeHad(f"PostgreSQL did not start: {error}") from None
                time.sleep(0.02)

    def stop(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGINT)  # "fast": does not wait for clients
            self.process.wait(SECONDS)
            self.process = None


@contextlib.contextmanager
def server() -> Iterator[Server]:
    """Start a server; stop and remove it afterwards. Raises `NotToBeHad`."""
    initdb, postgres = _program("initdb"), _program("postgres")
    user = _user() if os.geteuid() == 0 else None
    folder = Path(tempfile.mkdtemp(prefix="jackfield-pg-", dir="/tmp"))  # a socket's path must be short
    try:
        folder.chmod(0o755)
        if user:
            shutil.chown(folder, user)
        made = subprocess.run(
            [initdb, "-D", folder / "data", "-U", "jackfield", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync"],
            capture_output=True, text=True, check=False, cwd=folder, **_as(user),
        )  # fmt: skip
        if made.returncode:
            raise NotToBeHad(f"initdb failed: {made.stderr.strip() or made.stdout.strip()}")
        settings = [part for name, value in TUNING.items() for part in ("-c", f"{name}={value}")]
        running = Server(folder, [postgres, "-D", str(folder / "data"), "-k", str(folder), *settings], user)
        try:
            running.start()
            yield running
        finally:
            running.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _program(name: str) -> str:
    newest = sorted(
        glob.glob(f"/usr/lib/postgresql/*/bin/{name}"), key=lambda path: int(path.split("/")[4].split(".")[0])
    )
    found = newest[-1] if newest else shutil.which(name)
    if not found:
        raise NotToBeHad(f"there is no {name}: install Debian's package with 'apt install postgresql'")
    return found


def _user() -> str:
    """PostgreSQL refuses to run as root."""
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name).pw_name
    raise NotToBeHad("PostgreSQL does not run as root, and there is no user postgres or nobody to run it as")


def _as(user: str | None) -> dict:
    return {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": []} if user else {}


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGINT)
