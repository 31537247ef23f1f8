"""Users, roles and the rules of signing in, in the YAML document. The switch knows nothing of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from jackfield.console.declarative.section import Section
from jackfield.people.levels import Areas

__all__ = ["SECTIONS", "RoleData", "SignInData", "UserData"]


NO_AREAS = Areas()


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleData:
    """A role of the company's own, beside those built in."""

    name: str
    areas: Areas = NO_AREAS


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInData:
    """The rules of signing in."""

    idle_minutes: int = 720  # after so long without a page, a session ends
    longest_hours: int = 336  # and after so long however busy it is
    second_factor: tuple[str, ...] = ()  # roles that must have one
    password_length: int = 10  # at least
    tries: int = 5  # with a wrong password for one account, before one has to wait
    address_tries: int = 20  # the same for one address
    browser_phones: bool = True  # people may use Jackfield Phone in their browsers
    browser_roles: tuple[str, ...] = ()  # those with these roles only; () means everybody


@dataclass(frozen=True, slots=True, kw_only=True)
class UserData:
    """A user as the document has it."""

    login: str
    name: str = ""
    email: str = ""
    language: str = ""  # "" means the company's
    role: str = "user"  # built in, or the name of one of the company's own
    enabled: bool = True
    browser_phone: bool = True  # may use Jackfield Phone, where `sign_in` lets his role


def _role() -> Any:
    from jackfield.people.models import OwnRole

    return OwnRole


def _sign_in() -> Any:
    from jackfield.people.models import SignIn

    return SignIn


def _user() -> Any:
    from jackfield.people.models import User

    return User


SECTIONS = (
    Section("sign_in", "settings", SignInData, _sign_in),
    Section("roles", "role", RoleData, _role, key=("name",)),
    Section("users", "user", UserData, _user, key=("login",)),
)
