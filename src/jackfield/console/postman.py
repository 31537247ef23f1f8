"""Delivering notices: e-mail by the company's server, and a signed JSON message to a webhook; tried again for a day.

The webhook gets `Jackfield-Signature: t=SECONDS,v1=HEX`: HMAC-SHA-256 with the secret over `SECONDS.BODY`, so that the
receiver can tell that it is ours and fresh.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import smtplib
import ssl
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

from django.core.mail import EmailMessage, get_connection

from jackfield import __version__
from jackfield.notices.choices import Progress

if TYPE_CHECKING:
    from jackfield.notices.models import Mail, Notice, Notices

__all__ = ["Undeliverable", "deliver", "due", "post", "send"]

TIMEOUT = 20.0
PAUSES = (60.0, 300.0, 900.0, 3600.0)
GIVE_UP = 86400.0
BATCH = 50


class Undeliverable(Exception):
    """The message did not get away; the text says why, with the mend. `forever`: trying again won't help."""

    def __init__(self, text: str, *, forever: bool = False) -> None:
        super().__init__(text)
        self.forever = forever


def due(now: float) -> list[Notice]:
    """Return the notices that are to be tried now, the oldest first."""
    from jackfield.notices.models import Notice

    waiting = Notice.objects.filter(progress=Progress.WAITING, next_try__lte=now)
    return list(waiting.order_by("pk")[:BATCH])


def deliver(notice: Notice, now: float) -> None:
    """Try to deliver one notice, and write down what came of it. Never raises for what the network does."""
    from jackfield.notices.models import Mail, Notices

    try:
        if notice.recipient:
            send(Mail.current(), notice.recipient, notice.subject, notice.text)
        else:
            post(Notices.current(), notice, now)
    except Undeliverable as problem:
        notice.error = str(problem)
        if problem.forever or now - notice.at > GIVE_UP:
            notice.progress = Progress.FAILED
        notice.next_try = now + PAUSES[min(notice.tries, len(PAUSES) - 1)]
    else:
        notice.progress, notice.error = Progress.SENT, ""
    notice.tries += 1
    notice.save()


def send(mail: Mail, recipient: str, subject: str, text: str) -> None:
    """Send one e-mail. Raises `Undeliverable`."""
    if not mail.host:
        raise Undeliverable("no e-mail server is set up: see System, E-mail", forever=True)
    where = f"{mail.host}, port {mail.port}"
    connection = get_connection(
        "django.core.mail.backends.smtp.EmailBackend",
        host=mail.host, port=mail.port, username=mail.username, password=mail.password,
        use_tls=mail.security == "starttls", use_ssl=mail.security == "tls", timeout=TIMEOUT,
    )  # fmt: skip
    headers = {"Auto-Submitted": "auto-generated"}  # RFC 3834: no out-of-office replies
    try:
        EmailMessage(subject, text, mail.sender, [recipient], connection=connection, headers=headers).send()
    except smtplib.SMTPAuthenticationError as error:
        raise Undeliverable(f"{where} refused the user name or the password: {_reply(error)}") from None
    except smtplib.SMTPRecipientsRefused as error:
        code, reply = next(iter(error.recipients.values()))
        text = f"{where} does not take messages for {recipient}: {code} {_text(reply)}"
        raise Undeliverable(text, forever=code >= 500) from None
    except smtplib.SMTPSenderRefused as error:
        text = f"{where} does not take messages from {mail.sender}: {_reply(error)}"
        raise Undeliverable(text, forever=error.smtp_code >= 500) from None
    except smtplib.SMTPNotSupportedError:
        raise Undeliverable(f"{where} does not offer what is set: choose another protection, or no user name") from None
    except smtplib.SMTPResponseException as error:
        raise Undeliverable(f"{where} answered {_reply(error)}") from None
    except ssl.SSLCertVerificationError as error:
        raise Undeliverable(f"{where} has a certificate that can't be trusted: {error.verify_message}") from None
    except ssl.SSLError as error:
        raise Undeliverable(
            f"{where} speaks no TLS as set: {error.reason or error}; try the other protection"
        ) from None
    except smtplib.SMTPException as error:
        raise Undeliverable(f"{where}: {error}") from None
    except OSError as error:
        raise Undeliverable(f"{where} can't be reached: {error.strerror or error}") from None


def _reply(error: smtplib.SMTPResponseException) -> str:
    return f"{error.smtp_code} {_text(error.smtp_error)}"


def _text(reply: Any) -> str:
    return reply.decode("utf-8", "replace") if isinstance(reply, bytes) else str(reply)


def signature(secret: str, at: int, body: bytes) -> str:
    """Return the value of the signature header."""
    digest = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={digest}"


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A webhook that moves must be entered anew: what we sign is for that address alone."""

    def redirect_request(self, *arguments: Any, **named: Any) -> None:
        """Follow nothing."""


def post(notices: Notices, notice: Notice, now: float) -> None:
    """Send one notice to the webhook. Raises `Undeliverable`."""
    if not notices.webhook:
        raise Undeliverable("no webhook is set up: see System, Notices", forever=True)
    content = {"id": notice.pk, "at": notice.at, "kind": notice.kind, "cause": notice.cause,
               "subject": notice.subject, "text": notice.text}  # fmt: skip
    body = json.dumps(content).encode()
    headers = {"Content-Type": "application/json", "User-Agent": f"Jackfield/{__version__}"}
    if notices.webhook_secret:
        headers["Jackfield-Signature"] = signature(notices.webhook_secret, int(now), body)
    request = urllib.request.Request(notices.webhook, body, headers)  # noqa: S310 (the scheme is checked when it is set)
    try:
        with urllib.request.build_opener(_NoRedirects).open(request, timeout=TIMEOUT):
            pass
    except urllib.error.HTTPError as error:
        raise Undeliverable(f"the webhook answered {error.code} {error.reason}") from None
    except OSError as error:
        reason = getattr(error, "reason", None) or error.strerror or error
        raise Undeliverable(f"the webhook can't be reached: {reason}") from None
