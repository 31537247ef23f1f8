"""The slowest message of each parser, out of many that are damaged, random, or made to be slow.

    python bench/fuzz.py [--seconds 5] [--seed 1]

Each parser gets `--seconds` of messages: damaged copies of good ones, and lines repeated to the size of a datagram.
What is measured is what the phone system does with a message that comes: reading it, refusing it, or answering it. It's
the CPU time of this thread, the least of five runs on the same message. A parser's slowest message is written to a
file. The status is 1 when one took over 5 ms. What a parser raises against its documentation ends the program.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from jackfield import sdp
from jackfield.rtp import packet, rtcp
from jackfield.rtp.events import EventReceiver
from jackfield.rtp.srtp import Key, Receiver
from jackfield.sip import stun
from jackfield.sip.message import MalformedMessage, Request, parse
from jackfield.sip.transport.framing import Framer, Unframeable
from jackfield.sip.transport.limits import TransportLimits

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "sip"))
from test_fuzz import BITS, FILLS, PLACES, SEEDS, nasty

LIMIT_MS = 5.0
DATAGRAM = 65_507  # bytes, the most that UDP carries
OFFER = sdp.offer(
    address="192.0.2.1", port=4000, codecs=["opus", "g722", "pcma", "pcmu", "gsm"], session_id=1, version=1
).to_bytes()
SDP_LINES = [
    b"v=0\r\n",
    b"a=rtpmap:96 opus/48000/2\r\n",
    b"a=fmtp:96 useinbandfec=1;" + b"a=b;" * 50 + b"\r\n",
    b"m=audio 4000 RTP/AVP 0 8\r\n",
    b"m=audio 4000 RTP/AVP " + b"0 " * 500 + b"\r\n",
    b"m=image 4000 udptl t38\r\n",
    b"c=IN IP4 192.0.2.1\r\n",
    b"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz\r\n",
    b"a=x\r\n",
    b"\r\n",
    b"a=candidate:1 1 udp 1 192.0.2.1 4000 typ host\r\n",
]
KEY = Key.parse("AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz")

Work = Callable[[bytes], object]
Corpus = Callable[[random.Random], Iterator[bytes]]


def damaged(chance: random.Random, seeds: list[bytes], most: int = DATAGRAM) -> bytes:
    """A good message in which pieces were replaced, taken out, repeated, or put in."""
    data = chance.choice(seeds)
    for _ in range(chance.randint(1, 6)):
        start = chance.randint(0, len(data))
        end = min(len(data), start + chance.randint(0, 40))
        piece = chance.choice((
            chance.choice(BITS), chance.randbytes(chance.randint(0, 6)),
            data[start:end] * chance.choice((2, 2, 2, 50, 2000)), b"",
        ))  # fmt: skip
        data = (data[:start] + piece + data[end:])[:most]
    return data


def sip_messages(chance: random.Random) -> Iterator[bytes]:
    """Those of the fuzz tests, then damaged ones for ever."""
    yield from (nasty(place, fill) for place in PLACES for fill in FILLS.values())
    while True:
        yield damaged(chance, SEEDS)


def descriptions(chance: random.Random) -> Iterator[bytes]:
    """Session descriptions: good lines by the thousand, then damaged ones."""
    for line in SDP_LINES + [fill + b"\r\n" for fill in FILLS.values()]:
        for start in (b"", OFFER):
            yield (start + line * (DATAGRAM // len(line)))[:DATAGRAM]
    for line in SDP_LINES:
        for fill in FILLS.values():
            yield (OFFER + line[:-2] + fill * (DATAGRAM // len(fill)))[:DATAGRAM]
    while True:
        yield damaged(chance, [OFFER, OFFER + b"".join(chance.choices(SDP_LINES, k=20))])


def datagrams(first: bytes, second: range, seeds: list[bytes]) -> Corpus:
    """Datagrams of an RTP port, beginning with one of these bytes."""

    def made(chance: random.Random) -> Iterator[bytes]:
        while True:
            if chance.random() < 0.5:
                yield damaged(chance, seeds, 2048)
            head = bytes((chance.choice(first), chance.choice(second), 0, chance.choice((0, 1, 6, 12, 255))))
            yield (head + chance.randbytes(chance.randint(0, 80))) * chance.choice((1, 1, 5, 40))

    return made


def read_sip(data: bytes) -> None:
    """Read and answer, as for a request from anybody."""
    try:
        message = parse(data)
        message.check()
    except MalformedMessage as error:
        if error.request is not None:
            error.request.reply(error.status, error.reason).to_bytes()
        return
    message.stamp_received("203.0.113.5", 1024)
    if isinstance(message, Request):
        message.reply(200, to_tag="x").to_bytes()
    message.to_bytes()


def frame(data: bytes) -> None:
    """Find the end of the first message of a stream."""
    limits = TransportLimits()
    framer = Framer(limits.max_message, limits.max_head)
    try:
        for start in range(0, len(data), 1400):  # as TCP brings it
            framer.feed(data[start : start + 1400])
            if framer.next_message() is not None:
                return
    except Unframeable:
        return


def answer_description(data: bytes) -> None:
    """Read an offer and answer it."""
    try:
        offered = sdp.parse(data)
    except sdp.MalformedSdp:
        return
    answer = sdp.answer(offered, address="192.0.2.9", port=5000, codecs=["opus", "pcma"], session_id=1, version=1)
    answer.session.to_bytes()


def read_rtcp(data: bytes) -> None:
    """Read reports."""
    if packet.is_rtcp(data):
        rtcp.parse(data)


def parsers() -> dict[str, tuple[Corpus, Work]]:
    """Name → its messages, and what is done with each."""
    voice = packet.build(0, 7, 160, 9, bytes(160))
    report = rtcp.build([rtcp.ReceiverReport(1, (rtcp.ReportBlock(9),))])
    request = stun.binding_request(bytes(12), software="bench")
    rtp = datagrams(bytes(range(0x80, 0xC0)), range(256), [voice])
    receiver, events = Receiver(KEY), EventReceiver()
    return {
        "SIP message": (sip_messages, read_sip),
        "SIP stream": (sip_messages, frame),
        "SDP": (descriptions, answer_description),
        "RTP": (rtp, packet.parse),
        "SRTP": (rtp, receiver.unprotect),
        "RTCP": (datagrams(bytes(range(0x80, 0xC0)), range(192, 211), [report]), read_rtcp),
        "digit": (rtp, lambda data: events.receive(data[12:], int.from_bytes(data[4:8], "big"), 1.0, marker=False)),
        "STUN": (datagrams(bytes((0, 1)), range(3), [request]), lambda data: stun.answer(data, ("192.0.2.1", 1024))),
    }


def milliseconds(work: Work, data: bytes, runs: int = 1) -> float:
    """CPU time of one call, the least of `runs`."""
    best = float("inf")
    for _ in range(runs):
        start = time.thread_time()
        work(data)
        best = min(best, time.thread_time() - start)
    return best * 1e3


def main() -> int:
    """Measure, print, and return 1 when a message took too long."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--seconds", type=float, default=5.0, help="for each parser")
    options.add_argument("--seed", type=int, default=1)
    asked = options.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="jackfield-fuzz-"))
    too_slow = False
    print(f"{'parser':14}{'messages':>10}{'slowest, ms':>14}{'bytes':>8}  file")
    for name, (corpus, work) in parsers().items():
        file = folder / name.lower().replace(" ", "-")
        count, worst, slowest = 0, 0.0, b""
        until = time.monotonic() + asked.seconds
        for data in corpus(random.Random(asked.seed)):
            try:
                took = milliseconds(work, data)
            except Exception:
                file.write_bytes(data)
                print(f"{name}: raised something by {file}", file=sys.stderr)
                raise
            if took > worst and (took := milliseconds(work, data, 5)) > worst:
                worst, slowest = took, data
            count += 1
            if time.monotonic() > until:
                break
        file.write_bytes(slowest)
        too_slow = too_slow or worst > LIMIT_MS
        print(f"{name:14}{count:10,}{worst:14.3f}{len(slowest):8,}  {file}", flush=True)
    return int(too_slow)


if __name__ == "__main__":
    sys.exit(main())
