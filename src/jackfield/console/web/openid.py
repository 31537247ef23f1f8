"""Signing in at another server: OpenID Connect Core 1.0, authorization code flow with PKCE (RFC 7636).

The server says who somebody is; which user that is, and what he may do, is decided here. Whoever has a second factor
here is asked for it all the same.
"""

from __future__ import annotations

import logging
import secrets
import time
from typing import Any

from django.conf import settings as django_settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _

from jackfield.console import change
from jackfield.console.change import Author, Wish
from jackfield.console.declarative.difference import DocumentError
from jackfield.console.web import signing_in
from jackfield.console.web.rights import public
from jackfield.directory.models import Identity, OpenId
from jackfield.people.models import User

__all__ = ["OpenIdError", "button", "urls"]

log = logging.getLogger(__name__)

SECONDS = 10
BACK = "/sign-in/openid/back"
PENDING_SECONDS = 600
ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
CLOCK_SECONDS = 60
KEPT_SECONDS, AWAY_SECONDS = 300.0, 10.0
"""So long is believed what the server says of itself, and that it does not answer: strangers press the button too."""
_described: dict[str, tuple[float, dict[str, Any] | None]] = {}


class OpenIdError(Exception):
    """Somebody can't sign in; the text says why to him. What an administrator must know is in the log."""


def button() -> str:
    """Return what is written on the button of the sign-in page; "" where there is none."""
    config = OpenId.current()
    if not config.enabled:
        return ""
    return _("Sign in with %(name)s") % {"name": config.name} if config.name else _("Sign in with your company account")


@public
def begin(request: HttpRequest) -> HttpResponse:
    """Send the browser to the server. By GET: a form may not lead to another site, by our Content-Security-Policy."""
    from authlib.oauth2.rfc7636 import create_s256_code_challenge

    config = OpenId.current()
    if not config.enabled or request.user.is_authenticated:
        return redirect("/sign-in")  # which leads those on who are signed in
    target = request.GET.get("next", "")
    if not target.startswith("/") or not url_has_allowed_host_and_scheme(target, allowed_hosts=None):
        target = ""
    kept = {"state": secrets.token_urlsafe(24), "nonce": secrets.token_urlsafe(24),
            "verifier": secrets.token_urlsafe(48), "next": target, "at": time.time()}  # fmt: skip
    try:
        session = _session(request, config)
        address, _ = session.create_authorization_url(
            _configuration(config)["authorization_endpoint"], state=kept["state"], nonce=kept["nonce"],
            code_challenge=create_s256_code_challenge(kept["verifier"]), code_challenge_method="S256",
        )  # fmt: skip
    except OpenIdError as problem:
        return _refused(request, str(problem))
    request.session["openid"] = kept
    request.session.set_expiry(PENDING_SECONDS)
    return redirect(address)


@public
def back(request: HttpRequest) -> HttpResponse:
    """Take the answer that the browser brings back, and sign in."""
    config, kept = OpenId.current(), request.session.pop("openid", None)
    if not config.enabled or kept is None or time.time() - kept["at"] > PENDING_SECONDS:
        return _refused(request, _("This took too long, or began in another browser. Please try once more."))
    if not secrets.compare_digest(request.GET.get("state", "").encode("utf-8", "replace"), kept["state"].encode()):
        return _refused(request, _("The answer does not belong to what was begun here. Please try once more."))
    if "error" in request.GET:
        log.warning(
            "OpenID Connect: the server refuses: %s", request.GET.get("error_description") or request.GET["error"]
        )
        return _refused(request, _("The other server did not let you in."))
    try:
        user = _user(config, _claims(request, config, kept))
    except OpenIdError as problem:
        return _refused(request, str(problem))
    return signing_in.proceed(request, user, kept["next"])


def _refused(request: HttpRequest, text: str) -> HttpResponse:
    return render(request, "sign_in.html", {"next": "", "problem": text}, status=422)


def _session(request: HttpRequest, config: OpenId) -> Any:
    from authlib.integrations.requests_client import OAuth2Session

    return OAuth2Session(
        config.client_id, config.client_secret, scope="openid email profile", default_timeout=SECONDS,
        redirect_uri=request.build_absolute_uri(BACK),
    )  # fmt: skip


def _get(address: str) -> dict[str, Any]:
    """Read a JSON object. Raises `OpenIdError`."""
    import requests

    try:
        answer = requests.get(address, timeout=SECONDS, allow_redirects=False)
        answer.raise_for_status()
        found = answer.json()
    except (requests.RequestException, ValueError) as error:
        log.warning("OpenID Connect: %s can't be read: %s", address, error)
        raise OpenIdError(_("The other server does not answer. Sign in with your password, or try later.")) from None
    if not isinstance(found, dict):
        raise OpenIdError(_("The other server answers with something else than was asked."))
    return found


def _configuration(config: OpenId) -> dict[str, Any]:
    """Return what the server says of itself (OpenID Connect Discovery 1.0 section 4)."""
    address = config.issuer.rstrip("/") + "/.well-known/openid-configuration"
    until, known = _described.get(address, (0.0, None))
    if until < time.monotonic():
        if address in _described:
            _described[address] = (time.monotonic() + SECONDS, known)  # who comes meanwhile does not wait for it too
        try:
            known, kept = _get(address), KEPT_SECONDS
        except OpenIdError:
            known, kept = None, AWAY_SECONDS
        _described[address] = (time.monotonic() + kept, known)
    if known is None:
        raise OpenIdError(_("The other server does not answer. Sign in with your password, or try later."))
    found = known
    needed = ("authorization_endpoint", "token_endpoint", "jwks_uri")
    if found.get("issuer", "").rstrip("/") != config.issuer.rstrip("/") or not all(name in found for name in needed):
        log.warning("OpenID Connect: %s says that it is %s: set the issuer so", config.issuer, found.get("issuer"))
        raise OpenIdError(_("The other server is not the one that is set up here. Tell an administrator."))
    return found


def _claims(request: HttpRequest, config: OpenId, kept: dict[str, Any]) -> dict[str, Any]:
    """Change the code into what the server says of the person, checked (Core 1.0 section 3.1.3.7)."""
    from authlib.common.errors import AuthlibBaseError
    from joserfc import jwt
    from joserfc.errors import JoseError
    from joserfc.jwk import KeySet
    from requests import RequestException

    described = _configuration(config)
    try:
        tokens = _session(request, config).fetch_token(
            described["token_endpoint"], code=request.GET.get("code", ""), code_verifier=kept["verifier"],
            grant_type="authorization_code",
        )  # fmt: skip
        keys: Any = _get(described["jwks_uri"])
        token = jwt.decode(tokens["id_token"], KeySet.import_key_set(keys), algorithms=ALGORITHMS)
        jwt.JWTClaimsRegistry(
            leeway=CLOCK_SECONDS,
            iss={"essential": True, "value": described["issuer"]},
            aud={"essential": True, "value": config.client_id},
            exp={"essential": True},
            sub={"essential": True},
            nonce={"essential": True, "value": kept["nonce"]},
        ).validate(token.claims)
    except (AuthlibBaseError, JoseError, RequestException, KeyError, ValueError) as error:
        log.warning("OpenID Connect: the server's answer is refused: %s: %s", type(error).__name__, error)
        raise OpenIdError(_("The other server's answer can't be trusted. Tell an administrator.")) from None
    return {"email": "", **token.claims, "issuer": described["issuer"]}


def _user(config: OpenId, claims: dict[str, Any]) -> User:
    """Return the user that somebody is, made now if that is set so. Raises `OpenIdError`."""
    email = str(claims["email"])
    verified = claims.get("email_verified") is True
    known = Identity.objects.filter(issuer=claims["issuer"], subject=str(claims["sub"])).select_related("user").first()
    if config.domains and email.rpartition("@")[2].lower() not in {domain.lower() for domain in config.domains}:
        raise OpenIdError(_("Your e-mail address is not of this company."))
    if config.domains and known is None and not verified:  # anybody may claim an address
        log.warning("OpenID Connect: %s is not said to be verified there: without that, domains let nobody in", email)
        raise OpenIdError(_("The other server has not made sure that your e-mail address is yours."))
    user = known.user if known is not None else None
    if user is None and email and verified:
        found = list(User.objects.filter(email__iexact=email)[:2])
        user = found[0] if len(found) == 1 else None
    if user is None and config.create_users:
        user = _made(config, claims, email)
    if user is None:
        raise OpenIdError(_("The other server knows you, but there is no user here with your e-mail address."))
    if not user.is_active:
        raise OpenIdError(_("Your account is switched off here."))
    if known is None:
        Identity.objects.create(user=user, issuer=claims["issuer"], subject=str(claims["sub"]))
    return user


def _made(config: OpenId, claims: dict[str, Any], email: str) -> User:
    name = str(claims.get("preferred_username") or email.partition("@")[0] or claims["sub"]).partition("@")[0].lower()
    values = {"login": name, "name": str(claims.get("name", "")), "email": email, "role": config.role}
    try:
        change.save(django_settings.JACKFIELD, [Wish("users", values)], author=Author("OpenID Connect", "openid"))
    except DocumentError as problem:
        log.warning("OpenID Connect: no user can be made of %s: %s", name, problem)
        raise OpenIdError(
            _("No user can be made of you here, since the name is taken. Tell an administrator.")
        ) from None
    user: User = User.objects.get(login=name)
    return user


def urls() -> list[Any]:
    """Return the addresses of these pages."""
    return [path("sign-in/openid", begin), path(BACK.lstrip("/"), back)]
