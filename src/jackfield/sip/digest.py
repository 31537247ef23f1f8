"""Digest authentication for SIP (RFC 3261 22, RFC 7616, RFC 8760): the side that challenges, and the one that answers.

Neither knows passwords of users: the caller gives HA1, which is all that has to be stored. Time is an argument.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from hmac import compare_digest
from typing import Final

from jackfield.sip.errors import MalformedHeader
from jackfield.sip.headers import AuthParams, parse_auth, quote
from jackfield.sip.limits import MAX_NONCES, NONCE_COUNT_WINDOW
from jackfield.sip.uri import Uri, to_wire

__all__ = ["ALGORITHMS", "Challenger", "DigestClient", "Secret", "Verdict", "credentials_for", "ha1", "is_stale"]


def _md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _sha512_256(data: bytes) -> str:
    return hashlib.new("sha512_256", data).hexdigest()


_HASHES: Final[dict[str, Callable[[bytes], str]]] = {"SHA-256": _sha256, "MD5": _md5}
if "sha512_256" in hashlib.algorithms_available:
    _HASHES["SHA-512-256"] = _sha512_256
_STRENGTH: Final = {"MD5": 0, "SHA-256": 1, "SHA-512-256": 2}

#: A password; or what returns the HA1 for a realm and an algorithm, None where it is not known.
Secret = str | Callable[[str, str], str | None]

#: What `ha1` and the two classes understand (RFC 8760 2.1). SHA-512-256 needs an OpenSSL that has it.
ALGORITHMS: Final = tuple(sorted(_HASHES, key=_STRENGTH.__getitem__, reverse=True))


def ha1(username: str, realm: str, password: str, algorithm: str = "MD5") -> str:
    """H(username:realm:password) in hex (RFC 7616 3.4.2): what is stored instead of the password.

    Raises ValueError for an algorithm that is not in `ALGORITHMS`.
    """
    if algorithm not in _HASHES:
        raise ValueError(f"unknown digest algorithm {algorithm!r}")
    return _HASHES[algorithm](to_wire(f"{username}:{realm}:{password}"))


def _response(hash_: Callable[[bytes], str], secret: str, given: AuthParams, method: str, body: bytes) -> str:
    """The response parameter that belongs to these credentials (RFC 7616 3.4.1; without qop RFC 2617 3.2.2.1)."""
    params = given.params
    qop = params.get("qop", "")
    request = f"{method}:{params['uri']}"
    if qop == "auth-int":
        request += f":{hash_(body)}"
    ha2 = hash_(to_wire(request))
    if qop:
        text = f"{secret}:{params['nonce']}:{params['nc']}:{params['cnonce']}:{qop}:{ha2}"
    else:
        text = f"{secret}:{params['nonce']}:{ha2}"
    return hash_(to_wire(text))


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the challenger thinks of some credentials.

    ok: they are right, fresh, and not a replay. stale: the password is right but the nonce is used up: challenge
    again with stale=true; no reason to suspect the sender. username: as claimed, "" if unreadable. reason: why it
    is not ok, for a log: one of "no credentials", "malformed credentials", "wrong realm", "algorithm not offered",
    "no qop", "qop not offered", "wrong uri", "unknown user", "wrong password", "stale nonce",
    "replayed nonce count".
    """

    ok: bool
    username: str = ""
    reason: str = ""
    stale: bool = False


_NEEDED: Final = frozenset(("nonce", "uri", "response"))
_NO_CREDENTIALS: Final = Verdict(False, reason="no credentials")
_MALFORMED: Final = Verdict(False, reason="malformed credentials")
_NONCE_TIME: Final = 11  # hex digits of milliseconds, enough until the year 2527
_NONCE_SERIAL: Final = 6
_NONCE_LENGTH: Final = _NONCE_TIME + _NONCE_SERIAL + 24


class Challenger:
    """The side that asks: makes nonces and verifies credentials.

    A nonce carries its time and a keyed checksum over it and the client's address, so nothing is kept for those who
    only ask. What is kept is the nonce-count of nonces that were *used* with the right password: at most `MAX_NONCES`
    of them, the first used forgotten first; a forgotten one counts as stale, never as fresh.
    """

    def __init__(
        self,
        realm: str,
        secret: bytes,
        *,
        nonce_lifetime: float = 60.0,
        algorithms: Sequence[str] = ("SHA-256", "MD5"),
        allow_legacy: bool = False,
        max_nonces: int = MAX_NONCES,
    ) -> None:
        """Make one for a realm.

        secret: random bytes, at most 64, the same in all processes that shall accept each other's nonces.
        nonce_lifetime: seconds. algorithms: offered in this order, the strongest first as RFC 8760 2.4 asks; one
        alone is for phones that give up at the sight of SHA-256. allow_legacy: take credentials without qop (RFC
        2069), which have no protection against replay within the life of the nonce. Raises ValueError.
        """
        if not algorithms or not all(algorithm in _HASHES for algorithm in algorithms):
            raise ValueError(f"digest algorithms must be some of {', '.join(ALGORITHMS)}")
        if not 16 <= len(secret) <= 64:
            raise ValueError("the secret of a challenger has 16 to 64 bytes")
        self.realm = realm
        self._quoted_realm = quote(realm)
        self._secret = secret
        self._lifetime = int(nonce_lifetime * 1000)
        self._algorithms = tuple(algorithms)
        self._allow_legacy = allow_legacy
        self._max_nonces = max_nonces
        self._serial = 0
        # nonce -> highest nonce-count seen << NONCE_COUNT_WINDOW | which of those just below it were seen
        self._counts: OrderedDict[str, int] = OrderedDict()
        self._forgotten = -1  # ms: a nonce made up to then and not in _counts may have been used already
        self._decoy = _sha256(secret)

    def challenges(self, client: str, now: float, *, stale: bool = False) -> list[str]:
        """The values for WWW-Authenticate or Proxy-Authenticate, one per algorithm, in order (RFC 8760 2.4).

        client: the source address (without the port: NATs change it). now: seconds of any clock that does not step
        back, the same for `verify`.
        """
        self._serial = (self._serial + 1) & 0xFFFFFF
        stamp = f"{int(now * 1000):0{_NONCE_TIME}x}{self._serial:0{_NONCE_SERIAL}x}"
        nonce = stamp + self._checksum(stamp, client)
        tail = ", stale=true" if stale else ""
        return [
            f'Digest realm={self._quoted_realm}, nonce="{nonce}", algorithm={algorithm}, qop="auth"{tail}'
            for algorithm in self._algorithms
        ]

    def verify(
        self,
        authorization: str | None,
        method: str,
        uri: str,
        client: str,
        now: float,
        ha1_for: Callable[[str, str], str | None],
        body: bytes = b"",
    ) -> Verdict:
        """Judge the value of Authorization or Proxy-Authorization. Never raises.

        uri: the Request-URI as on the wire. client, now: as in `challenges`. ha1_for(username, algorithm): the
        stored HA1 in hex for our realm, None for a user who does not exist. body: for qop=auth-int, which we don't
        offer, but take.
        """
        if not authorization:
            return _NO_CREDENTIALS
        try:
            given = parse_auth(authorization)
        except MalformedHeader:
            return _MALFORMED
        params = given.params
        username = params.get("username", "")
        if given.scheme != "digest" or not username or not params.keys() >= _NEEDED:
            return _MALFORMED
        if params.get("realm") != self.realm:
            return Verdict(False, username, "wrong realm")
        algorithm = params.get("algorithm", "MD5")
        if algorithm not in self._algorithms:
            algorithm = algorithm.upper()
            if algorithm not in self._algorithms:
                return Verdict(False, username, "algorithm not offered")
        nonce, qop = params["nonce"], params.get("qop", "")
        count = 0
        if qop:
            if qop not in ("auth", "auth-int"):
                return Verdict(False, username, "qop not offered")
            count = _nonce_count(params.get("nc", ""))
            if count < 1 or not params.get("cnonce"):
                return _MALFORMED
        elif not self._allow_legacy:
            return Verdict(False, username, "no qop")
        if params["uri"] != uri and not _same_target(params["uri"], uri):
            return Verdict(False, username, "wrong uri")

        secret = ha1_for(username, algorithm)
        # The same work for a user who does not exist, so that the time tells nothing.
        expected = _response(_HASHES[algorithm], secret or self._decoy, given, method, body)
        right = compare_digest(expected.encode(), to_wire(params["response"].lower()))
        if secret is None:
            return Verdict(False, username, "unknown user")
        if not right:
            return Verdict(False, username, "wrong password")
        made = self._made(nonce, client)
        milliseconds = int(now * 1000)
        if made is None or not made - 1000 <= milliseconds <= made + self._lifetime:
            return Verdict(False, username, "stale nonce", stale=True)
        if count:
            return self._count(nonce, made, count, username, milliseconds)
        return Verdict(True, username)

    def _checksum(self, stamp: str, client: str) -> str:
        return hashlib.blake2s(f"{stamp}{client}".encode(), key=self._secret[:32], digest_size=12).hexdigest()

    def _made(self, nonce: str, client: str) -> int | None:
        """When we made this nonce for this client, in ms; None if we did not."""
        if len(nonce) != _NONCE_LENGTH or not nonce.isascii():
            return None
        stamp = nonce[: _NONCE_TIME + _NONCE_SERIAL]
        if not compare_digest(self._checksum(stamp, client), nonce[_NONCE_TIME + _NONCE_SERIAL :]):
            return None
        return int(stamp[:_NONCE_TIME], 16)

    def _count(self, nonce: str, made: int, count: int, username: str, now: int) -> Verdict:
        """Accept each nonce-count of a nonce once (RFC 7616 3.4.5, 5.5), also when requests overtake each other."""
        seen = self._counts.get(nonce)
        if seen is None:
            if made <= self._forgotten:
                return Verdict(False, username, "stale nonce", stale=True)
            self._make_room(now)
            self._counts[nonce] = count << NONCE_COUNT_WINDOW
            return Verdict(True, username)
        highest, window = seen >> NONCE_COUNT_WINDOW, seen & _WINDOW_MASK
        if count > highest:
            ahead = count - highest
            window = ((window << 1 | 1) << (ahead - 1)) & _WINDOW_MASK if ahead <= NONCE_COUNT_WINDOW else 0
            self._counts[nonce] = count << NONCE_COUNT_WINDOW | window
            return Verdict(True, username)
        behind = highest - count
        if 0 < behind <= NONCE_COUNT_WINDOW and not window >> (behind - 1) & 1:
            self._counts[nonce] = seen | 1 << (behind - 1)
            return Verdict(True, username)
        # stale: a phone that never counts up (there are some) asks anew by itself, an attacker gains nothing.
        return Verdict(False, username, "replayed nonce count", stale=True)

    def _make_room(self, now: int) -> None:
        """Drop nonces too old to be used, a few at a time; and one that is not, if there are too many."""
        counts = self._counts
        for _ in range(min(4, len(counts))):
            oldest = next(iter(counts))
            made = int(oldest[:_NONCE_TIME], 16)
            if now <= made + self._lifetime:
                if len(counts) < self._max_nonces:
                    break
                self._forgotten = max(self._forgotten, made)
            del counts[oldest]


_is_nonce_count: Final = re.compile(r"[0-9A-Fa-f]{1,8}").fullmatch
_WINDOW_MASK: Final = (1 << NONCE_COUNT_WINDOW) - 1


def _nonce_count(text: str) -> int:
    """`nc` as a number, 0 if it is none. RFC 7616 3.4: exactly eight hex digits; some phones send fewer."""
    return int(text, 16) if _is_nonce_count(text) else 0


def _same_target(signed: str, requested: str) -> bool:
    """Whether the uri of credentials means the Request-URI: the same user at the same host, or that host alone.

    RFC 7616 3.4.6 leaves it to the server what "the same" is, since elements on the way rewrite the Request-URI;
    phones leave out the port, the transport parameter, and some the user.
    """
    try:
        one, other = Uri.parse(signed), Uri.parse(requested)
    except MalformedHeader:
        return False
    if one == other:
        return True
    sip = ("sip", "sips")
    return (
        one.scheme in sip
        and other.scheme in sip
        and one.host.lower() == other.host.lower()
        and one.username in ("", other.username)  # "": SIPp and some phones name the server only
    )


def credentials_for(values: Iterable[str], realm: str) -> str | None:
    """The one of several Authorization values that is meant for `realm` (RFC 3261 22.3), None if none is."""
    for value in values:
        try:
            given = parse_auth(value)
        except MalformedHeader:
            continue
        if given.scheme == "digest" and given.get("realm") == realm:
            return value
    return None


def is_stale(challenges: Iterable[str]) -> bool:
    """Whether challenges say that the password was right and only the nonce too old (RFC 7616 3.3)."""
    for value in challenges:
        try:
            if parse_auth(value).get("stale").lower() == "true":
                return True
        except MalformedHeader:
            continue
    return False


class DigestClient:
    """The side that answers, for one account at one server: a trunk's registration and its calls.

    It remembers the last challenge, so that the next request can bring its credentials along (`again`), and counts
    how often a nonce was used.
    """

    def __init__(self, *, entropy: Callable[[int], bytes] = secrets.token_bytes) -> None:
        """entropy(n): n random bytes, for the cnonce."""
        self._entropy = entropy
        self._challenge: AuthParams | None = None
        self._count = 0

    def answer(
        self,
        challenges: Sequence[str],
        method: str,
        uri: str,
        username: str,
        password: Secret,
        body: bytes = b"",
    ) -> str | None:
        """The Authorization value that answers these WWW-Authenticate (or Proxy-Authenticate) values.

        The strongest algorithm that both know is taken (RFC 8760 2.4). None if none of the challenges can be
        answered, or `password` knows the HA1 of none. uri: the Request-URI of the request it goes into. body: its
        body, for a server that wants auth-int.
        When the request that was refused had credentials already, and not `is_stale(challenges)`, then the password
        is wrong, and answering again would only lock the account.
        """
        best: AuthParams | None = None
        for value in challenges:
            try:
                challenge = parse_auth(value)
            except MalformedHeader:
                continue
            if not _answerable(challenge) or not _ha1_of(challenge, username, password):
                continue
            if best is None or _STRENGTH[_algorithm(challenge)] > _STRENGTH[_algorithm(best)]:
                best = challenge
        if best is None:
            return None
        if self._challenge is None or self._challenge.get("nonce") != best.get("nonce"):
            self._count = 0
        self._challenge = best
        return self._credentials(best, method, uri, username, password, body)

    def again(self, method: str, uri: str, username: str, password: Secret, body: bytes = b"") -> str | None:
        """Credentials for a further request under the last challenge (RFC 3261 22.2); None if there was none."""
        if self._challenge is None:
            return None
        return self._credentials(self._challenge, method, uri, username, password, body)

    def learn(self, authentication_info: str) -> None:
        """Take the next nonce from the value of Authentication-Info in a response (RFC 7616 3.5). Never raises."""
        if self._challenge is None:
            return
        try:
            nonce = parse_auth(f"Digest {authentication_info}").get("nextnonce")
        except MalformedHeader:
            return
        if nonce and nonce != self._challenge.get("nonce"):
            self._challenge.params["nonce"] = nonce
            self._count = 0

    def forget(self) -> None:
        """Drop the remembered challenge, after the server refused it or the account was changed."""
        self._challenge = None
        self._count = 0

    def _credentials(
        self, challenge: AuthParams, method: str, uri: str, username: str, password: Secret, body: bytes
    ) -> str:
        algorithm = _algorithm(challenge)
        given = AuthParams("digest", {"nonce": challenge.get("nonce"), "uri": uri})
        offered = _qops(challenge)
        count = ""
        if offered:
            self._count += 1
            qop = "auth" if "auth" in offered else "auth-int"
            cnonce = self._entropy(8).hex()
            given.params |= {"qop": qop, "nc": f"{self._count:08x}", "cnonce": cnonce}
            count = f', cnonce="{cnonce}", qop={qop}, nc={self._count:08x}'
        realm = challenge.get("realm")
        secret = _ha1_of(challenge, username, password)
        response = _response(_HASHES[algorithm], secret, given, method, body)
        text = (
            f"Digest username={quote(username)}, realm={quote(realm)}, nonce={quote(given.params['nonce'])}, "
            f'uri={quote(uri)}, response="{response}"'
        )
        if "algorithm" in challenge.params:
            text += f", algorithm={algorithm}"
        if "opaque" in challenge.params:
            text += f", opaque={quote(challenge.params['opaque'])}"
        return text + count


def _ha1_of(challenge: AuthParams, username: str, password: Secret) -> str:
    """The HA1 that a challenge asks for, "" where it is not known."""
    realm, algorithm = challenge.get("realm"), _algorithm(challenge)
    return ha1(username, realm, password, algorithm) if isinstance(password, str) else password(realm, algorithm) or ""


def _algorithm(challenge: AuthParams) -> str:
    return challenge.get("algorithm", "MD5").upper()


def _qops(challenge: AuthParams) -> list[str]:
    return [qop.strip().lower() for qop in challenge.get("qop").split(",") if qop.strip()]


def _answerable(challenge: AuthParams) -> bool:
    if challenge.scheme != "digest" or not challenge.get("nonce") or _algorithm(challenge) not in _HASHES:
        return False
    offered = _qops(challenge)
    # A challenge without qop (RFC 2069) is still what many carriers send.
    return not offered or "auth" in offered or "auth-int" in offered
