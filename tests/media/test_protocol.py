"""The frames between the switch and a media process."""

from __future__ import annotations

import random

import pytest

from jackfield.media import protocol
from jackfield.media.protocol import Command, Frames, OutOfStep, Remote, Report, Tone

COMMANDS: list[Command] = [
    protocol.Open(1, "127.0.0.1", 2, True),
    protocol.AskWorker(2),
    protocol.AskStream(3),
    protocol.Configure(3, None),
    protocol.Configure(3, Remote("192.0.2.1", 4000, others=(("gsm", 3),), srtp_in="A inline:b", raw=True)),
    protocol.Bridge(3, 4),
    protocol.Unbridge(3),
    protocol.Play(3, ("a", Tone("busy", "CZ")), True, 7),
    protocol.StopPlay(3),
    protocol.Echo(3, True),
    protocol.SendDtmf(3, "12#", "inband", 100),
    protocol.ListenDigits(3, True, False),
    protocol.Record(3, "/tmp/x.wav", True),
    protocol.StopRecord(3),
    protocol.Close(3),
]


def test_everything_arrives_as_it_was_said() -> None:
    assert Frames(Command).feed(protocol.frame(COMMANDS)) == COMMANDS


def test_frames_may_come_in_pieces_of_any_size() -> None:
    data = b"".join(protocol.frame([command]) for command in COMMANDS)
    chance = random.Random(2)
    frames = Frames(Command)
    got: list[object] = []
    while data:
        size = chance.choice((1, 2, 3, 5, 50, 300))
        got += frames.feed(data[:size])
        data = data[size:]
    assert got == COMMANDS


@pytest.mark.parametrize(
    "data",
    [b"\xff\xff\xff\xff", b"\x00\x00\x00\x01\xc1", b"\x00\x00\x00\x02\x91\x05", protocol.frame([protocol.Resumed(1)])],
)
def test_what_is_no_frame_is_noticed(data: bytes) -> None:
    with pytest.raises(OutOfStep):
        Frames(Command).feed(data)


def test_events_arrive_too() -> None:
    reports: list[Report] = [
        protocol.Opened(1, ((1, 10_000), (2, 10_002))),
        protocol.Refused(2, "no", True),
        protocol.Started(1, "127.0.0.1", 5),
        protocol.Latched(1, "::1", 5),
        protocol.Digit(1, "#", 100, "rfc4733"),
        protocol.Played(1, 2, True),
        protocol.Silence(1, 20),
        protocol.Resumed(1),
        protocol.Statistics(1, protocol.StreamStats(mos=4.4), True),
        protocol.Failed(1, "why"),
    ]
    assert Frames(Report).feed(protocol.frame(reports)) == reports
