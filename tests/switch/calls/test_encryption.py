"""Encrypted audio is offered so that each kind of phone can take it."""

from __future__ import annotations

from jackfield import sdp

from .house import Conversation, House


def _takes_savp_only(call: Conversation) -> None:
    """A phone on which encryption is mandatory refuses RTP/AVP, even with keys."""
    assert call.remote is not None
    assert call.remote.audio is not None
    if call.remote.audio.is_secure:
        call.ring()
    else:
        call.reject(488)


async def test_a_phone_that_insists_on_encryption_gets_an_offer_that_does(house: House) -> None:
    alice, bob = await house.phone("101"), await house.phone("102", transport="TLS")
    bob.auto = _takes_savp_only

    alice.call("102")
    await house.pass_time(1.0)

    offers = [call.remote.audio for call in bob.calls if call.remote and call.remote.audio]
    assert [offer.protocol for offer in offers] == ["RTP/AVP", "RTP/AVP", "RTP/SAVP"]  # the second: more codecs
    assert all(offer.crypto for offer in offers)
    assert {codec.name for codec in offers[2].codecs} >= {codec.name for codec in offers[0].codecs}


async def test_no_such_offer_is_made_where_keys_would_travel_in_the_clear(house: House) -> None:
    alice, bob = await house.phone("101"), await house.phone("102")
    bob.auto = _takes_savp_only

    assert await alice.call("102").outcome() == 488
    assert all(isinstance(call.remote, sdp.Session) and not call.remote.audio.crypto for call in bob.calls)  # type: ignore[union-attr]
