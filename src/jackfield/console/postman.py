"""Delivering notices as e-mail by the company's server; tried again for a day.

An e-mail has two parts that say the same, one of plain text and one of HTML, in the language of who gets it.
"""

from __future__ import annotations

import contextlib
import smtplib
import socket
import ssl
from typing import TYPE_CHECKING, Any

from django.core.mail import EmailMultiAlternatives, get_connection
from django.utils.translation import gettext as _
from django.utils.translation import override

from jackfield.console.letters import Letter, button_for, up_to_you
from jackfield.console.links import address_for_users
from jackfield.notices.choices import FOR_ADMINISTRATORS, FOR_ONESELF, LINKS, Progress

if TYPE_CHECKING:
    from jackfield.notices.models import Mail, Notice

__all__ = ["Undeliverable", "deliver", "due", "letter", "postpone", "send", "trial"]

TIMEOUT = 20.0
"""Seconds for which a server is waited for that is to take a connection, or while somebody looks on."""
PATIENCE = 300.0
"""Seconds for each answer afterwards (RFC 5321 section 4.5.3.2): a message must not go out again while a slow server is
still about to take it.
"""
PAUSES = (60.0, 300.0, 900.0, 3600.0)
GIVE_UP = 86400.0
OTHER_NAME = (62, 64)
"""OpenSSL's X509_V_ERR_HOSTNAME_MISMATCH and X509_V_ERR_IP_ADDRESS_MISMATCH."""
BATCH = 50


class Undeliverable(Exception):
    """The message did not get away; the text says why, with the mend. `forever`: trying again won't help. `others`:
    the next message may well get away, since this one's recipient or content was the reason.
    """

    def __init__(self, text: str, *, forever: bool = False, others: bool = True) -> None:
        super().__init__(text)
        self.forever, self.others = forever, others


def due(now: float) -> list[Notice]:
    """Return the notices that are to be tried now, the oldest first."""
    from jackfield.notices.models import Notice

    waiting = Notice.objects.filter(progress=Progress.WAITING, next_try__lte=now)
    return list(waiting.order_by("pk")[:BATCH])


def deliver(notice: Notice, now: float) -> bool:
    """Try to deliver one notice, and write down what came of it. Never raises for what the network does.

    Returns whether others are worth trying now: not where the server can't be talked to.
    """
    from jackfield.notices.models import Mail

    others = True
    try:
        with override(notice.language or "en"):
            message = letter(notice)
            send(Mail.current(), notice.recipient, message, patience=PATIENCE)
    except Undeliverable as problem:
        notice.error, others = str(problem), problem.others
        if problem.forever or now - notice.at > GIVE_UP:
            notice.progress = Progress.FAILED
        notice.next_try = now + PAUSES[min(notice.tries, len(PAUSES) - 1)]
    else:
        notice.progress, notice.error = Progress.SENT, ""
    notice.tries += 1
    notice.save()
    return others


def postpone(now: float) -> None:
    """Let everything that is due wait for a minute."""
    from jackfield.notices.models import Notice

    Notice.objects.filter(progress=Progress.WAITING, next_try__lte=now).update(next_try=now + PAUSES[0])


def letter(notice: Notice) -> Letter:
    """Return a notice as an e-mail, in the language that is active. Raises `Undeliverable`."""
    from jackfield.console import welcome

    if notice.kind in LINKS:
        return welcome.letter(notice)
    small = []
    if notice.kind in (*FOR_ADMINISTRATORS, *FOR_ONESELF) and (address := address_for_users("/me/notices")):
        small.append(up_to_you(address))
    return Letter(notice.subject, "", tuple(notice.text.split("\n\n")), button_for(notice.kind), small=tuple(small))


def trial() -> Letter:
    """Return what is sent to try the e-mail server."""
    text = _("This is the test message that you asked for. If you read it, the e-mail server is set up right.")
    return Letter(_("Jackfield can send e-mail"), "", (text,))


def send(mail: Mail, recipient: str, message: Letter, *, patience: float = 0.0) -> None:
    """Send one e-mail. Raises `Undeliverable`: its text says what the server did, and the mend.

    `patience`: seconds for each answer of a server that has taken the connection; 0: as long as for that.
    """
    if not mail.host:
        raise Undeliverable(_("no e-mail server is set up: see System, E-mail"), forever=True)
    connection = get_connection(
        "django.core.mail.backends.smtp.EmailBackend",
        host=mail.host, port=mail.port, username=mail.username, password=mail.password,
        use_tls=mail.security == "starttls", use_ssl=mail.security == "tls", timeout=TIMEOUT,
    )  # fmt: skip
    headers = {"Auto-Submitted": "auto-generated"}  # RFC 3834: no out-of-office replies
    subject = " ".join(message.subject.split())  # callers' names are strangers' choice: no line breaks in the header
    mime = EmailMultiAlternatives(
        subject, message.text(), mail.sender, [recipient], connection=connection, headers=headers
    )
    mime.attach_alternative(message.html(), "text/html")
    try:
        connection.open()
        connection.connection.sock.settimeout(patience or TIMEOUT)
        mime.send()
    except (smtplib.SMTPException, OSError) as error:  # ssl's errors are OSErrors
        raise _undeliverable(mail, recipient, error) from None
    finally:
        with contextlib.suppress(smtplib.SMTPException, OSError):
            connection.close()


def _undeliverable(mail: Mail, recipient: str, error: Exception) -> Undeliverable:
    """Return in words why a message did not get away. Of what is said first the later ones are kinds."""
    told: dict[str, Any] = {
        "where": _("%(host)s, port %(port)s") % {"host": mail.host, "port": mail.port},
        "recipient": recipient,
        "sender": mail.sender,
        "host": mail.host,
    }
    forever = others = False
    match error:
        case smtplib.SMTPAuthenticationError():
            text = _("%(where)s refused the user name or the password: %(reply)s. Some providers want a password "
                     "made for programs, and the whole address as the name")  # fmt: skip
            told["reply"] = _reply(error)
        case smtplib.SMTPRecipientsRefused():
            code, reply = next(iter(error.recipients.values()))
            text = _("%(where)s does not take messages for %(recipient)s: %(reply)s")
            told["reply"], others = f"{code} {_text(reply)}", True
            forever = code >= 500 and not _of_policy(_text(reply))
        case smtplib.SMTPSenderRefused() if error.smtp_code == 530:  # RFC 3207 section 4, RFC 4954 section 6
            text = _("%(where)s wants STARTTLS or a user name first: %(reply)s")
            told["reply"] = _reply(error)
        case smtplib.SMTPSenderRefused():
            text = _("%(where)s does not take messages from %(sender)s: %(reply)s")
            told["reply"] = _reply(error)
        case smtplib.SMTPNotSupportedError():
            text = _("%(where)s does not offer what is set: choose another protection, or no user name")
        case smtplib.SMTPServerDisconnected() if "timed out" in str(error):
            text = _("%(where)s took the connection and then did not answer: port 465 wants TLS from the start, "
                     "587 STARTTLS; or the server is very slow")  # fmt: skip
        case smtplib.SMTPDataError():
            text = _("%(where)s does not take this message: %(reply)s")
            told["reply"], forever, others = _reply(error), error.smtp_code >= 500, True
        case smtplib.SMTPServerDisconnected():
            text = _("%(where)s hung up before it had said anything: port 465 wants TLS from the start, 587 STARTTLS")
        case smtplib.SMTPResponseException():
            text = _("%(where)s answered %(reply)s")
            told["reply"] = _reply(error)
        case ssl.SSLCertVerificationError() if error.verify_code in OTHER_NAME:
            text = _("%(where)s has a certificate for another name: %(reply)s. Give the name that stands in the "
                     "certificate as the server")  # fmt: skip
            told["reply"] = error.verify_message
        case ssl.SSLCertVerificationError():
            text = _("%(where)s has a certificate that this machine does not trust: %(reply)s. Have it signed by a "
                     "known authority, or make the one that signed it known to this machine")  # fmt: skip
            told["reply"] = error.verify_message
        case ssl.SSLError():
            text = _("%(where)s speaks no TLS as set: %(reply)s; try the other protection")
            told["reply"] = error.reason or error
        case socket.gaierror():
            text = _("there is no server of the name %(host)s: look whether it is written right")
        case TimeoutError():
            text = _("%(where)s does not answer: look whether host and port are right, and whether a firewall is "
                     "between. Many providers block port 25")  # fmt: skip
        case OSError():
            text = _("%(where)s can't be reached: %(reply)s. Look whether host and port are right: 587 for STARTTLS, "
                     "465 for TLS from the start")  # fmt: skip
            told["reply"] = error.strerror or error
        case _other:
            text = _("%(where)s: %(reply)s")
            told["reply"] = error
    return Undeliverable(text % told, forever=forever, others=others)


def _of_policy(reply: str) -> bool:
    """Tell whether it is refused for what is set (RFC 3463, X.7): an administrator may mend that within the day."""
    return reply.startswith("5.7.")


def _reply(error: smtplib.SMTPResponseException) -> str:
    return f"{error.smtp_code} {_text(error.smtp_error)}"


def _text(reply: Any) -> str:
    return reply.decode("utf-8", "replace") if isinstance(reply, bytes) else str(reply)
