"""What SIP messages cost: parse, serialise, reply, digest; and the slowest of the messages made to be slow.

Run: python bench/sip_messages.py
CPU time of this thread, the least of many rounds, on one message after another. "First seen" are messages whose
addresses were never seen before; all others repeat the same ones, as the messages of one call and one phone do.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from itertools import cycle
from pathlib import Path

from jackfield.sip import limits
from jackfield.sip.digest import ALGORITHMS, Challenger, DigestClient, ha1
from jackfield.sip.message import MalformedMessage, Request, parse

SDP = (
    b"v=0\r\no=- 3747 3747 IN IP4 192.0.2.15\r\ns=pjmedia\r\nc=IN IP4 192.0.2.15\r\nt=0 0\r\n"
    b"m=audio 4002 RTP/AVP 9 8 0 101\r\na=rtpmap:9 G722/8000\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\n"
    b"a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\na=sendrecv\r\na=ptime:20\r\n"
)


def invite() -> bytes:
    """An INVITE of 1.2 kB with SDP and credentials, as a desk phone sends it the second time."""
    head = (
        "INVITE sip:2002@pbx.example.com SIP/2.0\r\n"
        "Via: SIP/2.0/UDP 192.0.2.15:5060;rport;branch=z9hG4bKPj7b5d1b7e6f2a4c0d9a\r\n"
        "Max-Forwards: 70\r\n"
        'From: "Alice Reception" <sip:k7f3q9@pbx.example.com>;tag=8f1c2d3e4f5a6b7c\r\n'
        "To: <sip:2002@pbx.example.com>\r\n"
        'Contact: "Alice Reception" <sip:k7f3q9@192.0.2.15:5060;ob>\r\n'
        "Call-ID: 5e1b2c3d-4f5a-6b7c-8d9e-0f1a2b3c4d5e\r\n"
        "CSeq: 20182 INVITE\r\n"
        "Allow: PRACK, INVITE, ACK, BYE, CANCEL, UPDATE, INFO, SUBSCRIBE, NOTIFY, REFER, MESSAGE, OPTIONS\r\n"
        "Supported: replaces, 100rel, timer, norefersub\r\n"
        "Session-Expires: 1800\r\nMin-SE: 90\r\nUser-Agent: Desk Phone T46 1.2.3.4\r\n"
        'Authorization: Digest username="k7f3q9", realm="pbx.example.com", '
        'nonce="65f1a2b3c4d5e6f708192a3b4c5d6e7f", uri="sip:2002@pbx.example.com", '
        'response="0123456789abcdef0123456789abcdef", algorithm=MD5, cnonce="9a8b7c6d5e4f", qop=auth, nc=00000001\r\n'
        f"Content-Type: application/sdp\r\nContent-Length: {len(SDP)}\r\n\r\n"
    )
    return head.encode() + SDP


def register() -> bytes:
    """A REGISTER of 0.9 kB with credentials."""
    return (
        b"REGISTER sip:pbx.example.com SIP/2.0\r\n"
        b"Via: SIP/2.0/UDP 192.0.2.15:5060;rport;branch=z9hG4bKPj1f2e3d4c5b6a79880\r\n"
        b"Route: <sip:pbx.example.com;lr>\r\nMax-Forwards: 70\r\n"
        b'From: "Alice Reception" <sip:k7f3q9@pbx.example.com>;tag=1a2b3c4d5e6f7081\r\n'
        b'To: "Alice Reception" <sip:k7f3q9@pbx.example.com>\r\n'
        b"Call-ID: 0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0\r\nCSeq: 12346 REGISTER\r\n"
        b"User-Agent: Desk Phone T46 1.2.3.4\r\n"
        b'Contact: "Alice Reception" <sip:k7f3q9@192.0.2.15:5060;ob>;'
        b'+sip.instance="<urn:uuid:00000000-0000-1000-8000-001565123456>";reg-id=1\r\n'
        b"Expires: 300\r\nAllow: PRACK, INVITE, ACK, BYE, CANCEL, UPDATE, INFO, SUBSCRIBE, NOTIFY, REFER\r\n"
        b'Authorization: Digest username="k7f3q9", realm="pbx.example.com", '
        b'nonce="65f1a2b3c4d5e6f708192a3b4c5d6e7f", uri="sip:pbx.example.com", '
        b'response="0123456789abcdef0123456789abcdef", algorithm=MD5, cnonce="9a8b7c6d5e4f", qop=auth, nc=00000002\r\n'
        b"Content-Length: 0\r\n\r\n"
    )


def read(data: bytes) -> Request:
    """Parse, and ask for what a switch asks of every request."""
    message = parse(data)
    assert isinstance(message, Request)
    _ = message.method, message.via.branch, message.from_.uri.user, message.from_.tag
    _ = message.to.uri.user, message.to.tag, message.call_id, message.cseq
    contact = message.contact
    assert contact is not None
    _ = contact.uri.host
    return message


def read_and_check(data: bytes) -> None:
    """Read, and check all else that a call relies on."""
    read(data).check()


def read_and_write(data: bytes) -> None:
    """Read, change one header, and serialise."""
    message = read(data)
    message.set("User-Agent", "Jackfield")
    message.to_bytes()


def read_and_reply(data: bytes) -> None:
    """Read, and build the 180."""
    read(data).reply(180, to_tag="as7d6f5g").to_bytes()


def read_and_stamp(data: bytes) -> None:
    """Read, note the source in Via, and serialise."""
    message = read(data)
    message.stamp_received("203.0.113.9", 1024)
    message.to_bytes()


def build(data: bytes) -> None:
    """Build an INVITE from nothing and serialise it."""
    Request.new(
        "INVITE",
        "sip:201@192.0.2.7:5060",
        [
            ("Via", "SIP/2.0/UDP 192.0.2.1:5060;rport;branch=z9hG4bK0123456789abcdef"),
            ("Max-Forwards", "70"),
            ("From", '"Bob" <sip:200@pbx.example.com>;tag=0123456789'),
            ("To", "<sip:201@192.0.2.7:5060>"),
            ("Call-ID", "0123456789abcdef"),
            ("CSeq", "1 INVITE"),
            ("Contact", "<sip:192.0.2.1:5060>"),
            ("Allow", "INVITE, ACK, BYE, CANCEL, OPTIONS, PRACK, UPDATE, INFO, REFER, NOTIFY"),
            ("Supported", "100rel, timer, replaces"),
        ],
        SDP,
        "application/sdp",
    ).to_bytes()


def microseconds(work: Callable[[bytes], object], data: bytes, rounds: int = 15, repeat: int = 1_000) -> float:
    """The least CPU time of one call, in microseconds."""
    best = float("inf")
    for _ in range(rounds):
        start = time.thread_time()
        for _ in range(repeat):
            work(data)
        best = min(best, time.thread_time() - start)
    return best / repeat * 1e6


def digest_table() -> None:
    """Print what a challenge and a verification cost, and the hashes alone."""
    print(f"\n{'µs of CPU':28}" + "".join(f"{name:>18}" for name in ALGORITHMS))
    costs: dict[str, list[float]] = {"challenge": [], "verify": [], "of which the two hashes": []}
    for algorithm in ALGORITHMS:
        challenger = Challenger("pbx.example.com", bytes(32), algorithms=(algorithm,))
        secret = ha1("k7f3q9", "pbx.example.com", "secret", algorithm)
        client = DigestClient()
        uri = "sip:pbx.example.com"
        first = client.answer(challenger.challenges("192.0.2.7", 1.0), "REGISTER", uri, "k7f3q9", "secret")
        values = [first] + [client.again("REGISTER", uri, "k7f3q9", "secret") for _ in range(20_000)]
        waiting = iter(values)

        def verify(_: bytes, challenger=challenger, waiting=waiting, uri=uri, secret=secret) -> None:
            assert challenger.verify(next(waiting), "REGISTER", uri, "192.0.2.7", 2.0, lambda *_: secret).ok

        def hashes(_: bytes, algorithm=algorithm, secret=secret) -> None:
            ha1("REGISTER", "sip:pbx.example.com", "", algorithm)
            ha1(
                secret,
                "0123456789abcdef0123456789abcdef0123456789",
                "00000001:0123456789abcdef:auth:" + secret,
                algorithm,
            )

        costs["challenge"].append(microseconds(lambda _, c=challenger: c.challenges("192.0.2.7", 1.0), b""))
        costs["verify"].append(microseconds(verify, b""))
        costs["of which the two hashes"].append(microseconds(hashes, b""))
    for name, values_ in costs.items():
        print(f"{name:28}" + "".join(f"{value:18.1f}" for value in values_))


def first_seen(data: bytes) -> Callable[[bytes], object]:
    """Read messages none of whose addresses is kept from before (see limits.MAX_SHARED_ADDRESSES)."""
    variants = [
        data.replace(b"k7f3q9", b"k%05d" % number).replace(b"2002@", b"2%05d@" % number)
        for number in range(limits.MAX_SHARED_ADDRESSES)
    ]
    waiting = cycle(variants)
    return lambda _: read(next(waiting))


def nasty_table() -> None:
    """Print the messages that take longest to be read, checked and refused, or read, checked and answered."""
    sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "sip"))
    from test_fuzz import FILLS, PLACES, REGISTER, nasty

    def work(data: bytes) -> None:
        try:
            message = parse(data)
            message.check()
        except MalformedMessage as error:
            if error.request is not None:
                error.request.reply(error.status).to_bytes()
        else:
            message.set("User-Agent", "x")
            message.to_bytes()

    cases = {f"{fill} in {place}": nasty(place, FILLS[fill]) for fill in FILLS for place in PLACES}
    cases["10,000 headers"] = REGISTER.replace(b"Expires: 300\r\n", b"A: b\r\n" * 10_000)
    cases["250 long headers of one name"] = REGISTER.replace(b"Expires", b"A: %s\r\n" % (b"b" * 220) * 235 + b"Expires")
    costs = {name: microseconds(work, data, rounds=3, repeat=1) / 1e3 for name, data in cases.items()}
    print(f"\nms of CPU, the slowest of {len(cases)} messages of 60 kB made to be slow")
    for name in sorted(costs, key=costs.__getitem__, reverse=True)[:5]:
        print(f"{name:44}{costs[name]:6.2f}")


def main() -> None:
    """Print the table."""
    messages = {"INVITE": invite(), "REGISTER": register()}
    works: dict[str, Callable[[bytes], object]] = {
        "parse only": parse,
        "parse and read": read,
        "... and check()": read_and_check,
        "... and serialise changed": read_and_write,
        "... and reply": read_and_reply,
        "... and stamp, serialise": read_and_stamp,
        "build and serialise": build,
    }
    print(f"{'µs of CPU':28}" + "".join(f"{name + ' ' + str(len(data)) + ' B':>18}" for name, data in messages.items()))
    for name, work in works.items():
        print(f"{name:28}" + "".join(f"{microseconds(work, data):18.1f}" for data in messages.values()))
        if work is read:
            cost = [
                microseconds(first_seen(data), b"", repeat=limits.MAX_SHARED_ADDRESSES) for data in messages.values()
            ]
            print(f"{'... first seen':28}" + "".join(f"{value:18.1f}" for value in cost))
    digest_table()
    nasty_table()


if __name__ == "__main__":
    main()
