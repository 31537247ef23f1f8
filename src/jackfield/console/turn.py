"""What browsers and phones are told so that their audio gets through: STUN where it runs, TURN where it is on."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from django.conf import settings as django_settings

from jackfield.console.reached import reached
from jackfield.network import turn

if TYPE_CHECKING:
    from jackfield.network.turn import Credentials
    from jackfield.settings import Settings

__all__ = ["stun_urls", "turn_credentials"]


def turn_credentials(user: str, *, host: str = "", pages: int = 0, now: float | None = None) -> Credentials | None:
    """Return credentials for TURN that hold for some hours; None while TURN is switched off.

    user: whom the limits are counted for, such as the login or the SIP name. host: under which the one who asks
    reaches this system (of the page's address); "" means the public address, or else ours. pages: the port at which
    he reaches the pages by HTTPS, which lets TURN in too (`turn_door`); 0 where a proxy is in front.
    """
    from jackfield.company.models import General

    general, settings = General.current(), _settings()
    if not general.turn or not settings.stun_base:
        return None
    host = _host(host)
    urls = [f"turn:{host}:{settings.stun_base}?transport={way}" for way in ("udp", "tcp")]
    ports = dict.fromkeys((turn.TLS_PORT, pages) if pages else (turn.TLS_PORT,))
    urls += [f"turns:{host}:{port}?transport=tcp" for port in ports]
    return turn.credentials(turn.secret(settings.files.turn_secret), user, urls, time.time() if now is None else now)


def stun_urls(*, host: str = "") -> list[str]:
    """Return the addresses of our STUN server, as RTCIceServer has them; [] when it is switched off."""
    settings = _settings()
    return [f"stun:{_host(host)}:{settings.stun_base}"] if settings.stun_base else []


def _settings() -> Settings:
    found: Settings = django_settings.JACKFIELD
    return found


def _host(host: str) -> str:
    host = host or reached(_settings())
    return f"[{host}]" if ":" in host and not host.startswith("[") else host
