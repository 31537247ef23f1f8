"""Many RTP streams in one process: says on each, counts what comes back on the other end of each call.

Reads a JSON list of ends from its standard input, talks for some seconds, and prints what was counted as JSON. Each
packet carries in its payload who said it, which one it is and when, so a relay that rewrites the header can't confuse
the count. The codec is mu-law on both sides of a call, so the payload must arrive untouched.
"""

from __future__ import annotations

import json
import select
import socket
import struct
import sys
import time
from array import array

PAYLOAD = struct.Struct("<IId")
HEADER = struct.Struct("!BBHII")
FRAME = 0.02
SAMPLES = 160
LINGER = 1.0  # seconds that are waited for the last packets


def main() -> None:
    """Talk as the standard input says: {"address", "seconds", "ends": [[own port, port of the system], …]}."""
    plan = json.load(sys.stdin)
    ends = plan["ends"]
    sockets = []
    for own, theirs in ends:
        one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        one.bind((plan["address"], own))
        one.connect((plan["address"], theirs))
        one.setblocking(False)
        sockets.append(one)
    poll = select.epoll()
    by_number = {}
    for index, one in enumerate(sockets):
        poll.register(one.fileno(), select.EPOLLIN)
        by_number[one.fileno()] = (index, one)
    count = len(ends)
    filler = bytes([0xD5]) * (SAMPLES - PAYLOAD.size)
    sent, heard, strange, twice = [0] * count, [0] * count, 0, 0
    newest = [-1] * count
    peers = [-1] * count  # who is at the other end: the first that is heard
    delays = array("f")
    late = 0.0
    begin = time.monotonic() + 0.2
    frames = int(plan["seconds"] / FRAME)
    total, index = frames * count, 0
    buffer = bytearray(2048)
    end = begin + plan["seconds"] + LINGER
    while True:
        now = time.monotonic()
        due = begin + index / count * FRAME  # spread over the 20 ms, as phones are
        while index < total and due <= now:
            who, frame = index % count, index // count
            late = max(late, now - due)
            header = HEADER.pack(0x80, 0 if frame else 0x80, frame & 0xFFFF, frame * SAMPLES & 0xFFFFFFFF, 7000 + who)
            try:
                sockets[who].send(header + PAYLOAD.pack(who, frame, now) + filler)
                sent[who] += 1
            except (BlockingIOError, ConnectionRefusedError):
                pass
            index += 1
            due = begin + index / count * FRAME
        if now >= end:
            break
        wait = min(due if index < total else end, end) - time.monotonic()
        for number, _ in poll.poll(max(0.0, wait)):
            listener, one = by_number[number]
            try:
                while True:
                    length = one.recv_into(buffer)
                    at = time.monotonic()
                    if length != 12 + SAMPLES:
                        strange += 1
                        continue
                    who, frame, said = PAYLOAD.unpack_from(buffer, 12)
                    if peers[listener] < 0:
                        peers[listener] = who
                    if who != peers[listener]:
                        strange += 1
                        continue
                    twice += frame <= newest[listener]
                    newest[listener] = max(newest[listener], frame)
                    heard[listener] += 1
                    delays.append(at - said)
            except (BlockingIOError, ConnectionRefusedError):
                continue
    ordered = sorted(delays)
    json.dump(
        {
            "sent": sum(sent),
            "heard": sum(heard),
            "lost": sum(sent) - sum(heard),
            "pairs": sum(1 for index, peer in enumerate(peers) if peer >= 0 and peers[peer] == index) // 2,
            "strange": strange,
            "out_of_order": twice,
            "delay_ms": {
                str(part): round(1000 * ordered[int(part * (len(ordered) - 1))], 2) for part in (0.5, 0.99, 1.0)
            }
            if ordered
            else {},
            "late_ms": round(1000 * late, 1),  # how late we were ourselves: the machine was busy
        },
        sys.stdout,
    )


if __name__ == "__main__":
    main()
