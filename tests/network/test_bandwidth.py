"""What calls take of a line, by the figures that everybody knows."""

from __future__ import annotations

import pytest

from jackfield.network.bandwidth import BandwidthProblem, Layer, Security, calls_within, kbits, need, packet_bytes


@pytest.mark.parametrize(("codec", "ptime", "over_ip", "over_ethernet"), [
    ("pcma", 20, 80.0, 87.2), ("pcmu", 20, 80.0, 87.2), ("g722", 20, 80.0, 87.2), ("g726-32", 20, 48.0, 55.2),
    ("gsm", 20, 29.2, 36.4), ("ilbc", 20, 31.2, 38.4), ("ilbc", 30, 24.0, 28.8), ("speex", 20, 31.2, 38.4),
    ("g729", 20, 24.0, 31.2), ("opus", 20, 48.0, 55.2),
])  # fmt: skip
def test_the_figures_of_the_codecs(codec: str, ptime: int, over_ip: float, over_ethernet: float):
    assert kbits(codec, ptime) == over_ip
    assert kbits(codec, ptime, "ethernet") == over_ethernet


@pytest.mark.parametrize(("security", "more"), [("off", 0.0), ("80", 4.0), ("32", 1.6), ("gcm", 6.4)])
def test_encryption_adds_its_tag(security: Security, more: float):
    assert kbits("pcma", security=security) == pytest.approx(80 + more)


@pytest.mark.parametrize(("layer", "size"), [
    ("ip", 200), ("ethernet", 218), ("pppoe", 226),
    ("vpn", 208 + 32 + 28),  # filled up to 208, which is a multiple of 16
])  # fmt: skip
def test_each_layer_adds_what_its_headers_take(layer: Layer, size: int):
    assert packet_bytes("pcma", layer=layer) == size


def test_longer_packets_save_headers():
    assert [kbits("pcma", ptime) for ptime in (10, 20, 30, 40, 60)] == [96.0, 80.0, 74.67, 72.0, 69.33]


def test_addresses_of_ipv6_are_longer():
    assert kbits("pcma", ip=6) == 88.0
    assert packet_bytes("pcma", layer="vpn", ip=6) == 224 + 32 + 48  # 220 bytes, filled up


def test_opus_is_counted_by_its_rate():
    assert kbits("opus", rate=12_000) == 28.0
    assert kbits("opus", rate=64_000) == 80.0


def test_calls_at_once_and_calls_that_fit():
    assert need("pcma", 25).kbits == 2000.0
    assert calls_within(2000, kbits("pcma")) == 25
    assert calls_within(1999, kbits("pcma")) == 24
    assert calls_within(79, kbits("pcma")) == 0
    assert calls_within(292, kbits("gsm")) == 10  # not 9, for want of a thousandth


@pytest.mark.parametrize(("wrong", "said"), [
    ({"codec": "mp3"}, '"mp3" is no codec'), ({"codec": "gsm", "ptime": 30}, "frames of 20 ms: 30 ms is not"),
    ({"codec": "ilbc", "ptime": 50}, "frames of 20 ms or of 30"), ({"codec": "pcma", "ptime": 5}, "5 ms don't make"),
    ({"codec": "opus", "rate": 1000}, "no rate of 1 kbit/s"), ({"codec": "pcma", "layer": "atm"}, "no layer"),
])  # fmt: skip
def test_calls_that_cannot_be_are_told(wrong: dict[str, object], said: str):
    with pytest.raises(BandwidthProblem, match=said):
        packet_bytes(**wrong)  # type: ignore[arg-type]
