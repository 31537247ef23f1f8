"""What the planner reckons is what the media process sends: packets captured on their way, headers and all."""

from __future__ import annotations

import asyncio
import base64
import socket
import struct
from collections.abc import Iterator
from itertools import pairwise

import pytest

from jackfield.media.client import MediaPool, Remote, Tone
from jackfield.network.bandwidth import Security, kbits, packet_bytes

PACKETS = 8
ETHERTYPE_IPV4, UDP, HEADER = 0x0800, 17, 14
CHECKSUM = 4
"""Of an Ethernet frame: a network card adds it, so a capture never shows it."""
PATIENCE = 20.0
SUITES = {"80": ("AES_CM_128_HMAC_SHA1_80", 30), "32": ("AES_CM_128_HMAC_SHA1_32", 30), "gcm": ("AEAD_AES_128_GCM", 28)}


@pytest.fixture
def wire() -> Iterator[socket.socket]:
    """What passes over the loopback interface, frame by frame."""
    try:
        sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETHERTYPE_IPV4))
    except PermissionError:
        pytest.skip("only root may look at the packets of an interface")
    sock.bind(("lo", ETHERTYPE_IPV4))
    sock.settimeout(PATIENCE)
    yield sock
    sock.close()


def captured(wire: socket.socket, port: int) -> list[tuple[int, int, int]]:
    """Return (octets of the frame, octets of the IP packet, RTP timestamp) of the first packets to a port."""
    found: list[tuple[int, int, int]] = []
    while len(found) < PACKETS:
        frame, (_, _, kind, _, _) = wire.recvfrom(65535)
        packet = frame[HEADER:]
        start = (packet[0] & 15) * 4
        if kind == socket.PACKET_OUTGOING or packet[9] != UDP:  # each packet is seen going out and coming in
            continue
        (length,), (to,) = struct.unpack_from("!H", packet, 2), struct.unpack_from("!H", packet, start + 2)
        if to == port:
            (timestamp,) = struct.unpack_from("!I", packet, start + 8 + 4)
            found.append((len(frame), length, timestamp))
    return found


def _key(suite: str, octets: int) -> str:
    return f"{suite} inline:{base64.b64encode(bytes(octets)).decode()}"


@pytest.mark.parametrize(("codec", "payload_type", "clock_rate", "fmtp", "ptime", "security"), [
    ("pcma", 8, 8000, "", 20, "off"), ("pcma", 8, 8000, "", 20, "80"), ("pcma", 8, 8000, "", 20, "32"),
    ("pcma", 8, 8000, "", 20, "gcm"), ("g722", 9, 8000, "", 20, "off"),
    ("pcmu", 0, 8000, "", 40, "off"), ("gsm", 3, 8000, "", 60, "80"), ("g722", 9, 8000, "", 40, "32"),
    ("gsm", 3, 8000, "", 20, "off"), ("opus", 96, 48000, "maxaveragebitrate=12000;cbr=1", 20, "off"),
])  # fmt: skip
async def test_a_call_takes_what_was_reckoned(
    pool: MediaPool,
    wire: socket.socket,
    codec: str,
    payload_type: int,
    clock_rate: int,
    fmtp: str,
    ptime: int,
    security: Security,
) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:
        phone.bind(("127.0.0.1", 0))
        port = phone.getsockname()[1]
        key = "" if security == "off" else _key(*SUITES[security])
        (stream,) = await pool.worker().open(address="127.0.0.1")
        channels = 2 if codec == "opus" else 1
        stream.configure(
            Remote("127.0.0.1", port, codec=codec, payload_type=payload_type, fmtp=fmtp, clock_rate=clock_rate,
                   channels=channels, ptime=ptime, srtp_in=key or None, srtp_out=key or None)
        )  # fmt: skip
        stream.play([Tone("dial")], loop=True, player_id=1)
        found = await asyncio.to_thread(captured, wire, port)
        stream.close()
    rate = 12_000
    frames, lengths = {frame for frame, _, _ in found}, {length for _, length, _ in found}
    assert lengths == {packet_bytes(codec, ptime, "ip", security, rate=rate)}
    assert {frame + CHECKSUM for frame in frames} == {packet_bytes(codec, ptime, "ethernet", security, rate=rate)}
    between = {(two - one) % (1 << 32) / clock_rate * 1000 for (_, _, one), (_, _, two) in pairwise(found)}
    assert between == {ptime}
    assert lengths.pop() * 8 / between.pop() == pytest.approx(kbits(codec, ptime, "ip", security, rate=rate), abs=0.01)
