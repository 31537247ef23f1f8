"""The second factor: six digits of an app (TOTP), or a recovery code; setting both up. Passkeys: `passkeys.py`."""

from __future__ import annotations

import hmac
import secrets
import time
from typing import Any

from django.db import transaction
from django.utils.crypto import salted_hmac

from jackfield.people.models import Authenticator, RecoveryCode, User

__all__ = ["add", "has", "matching_step", "new_recovery_codes", "new_secret", "qr", "remove_all", "takes", "uri"]

STEP_SECONDS = 30
DRIFT_STEPS = 1
RECOVERY_CODES = 10
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # none that look like another on paper


def has(user: Any) -> bool:
    """Tell whether `user` has a second factor."""
    return Authenticator.objects.filter(user=user).exists() or bool(user.passkeys.exists())


def new_secret() -> str:
    """Return a secret for an app: 160 bits in base32."""
    import pyotp

    return str(pyotp.random_base32(32))


def uri(secret: str, user: Any, company: str) -> str:
    """Return what an app reads from the QR code."""
    import pyotp

    return str(pyotp.TOTP(secret).provisioning_uri(name=user.login, issuer_name=company or "Jackfield"))


def qr(text: str) -> str:
    """Return a QR code as the address of a picture that needs no fetching (`data:`)."""
    import segno

    return str(segno.make(text, error="m").svg_data_uri(scale=5, border=3, light="#fff", dark="#000"))


def matching_step(secret: str, code: str, now: float) -> int:
    """Return the number of the 30 seconds whose code this is, one before and one after included; 0 for none."""
    import pyotp

    digits, current, found = "".join(code.split()), int(now // STEP_SECONDS), 0
    if not digits.isascii():
        return 0
    for step in range(current - DRIFT_STEPS, current + DRIFT_STEPS + 1):
        if hmac.compare_digest(pyotp.TOTP(secret).generate_otp(step), digits):
            found = step
    return found


def takes(user: Any, code: str) -> str:
    """Return what a code was: "authenticator" or "recovery"; "" where it is neither. It is used up by this."""
    app = Authenticator.objects.filter(user=user).first()
    if app is not None and (step := matching_step(app.secret, code, time.time())):
        # Of two who come with the same code at the same moment, one finds the row as he expects it.
        fresh = Authenticator.objects.filter(pk=app.pk, last_step__lt=step).update(last_step=step)
        return "authenticator" if fresh else ""
    gone, _ = RecoveryCode.objects.filter(user=user, digest=_digest(user, code)).delete()
    return "recovery" if gone else ""


def _digest(user: Any, code: str) -> str:
    plain = "".join(letter for letter in code.lower() if letter.isalnum())
    return salted_hmac("jackfield.recovery", f"{user.pk}:{plain}", algorithm="sha256").hexdigest()


def add(user: Any, secret: str, step: int) -> None:
    """Make an app that has shown the code of `step` the user's authenticator, in place of any other."""
    Authenticator.objects.update_or_create(
        user=user, defaults={"secret": secret, "last_step": step, "made": time.time()}
    )


def new_recovery_codes(user: Any) -> list[str]:
    """Return new recovery codes, to be shown once; those of before are void."""
    codes = ["".join(secrets.choice(_LETTERS) for _ in range(10)) for _ in range(RECOVERY_CODES)]
    with transaction.atomic():
        User.objects.select_for_update().get(pk=user.pk)
        RecoveryCode.objects.filter(user=user).delete()
        RecoveryCode.objects.bulk_create([RecoveryCode(user=user, digest=_digest(user, code)) for code in codes])
    return [f"{code[:5]}-{code[5:]}" for code in codes]


def remove_all(user: Any) -> None:
    """Take everything away that `user` proves himself by beside the password."""
    Authenticator.objects.filter(user=user).delete()
    RecoveryCode.objects.filter(user=user).delete()
    user.passkeys.all().delete()
