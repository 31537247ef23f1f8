"""ICE lite: connectivity checks are judged and answered."""

from __future__ import annotations

from random import Random

import pytest

from jackfield.rtp.ice import Lite, read_check
from media.stun import binding_request, read

SOURCE = ("192.0.2.1", 32853)

# RFC 5769 section 2.1, as it stands there.
SAMPLE = bytes.fromhex(
    "000100582112a442b7e7a701bc34d686fa87dfae802200105354554e207465737420636c69656e74002400046e0001ff80290008932ff9b1"
    "51263b36000600096576746a3a68367659202020000800149aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a280280004e57a3bcf"
)
SIGNED = {"ufrag": "evtj", "password": "VOkJxbRl1RmTxUk/WvJxBt"}


def test_the_sample_of_the_standard_is_genuine() -> None:
    check = read_check(SAMPLE, SOURCE, **SIGNED, peer_ufrag="h6vY")
    assert check is not None
    assert not check.accepted, "its sender is the controlled one, and so are we"
    assert check.reply[:2] == b"\x01\x11"
    assert bytes((4, 87)) in check.reply


@pytest.mark.parametrize("wrong", [{"ufrag": "evtk"}, {"password": "VOkJxbRl1RmTxUk/WvJxBs"}, {"peer_ufrag": "h6vX"}])
def test_for_somebody_else_it_is_not(wrong: dict[str, str]) -> None:
    assert read_check(SAMPLE, SOURCE, **{**SIGNED, **wrong}) is None


def test_no_byte_can_be_changed_and_none_left_out() -> None:
    for place in range(len(SAMPLE)):
        changed = bytearray(SAMPLE)
        changed[place] ^= 0x01
        assert read_check(bytes(changed), SOURCE, **SIGNED) is None, place
        assert read_check(SAMPLE[:place], SOURCE, **SIGNED) is None, place


def test_whatever_comes_nothing_is_raised() -> None:
    random = Random(8445)
    for _ in range(3000):
        made = bytearray(SAMPLE)
        for _ in range(random.randrange(1, 8)):
            made[random.randrange(len(made))] = random.randrange(256)
        if random.random() < 0.3:
            made[2:4] = (len(made) - 20).to_bytes(2, "big")
        assert read_check(bytes(made), SOURCE, **SIGNED) is None or made == SAMPLE
        read_check(random.randbytes(random.randrange(120)), SOURCE, **SIGNED)


def test_of_very_many_sources_the_last_are_known() -> None:

    lite = Lite("evtj", "a-password-of-ours-12345", "h6vY")
    for port in range(1, 40):
        assert lite.receive(binding_request("evtj:h6vY", "a-password-of-ours-12345"), ("192.0.2.1", port), 1.0)
    assert not lite.knows(("192.0.2.1", 1))
    assert lite.knows(("192.0.2.1", 39))
    assert lite.source == ("192.0.2.1", 1), "where audio goes does not change without a nomination"


def test_an_address_of_ipv6_is_told_as_such() -> None:

    lite = Lite("evtj", "a-password-of-ours-12345", "h6vY")
    reply = lite.receive(binding_request("evtj:h6vY", "a-password-of-ours-12345"), ("2001:db8::7", 5000, 0, 0), 1.0)
    assert reply is not None
    value = read(reply, "a-password-of-ours-12345")[0x0020]
    mask = bytes.fromhex("2112a442") + reply[8:20]
    assert value[1] == 2
    assert bytes(a ^ b for a, b in zip(value[4:], mask, strict=True)).hex() == "20010db8000000000000000000000007"
