"""The certificate of this installation: what is in use, and another one in its place, for pages, API and command line.

One certificate serves the console, SIP over TLS and secure WebSocket (`network.certificate_store`). Keys never leave
the data directory: no answer, no log and no history has one.
"""

from __future__ import annotations

import dataclasses
import datetime
import logging
import os
import ssl
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from django.utils.translation import gettext as _

from jackfield.console import own_door
from jackfield.console.certificates import judging
from jackfield.console.certificates.reading import Bundle, CertificateError, Key, public_bytes, read, serialised
from jackfield.console.declarative.apply import Author
from jackfield.control import ControlError, NotRunning, ask_sync
from jackfield.network.addresses import local_addresses
from jackfield.network.certificate import alternative, names_of_this_machine
from jackfield.network.certificate_store import Store

if TYPE_CHECKING:
    from jackfield.settings import Settings

__all__ = [
    "CertificateError", "Listener", "Shown", "ask", "drop", "ends", "give", "in_use", "renew", "store", "trusted_for",
]  # fmt: skip

log = logging.getLogger(__name__)

TELL_SECONDS = 5.0
LONGEST_NAME = 253
MOST_NAMES = 50


@dataclass(frozen=True, slots=True)
class Listener:
    """A port that shows the certificate to those who connect."""

    what: str  # in words
    port: int


@dataclass(frozen=True, slots=True)
class Shown:
    """The certificate in use, and what is to be said of it. Without its key."""

    origin: str  # "settings", "given", "self-signed"
    names: tuple[str, ...] = ()
    issuer: str = ""
    begins: float = 0.0  # seconds since 1970
    ends: float = 0.0
    fingerprint: str = ""  # SHA-256, as browsers show it
    key: str = ""  # "RSA, 2048 bits"
    chain: str = ""  # "trusted", "private", "self-signed", "incomplete"
    chain_names: tuple[str, ...] = ()
    key_fits: bool = False
    problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    listeners: tuple[Listener, ...] = ()
    request: str = ""  # a signing request that waits for its certificate, PEM
    request_names: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain data, for programs."""
        found = dataclasses.asdict(self)
        for name in ("begins", "ends"):
            at = datetime.datetime.fromtimestamp(found[name], datetime.UTC)
            found[name] = at.isoformat().replace("+00:00", "Z") if found[name] else None
        return found


def store(settings: Settings) -> Store:
    """Return the store of an installation."""
    return Store(settings.files.certificates, (settings.tls_certificate, settings.tls_key))


def in_use(settings: Settings, addresses: Sequence[str] = (), now: datetime.datetime | None = None) -> Shown:
    """Return what is in use. `addresses`: further names by which somebody reached us."""
    found = store(settings)
    pair = found.current()
    common: dict[str, Any] = {"origin": pair.origin, "listeners": listeners(settings)}
    if request := _text(found.request):
        common |= {"request": request, "request_names": _request_names(request)}
    try:
        chain, key = pair.certificate.read_bytes(), pair.key.read_bytes()
    except OSError as problem:
        text = _("The file %(file)s can't be read: %(why)s.")
        return Shown(**common, problems=(text % {"file": problem.filename, "why": problem.strerror},))
    try:
        bundle = read([chain] if pair.certificate == pair.key else [chain, key])
    except CertificateError as problem:
        return Shown(**common, problems=(str(problem),))
    judged = judging.judge(bundle, now or datetime.datetime.now(datetime.UTC), [*reached_by(settings), *addresses])
    leaf = bundle.leaf
    digits = leaf.fingerprint(hashes.SHA256()).hex().upper()
    return Shown(
        **common,
        names=tuple(judging.names_of(leaf)),
        issuer=judging.name_of(leaf.issuer),
        begins=leaf.not_valid_before_utc.timestamp(),
        ends=leaf.not_valid_after_utc.timestamp(),
        fingerprint=":".join(digits[at : at + 2] for at in range(0, len(digits), 2)),
        key=judging.key_words(leaf),
        chain=judging.chain_of(leaf, bundle.chain),
        chain_names=tuple(judging.name_of(one.subject) for one in bundle.chain),
        key_fits=judging.fits(bundle),
        problems=judged.problems,
        warnings=judged.warnings,
    )


def trusted_for(settings: Settings, host: str) -> bool:
    """Tell whether phones would take the certificate in use for `host`: one that others signed, for that name."""
    found = store(settings).current()
    if found.origin == "self-signed":
        return False
    try:
        files = {found.certificate, found.key}
        leaf = read([file.read_bytes() for file in files]).leaf
    except (OSError, CertificateError):
        return False
    return judging.covers(judging.names_of(leaf), host)


def ends(settings: Settings) -> float | None:
    """Return when the certificate in use ends, in seconds since 1970; None when it can't be read."""
    try:
        leaf = x509.load_pem_x509_certificate(store(settings).current().certificate.read_bytes())
    except (OSError, ValueError):
        return None  # the switch and `jackfield check` say so
    return leaf.not_valid_after_utc.timestamp()


def listeners(settings: Settings) -> tuple[Listener, ...]:
    """Return the ports that show the certificate."""
    found = []
    if settings.console_port and settings.console_secure:
        found.append(Listener(_("Administration, and everybody's own pages"), settings.console_port))
    if own_door.port and settings.console_secure:
        found.append(Listener(_("Everybody's own pages"), own_door.port))
    for port, what in ((settings.sip_tls_port, _("Phones by SIP over TLS")),
                       (settings.sip_wss_port, _("Phones in browsers (secure WebSocket)"))):  # fmt: skip
        if port:
            found.append(Listener(what, port))
    return tuple(found)


def reached_by(settings: Settings) -> list[str]:
    """Return the names by which the administrator said that we are reached: a certificate should have them."""
    from jackfield.console.reached import by_hand

    return by_hand(settings)


# --- changes --------------------------------------------------------------------------------------------------------


def give(
    settings: Settings, files: Sequence[bytes], password: str = "", *, author: Author, dry_run: bool = False
) -> Shown:
    """Use the certificate in `files` from now on, with the key in them or with that of our signing request.

    `dry_run` says only what is to be said of it. Raises `CertificateError`; nothing is changed then.
    """
    found = _changeable(settings)
    bundle = read(files, password, _own_keys(found))
    now = datetime.datetime.now(datetime.UTC)
    judged = judging.judge(bundle, now, reached_by(settings))
    if judged.problems:
        raise CertificateError(" ".join(judged.problems))
    assert bundle.key is not None
    key = serialised(bundle.key)
    _try(found, bundle, key)
    if not dry_run:
        text = _("Certificate for %(names)s by “%(issuer)s”, until %(day)s, fingerprint %(fingerprint)s.")

        def put() -> None:
            found.put(bundle.chain_pem, key)
            if _asked_for(found, bundle):
                found.forget_request()

        _change(settings, author, text % _facts(bundle), put)
        return in_use(settings)
    return Shown(
        "given", tuple(judging.names_of(bundle.leaf)), judging.name_of(bundle.leaf.issuer), key_fits=True,
        warnings=judged.warnings, begins=bundle.leaf.not_valid_before_utc.timestamp(),
        ends=bundle.leaf.not_valid_after_utc.timestamp(), chain=judging.chain_of(bundle.leaf, bundle.chain),
        fingerprint=_facts(bundle)["fingerprint"], key=judging.key_words(bundle.leaf),
    )  # fmt: skip


def ask(settings: Settings, names: Sequence[str], organisation: str = "", *, author: Author) -> str:
    """Make a key, which stays here, and return the request (PEM) that an authority signs for these names.

    Raises `CertificateError`.
    """
    found, wanted = _changeable(settings), _names(names)
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    subject = [x509.NameAttribute(NameOID.COMMON_NAME, wanted[0][:64])]
    if organisation.strip():
        subject.append(x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation.strip()[:64]))
    request = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(x509.Name(subject))
        .add_extension(x509.SubjectAlternativeName([alternative(name) for name in wanted]), critical=False)
        .sign(key, hashes.SHA256())
        .public_bytes(serialization.Encoding.PEM)
    )
    text = _("A request for a certificate for %(names)s was made.")
    _change(
        settings, author, text % {"names": ", ".join(wanted)},
        lambda: found.keep_request(request, serialised(key)), tell=False,
    )  # fmt: skip
    return request.decode()


def drop(settings: Settings, *, author: Author) -> None:
    """Forget the signing request that waits, with its key. Raises `CertificateError`."""
    found = store(settings)
    if found.request.exists():
        text = _("The request for a certificate was thrown away.")
        _change(settings, author, text, found.forget_request, tell=False)


def renew(settings: Settings, names: Sequence[str] = (), *, author: Author) -> Shown:
    """Make a new certificate of our own, signed by itself, for these names (default: all of this machine), and use it.

    Raises `CertificateError`.
    """
    found = _changeable(settings)
    wanted = _names(names) if names else names_of_this_machine(
        [*reached_by(settings), *settings.hosts, *settings.console_hosts, *local_addresses()]
    )  # fmt: skip

    def make() -> None:
        found.self_signed.make(wanted, datetime.datetime.now(datetime.UTC))
        found.remove()

    text = _("A new self-signed certificate was made for %(names)s.")
    _change(settings, author, text % {"names": ", ".join(wanted)}, make)
    return in_use(settings)


def _changeable(settings: Settings) -> Store:
    if settings.tls_certificate:
        raise CertificateError(
            _(
                "The settings name the certificate (tls_certificate, tls_key), and that counts. Exchange those files: "
                "new connections get them at once. Or remove both settings and start Jackfield again."
            )
        )
    return store(settings)


def _change(settings: Settings, author: Author, text: str, put: Callable[[], object], *, tell: bool = True) -> None:
    """Do it, note it in the history, and have the running switch take it. Raises `CertificateError`, `DatabaseAway`."""
    from django.db import transaction

    from jackfield.changes.models import Revision
    from jackfield.console.database import database_errors
    from jackfield.console.locking import configuration_lock

    with database_errors(settings), transaction.atomic():
        configuration_lock()
        Revision.objects.create(
            at=time.time(), user=author.user, author=author.name, through=author.through, address=author.address,
            summary={"changes": [], "note": text},
        )  # fmt: skip
        try:
            put()
        except OSError as problem:
            why = _("It can't be kept in %(folder)s: %(why)s. Make room on the disk, and see to the folder's owner.")
            said = why % {"folder": settings.files.certificates, "why": problem.strerror or problem}
            raise CertificateError(said) from None
    log.warning("%s (%s): %s", author.name, author.address or author.through, text)
    if tell:
        try:
            ask_sync(settings.files.switch_socket, "certificate", timeout=TELL_SECONDS)
        except NotRunning:
            pass
        except ControlError as problem:
            log.error("the switch did not take the new certificate: %s", problem)


def _try(found: Store, bundle: Bundle, key: bytes) -> None:
    """Have OpenSSL itself load it, before anybody depends on it."""
    found.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, path = tempfile.mkstemp(dir=found.folder)  # 0600
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(bundle.chain_pem + key)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
    except ssl.SSLError as problem:
        text = _("TLS can't use this certificate: %(why)s. Take one with an RSA key of 2048 bits.")
        raise CertificateError(text % {"why": problem.reason or problem}) from None
    finally:
        os.unlink(path)


def _own_keys(found: Store) -> list[Key]:
    """Return the keys that a certificate without one may belong to: of our request, and the one in use."""
    return [key for path in (found.request_key, found.current().key) if (key := _key_in(path)) is not None]


def _key_in(path: Path) -> Key | None:
    """Return the key that a file of the store ends with."""
    text = _text(path)
    try:
        key = serialization.load_pem_private_key(text[text.index("-----BEGIN PRIVATE KEY") :].encode(), None)
    except ValueError:
        return None
    return key if isinstance(key, Key) else None


def _asked_for(found: Store, bundle: Bundle) -> bool:
    key = _key_in(found.request_key)
    return key is not None and public_bytes(key) == public_bytes(bundle.leaf)


def _facts(bundle: Bundle) -> dict[str, str]:
    leaf = bundle.leaf
    return {
        "names": ", ".join(judging.names_of(leaf)) or judging.name_of(leaf.subject),
        "issuer": judging.name_of(leaf.issuer),
        "day": leaf.not_valid_after_utc.date().isoformat(),
        "fingerprint": leaf.fingerprint(hashes.SHA256()).hex()[:16],
    }


def _names(names: Sequence[str]) -> list[str]:
    from django.core.exceptions import ValidationError

    from jackfield.console import validation

    wanted = list(dict.fromkeys(name.strip().lower() for name in names if name.strip()))
    if not wanted:
        raise CertificateError(_("Give at least one name or address that the certificate is to be for."))
    if len(wanted) > MOST_NAMES:
        raise CertificateError(_("These are more than %(most)d names: leave some out.") % {"most": MOST_NAMES})
    for name in wanted:
        try:
            validation.address(name.removeprefix("*."))
        except ValidationError as problem:
            raise CertificateError(f"{problem.messages[0]}.") from None
        if not name.isascii() or len(name) > LONGEST_NAME:
            raise CertificateError(_("“%(name)s” is no name that a certificate can have.") % {"name": name[:80]})
    return wanted


def _request_names(text: str) -> tuple[str, ...]:
    try:
        request = x509.load_pem_x509_csr(text.encode())
        known = request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (ValueError, x509.ExtensionNotFound):
        return ()
    return tuple(str(one.value) for one in known if isinstance(one, x509.DNSName | x509.IPAddress))


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""
