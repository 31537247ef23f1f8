"""People of the company's directory: read by LDAP (RFC 4511), their passwords checked by it, kept in step here.

Passwords never come here: a bind as the person tells whether one is right. Nothing is written to the directory.
"""

from __future__ import annotations

import re
import ssl
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import ldap3
from ldap3.core import exceptions as errors
from ldap3.utils.conv import escape_filter_chars

from jackfield.directory.person import DirectoryAway, DirectoryError, Person

if TYPE_CHECKING:
    from jackfield.directory.models import Directory

__all__ = ["check_password", "find", "people"]

SECONDS = 5
PAGE = 500
AWAY = (51, 52)  # busy, unavailable (RFC 4511 section 4.1.9): another server may have time
AD_DISABLED = 0x2  # of userAccountControl (MS-ADTS section 2.2.16)
AD_NEVER = (0, 0x7FFFFFFFFFFFFFFF)  # of accountExpires, which counts 100 ns since 1601 (MS-ADTS section 2.2.3)
AD_EPOCH = 11_644_473_600
AD_MEMBER = "1.2.840.113556.1.4.1941"  # members of groups within groups too (MS-ADTS section 3.1.1.3.4.4.3)


@dataclass(frozen=True, slots=True)
class _Kind:
    people: str
    login: str
    uid: str


KINDS = {
    "active_directory": _Kind("(&(objectCategory=person)(objectClass=user))", "sAMAccountName", "objectGUID"),
    "openldap": _Kind("(objectClass=inetOrgPerson)", "uid", "entryUUID"),
}
NAMES = ("displayName", "cn")


@contextmanager
def _connected(config: Directory, name: str, password: str) -> Iterator[ldap3.Connection]:
    """Connect to the first server that answers, and bind. Raises `DirectoryError`."""
    reasons = []
    for host in config.hosts:
        try:
            connection = _connect(config, host)
        except errors.LDAPExceptionError as error:
            reasons.append(f"{host}: {_why(error)}")
            continue
        try:
            if not connection.rebind(name, password):
                if connection.result["result"] in AWAY:
                    reasons.append(_refusal(host, connection.result))
                    continue
                raise DirectoryError(_refusal(host, connection.result))
            yield connection
            return
        except errors.LDAPExceptionError as error:
            raise DirectoryError(f"{host}: {_why(error)}") from None
        finally:
            connection.unbind()
    raise DirectoryAway("no server of the directory answers. " + "; ".join(reasons or ["none is given"]))


def _connect(config: Directory, host: str) -> ldap3.Connection:
    name, colon, port = host.rpartition(":")
    name, port = (name, port) if colon and port.isdigit() else (host, "")
    tls = ldap3.Tls(
        validate=ssl.CERT_REQUIRED, ca_certs_file=config.certificate or None, valid_names=[name.strip("[]")]
    )
    server = ldap3.Server(
        name.strip("[]"), int(port) if port else None, use_ssl=config.security == "tls", tls=tls,
        connect_timeout=SECONDS, get_info=ldap3.NONE,
    )  # fmt: skip
    connection = ldap3.Connection(server, receive_timeout=SECONDS * 2, raise_exceptions=False, read_only=True)
    connection.open()
    if config.security == "starttls" and not connection.start_tls():
        raise errors.LDAPStartTLSError("it does not offer STARTTLS")
    return connection


def _why(error: Exception) -> str:
    text = str(error)
    if "CERTIFICATE_VERIFY_FAILED" in text or "certificate" in text.lower():
        reason = re.search(r"verify failed: ([^(\"]+?)\.? *\(_ssl", text)
        why = f" ({reason[1]})" if reason else ""
        return f"its certificate can't be trusted{why}: give the authority's certificate"
    if "refused" in text:
        return "nobody listens there"
    if "timed out" in text:
        return "it does not answer"
    return text.split(" - ")[-1] or type(error).__name__


def _refusal(host: str, result: dict[str, Any]) -> str:
    if result["result"] == 49:  # invalidCredentials
        return f"{host} refuses the name or the password"
    return f"{host} refuses: {result['description']} {result.get('message', '')}".strip()


def people(config: Directory) -> list[Person]:
    """Return everybody whom the settings choose, in the order of their logins. Raises `DirectoryError`."""
    with _connected(config, config.bind_name, config.bind_password) as connection:
        found = _search(config, connection, config.filter or KINDS[config.kind].people)
    return sorted(found, key=lambda person: person.login)


def find(config: Directory, login: str) -> Person | None:
    """Return the one with this login, if the settings choose him. Raises `DirectoryError`."""
    kind = KINDS[config.kind]
    wanted = f"({config.login_attribute or kind.login}={escape_filter_chars(login)})"
    with _connected(config, config.bind_name, config.bind_password) as connection:
        found = _search(config, connection, f"(&{config.filter or kind.people}{wanted})")
    return found[0] if len(found) == 1 else None


def check_password(config: Directory, person: Person, password: str) -> bool:
    """Tell whether the directory takes this password. Raises `DirectoryError` when it can't be asked."""
    if not password:
        return False  # with no password a server says yes to everybody (RFC 4513 section 5.1.2)
    try:
        with _connected(config, person.dn, password):
            return True
    except DirectoryError as problem:
        if "refuses" in str(problem):
            return False
        raise


def _search(config: Directory, connection: ldap3.Connection, filter: str) -> list[Person]:
    kind = KINDS[config.kind]
    login = config.login_attribute or kind.login
    attributes = [login, kind.uid, *NAMES, "mail"]
    if config.kind == "active_directory":
        attributes += ["userAccountControl", "accountExpires"]
    if config.number_attribute:
        attributes.append(config.number_attribute)
    members = _members(config, connection)
    chosen = {dn.lower() for dn in config.groups}
    found = []
    for entry in _pages(connection, config.base, filter, attributes):
        raw = {name.lower(): values for name, values in entry["raw_attributes"].items()}
        dn = entry["dn"]
        groups = tuple(group for group, names in members.items() if dn.lower() in names or _text(raw, login) in names)
        if chosen and not chosen & {group.lower() for group in groups}:
            continue
        uid = raw.get(kind.uid.lower()) or [dn.encode()]
        found.append(
            Person(
                uid=_uid(kind, uid[0]),
                dn=dn,
                login=_text(raw, login).lower(),
                name=next((text for name in NAMES if (text := _text(raw, name))), ""),
                email=_text(raw, "mail"),
                number=_text(raw, config.number_attribute) if config.number_attribute else "",
                disabled=_disabled(raw),
                groups=groups,
            )
        )
    return found


def _disabled(raw: dict[str, list[bytes]]) -> bool:
    """Tell whether Active Directory lets this account sign in no more: switched off, or over."""
    expires = _number(raw, "accountExpires")
    over = expires not in AD_NEVER and expires / 1e7 - AD_EPOCH < time.time()
    return over or bool(_number(raw, "userAccountControl") & AD_DISABLED)


def _number(raw: dict[str, list[bytes]], name: str) -> int:
    found = _text(raw, name)
    return int(found) if found.lstrip("-").isdecimal() else 0


def _uid(kind: _Kind, raw: bytes) -> str:
    if kind.uid == "objectGUID" and len(raw) == 16:
        return str(uuid.UUID(bytes_le=raw))
    return raw.decode("utf-8", "replace")[-80:]


def _text(raw: dict[str, list[bytes]], name: str) -> str:
    values = raw.get(name.lower())
    return values[0].decode("utf-8", "replace").strip() if values else ""


def _members(config: Directory, connection: ldap3.Connection) -> dict[str, set[str]]:
    """Return for each group that the settings name the DNs (and names) of its members, in small letters."""
    found: dict[str, set[str]] = {}
    for group in dict.fromkeys((*config.groups, *config.group_roles)):
        if config.kind == "active_directory":
            dn = escape_filter_chars(group)
            wanted = f"(|(memberOf={dn})(memberOf:{AD_MEMBER}:={dn}))"  # not all that look like it know the second
            found[group] = {entry["dn"].lower() for entry in _pages(connection, config.base, wanted, ["1.1"])}
            continue
        names = ("member", "uniqueMember", "memberUid")
        if not connection.search(group, "(objectClass=*)", ldap3.BASE, attributes=list(names)):
            raise DirectoryError(f'the directory has no group "{group}": mind its DN')
        raw = connection.response[0]["raw_attributes"]
        found[group] = {value.decode().lower() for name in names for value in raw.get(name, ())}
    return found


def _pages(connection: ldap3.Connection, base: str, filter: str, attributes: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Search below `base`, in pages: servers give no more than some hundred entries at once (RFC 2696)."""
    cookie: Any = None
    while True:
        try:
            connection.search(
                base, filter, ldap3.SUBTREE, attributes=list(attributes), paged_size=PAGE, paged_cookie=cookie
            )
        except errors.LDAPInvalidFilterError:
            raise DirectoryError(f"{filter} is no filter: write it as (objectClass=person)") from None
        result = connection.result
        if result["result"] != 0:
            if result["result"] == 32:
                raise DirectoryError(f'the directory has no "{base}": mind the DN below which people are')
            raise DirectoryError(f"the directory refuses the search: {result['description']} {result['message']}")
        yield from (entry for entry in connection.response if entry["type"] == "searchResEntry")
        controls = result.get("controls", {}).get("1.2.840.113556.1.4.319", {})
        cookie = controls.get("value", {}).get("cookie")
        if not cookie:
            return
