"""The servers that the benchmarks measure, each with the rig's phones: Jackfield, Asterisk, or one that runs already.

Phones: callers 1000-1199 and phones that answer 3000-3199 (`numbers`), the SIP name is the number, one password.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import partial
from pathlib import Path

from rig import HOST, SERVER_CORE, Server

PASSWORD = "bench-5up3r-secret"
FIRST_CALLER, FIRST_CALLEE, PHONES = 1000, 3000, 200

Start = Callable[[], AbstractContextManager[Server]]


def chosen(
    options: argparse.Namespace,
    *,
    codecs: Sequence[str] = (),
    callee_codecs: Sequence[str] = (),
    more: Sequence[int] = (),
) -> list[Start]:
    """How to start each server that the command line asks for. Codecs by Jackfield's names; () is the default.

    `more`: numbers besides the rig's phones.
    """
    prepare()
    found: list[Start] = []
    if not options.only_peers:
        found.append(partial(jackfield, codecs=codecs, callee_codecs=callee_codecs, more=more, python=options.python))
    if options.asterisk:
        found.append(partial(asterisk, options.asterisk, codecs=codecs, callee_codecs=callee_codecs, more=more))
    found += [partial(running, text) for text in options.server]
    if not found:
        raise SystemExit("nothing to measure: --only-peers needs --asterisk or --server")
    return found


def callers() -> range:
    """Extensions that call."""
    return range(FIRST_CALLER, FIRST_CALLER + PHONES)


def callees() -> range:
    """Extensions that answer."""
    return range(FIRST_CALLEE, FIRST_CALLEE + PHONES)


@contextmanager
def jackfield(
    *,
    codecs: Sequence[str] = (),
    callee_codecs: Sequence[str] = (),
    media: int = 1,
    more: Sequence[int] = (),
    python: str = sys.executable,
) -> Iterator[Server]:
    """Jackfield with the rig's phones and `more` numbers, all its processes on one core.

    JACKFIELD_BENCH_KEEP=1 keeps its folder and says where it is.
    """
    folder = Path(tempfile.mkdtemp(prefix="jackfield-bench-"))
    port = free_port()
    extensions = [_extension(number, codecs) for number in (*callers(), *more)]
    extensions += [_extension(number, callee_codecs) for number in callees()]
    document = folder / "bench.yaml"
    document.write_text(json.dumps({"settings": {"realm": "bench"}, "extensions": extensions}))  # JSON is YAML
    command = [python, "-m", "jackfield.cli"]
    flags = ["--data-dir", str(folder / "data")]
    subprocess.run([*command, "init", *flags], check=True, stdout=subprocess.DEVNULL)
    subprocess.run([*command, "apply", str(document), *flags], check=True, stdout=subprocess.DEVNULL)
    process = None
    try:
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                [
                    "taskset", "-c", str(SERVER_CORE), *command, "run", *flags, "--host", HOST,
                    "--sip-port", str(port), "--sip-tls-port", "0", "--sip-ws-port", "0", "--sip-wss-port", "0",
                    "--rtp-ports", "12000-31998", "--console-port", str(free_port()),
                    "--media-processes", str(media), "--drain-seconds", "0",
                ],
                stdout=log, stderr=log,
            )  # fmt: skip
        wait_for_sip(port)
        time.sleep(1.0)
        yield Server("Jackfield", HOST, port, process.pid)
    finally:
        status = _end(process)
        if status or os.environ.get("JACKFIELD_BENCH_KEEP"):
            print(f"Jackfield ended with {status}; its log is {folder}/log", file=sys.stderr)
        else:
            shutil.rmtree(folder, ignore_errors=True)


def _extension(number: int, codecs: Sequence[str]) -> dict[str, object]:
    entry: dict[str, object] = {
        "number": str(number),
        "name": f"Bench {number}",
        "sip_username": str(number),
        "sip_password": PASSWORD,
        "max_calls": 100,
    }
    return entry | ({"codecs": list(codecs)} if codecs else {})


# Jackfield raises the priority of its processes by itself. In a session of its own a process stands against others by
# the nice value of the session (sched(7), autogroup).
_BEFORE_OTHERS = ("sh", "-c", 'echo -10 > /proc/self/autogroup; exec nice -n -10 "$@"', "sh")
_ASTERISK_CODECS = {"pcmu": "ulaw", "pcma": "alaw", "gsm": "gsm", "g722": "g722", "opus": "opus"}


@contextmanager
def asterisk(
    root: Path,
    *,
    codecs: Sequence[str] = (),
    callee_codecs: Sequence[str] = (),
    more: Sequence[int] = (),
) -> Iterator[Server]:
    """Asterisk out of a folder made by bench/peer/asterisk.sh, with the same phones (chan_pjsip)."""
    if not (root / "usr" / "sbin" / "asterisk").exists():
        raise SystemExit(f"there is no Asterisk in {root}: make it with bench/peer/asterisk.sh {root}")
    port = free_port()
    etc = root / "etc"
    # Asterisk looks its host name up when a call sets up audio; without an entry that waits 5 s for the name server.
    (etc / "hosts").write_text(f"127.0.0.1 localhost {socket.gethostname()}\n")
    pjsip = [
        f"[udp]\ntype=transport\nprotocol=udp\nbind={HOST}:{port}\n",
        "[global]\ntype=global\nuser_agent=Asterisk\n",
    ]
    wanted = dict.fromkeys((*callers(), *more), codecs) | dict.fromkeys(callees(), callee_codecs)
    for number, names in wanted.items():
        allow = ",".join(_ASTERISK_CODECS[name] for name in names) or "ulaw"
        pjsip.append(
            f"[{number}]\ntype=endpoint\ncontext=bench\ndisallow=all\nallow={allow}\nauth={number}\naors={number}\n"
            "direct_media=no\nrewrite_contact=no\nrtp_symmetric=no\n"
            f"[{number}]\ntype=auth\nauth_type=userpass\nusername={number}\npassword={PASSWORD}\n"
            f"[{number}]\ntype=aor\nmax_contacts=1\nremove_existing=yes\n"
        )
    configuration = {
        "pjsip.conf": "\n".join(pjsip),
        "extensions.conf": "[bench]\nexten => _X.,1,Dial(PJSIP/${EXTEN})\n same => n,Hangup()\n",
        "rtp.conf": "[general]\nrtpstart=12000\nrtpend=31998\n",
        "logger.conf": "[general]\n[logfiles]\n",
    }
    for name, text in configuration.items():
        (etc / "asterisk" / name).write_text(text)
    for left_over in ("var/lib/asterisk/astdb.sqlite3", "run/asterisk/asterisk.ctl", "run/asterisk/asterisk.pid"):
        (root / left_over).unlink(missing_ok=True)  # contacts of earlier runs; what a killed one leaves behind
    process = None
    try:
        process = subprocess.Popen(
            [*_BEFORE_OTHERS, "taskset", "-c", str(SERVER_CORE), "chroot", str(root), "asterisk", "-f",
             "-C", "/etc/asterisk/asterisk.conf"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        wait_for_sip(port)
        time.sleep(1.0)
        yield Server("Asterisk", HOST, port, process.pid)
    finally:
        _end(process)


@contextmanager
def running(text: str) -> Iterator[Server]:
    """A server that somebody else started: NAME=HOST:PORT[:PID]."""
    name, _, address = text.partition("=")
    parts = address.split(":")
    if len(parts) not in (2, 3) or not all(part.isdecimal() for part in parts[1:]):
        raise SystemExit(f"--server {text}: expected NAME=HOST:PORT or NAME=HOST:PORT:PID")
    yield Server(name, parts[0], int(parts[1]), int(parts[2]) if len(parts) == 3 else 0)


def prepare() -> None:
    """Let the load have as many sockets as the system allows, and come before other programs as the servers do."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, -10)
        Path("/proc/self/autogroup").write_text("-10")


def _end(process: subprocess.Popen[bytes] | None) -> int:
    if process is None:
        return 0
    process.send_signal(signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        return process.wait(15)
    process.kill()
    return process.wait(5)


def free_port() -> int:
    """A UDP port that nobody uses now."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def wait_for_sip(port: int, seconds: float = 30.0) -> None:
    """Wait until something answers OPTIONS on the port. Raises TimeoutError."""
    deadline = time.monotonic() + seconds
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind((HOST, 0))
        probe.settimeout(0.2)
        mine = probe.getsockname()[1]
        number = 0
        while time.monotonic() < deadline:
            number += 1
            probe.sendto(
                f"OPTIONS sip:{HOST}:{port} SIP/2.0\r\n"
                f"Via: SIP/2.0/UDP {HOST}:{mine};branch=z9hG4bKup{number};rport\r\nMax-Forwards: 70\r\n"
                f"From: <sip:up@{HOST}>;tag=up\r\nTo: <sip:{HOST}>\r\nCall-ID: up{number}\r\n"
                f"CSeq: {number} OPTIONS\r\nContact: <sip:up@{HOST}:{mine}>\r\nContent-Length: 0\r\n\r\n".encode(),
                (HOST, port),
            )
            try:
                probe.recv(4096)
                return
            except (TimeoutError, ConnectionRefusedError):
                time.sleep(0.1)
    raise TimeoutError(f"nothing answers SIP on port {port}")
