"""What a browser and a phone think of a certificate, in words."""

from __future__ import annotations

import datetime
import ipaddress
import ssl
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from jackfield.console.certificates.reading import Bundle, issued, public_bytes

__all__ = ["SOON", "Chain", "Judgement", "chain_of", "covers", "fits", "judge", "key_words", "name_of", "names_of"]

SOON = datetime.timedelta(days=14)
SMALLEST_RSA = 2048

Chain = Literal["trusted", "private", "self-signed", "incomplete"]


@dataclass(frozen=True, slots=True)
class Judgement:
    """`problems`: why it can't be used at all; `warnings`: what some will complain about. Sentences, with the mend."""

    problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def judge(bundle: Bundle, now: datetime.datetime, addresses: Iterable[str] = ()) -> Judgement:
    """Return what is to be said of a certificate. `addresses`: names by which people and phones reach us."""
    problems = [*_time_problems(bundle.leaf, now), *_strength_problems(bundle), *_purpose_problems(bundle.leaf)]
    return Judgement(tuple(problems), tuple(_warnings(bundle, now, addresses)))


def _time_problems(leaf: x509.Certificate, now: datetime.datetime) -> list[str]:
    if leaf.not_valid_after_utc <= now:
        text = _("It ended on %(day)s: everybody would refuse it. Get a new one from the authority that made it.")
        return [text % {"day": _day(leaf.not_valid_after_utc)}]
    if leaf.not_valid_before_utc > now:
        text = _(
            "It holds from %(day)s on only. Give it then; if that day is past already, this machine's clock is wrong."
        )
        return [text % {"day": _day(leaf.not_valid_before_utc)}]
    return []


def _strength_problems(bundle: Bundle) -> list[str]:
    found = []
    public = _public(bundle.leaf)
    if isinstance(public, rsa.RSAPublicKey):
        if public.key_size < SMALLEST_RSA:
            text = _("Its RSA key has %(bits)d bits, which browsers and phones refuse: take one with 2048 or more.")
            found.append(text % {"bits": public.key_size})
    elif not (isinstance(public, ec.EllipticCurvePublicKey) and 256 <= public.key_size <= 521):
        found.append(_("Its key is of a kind that browsers refuse: take RSA with 2048 bits, or ECDSA with P-256."))
    for one in (bundle.leaf, *bundle.chain):
        used = _hash(one)
        if isinstance(used, hashes.MD5 | hashes.SHA1) and not issued(one, one):
            text = _("“%(name)s” is signed with %(hash)s, which can be forged: have it signed with SHA-256.")
            found.append(text % {"name": name_of(one.subject), "hash": used.name.upper()})
    return found


def _public(leaf: x509.Certificate) -> Any:
    try:
        return leaf.public_key()
    except (ValueError, UnsupportedAlgorithm):
        return None


def _hash(one: x509.Certificate) -> hashes.HashAlgorithm | None:
    try:
        return one.signature_hash_algorithm
    except UnsupportedAlgorithm:
        return None


def _purpose_problems(leaf: x509.Certificate) -> list[str]:
    try:
        uses = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except (x509.ExtensionNotFound, ValueError):
        return []
    if ExtendedKeyUsageOID.SERVER_AUTH in uses or ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE in uses:
        return []
    return [_("It is not made for servers, but for e-mail or for people: ask for one for a web server (TLS).")]


def _warnings(bundle: Bundle, now: datetime.datetime, addresses: Iterable[str]) -> list[str]:
    leaf, found = bundle.leaf, []
    left = leaf.not_valid_after_utc - now
    if datetime.timedelta() < left < SOON:
        text = ngettext(
            "It ends in %(days)d day. Browsers and phones refuse it then: renew it.",
            "It ends in %(days)d days. Browsers and phones refuse it then: renew it.",
            left.days,
        )
        found.append(text % {"days": left.days})
    kind = chain_of(leaf, bundle.chain)
    if kind == "self-signed":
        found.append(
            _(
                "It is signed by nobody but itself: browsers warn of it, and phones must be told to trust it or not to "
                "look at it. A certificate of an authority ends that."
            )
        )
    elif kind == "private":
        text = _(
            "It comes from “%(name)s”, an authority that browsers and phones do not know by themselves: each must be "
            "given that authority's certificate."
        )
        found.append(text % {"name": name_of((bundle.chain or [leaf])[-1].issuer)})
    elif kind == "incomplete":
        text = _(
            "The chain is not complete: the certificate of “%(name)s” is missing. Some browsers find it by themselves, "
            "most phones do not. Give it together with the certificate."
        )
        found.append(text % {"name": name_of((bundle.chain or [leaf])[-1].issuer)})
    for one in bundle.chain:
        if one.not_valid_after_utc <= now:
            text = _("The certificate of “%(name)s” in its chain has ended: get the new chain from the authority.")
            found.append(text % {"name": name_of(one.subject)})
    names = names_of(leaf)
    if not _alternative_names(leaf):
        found.append(_("It names no address in the way that browsers look at: they refuse it, older phones do not."))
    missing = [address for address in dict.fromkeys(addresses) if address and not covers(names, address)]
    if missing:
        text = _(
            "It does not name %(addresses)s: whoever comes by that address is warned, and phones that check names "
            "refuse it."
        )
        found.append(text % {"addresses": ", ".join(missing)})
    if isinstance(_public(leaf), ec.EllipticCurvePublicKey):
        found.append(_("Its key is ECDSA: some desk phones from before 2015 know RSA only."))
    if bundle.unrelated:
        text = ngettext(
            "%(count)d certificate of what was given has nothing to do with it, and is left out.",
            "%(count)d certificates of what was given have nothing to do with it, and are left out.",
            bundle.unrelated,
        )
        found.append(text % {"count": bundle.unrelated})
    return found


def _day(at: datetime.datetime) -> str:
    return str(date_format(at, "j F Y"))


def chain_of(leaf: x509.Certificate, chain: Sequence[x509.Certificate]) -> Chain:
    """Return where the chain leads: to an authority that everybody knows, to one of somebody's own, or nowhere."""
    if issued(leaf, leaf):
        return "self-signed"
    last = chain[-1] if chain else leaf
    roots = authorities()
    if any(issued(last, root) for root in roots.get(last.issuer.public_bytes(), ())):
        return "trusted"
    if issued(last, last):
        return "trusted" if any(root == last for root in roots.get(last.subject.public_bytes(), ())) else "private"
    return "incomplete"


@lru_cache(maxsize=1)
def authorities() -> dict[bytes, list[x509.Certificate]]:
    """Return the authorities that this machine trusts, which are those of browsers, by their names."""
    found: dict[bytes, list[x509.Certificate]] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a few of them are older than today's rules for serial numbers
        for data in ssl.create_default_context().get_ca_certs(binary_form=True):
            try:
                root = x509.load_der_x509_certificate(data)
                found.setdefault(root.subject.public_bytes(), []).append(root)
            except ValueError:
                continue
    return found


def names_of(leaf: x509.Certificate) -> list[str]:
    """Return the names and addresses that a certificate holds for; where it has none, its common name."""
    found = _alternative_names(leaf)
    if not found:
        found = [str(one.value) for one in leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    return list(dict.fromkeys(found))


def _alternative_names(leaf: x509.Certificate) -> list[str]:
    try:
        known = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return []
    return [str(one.value) for one in known if isinstance(one, x509.DNSName | x509.IPAddress)]


def covers(names: Iterable[str], address: str) -> bool:
    """Tell whether one of `names` is this address; `*.` stands for one label (RFC 6125 section 6.4.3)."""
    try:
        wanted = str(ipaddress.ip_address(address))
        return wanted in set(names)
    except ValueError:
        wanted = address.lower().rstrip(".")
    for name in names:
        known = name.lower().rstrip(".")
        if known == wanted or (known.startswith("*.") and wanted.partition(".")[2] == known[2:]):
            return True
    return False


def name_of(name: x509.Name) -> str:
    """Return what people call the holder of a certificate."""
    for oid in (NameOID.COMMON_NAME, NameOID.ORGANIZATIONAL_UNIT_NAME, NameOID.ORGANIZATION_NAME):
        for one in name.get_attributes_for_oid(oid):
            return str(one.value)
    return name.rfc4514_string()


def key_words(leaf: x509.Certificate) -> str:
    """Return the kind of its key: "RSA, 2048 bits"."""
    public = _public(leaf)
    if isinstance(public, rsa.RSAPublicKey):
        return f"RSA, {public.key_size} bits"
    if isinstance(public, ec.EllipticCurvePublicKey):
        return f"ECDSA, {public.curve.name}"
    return type(public).__name__.strip("_").removesuffix("PublicKey") if public is not None else ""


def fits(bundle: Bundle) -> bool:
    """Tell whether the key belongs to the certificate."""
    return bundle.key is not None and public_bytes(bundle.key) == public_bytes(bundle.leaf)
