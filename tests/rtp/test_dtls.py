"""DTLS-SRTP: two associations against each other, with no network between."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable

import pytest
from OpenSSL import SSL

from jackfield.rtp import dtls, packet, srtp


@pytest.fixture(scope="module")
def ours() -> dtls.Identity:
    return dtls.Identity()


@pytest.fixture(scope="module")
def theirs() -> dtls.Identity:
    return dtls.Identity()


def everything(datagrams: Iterable[bytes]) -> list[bytes]:
    return list(datagrams)


def shake(
    client: dtls.Association, server: dtls.Association, lose: Callable[[list[bytes]], list[bytes]] = everything
) -> None:
    """Pass datagrams to and fro until none is left."""
    under_way, to = lose(client.begin()), server
    while under_way:
        answers: list[bytes] = []
        for data in under_way:
            answers += to.receive(data)
        under_way, to = lose(answers), client if to is server else server


def pair(ours: dtls.Identity, theirs: dtls.Identity) -> tuple[dtls.Association, dtls.Association]:
    return (
        dtls.Association(theirs, (ours.fingerprint,), client=True),
        dtls.Association(ours, (theirs.fingerprint,), client=False),
    )


@pytest.mark.parametrize("profile", ["SRTP_AEAD_AES_128_GCM", "SRTP_AES128_CM_SHA1_80", "SRTP_AEAD_AES_256_GCM"])
def test_both_get_the_keys_of_the_suite_that_both_have(ours: dtls.Identity, profile: str) -> None:
    theirs = dtls.Identity()
    theirs.context.set_tlsext_use_srtp(profile.encode())
    client, server = pair(ours, theirs)
    shake(client, server)
    assert client.keys is not None
    assert server.keys is not None
    assert (client.keys[0], client.keys[1]) == (server.keys[1], server.keys[0])
    sent = packet.build(0, 1, 160, 7, b"\xff" * 160)
    protected = srtp.Sender(client.keys[1]).protect(sent)
    assert protected is not None
    assert srtp.Receiver(server.keys[0]).unprotect(protected) == sent
    assert not ours.handshakes


def test_no_datagram_is_longer_than_a_tunnel_lets_through(ours: dtls.Identity, theirs: dtls.Identity) -> None:
    sizes: list[int] = []
    client, server = pair(ours, theirs)

    def measured(datagrams: list[bytes]) -> list[bytes]:
        sizes.extend(map(len, datagrams))
        return datagrams

    shake(client, server, measured)
    assert max(sizes) <= 1200


def test_a_certificate_with_another_fingerprint_brings_no_keys(ours: dtls.Identity, theirs: dtls.Identity) -> None:
    client = dtls.Association(theirs, (ours.fingerprint,), client=True)
    server = dtls.Association(ours, (dtls.Identity().fingerprint,), client=False)
    shake(client, server)
    assert server.keys is None
    assert "is not the one that its call named" in server.problem
    assert server.receive(b"\x16" * 60) == []


def test_one_of_several_fingerprints_is_enough_in_any_case_of_letters(
    ours: dtls.Identity, theirs: dtls.Identity
) -> None:
    client = dtls.Association(theirs, (ours.fingerprint,), client=True)
    said = ("sha-512 00", dtls.Identity().fingerprint, theirs.fingerprint.lower())
    server = dtls.Association(ours, said, client=False)
    shake(client, server)
    assert server.keys is not None


def test_who_has_no_srtp_is_refused(ours: dtls.Identity) -> None:
    theirs = dtls.Identity()
    theirs.context = bare = SSL.Context(SSL.DTLS_METHOD)
    server = dtls.Association(ours, (theirs.fingerprint,), client=False)
    connection = SSL.Connection(bare, None)
    connection.set_connect_state()
    with pytest.raises(SSL.WantReadError):
        connection.do_handshake()
    server.receive(connection.bio_read(4096))
    assert server.keys is None


def test_garbage_neither_raises_nor_ends_what_is_done(ours: dtls.Identity, theirs: dtls.Identity) -> None:
    client, server = pair(ours, theirs)
    shake(client, server)
    for size in (1, 13, 14, 60, 1500):
        server.receive(secrets.token_bytes(size))
        server.receive(b"\x16\xfe\xfd" + secrets.token_bytes(size))
    assert server.keys is not None
    assert not server.problem


def test_a_handshake_that_goes_round_in_circles_ends(ours: dtls.Identity, theirs: dtls.Identity) -> None:
    client, server = pair(ours, theirs)
    (hello,) = client.begin()
    for _ in range(dtls.MOST_DATAGRAMS + 1):
        server.receive(hello)
    assert "circles" in server.problem
    assert not ours.handshakes


def test_what_nobody_needs_any_more_counts_as_no_handshake(ours: dtls.Identity, theirs: dtls.Identity) -> None:
    client, server = pair(ours, theirs)
    server.receive(client.begin()[0])
    assert len(ours.handshakes) == 1
    del server
    assert not ours.handshakes
