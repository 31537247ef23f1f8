"""Webhooks in the YAML document."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from jackfield.console.declarative.section import Section

__all__ = ["SECTIONS", "WebhookData"]


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookData:
    """A program that is told of events by HTTP."""

    name: str
    address: str  # https, or http inside the house
    secret: str = ""  # "whsec_…"; one is made where it is not given
    events: tuple[str, ...] = ("*",)  # kinds: "call.recorded", "call.*", "*"
    numbers: tuple[str, ...] = ()  # only calls and phones of these extensions; () means all
    enabled: bool = True


def _webhook() -> Any:
    from jackfield.webhooks.models import Webhook

    return Webhook


def _new_secret() -> str:
    from jackfield.webhooks.signing import new_secret

    return new_secret()


SECTIONS = (
    Section(
        "webhooks",
        "webhook",
        WebhookData,
        _webhook,
        key=("name",),
        details={"secret": {"secret": True, "generate": _new_secret}},
    ),
)
