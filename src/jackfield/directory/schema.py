"""The directory in the YAML document."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from jackfield.console.declarative.section import Section

__all__ = ["SECTIONS", "DirectoryData", "OpenIdData"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectoryData:
    """Where the directory is, and who of it is imported."""

    enabled: bool = False
    kind: Literal["active_directory", "openldap"] = "active_directory"
    hosts: tuple[str, ...] = ()  # "dc1.example.com" or "dc1.example.com:3269"; the next one where one does not answer
    security: Literal["tls", "starttls", "none"] = "tls"
    certificate: str = ""  # PEM file of the authority that signed the server's; "" means those of the system
    bind_name: str = ""  # DN, or name@domain: whoever may read the directory
    bind_password: str = ""
    base: str = ""  # DN below which people are looked for
    filter: str = ""  # RFC 4515; "" means what the kind has for people
    groups: tuple[str, ...] = ()  # DNs: only their members; () means all
    login_attribute: str = ""  # "" means what the kind has: sAMAccountName, uid
    number_attribute: str = ""  # with the extension's number; "" means that numbers are kept here
    role: str = "user"  # of those who are imported
    group_roles: dict[str, str] = field(default_factory=dict)  # DN of a group: role of its members
    minutes: int = 15  # between imports


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenIdData:
    """Another server at which people sign in (OpenID Connect Core 1.0)."""

    enabled: bool = False
    name: str = ""  # on the button: "Sign in with …"
    issuer: str = ""  # https address; its configuration is below .well-known/openid-configuration
    client_id: str = ""
    client_secret: str = ""
    domains: tuple[str, ...] = ()  # of e-mail addresses that may sign in; () means all that the server knows
    create_users: bool = False  # make a user of whoever signs in and is none yet
    role: str = "user"  # of those


def _openid() -> Any:
    from jackfield.directory.models import OpenId

    return OpenId


def _directory() -> Any:
    from jackfield.directory.models import Directory

    return Directory


SECTIONS = (
    Section(
        "directory",
        "directory",
        DirectoryData,
        _directory,
        details={"bind_password": {"secret": True}, "groups": {"lines": True}},
    ),
    Section("openid", "OpenID Connect", OpenIdData, _openid, details={"client_secret": {"secret": True}}),
)
