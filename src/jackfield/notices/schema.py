"""The e-mail server and the notices in the YAML document."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from jackfield.console.declarative.section import Section

__all__ = ["SECTIONS", "MailData", "NoticesData"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MailData:
    """The server that takes our e-mail."""

    host: str = ""  # "" means that no e-mail is sent
    port: int = 587
    security: Literal["starttls", "tls", "none"] = "starttls"
    username: str = ""
    password: str = ""
    sender: str = ""  # address that the messages come from
    links: str = ""  # how people reach the console, for links in messages: https://phone.example.com


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticesData:
    """Who is told what."""

    recipients: tuple[str, ...] = ()  # e-mail addresses; () means all full administrators
    emergency_call: bool = True  # with the address of the site that the call comes from
    call_limit: bool = True  # a limit on outgoing calls is reached, or has refused a call
    unusual_call: bool = True  # to a country, at an hour or for money unlike anything before of that extension
    trunk_down: bool = True
    router: bool = True  # one changes SIP messages (SIP ALG), or lets no audio through
    system: bool = True
    disk_low: bool = True
    certificate: bool = True
    publish_failed: bool = True
    directory_failed: bool = True
    webhook_failed: bool = True
    missed_call: bool = True  # users choose for themselves; False switches it off for all
    account: bool = True  # people are told of a new browser, and of a second factor that is gone
    welcome: bool = True  # new users get a link to set a password, unless who makes them says otherwise
    forgotten_password: bool = True


def _mail() -> Any:
    from jackfield.notices.models import Mail

    return Mail


def _notices() -> Any:
    from jackfield.notices.models import Notices

    return Notices


SECTIONS = (
    Section("mail", "e-mail server", MailData, _mail, details={"password": {"secret": True}}),
    Section("notices", "notices", NoticesData, _notices),
)
