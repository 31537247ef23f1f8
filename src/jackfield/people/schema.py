"""Users in the YAML document."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from jackfield.console.declarative.section import Section

__all__ = ["SECTIONS", "UserData"]


@dataclass(frozen=True, slots=True, kw_only=True)
class UserData:
    """A user as the document has it. The switch knows of no users, so the snapshot has none."""

    login: str
    name: str = ""
    email: str = ""
    language: str = ""  # "" means the company's
    role: Literal["none", "user", "reader", "telephony", "administrator"] = "user"
    enabled: bool = True


def _user() -> Any:
    from jackfield.people.models import User

    return User


SECTIONS = (Section("users", "user", UserData, _user, key=("login",)),)
