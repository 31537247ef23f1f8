"""DTLS-SRTP (RFC 5763, RFC 5764): both sides prove by a handshake who they are, and get keys for SRTP out of it.

Nothing here touches a socket: datagrams go in, datagrams come out. Who the other side is follows from the fingerprint
of its certificate, which the signalling has told; the certificate itself says nothing.
"""

from __future__ import annotations

import datetime
import hashlib
import weakref

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from OpenSSL import SSL

from jackfield.rtp.srtp import SUITES, Key

HASHES = {"sha-256": "sha256", "sha-384": "sha384", "sha-512": "sha512"}
"""Names of the hashes that a fingerprint may have (RFC 8122 section 5), with Python's; SHA-1 proves nothing today."""

MOST_HANDSHAKES = 256  # at once in a process; more wait until the other sides repeat themselves
MOST_DATAGRAMS = 100  # of the other side in one handshake; a usual one has three or four

_DTLS_1_2 = 0xFEFD
_MTU = 1200  # bytes of a datagram: passes through every tunnel
_CIPHERS = b"ECDHE+AESGCM:ECDHE+CHACHA20:ECDHE+AES128"
_PROFILES = {
    b"SRTP_AEAD_AES_128_GCM": ("AEAD_AES_128_GCM", 16, 12),
    b"SRTP_AES128_CM_SHA1_80": ("AES_CM_128_HMAC_SHA1_80", 16, 14),
    b"SRTP_AEAD_AES_256_GCM": ("AEAD_AES_256_GCM", 32, 12),
}
"""Suite, octets of the key and of the salt (RFC 5764 section 4.1.2, RFC 7714 section 14.2), the quickest first."""
_YEARS = 10
_RECORD_HEADER = 13  # bytes, RFC 6347 section 4.1


class Identity:
    """A key and a certificate that says nothing; one for all associations of a process."""

    def __init__(self) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "jackfield")])
        now = datetime.datetime.now(datetime.UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=365 * _YEARS))  # a process may run for years
            .sign(key, hashes.SHA256())
        )
        self.fingerprint = fingerprint(certificate, "sha-256")
        """As an a=fingerprint line has it: "sha-256 AB:CD:…"."""
        self.handshakes: weakref.WeakSet[Association] = weakref.WeakSet()
        """Those under way."""
        self.context = context = SSL.Context(SSL.DTLS_METHOD)
        context.set_min_proto_version(_DTLS_1_2)
        context.set_max_proto_version(_DTLS_1_2)
        context.set_options(SSL.OP_NO_QUERY_MTU | SSL.OP_NO_TICKET | SSL.OP_NO_RENEGOTIATION)
        context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
        context.set_cipher_list(_CIPHERS)
        context.use_certificate(certificate)
        context.use_privatekey(key)
        context.set_tlsext_use_srtp(b":".join(_PROFILES))
        context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, _take_any)


def _take_any(connection: SSL.Connection, certificate: object, error: int, depth: int, ok: int) -> bool:
    return True  # its fingerprint is looked at when the handshake is done


def fingerprint(certificate: x509.Certificate, kind: str) -> str:
    """The fingerprint of a certificate as a=fingerprint has it (RFC 8122). Raises KeyError for an unknown hash."""
    digest = hashlib.new(HASHES[kind], certificate.public_bytes(serialization.Encoding.DER)).hexdigest().upper()
    return f"{kind} {':'.join(digest[place : place + 2] for place in range(0, len(digest), 2))}"


class Association:
    """One DTLS association. `client`: we begin (a=setup:active). `fingerprints`: of which the other side must have one.

    When it is done, `keys` are the SRTP keys (to receive with, to send with); when it can't be, `problem` says why.
    """

    __slots__ = ("__weakref__", "_connection", "_fingerprints", "_identity", "_received", "client", "keys", "problem")

    def __init__(self, identity: Identity, fingerprints: tuple[str, ...], *, client: bool) -> None:
        self._identity = identity
        self._fingerprints = fingerprints
        self._received = 0
        self.client = client
        self.keys: tuple[Key, Key] | None = None
        self.problem = ""
        self._connection = connection = SSL.Connection(identity.context, None)
        connection.set_ciphertext_mtu(_MTU)
        if client:
            connection.set_connect_state()
        else:
            connection.set_accept_state()
        identity.handshakes.add(self)

    @property
    def under_way(self) -> bool:
        """True while it is neither done nor given up."""
        return self.keys is None and not self.problem

    def begin(self) -> list[bytes]:
        """As the client, the first datagrams to send."""
        self._shake()
        return self._written()

    def receive(self, data: bytes) -> list[bytes]:
        """Take a datagram in; returns the datagrams to send back."""
        if self.problem:
            return []
        if self.keys is None:
            self._received += 1
            if self._received > MOST_DATAGRAMS:
                self._give_up("the DTLS handshake goes round in circles")
                return []
        self._connection.bio_write(data)
        if self.keys is None:
            self._shake()
        else:
            self._repeat()
        return self._written()

    def overdue(self) -> list[bytes]:
        """What to send again since no answer came in time (RFC 6347 section 4.2.4); to be asked now and then."""
        if not self.under_way or self._connection.DTLSv1_get_timeout() != 0:
            return []
        try:
            self._connection.DTLSv1_handle_timeout()
        except SSL.Error:
            self._give_up("the other side does not answer the DTLS handshake")
        return self._written()

    def _shake(self) -> None:
        try:
            self._connection.do_handshake()
        except SSL.WantReadError:
            return
        except SSL.Error as error:
            self._give_up(f"the DTLS handshake failed: {_reason(error)}")
            return
        self._identity.handshakes.discard(self)
        certificate = self._connection.get_peer_certificate(as_cryptography=True)
        if certificate is None or not any(_is_of(line, certificate) for line in self._fingerprints):
            self._give_up(
                "the other side's certificate is not the one that its call named (a=fingerprint): somebody may be in "
                "between, so nothing is sent and nothing heard"
            )
            self._shut()
            return
        profile = self._connection.get_selected_srtp_profile()
        if profile not in _PROFILES:
            self._give_up("the other side can't do SRTP with a suite that we know (use_srtp)")
            self._shut()
            return
        self.keys = self._derived(*_PROFILES[profile])

    def _derived(self, suite: str, key: int, salt: int) -> tuple[Key, Key]:
        """Keys out of the association (RFC 5764 section 4.2): client's key, server's key, client's salt, server's."""
        material = self._connection.export_keying_material(b"EXTRACTOR-dtls_srtp", 2 * (key + salt))
        assert SUITES[suite].key_octets == key + salt
        clients = Key(suite, material[:key] + material[2 * key : 2 * key + salt])
        servers = Key(suite, material[key : 2 * key] + material[2 * key + salt :])
        return (servers, clients) if self.client else (clients, servers)

    def _repeat(self) -> None:
        """Let OpenSSL see what comes afterwards: the other side repeats itself where our last flight was lost."""
        try:
            self._connection.recv(1)
        except SSL.Error:
            return  # nothing to read, or the other side has gone: its BYE tells

    def _give_up(self, why: str) -> None:
        self.problem = why
        self._identity.handshakes.discard(self)

    def _shut(self) -> None:
        try:
            self._connection.shutdown()
        except SSL.Error:
            return

    def _written(self) -> list[bytes]:
        """What OpenSSL wants to send, cut into datagrams: each record whole."""
        written = bytearray()
        while True:
            try:
                written += self._connection.bio_read(1 << 16)
            except SSL.Error:
                break
        datagrams: list[bytes] = []
        start = end = 0
        while end + _RECORD_HEADER <= len(written):
            size = _RECORD_HEADER + int.from_bytes(written[end + 11 : end + 13], "big")
            if end > start and end + size - start > _MTU:
                datagrams.append(bytes(written[start:end]))
                start = end
            end += size
        if end > start:
            datagrams.append(bytes(written[start:end]))
        return datagrams


def _is_of(line: str, certificate: x509.Certificate) -> bool:
    """Whether a fingerprint "sha-256 AB:…" is that of a certificate."""
    kind = line.partition(" ")[0].lower()
    return kind in HASHES and fingerprint(certificate, kind).upper() == line.upper()


def _reason(error: SSL.Error) -> str:
    """What OpenSSL says, in its words."""
    details = error.args[0] if error.args else ()
    return "; ".join(reason for *_, reason in details) if isinstance(details, list) and details else "no reason given"
