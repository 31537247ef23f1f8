"""What went over the wire: the ladder that people read and the pcap that other programs read."""

from __future__ import annotations

import ipaddress
import shutil
import struct
import subprocess
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

import pytest

from jackfield.capture import Recorder, ladder, pcap


@dataclass(frozen=True)
class Peer:
    remote: tuple[str, int]
    transport: str = "UDP"
    local: tuple[str, int] = ("192.0.2.1", 5060)


ALICE = Peer(("192.0.2.10", 5060))
BOB = Peer(("192.0.2.11", 49152), "TLS")
CAROL = Peer(("192.0.2.12", 5060))


def sip(first: str, call: str, *, cseq: str = "1 INVITE", sdp: bool = False) -> bytes:
    body = "Content-Type: application/sdp\r\n\r\nv=0\r\n" if sdp else "\r\n"
    return f"{first}\r\nVia: SIP/2.0/UDP x\r\ni: {call}\r\nCSeq: {cseq}\r\n{body}".encode()


@pytest.fixture
def recorder() -> Recorder:
    times = iter(range(100))
    made = Recorder(now=lambda: 1_800_000_000 + next(times) / 10)
    made.record(sip("INVITE sip:102@x SIP/2.0", "A", sdp=True), ALICE, "in")
    made.record(sip("SIP/2.0 100 Trying", "A"), ALICE, "out")
    made.record(sip("INVITE sip:102@x SIP/2.0", "B", sdp=True), BOB, "out")
    made.record(sip("INVITE sip:102@x SIP/2.0", "C", sdp=True), CAROL, "out")
    made.record(sip("SIP/2.0 180 Ringing", "B"), BOB, "in")
    made.record(sip("SIP/2.0 200 OK", "C", sdp=True), CAROL, "in")
    return made


def test_the_ladder_has_a_column_for_each_peer(recorder: Recorder) -> None:
    drawn = ladder(recorder.messages(), names={"A": "101", "B": "102", "C": "102"})
    expected = """\
    101 UDP 192.0.2.10:5060               Jackfield              102 TLS 192.0.2.11:49152        102 UDP 192.0.2.12:5060
        0.000  │───────── INVITE SDP ────────>│                              │                              │
        0.100  │<──── 100 Trying (INVITE) ────│                              │                              │
        0.200  │                              │───────── INVITE SDP ────────>│                              │
        0.300  │                              │──────────────────────── INVITE SDP ────────────────────────>│
        0.400  │                              │<──── 180 Ringing (INVITE) ───│                              │
        0.500  │                              │<─────────────────── 200 OK (INVITE) SDP ────────────────────│
    """
    assert drawn == dedent(expected)


def test_only_the_messages_of_a_call_are_taken(recorder: Recorder) -> None:
    assert [message.title for message in recorder.messages(["A"])] == ["INVITE", "100 Trying (INVITE)"]
    assert [message.call_id for message in recorder.messages(["B", "C"])] == ["B", "C", "B", "C"]


def test_nothing_to_draw_is_nothing() -> None:
    assert ladder([]) == ""


def test_the_oldest_messages_make_room() -> None:
    recorder = Recorder(max_bytes=16_000)
    for number in range(1000):
        recorder.record(sip("OPTIONS sip:x SIP/2.0", f"c{number}"), ALICE if number % 2 else BOB, "in")
    kept = recorder.messages()
    assert 16_000 / 2 < sum(len(message.data) for message in kept) <= 16_000
    assert [message.call_id for message in kept] == [f"c{number}" for number in range(1000 - len(kept), 1000)]
    assert all((message.remote == ALICE.remote) is (int(message.call_id[1:]) % 2 == 1) for message in kept)


def test_a_message_that_is_too_large_leaves_the_others_alone() -> None:
    recorder = Recorder(max_bytes=16_000)
    recorder.record(b"a", ALICE, "in")
    recorder.record(b"b" * 1001, ALICE, "in")
    recorder.record(b"c", ALICE, "out")
    assert [(message.data, message.direction) for message in recorder.messages()] == [(b"a", "in"), (b"c", "out")]


def test_no_memory_keeps_no_message() -> None:
    recorder = Recorder(max_bytes=0)
    recorder.record(b"a", ALICE, "in")
    assert recorder.messages() == []


def test_garbage_can_be_drawn_too() -> None:
    recorder = Recorder()
    recorder.record(b"\xff\x00", Peer(("2001:db8::1", 5060)), "in")
    recorder.record(b"", Peer(("2001:db8::1", 5060)), "in")
    assert "?" in ladder(recorder.messages())
    assert "[2001:db8::1]:5060" in ladder(recorder.messages())


def packets(data: bytes) -> list[bytes]:
    assert struct.unpack("<IHHiIII", data[:24])[0] == 0xA1B2C3D4
    found, at = [], 24
    while at < len(data):
        length = struct.unpack("<IIII", data[at : at + 16])[2]
        found.append(data[at + 16 : at + 16 + length])
        at += 16 + length
    return found


def test_pcap_keeps_addresses_direction_and_bytes(recorder: Recorder) -> None:
    first = packets(pcap(recorder.messages()))[0]
    assert str(ipaddress.ip_address(first[12:16])) == "192.0.2.10"
    assert str(ipaddress.ip_address(first[16:20])) == "192.0.2.1"
    assert first[28:] == recorder.messages()[0].data
    assert (sum(struct.unpack("!10H", first[:20])) % 65535) == 0  # a right checksum adds up to -0


def test_pcap_of_streams_counts_on(recorder: Recorder) -> None:
    long = Recorder()
    peer = Peer(("2001:db8::2", 5061), "TLS", ("192.0.2.1", 5061))
    long.record(b"x" * 70_000, peer, "in")
    long.record(b"y" * 10, peer, "out")
    one, two, three = packets(pcap(long.messages()))
    assert one[6] == 6
    sequence = [struct.unpack("!II", packet[44:52]) for packet in (one, two, three)]
    assert sequence == [(1, 1), (60_001, 1), (1, 70_001)]
    assert ipaddress.IPv6Address(one[24:40]).ipv4_mapped == ipaddress.ip_address("192.0.2.1")


@pytest.mark.skipif(not shutil.which("tshark"), reason="tshark is not installed")
def test_tshark_reads_the_call(recorder: Recorder, tmp_path: Path) -> None:
    file = tmp_path / "call.pcap"
    file.write_bytes(pcap(recorder.messages()))
    done = subprocess.run(
        [
            "tshark",
            "-r",
            file,
            "-d",
            "tcp.port==49152,sip",
            "-Tfields",
            "-e",
            "sip.CSeq.method",
            "-e",
            "sip.Status-Code",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["INVITE", "INVITE", "100", "INVITE", "INVITE", "INVITE", "180", "INVITE", "200"]
