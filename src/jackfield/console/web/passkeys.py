"""Passkeys (WebAuthn): made, and used as second factor or instead of a password. The mathematics is py_webauthn's."""

from __future__ import annotations

import json
import logging
import time
from typing import Any

from django.http import HttpRequest
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _

from jackfield.company.models import General
from jackfield.people.models import Passkey

__all__ = ["creation_options", "make", "request_options", "used"]

log = logging.getLogger(__name__)

CHALLENGE_SECONDS = 300.0
MOST = 20  # passkeys of one user
UNREADABLE = (ValueError, KeyError, TypeError, RecursionError)
"""What reading JSON from outside may raise; the last one where it is nested too deeply."""


def creation_options(request: HttpRequest) -> str:
    """Return what the browser needs to make a passkey for the one who is signed in, as JSON."""
    import webauthn
    from webauthn.helpers.structs import (
        AuthenticatorSelectionCriteria,
        PublicKeyCredentialDescriptor,
        ResidentKeyRequirement,
        UserVerificationRequirement,
    )

    user: Any = request.user
    handle = salted_hmac("jackfield.passkey", str(user.pk), algorithm="sha256").digest()
    options = webauthn.generate_registration_options(
        rp_id=_host(request),
        rp_name=General.current().company or "Jackfield",
        user_name=user.login,
        user_display_name=user.shown_name,
        user_id=handle,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.PREFERRED, user_verification=UserVerificationRequirement.PREFERRED
        ),
        exclude_credentials=[PublicKeyCredentialDescriptor(id=_bytes(key.credential)) for key in user.passkeys.all()],
    )
    _keep(request, "make", options.challenge)
    return str(webauthn.options_to_json(options))


def make(request: HttpRequest, credential: str, name: str) -> Passkey | None:
    """Keep the passkey that the browser has made; None where what it sent proves nothing."""
    import webauthn
    from django.db import IntegrityError, transaction
    from webauthn.helpers.exceptions import WebAuthnException

    user: Any = request.user
    challenge = _taken(request, "make")
    if challenge is None or user.passkeys.count() >= MOST:
        return None
    try:
        found = webauthn.verify_registration_response(
            credential=credential,
            expected_challenge=challenge,
            expected_rp_id=_host(request),
            expected_origin=_origin(request),
        )
        with transaction.atomic():
            return Passkey.objects.create(
                user=user,
                name=name.strip()[:60] or _("Passkey"),
                credential=_text(found.credential_id),
                public_key=_text(found.credential_public_key),
                sign_count=found.sign_count,
                host=_host(request),
                made=time.time(),
            )
    except (*UNREADABLE, WebAuthnException, IntegrityError) as why:
        log.warning("a passkey of %r was not accepted: %s", user.login, why)
        return None


def request_options(request: HttpRequest, user: Any = None) -> str:
    """Return what the browser needs to prove a passkey, as JSON. `user`: whose; None: the browser says which."""
    import webauthn
    from webauthn.helpers.structs import PublicKeyCredentialDescriptor, UserVerificationRequirement

    alone = user is None
    keys = [] if alone else user.passkeys.filter(host=_host(request))
    options = webauthn.generate_authentication_options(
        rp_id=_host(request),
        allow_credentials=[PublicKeyCredentialDescriptor(id=_bytes(key.credential)) for key in keys],
        user_verification=UserVerificationRequirement.REQUIRED if alone else UserVerificationRequirement.DISCOURAGED,
    )
    _keep(request, "alone" if alone else f"second:{user.pk}", options.challenge)
    return str(webauthn.options_to_json(options))


def used(request: HttpRequest, credential: str, user: Any = None) -> Any:
    """Return whose passkey this is, proven; None where it proves nothing.

    Without `user` it stands for name and password too: the device must then have asked for a finger, a face or a PIN.
    """
    import webauthn
    from webauthn.helpers.exceptions import WebAuthnException

    challenge = _taken(request, "alone" if user is None else f"second:{user.pk}")
    key = Passkey.objects.select_related("user").filter(credential=_id(credential), host=_host(request)).first()
    if challenge is None or key is None or (user is not None and key.user_id != user.pk):
        return None
    try:
        found = webauthn.verify_authentication_response(
            credential=credential,
            expected_challenge=challenge,
            expected_rp_id=_host(request),
            expected_origin=_origin(request),
            credential_public_key=_bytes(key.public_key),
            credential_current_sign_count=key.sign_count,
            require_user_verification=user is None,
        )
    except (*UNREADABLE, WebAuthnException) as why:
        log.warning("a passkey of %r was refused: %s", key.user.login, why)
        return None
    # A copy of a key that counts would count twice: whoever is not first with a number is refused.
    same = Passkey.objects.filter(pk=key.pk, sign_count=key.sign_count)
    if not same.update(sign_count=found.new_sign_count, used=time.time()):
        return None
    return key.user


def _host(request: HttpRequest) -> str:
    return request.get_host().rpartition(":")[0] if request.get_host().count(":") == 1 else request.get_host()


def _origin(request: HttpRequest) -> str:
    return f"{request.scheme}://{request.get_host()}"


def _keep(request: HttpRequest, purpose: str, challenge: bytes) -> None:
    request.session["challenge"] = [purpose, _text(challenge), time.time()]


def _taken(request: HttpRequest, purpose: str) -> bytes | None:
    """Return the challenge that was given out for this purpose: once, and not for long."""
    kept = request.session.pop("challenge", None)
    if kept is None or kept[0] != purpose or time.time() - kept[2] > CHALLENGE_SECONDS:
        return None
    return _bytes(kept[1])


def _id(credential: str) -> str:
    try:
        found = json.loads(credential)
        return str(found["id"])[:1400] if isinstance(found, dict) else ""
    except UNREADABLE:
        return ""


def _text(data: bytes) -> str:
    from webauthn.helpers import bytes_to_base64url

    return str(bytes_to_base64url(data))


def _bytes(text: str) -> bytes:
    from webauthn.helpers import base64url_to_bytes

    return bytes(base64url_to_bytes(text))
