"""New SIP passwords with each configuration: kept beside the snapshot, and told to the switch at once.

A snapshot of a large company takes a second to build; a thousand phones that start at once would need a thousand. So
what the passwords have become since is appended to a file beside it, which the switch reads after the snapshot, and
the next snapshot has them within (`console.publish` then empties the file).
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from jackfield.control import ControlError, NotRunning, ask_sync
from jackfield.numbers.schema import new_password
from jackfield.sip.digest import ha1
from jackfield.switch.line_secrets import LineSecret

if TYPE_CHECKING:
    from jackfield.settings import Settings

__all__ = ["Rotated", "clear_used", "in_use", "rotate", "tell"]

log = logging.getLogger(__name__)

TELL_SECONDS = 5.0
USED_SECONDS = 0.5  # the database waits meanwhile
_encoder = msgspec.json.Encoder()


@dataclass(frozen=True, slots=True)
class Rotated:
    """A line with its new password and the one that counts until that was used."""

    pk: int
    secret: LineSecret
    password: str
    previous: str


def rotate(line: Any, realm: str, used: Collection[str] = ()) -> Rotated:
    """Give a row of a line a new password. The one before stays until the phone has used the new one.

    Where the newest was never used, what the phone has is still the one before that. `used`: digests of passwords of
    which the switch says that phones have used them, see `in_use`.
    """
    if not line.previous_password or ha1(line.sip_username, realm, line.sip_password) in used:
        line.previous_password = line.sip_password
    line.sip_password = new_password()
    who, now, before = line.sip_username, line.sip_password, line.previous_password
    secret = LineSecret(
        sip_username=who,
        md5=ha1(who, realm, now),
        sha256=ha1(who, realm, now, "SHA-256"),
        previous_md5=ha1(who, realm, before),
        previous_sha256=ha1(who, realm, before, "SHA-256"),
    )
    return Rotated(line.pk, secret, now, before)


def in_use(settings: Settings, names: Sequence[str], ask: Callable[..., Any] = ask_sync) -> frozenset[str]:
    """Return the digests of the newest passwords that phones of these SIP names have used already."""
    if not names:
        return frozenset()
    try:
        return frozenset(ask(settings.files.switch_socket, "line_secrets", timeout=USED_SECONDS, names=list(names)))
    except ControlError:
        return frozenset()  # it does not run, so that nobody has used anything; or it is busy


def tell(settings: Settings, rotated: Sequence[Rotated]) -> None:
    """Have the switch take new passwords: at once where it runs, else when it starts. The database has them already."""
    if not rotated:
        return
    secrets = [one.secret for one in rotated]
    path = settings.files.line_secrets
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "wb") as file:
        file.write(b"".join(_encoder.encode(one) + b"\n" for one in secrets))
    try:
        ask_sync(settings.files.switch_socket, "line_secrets", timeout=TELL_SECONDS, lines=msgspec.to_builtins(secrets))
    except NotRunning:
        return
    except ControlError as problem:
        log.error("the switch was not told new passwords of %d phones: %s", len(secrets), problem)


def clear_used(settings: Settings, ask: Callable[..., Any] = ask_sync) -> None:
    """Forget the passwords before of lines whose phones have used the new one, as the switch tells."""
    from jackfield.company.models import General
    from jackfield.numbers.models import Line

    rows = list(Line.objects.exclude(previous_password="").only("sip_username", "sip_password"))
    used = in_use(settings, [row.sip_username for row in rows], ask)
    realm = General.current().realm
    for row in rows:
        if used and ha1(row.sip_username, realm, row.sip_password) in used:  # unless it is another one meanwhile
            Line.objects.filter(pk=row.pk, sip_password=row.sip_password).update(previous_password="")
