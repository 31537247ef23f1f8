"""SIP over TLS: who is at the other end is proved, and a renewed certificate drops nobody."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest

from jackfield.sip.flow import Hop, TransportFailed
from jackfield.sip.message import parse
from jackfield.sip.transport import TransportLimits, client_context, server_context
from jackfield.sip.transport.tls import peer_identity

from .peers import Certificates, Side, StreamPeer, options

NewSide = Callable[..., Side]
PBX = ("pbx.example.com", "127.0.0.1")


def hop(port: int, name: str = "pbx.example.com", *, verify: bool = True) -> Hop:
    return Hop("TLS", "127.0.0.1", port, name, verify)


def trusting(
    certificates: Certificates, certificate: tuple[Path, Path] | None = None
) -> Callable[[Hop], ssl.SSLContext]:
    def context(hop: Hop) -> ssl.SSLContext:
        own, key = certificate or (None, None)
        return client_context(verify=hop.verify, authorities=certificates.authority, certificate=own, key=key)

    return context


async def test_a_call_goes_over_tls_and_the_phone_shows_who_it_is(
    new_side: NewSide, certificates: Certificates
) -> None:
    server = server_context(*certificates.issue("pbx", *PBX), client_authorities=certificates.authority)
    there = new_side()
    port = await there.transports.listen("TLS", "127.0.0.1", 0, tls=server)
    here = new_side(tls_client=trusting(certificates, certificates.issue("phone 201")))
    flow = await here.transports.flow_to(hop(port))
    flow.send(options("TLS 127.0.0.1:5061"))
    _, back = await there.request()
    assert (await here.response())[0].status == 200
    assert (back.transport, back.secure, back.reliable) == ("TLS", True, True)
    assert back.peer_identity == "phone 201"
    assert flow.peer_identity == "pbx"
    by_address = await here.transports.flow_to(hop(port, ""))
    assert by_address is not flow  # another name, to be proved by itself
    anonymous = new_side(tls_client=trusting(certificates))
    (await anonymous.transports.flow_to(hop(port))).send(options())
    assert (await there.request())[1].peer_identity is None


async def test_a_certificate_of_another_name_or_of_nobody_known_is_refused(
    new_side: NewSide, certificates: Certificates
) -> None:
    there = new_side()
    port = await there.transports.listen("TLS", "127.0.0.1", 0, tls=server_context(*certificates.issue("pbx", *PBX)))
    here = new_side(tls_client=trusting(certificates))
    with pytest.raises(TransportFailed, match=r"not valid for evil\.example\.com.*Hostname mismatch"):
        await here.transports.flow_to(hop(port, "evil.example.com"))
    stranger = new_side()  # trusts the authorities of the system
    with pytest.raises(TransportFailed, match=r"not valid for pbx\.example\.com"):
        await stranger.transports.flow_to(hop(port))
    flow = await stranger.transports.flow_to(hop(port, "evil.example.com", verify=False))
    flow.send(options())
    assert (await stranger.response())[0].status == 200
    assert flow.peer_identity is None
    assert await stranger.transports.flow_to(hop(port, "evil.example.com", verify=False)) is flow


async def test_without_a_certificate_nobody_enters_where_one_is_required(
    new_side: NewSide, certificates: Certificates
) -> None:
    context = server_context(
        *certificates.issue("pbx", *PBX), client_authorities=certificates.authority, require_client=True
    )
    there = new_side()
    port = await there.transports.listen("TLS", "127.0.0.1", 0, tls=context)
    here = new_side(tls_client=trusting(certificates))
    with contextlib.suppress(TransportFailed):
        # With TLS 1.3 the client learns of the refusal only after its own side of the handshake is done.
        (await here.transports.flow_to(hop(port))).send(options())
    assert (await here.failure())[0].closed
    while not there.transports.stats["TLS"].handshakes_failed:
        await asyncio.sleep(0)
    assert there.received.empty()


async def test_a_renewed_certificate_is_shown_to_the_next_and_drops_nobody(
    new_side: NewSide, certificates: Certificates
) -> None:
    there = new_side()
    port = await there.transports.listen("TLS", "127.0.0.1", 0, tls=server_context(*certificates.issue("pbx", *PBX)))
    here = new_side(tls_client=trusting(certificates))
    before = await here.transports.flow_to(hop(port))
    there.transports.use_tls(server_context(*certificates.issue("renewed pbx", *PBX)))
    after = await here.transports.flow_to(hop(port, ""))
    assert (before.peer_identity, after.peer_identity) == ("pbx", "renewed pbx")
    before.send(options())
    assert (await here.response())[1] is before


async def test_a_client_that_speaks_no_tls_or_nothing_at_all_is_turned_away(
    new_side: NewSide, certificates: Certificates, caplog: pytest.LogCaptureFixture
) -> None:
    there = new_side(limits=TransportLimits(handshake_time=0.05, log_every=0.0))
    port = await there.transports.listen("TLS", "127.0.0.1", 0, tls=server_context(*certificates.issue("pbx", *PBX)))
    with caplog.at_level(logging.INFO, "jackfield.sip.transport"):
        async with await StreamPeer.open(port) as plain:
            plain.send(options())
            await plain.read_to_end()
        async with await StreamPeer.open(port) as silent:
            await silent.read_to_end()
        while there.transports.stats["TLS"].handshakes_failed < 2:
            await asyncio.sleep(0)
    assert "no TLS connection with 127.0.0.1" in caplog.text
    assert there.received.empty()
    here = new_side(tls_client=trusting(certificates))
    (await here.transports.flow_to(hop(port))).send(options())
    assert (await here.response())[0].status == 200


async def test_old_tls_is_refused(new_side: NewSide, certificates: Certificates) -> None:
    there = new_side()
    port = await there.transports.listen("TLS", "127.0.0.1", 0, tls=server_context(*certificates.issue("pbx", *PBX)))
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
    old.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1"):
        old.minimum_version, old.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    with pytest.raises((ssl.SSLError, ConnectionError)):
        await StreamPeer.open(port, ssl=old)


async def test_a_server_that_is_no_tls_server_is_reported(new_side: NewSide) -> None:
    there, here = new_side(), new_side()
    port = await there.transports.listen("TCP", "127.0.0.1", 0)
    with pytest.raises(TransportFailed):
        await here.transports.flow_to(hop(port))
    assert here.transports.stats["TLS"].handshakes_failed == 1
    assert there.transports.stats["TCP"].cut_off == {"unreadable": 1}


async def test_an_oversized_message_over_tls_is_refused_with_513(new_side: NewSide, certificates: Certificates) -> None:
    there = new_side(limits=TransportLimits(max_message=5_000))
    port = await there.transports.listen("TLS", "127.0.0.1", 0, tls=server_context(*certificates.issue("pbx", *PBX)))
    context = client_context(authorities=certificates.authority)
    async with await StreamPeer.open(port, ssl=context, server_hostname="pbx.example.com") as client:
        client.send(options(body=b"x" * 6_000))
        assert b"SIP/2.0 513 " in await client.read_message()
        await client.read_to_end()


async def test_keep_alives_work_over_tls(new_side: NewSide, certificates: Certificates) -> None:
    there = new_side()
    port = await there.transports.listen("TLS", "::1", 0, tls=server_context(*certificates.issue("pbx", *PBX)))
    context = client_context(authorities=certificates.authority)
    async with await StreamPeer.open(port, "::1", ssl=context, server_hostname="pbx.example.com") as phone:
        phone.send(b"\r\n\r\n")
        assert await phone.read(2) == b"\r\n"
        phone.send(options("TLS [::1]:5061"))
        assert parse(await phone.read_message()).via.received == "::1"


def test_the_peer_is_named_by_its_common_name_or_else_its_first_alternative_name() -> None:
    class Connection:
        def __init__(self, certificate: dict[str, object]) -> None:
            self.getpeercert = lambda: certificate

    def identity(certificate: dict[str, object]) -> str | None:
        return peer_identity(Connection(certificate))  # type: ignore[arg-type]

    assert identity({"subject": ((("organizationName", "x"),), (("commonName", "phone"),))}) == "phone"
    assert identity({"subject": (), "subjectAltName": (("URI", "sip:a.example"), ("DNS", "b"))}) == "sip:a.example"
    assert identity({"subject": ()}) is None
    assert peer_identity(None) is None


def test_a_key_that_does_not_fit_is_refused(certificates: Certificates) -> None:
    certificate, _ = certificates.issue("pbx", *PBX)
    _, other_key = certificates.issue("phone 201")
    with pytest.raises(ssl.SSLError):
        server_context(certificate, other_key)
