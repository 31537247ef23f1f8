"""The rig of the benchmarks: what a server costs, read from /proc, and figures over several runs as Markdown tables.

The server under test has core 0, the load core 1. CPU time is that of all processes of the server
(/proc/PID/task/*/schedstat, nanoseconds); memory is its proportional share (PSS). Each case gives a median and a range
over its runs, because one run on a shared machine says little. See `servers` for what can be measured, `sipp` and
`phones` for the load.
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

SERVER_CORE, LOAD_CORE = 0, 1
HOST = "127.0.0.1"


@dataclass
class Cost:
    """What a stretch of work cost the server. `foreign` is the share of its core that other programs took (0-1)."""

    cpu: float = 0.0
    seconds: float = 0.0
    foreign: float = 0.0

    def per(self, count: float) -> float:
        """Milliseconds of CPU for each of `count` things."""
        return self.cpu * 1000 / count if count else float("nan")


@dataclass
class Server:
    """A running server. `pid` is the root of its process tree; 0 for one on another machine, which is not measured."""

    name: str
    host: str
    port: int
    pid: int
    foreign: list[float] = field(default_factory=list)  # of all that was metered, for the note under the table

    def pids(self) -> list[int]:
        """All processes of the server."""
        return _tree(self.pid) if self.pid else []

    def cpu(self) -> float:
        """CPU seconds of all its processes until now."""
        return sum(_cpu(pid) for pid in self.pids())

    def memory(self, *, own: bool = False) -> float:
        """Proportional memory (PSS) of all its processes in kB; `own`: without files, such as program code.

        Files are shared with whatever else runs, so their part rises and falls with the other programs of the machine.
        """
        return sum(_pss(pid, "Pss_Anon" if own else "Pss") for pid in self.pids())

    @contextmanager
    def metered(self) -> Iterator[Cost]:
        """Measure what the block costs; the figures are there when it ends."""
        cost = Cost()
        cpu, busy, began = self.cpu(), _busy(SERVER_CORE), time.monotonic()
        yield cost
        cost.seconds = time.monotonic() - began
        cost.cpu = self.cpu() - cpu
        cost.foreign = max(0.0, (_busy(SERVER_CORE) - busy - cost.cpu) / cost.seconds)
        self.foreign.append(cost.foreign)


@dataclass
class Figures:
    """Several runs of one measured quantity."""

    unit: str
    values: list[float] = field(default_factory=list)

    def __str__(self) -> str:
        values = [value for value in self.values if value == value]  # without NaN
        if not values:
            return "-"
        low, middle, high = min(values), statistics.median(values), max(values)
        spread = f" ({_short(low)} - {_short(high)})" if high > low else ""
        return f"{_short(middle)} {self.unit}".rstrip() + spread


class Table:
    """Figures of several servers, case by case in the order in which they were first measured."""

    def __init__(self) -> None:
        self._cells: dict[str, dict[str, Figures]] = {}
        self._servers: dict[str, None] = {}

    def add(self, case: str, server: str, value: float, unit: str = "") -> None:
        """Note one run's figure, and show it at once."""
        self._servers[server] = None
        self._cells.setdefault(case, {}).setdefault(server, Figures(unit)).values.append(value)
        print(f"  {server}: {case}: {_short(value)} {unit}", file=sys.stderr, flush=True)

    def __str__(self) -> str:
        names = list(self._servers)
        lines = [f"| case | {' | '.join(names)} |", f"|---|{'---|' * len(names)}"]
        for case, cells in self._cells.items():
            lines.append(f"| {case} | {' | '.join(str(cells.get(name, '-')) for name in names)} |")
        return "\n".join(lines)


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which `share` (0-1) of the values lie; NaN of nothing."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("nan")


# CONFIG_ARGS tells how a Python was built, but not a distribution's: Debian compiles /usr/bin/python3 with
# profile-guided and link-time optimisation, and ships the configuration of its shared library, built without.
_INTERPRETER = """
import platform, sys, sysconfig
made = sysconfig.get_config_var("CONFIG_ARGS") or ""
if sys.base_prefix == "/usr":
    built = " (the distribution's)"
elif "--enable-optimizations" in made:
    built = ""
else:
    built = " (built without profile-guided optimisation: slower)"
print(platform.python_version() + built)
"""


def machine(python: str = sys.executable) -> str:
    """A line about where and what was measured."""
    described = Path("/proc/cpuinfo").read_text()
    found = re.search(r"^model name\s*: (.*)$", described, re.M)
    model = found[1] if found else "?"
    version = subprocess.run([python, "-c", _INTERPRETER], capture_output=True, text=True, check=False).stdout.strip()
    git = ["git", "describe", "--always", "--dirty"]
    commit = subprocess.run(git, cwd=Path(__file__).parent, capture_output=True, text=True, check=False).stdout.strip()
    return (
        f"{os.cpu_count()} x {model}, Linux {os.uname().release}, Python {version or '?'}, "
        f"{time.strftime('%Y-%m-%d %H:%M')}, commit {commit or '?'}, load average {os.getloadavg()[0]:.1f}"
    )


def noise(foreign: Sequence[float]) -> str:
    """A line about what else ran on the server's core."""
    if not foreign:
        return ""
    return (
        f"Other programs took {percentile(foreign, 0.5):.0%} of the server's core in the median run, "
        f"{max(foreign):.0%} in the worst."
    )


def report(title: str, table: Table, foreign: Sequence[float], options: argparse.Namespace) -> None:
    """Print what was measured as Markdown."""
    print(f"\n## {title}\n\n{machine(options.python)}\n\n{table}\n\n{noise(foreign)}\n", flush=True)


def arguments(description: str, *, runs: int = 3) -> argparse.ArgumentParser:
    """What all benchmarks of whole servers take; see `servers.chosen`."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=runs, help="runs of each case (default %(default)s)")
    parser.add_argument("--quick", action="store_true", help="one run of a fifth of the load: shows that all works")
    parser.add_argument("--asterisk", type=Path, metavar="FOLDER", help="measure Asterisk too (bench/peer/asterisk.sh)")
    parser.add_argument(
        "--server", action="append", default=[], metavar="NAME=HOST:PORT[:PID]",
        help="measure a running server too, which has the rig's phones (callers 1000-1199, phones that answer "
        "3000-3199, passwords: see bench/servers.py); PID is the root of its processes",
    )  # fmt: skip
    parser.add_argument(
        "--python", default=sys.executable, metavar="PATH",
        help="interpreter that runs Jackfield and has its packages (default: the one that runs this)",
    )  # fmt: skip
    parser.add_argument("--only-peers", action="store_true", help="leave Jackfield out")
    return parser


def _short(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _tree(root: int) -> list[int]:
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except (OSError, IndexError):
                continue
            children.setdefault(parent, []).append(int(entry.name))
    found, waiting = [], [root]
    while waiting:
        pid = waiting.pop()
        found.append(pid)
        waiting += children.get(pid, [])
    return found


def _cpu(pid: int) -> float:
    total = 0
    try:
        for task in Path(f"/proc/{pid}/task").iterdir():
            total += int((task / "schedstat").read_text().split()[0])
    except OSError:
        pass
    return total / 1e9


def _busy(core: int) -> float:
    """CPU seconds that all programs have spent on a core."""
    for line in Path("/proc/stat").read_text().splitlines():
        if line.startswith(f"cpu{core} "):
            user, nice, system = map(int, line.split()[1:4])
            return (user + nice + system) / os.sysconf("SC_CLK_TCK")
    return 0.0


def _pss(pid: int, which: str) -> float:
    try:
        found = re.search(rf"^{which}:\s+(\d+)", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.M)
    except OSError:
        return 0.0
    return float(found[1]) if found else 0.0
