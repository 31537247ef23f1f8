"""New SIP passwords with each configuration: kept beside the snapshot, and told to the switch at once.

A snapshot of a large company takes a second to build; a thousand phones that start at once would need a thousand. So
what the passwords have become since is appended to a file beside it, which the switch reads after the snapshot, and
the next snapshot has them within (`console.publish` then empties the file).
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from jackfield.control import ControlError, NotRunning, ask_sync
from jackfield.numbers.schema import new_password
from jackfield.sip.digest import ha1
from jackfield.switch.line_secrets import LineSecret

if TYPE_CHECKING:
    from jackfield.settings import Settings

__all__ = ["Rotated", "clear_used", "rotate", "tell"]

log = logging.getLogger(__name__)

TELL_SECONDS = 5.0
_encoder = msgspec.json.Encoder()


@dataclass(frozen=True, slots=True)
class Rotated:
    """A line with its new password and the one that counts until that was used."""

    pk: int
    secret: LineSecret
    password: str
    previous: str


def rotate(line: Any, realm: str) -> Rotated:
    """Give a row of a line a new password. The one before stays until the phone has used the new one.

    Where the newest was never used, what the phone has is still the one before that.
    """
    line.previous_password = line.previous_password or line.sip_password
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


def tell(settings: Settings, rotated: Sequence[Rotated]) -> None:
    """Have the switch take new passwords: at once where it runs, else when it starts. The database has them already."""
    if not rotated:
        return
    secrets = [one.secret for one in rotated]
    path = settings.files.line_secrets
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "wb") as file:
        file.write(b"".join(_encoder.encode(one) + b"\n" for one in secrets))
    try:
        used = ask_sync(
            settings.files.switch_socket, "line_secrets", timeout=TELL_SECONDS, lines=msgspec.to_builtins(secrets)
        )
    except NotRunning:
        return
    except ControlError as problem:
        log.error("the switch was not told new passwords of %d phones: %s", len(secrets), problem)
        return
    clear_used(used)


def clear_used(used: Iterable[str]) -> None:
    """Forget the passwords before of lines whose phones have used the new one: digests of it, as the switch tells."""
    from jackfield.company.models import General
    from jackfield.numbers.models import Line

    known = set(used)
    if not known:
        return
    realm = General.current().realm
    over = [
        row.pk
        for row in Line.objects.exclude(previous_password="").only("sip_username", "sip_password")
        if ha1(row.sip_username, realm, row.sip_password) in known
    ]
    Line.objects.filter(pk__in=over).update(previous_password="")
