"""Each codec by itself: what goes in comes out, garbage doesn't hurt, gaps are covered."""

from __future__ import annotations

from pathlib import Path

import pytest
from hearing import clarity, level, likeness, pieces, sine, voice

from jackfield.rtp import codecs
from jackfield.rtp.codecs import libraries
from jackfield.rtp.codecs.opus import Opus

RATES = [
    ("pcmu", 8000),
    ("pcma", 8000),
    ("gsm", 8000),
    ("g722", 8000),
    ("g722", 16000),
    ("opus", 8000),
    ("opus", 16000),
    ("opus", 48000),
]


def needs(name: str) -> None:
    if name not in codecs.available():
        pytest.skip(f"{name} is not available")


def through(codec: codecs.Codec, pcm: bytes) -> bytes:
    return b"".join(codec.decode(codec.encode(piece)) for piece in pieces(pcm, 2 * codec.frame_samples))


@pytest.mark.parametrize(("name", "rate"), RATES)
def test_a_tone_survives_coding(name: str, rate: int) -> None:
    needs(name)
    codec = codecs.create(name, sample_rate=rate)
    heard = through(codec, sine(1000, 1.0, rate))
    assert len(heard) == 2 * rate
    ratio, amplitude = clarity(heard[rate // 2 :], 1000, rate)
    assert ratio > (10 if name == "gsm" else 20)
    assert 7000 < amplitude < 9000


@pytest.mark.parametrize(("name", "rate"), RATES)
def test_a_payloads_length_is_known_without_decoding(name: str, rate: int) -> None:
    needs(name)
    codec = codecs.create(name, sample_rate=rate)
    payload = codec.encode(sine(500, 0.02, rate))
    assert codec.duration(payload) == codec.frame_clock == (960 if name == "opus" else 160)
    assert codec.duration(b"") == 0
    assert codec.decode(bytearray(payload)) is not None
    assert codec.encode(memoryview(sine(500, 0.02, rate)))


@pytest.mark.parametrize(("name", "rate"), RATES)
def test_garbage_gives_no_exception(name: str, rate: int) -> None:
    needs(name)
    codec = codecs.create(name, sample_rate=rate)
    for payload in (b"", b"\x00", b"\xff" * 3, bytes(33), b"\xd0" * 34, b"\xfc" * 2000, bytes(9000)):
        pcm = codec.decode(payload)
        assert len(pcm) % 2 == 0
        assert codec.duration(payload) >= 0
    for pcm in (b"", b"\x01", bytes(7), bytes(641), bytes(20000)):
        codec.encode(pcm)


@pytest.mark.parametrize(("name", "rate"), RATES)
def test_a_lost_frame_sounds_like_the_one_before_and_a_long_gap_fades(name: str, rate: int) -> None:
    needs(name)
    codec = codecs.create(name, sample_rate=rate)
    heard = through(codec, sine(200, 0.4, rate))
    frame = codec.frame_samples
    first = codec.conceal(frame)
    assert len(first) == 2 * frame
    assert level(first) > 0.5 * level(heard[-2 * frame :])
    for _ in range(12):
        last = codec.conceal(frame)
    assert level(last) < 0.1 * level(heard)
    assert codec.conceal(0) == b""


def test_concealment_without_a_past_is_silence() -> None:
    assert codecs.create("pcma").conceal(160) == bytes(320)


def test_opus_mends_a_lost_frame_from_the_next_packet() -> None:
    needs("opus")
    sender = codecs.create("opus", fmtp="useinbandfec=1")
    assert isinstance(sender, Opus)
    sender.expect_loss(30)
    packets = [sender.encode(piece) for piece in pieces(voice(16000, 1.6), 640)]
    spoken, mended, guessed = b"", b"", b""
    for lost in range(20, 75, 6):
        intact, with_next, without = (codecs.create("opus") for _ in range(3))
        for packet in packets[:lost]:
            for receiver in (intact, with_next, without):
                receiver.decode(packet)
        spoken += intact.decode(packets[lost])
        mended += with_next.conceal(320, packets[lost + 1])
        guessed += without.conceal(320)
    assert likeness(mended, spoken) > likeness(guessed, spoken) + 5
    assert len(codecs.create("opus").conceal(321)) == 642


def test_opus_obeys_what_the_other_side_asks_for() -> None:
    needs("opus")
    pcm = sine(300, 0.02, 16000)

    def size(fmtp: str) -> float:
        codec = codecs.create("opus", fmtp=fmtp)
        return sum(len(codec.encode(pcm)) for _ in range(50)) / 50

    assert size("maxaveragebitrate=8000") < size("")
    constant = codecs.create("opus", fmtp="cbr=1; maxaveragebitrate=16000; nonsense=x; broken")
    assert len({len(constant.encode(pcm)) for _ in range(20)}) == 1
    plain = codecs.create("opus")
    assert isinstance(plain, Opus)
    plain.expect_loss(50)  # without in-band FEC there is nothing to set
    plain.encode(pcm)
    protected = codecs.create("opus", fmtp="useinbandfec=1")
    assert isinstance(protected, Opus)
    protected.encode(pcm)
    protected.expect_loss(300)


def test_a_gsm_payload_may_hold_several_frames() -> None:
    needs("gsm")
    codec = codecs.create("gsm")
    payload = codec.encode(bytes(2 * 160 * 3 + 10))
    assert len(payload) == 99
    assert codec.duration(payload) == 480
    assert len(codec.decode(payload)) == 2 * 480
    assert codec.decode(payload[:33] + bytes(33))[:320] != b""


@pytest.mark.parametrize(
    ("name", "rate", "error"),
    [
        ("pcma", 16000, ValueError),
        ("g722", 48000, ValueError),
        ("opus", 44100, ValueError),
        ("g729", None, codecs.UnknownCodec),
        ("", None, codecs.UnknownCodec),
    ],
)
def test_what_cannot_be_made_is_refused(name: str, rate: int | None, error: type[Exception]) -> None:
    with pytest.raises(error):
        codecs.create(name, sample_rate=rate)


def test_a_missing_library_takes_its_codec_along_and_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    # Files that are no libraries, where ours are looked for first, and nothing behind them.
    monkeypatch.setenv("JACKFIELD_LIBRARY_DIR", str(tmp_path))
    monkeypatch.setattr(libraries, "_open", lambda library, candidates: None)
    assert codecs.available() == {"pcmu", "pcma"}
    sentences = codecs.missing_libraries()
    assert len(sentences) == 3
    for package, sentence in zip(("libopus0", "libgsm1", "libspandsp2"), sentences, strict=True):
        assert sentence.endswith(f"install the package {package}")
    for name in ("g722", "gsm", "opus"):
        with pytest.raises(codecs.LibraryMissing, match="is not available"):
            codecs.transcoder(name, "pcma")
    assert codecs.transcoder("pcma", "pcmu")(bytes(160))


def test_libraries_are_looked_for_in_the_configured_folder_first(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    seen: list[tuple[str, ...]] = []
    monkeypatch.setenv("JACKFIELD_LIBRARY_DIR", str(tmp_path))
    monkeypatch.setattr(libraries, "_open", lambda library, candidates: seen.append(candidates) or object())
    libraries.load(libraries.OPUS)
    assert seen[0][0] == str(tmp_path / "libopus.so.0")
    assert seen[0][-1] == "libopus.so.0"


def test_a_file_that_is_no_library_is_passed_over(tmp_path: Path) -> None:
    broken = tmp_path / "libopus.so.0"
    broken.write_text("not a library")
    assert libraries._open(libraries.OPUS, (str(broken), str(tmp_path / "absent"))) is None
