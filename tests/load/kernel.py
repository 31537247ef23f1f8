"""What the kernel dropped: calls can "succeed" while datagrams are lost in a full buffer."""

from __future__ import annotations

from pathlib import Path

__all__ = ["buffer_errors", "drops"]


def buffer_errors() -> int:
    """Return how many UDP datagrams this machine has dropped because a receive or send buffer was full."""
    total = 0
    for path, prefix in (("/proc/net/snmp", "Udp:"), ("/proc/net/snmp6", "Udp6")):
        lines = [line.split() for line in Path(path).read_text().splitlines() if line.startswith(prefix)]
        if prefix == "Udp:":
            names, values = lines[0][1:], lines[1][1:]
            found = dict(zip(names, map(int, values), strict=True))
            total += found["RcvbufErrors"] + found["SndbufErrors"]
        else:
            total += sum(int(line[1]) for line in lines if line[0] in ("Udp6RcvbufErrors", "Udp6SndbufErrors"))
    return total


def drops(first: int, last: int) -> int:
    """Return how many datagrams the sockets on these local ports have dropped, as far as they are open now."""
    total = 0
    for path in ("/proc/net/udp", "/proc/net/udp6"):
        for line in Path(path).read_text().splitlines()[1:]:
            fields = line.split()
            if first <= int(fields[1].rpartition(":")[2], 16) <= last:
                total += int(fields[-1])
    return total
