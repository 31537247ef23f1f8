"""The settings of an installation: one model for flags, environment and file.

A flag wins over the environment (`JACKFIELD_SIP_PORT`), the environment over the file (`jackfield.yaml` in the data
directory, or what `--config` names), the file over the default. `load()` is the only way in; what is wrong becomes one
`SettingsError` that names the setting, where the value came from, and what to do.

These are the settings of the *machine* (ports, addresses, folders). What the company sets (extensions, trunks, ring
times) is configuration in the database: see `jackfield apply`.
"""

from __future__ import annotations

import argparse
import difflib
import ipaddress
import os
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal
from urllib.parse import urlsplit

import yaml
from pydantic import BeforeValidator, Field, ValidationError, field_validator, model_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from jackfield.data_dir import DataDir
from jackfield.network import outside

__all__ = ["PREFIX", "DataDir", "PortRange", "Settings", "SettingsError", "add_arguments", "load"]

PREFIX = "JACKFIELD_"
OWN_PORT = 8443
"""Where everybody's own pages are when nothing is said."""
STUN_PORT = 3478
"""Where STUN is when nothing is said (RFC 8489 section 18.6)."""
OTHER_VARIABLES = frozenset(
    f"JACKFIELD_{name}"
    for name in ("LIBRARY_DIR", "PROCESS", "PASSWORD", "PHONE_PASSWORD", "PURE_PYTHON", "BENCH_KEEP")
)
"""Variables of ours that are no settings."""


class SettingsError(Exception):
    """A setting is wrong. The text is for the administrator: which one, where it stands, and the mend."""


class PortRange(tuple[int, int]):
    """UDP ports for RTP, first and last included. RTP takes the even ones, RTCP the odd ones above."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> PortRange:
        """Read "10000-20000". Raises `ValueError` with the mend."""
        first, dash, last = text.replace(" ", "").partition("-")
        if not dash or not first.isdecimal() or not last.isdecimal():
            raise ValueError('write it as FIRST-LAST, for example "10000-20000"')
        low, high = int(first) + int(first) % 2, int(last) - 1 + int(last) % 2
        if not 1024 <= low <= 65534 or not high <= 65535:
            raise ValueError("both ends must lie between 1024 and 65535")
        if int(first) > int(last):
            raise ValueError(f'the first port comes first: "{last}-{first}"')
        if high - low < 3:
            raise ValueError("a call needs 4 ports (2 phones, RTP and RTCP each): make the range larger")
        return cls((low, high))

    def split(self, parts: int) -> list[PortRange]:
        """Share the range out among `parts` media processes, without overlap and in pairs of ports."""
        low, high = self
        pairs = (high - low + 1) // 2
        edges = [low + 2 * (pairs * part // parts) for part in range(parts + 1)]
        return [PortRange((edges[part], edges[part + 1] - 1)) for part in range(parts)]

    def __str__(self) -> str:
        return f"{self[0]}-{self[1]}"


def _as_text(value: object) -> object:
    """Accept what YAML makes of it: `- a` lists for "a,b", numbers for text."""
    if isinstance(value, list):
        return ",".join(str(item) for item in value)
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


Text = Annotated[str, BeforeValidator(_as_text)]
Port = Annotated[int, Field(ge=0, le=65535)]


class _File(PydanticBaseSettingsSource):
    """The settings file. It is found by what the flags and the environment said of `config` and `data_dir`."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:  # pragma: no cover
        raise NotImplementedError  # the values are read all at once below

    def __call__(self) -> dict[str, Any]:
        named = self.current_state.get("config")
        folder = self.current_state.get("data_dir", Settings.model_fields["data_dir"].default)
        return read_file(
            Path(named).expanduser() if named else DataDir(Path(folder).expanduser()).settings, bool(named)
        )


class Settings(BaseSettings):
    """Everything that an installation needs to know of its machine. Frozen; made by `load()`."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_ignore_empty=True, extra="forbid", frozen=True)

    data_dir: Path = Field(Path("data"), description="folder with everything that this installation owns")
    config: str = Field("", description="settings file, instead of jackfield.yaml in the data directory")
    host: Text = Field("0.0.0.0", description="addresses to listen on for SIP and RTP, separated by commas")  # noqa: S104 - a PBX listens
    sip_port: Port = Field(5060, description="SIP over UDP and TCP; 0 switches it off")
    sip_tls_port: Port = Field(5061, description="SIP over TLS; 0 switches it off")
    sip_tls_second_port: Port = Field(
        0, description="another port for SIP over TLS, such as 443, for networks that block the first; 0: none"
    )
    sip_ws_port: Port = Field(8088, description="SIP over WebSocket; 0 switches it off")
    sip_wss_port: Port = Field(8089, description="SIP over secure WebSocket; 0 switches it off")
    rtp_ports: Text = Field("10000-20000", description="UDP ports for audio")
    console_host: Text = Field("127.0.0.1", description="address on which the web console listens")
    console_port: Port = Field(4021, description="port of the web console, /metrics and /health; 0 switches it off")
    user_host: Text = Field("", description="addresses for everybody's own pages alone; empty: those of the console")
    user_port: Text = Field(
        "auto", description="port of everybody's own pages alone; auto: 8443 where it is free; 0 switches it off"
    )
    console_tls: Literal["auto", "on", "off"] = Field(
        "auto", description="HTTPS for the console: auto (wherever it's reached from other machines), on, off"
    )
    trusted_proxies: Text = Field(
        "", description="addresses or networks of reverse proxies whose X-Forwarded-For and -Proto count"
    )
    tftp_port: Port = Field(69, description="TFTP for phones of the local networks; 0 switches it off")
    ldap_port: Port = Field(389, description="directory for phones of the local networks; 0 switches it off")
    ldaps_port: Port = Field(636, description="directory for phones over TLS; 0 switches it off")
    zoiper_provider: Text = Field("", description="the company's provider_id at Zoiper's service, for links to Zoiper")
    public_address: Text = Field(
        "", description="address that phones and trunks outside see, when a NAT is between; several with commas"
    )
    stun_port: Text = Field(
        "auto", description="UDP port of our STUN server and the one above; auto: 3478 where it is free; 0: none"
    )
    turn_ports: Text = Field("61000-62999", description="UDP ports that TURN relays on, where it is enabled")
    firewall: Literal["auto", "kernel", "programs"] = Field(
        "auto",
        description="where the firewall holds: kernel (nftables) and programs, or programs; auto: as rights allow",
    )
    database_url: Text = Field("", description="postgresql://user:password@host/name, or empty for SQLite")
    media_processes: int = Field(0, ge=0, le=256, description="processes that carry audio; 0 means one per core")
    tls_certificate: str = Field("", description="PEM file with the certificate chain; empty: self-signed, made here")
    tls_key: str = Field("", description="PEM file with the certificate's key")
    log_format: Literal["text", "json"] = Field(
        "text", description="log lines for people (text) or for programs (json)"
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="what is logged at all")
    drain_seconds: int = Field(300, ge=0, description="how long calls may go on after a request to stop")

    flags: ClassVar[dict[str, str]] = {}
    """Settings whose flag is not simply `--name-with-dashes`. None yet."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Flags (given as arguments), then the environment, then the file."""
        return init_settings, env_settings, _File(settings_cls)

    @field_validator("data_dir")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        return Path(os.path.abspath(value.expanduser()))

    @field_validator("host", "console_host")
    @classmethod
    def _addresses(cls, value: str) -> str:
        return ",".join(_address(part) for part in value.split(",") if part.strip()) or _address("")

    @field_validator("user_host")
    @classmethod
    def _user_addresses(cls, value: str) -> str:
        return ",".join(_address(part) for part in value.split(",") if part.strip())

    @field_validator("user_port")
    @classmethod
    def _user_port(cls, value: str) -> str:
        value = value.strip().lower()
        if value != "auto" and not (value.isdecimal() and int(value) <= 65535):
            raise ValueError('give a port from 1 to 65535, "auto", or 0 for none')
        return value

    @field_validator("public_address")
    @classmethod
    def _public(cls, value: str) -> str:
        return ",".join(f"{one.inside}={one.address}" if one.inside else one.address for one in outside.read(value))

    @field_validator("stun_port")
    @classmethod
    def _stun_port(cls, value: str) -> str:
        value = value.strip().lower()
        if value != "auto" and not (value.isdecimal() and int(value) <= 65534):
            raise ValueError('give a port from 1 to 65534, "auto", or 0 for none')
        return value

    @field_validator("rtp_ports", "turn_ports")
    @classmethod
    def _ports(cls, value: str) -> str:
        return str(PortRange.parse(value))

    @field_validator("console_tls", mode="before")
    @classmethod
    def _switch(cls, value: object) -> object:
        return {True: "on", False: "off"}[value] if isinstance(value, bool) else value  # YAML reads "on" as true

    @field_validator("trusted_proxies")
    @classmethod
    def _networks(cls, value: str) -> str:
        parts = [part.strip() for part in value.split(",") if part.strip()]
        for part in parts:
            try:
                ipaddress.ip_network(part)
            except ValueError:
                raise ValueError(f'"{part}" is no address or network: give such as 192.0.2.10 or 10.0.0.0/8') from None
        return ",".join(parts)

    @field_validator("log_format", "log_level", "console_tls", mode="before")
    @classmethod
    def _lower(cls, value: object) -> object:
        return value.lower() if isinstance(value, str) else value

    @field_validator("database_url")
    @classmethod
    def _database(cls, value: str) -> str:
        if value and urlsplit(value).scheme not in ("sqlite", "postgresql", "postgres"):
            raise ValueError('it must begin with "postgresql://" or "sqlite:///", or be empty for SQLite')
        return value

    @model_validator(mode="after")
    def _no_clash(self) -> Settings:
        if bool(self.tls_certificate) != bool(self.tls_key):
            raise ValueError("tls_certificate and tls_key belong together: give both, or none")
        if not (self.sip_port or self.sip_tls_port or self.sip_ws_port or self.sip_wss_port):
            raise ValueError("sip_port, sip_tls_port, sip_ws_port and sip_wss_port are all 0: no phone could connect")
        taken: dict[int, str] = {}
        for name in ("sip_port", "sip_tls_port", "sip_tls_second_port", "sip_ws_port", "sip_wss_port", "console_port"):
            port = getattr(self, name)
            if port and (name != "console_port" or _overlap(self.hosts, self.console_hosts)):
                if port in taken:
                    raise ValueError(f"{taken[port]} and {name} are both {port}: change one of them")
                taken[port] = name
        if self.user_port not in ("auto", "0") and (other := taken.get(int(self.user_port))):
            raise ValueError(f"{other} and user_port are both {self.user_port}: change one of them")
        if self.sip_tls_second_port and not self.sip_tls_port:
            raise ValueError("sip_tls_second_port is a second one: set sip_tls_port first")
        low, high = self.rtp_range
        if low <= self.sip_port <= high:
            raise ValueError(f"sip_port {self.sip_port} lies inside rtp_ports {self.rtp_ports}: change one of them")
        if self.media_count * 4 > high - low + 1:
            raise ValueError(
                f"rtp_ports {self.rtp_ports} is too small for {self.media_count} media processes: "
                "make the range larger or set media_processes to 1"
            )
        return self

    @cached_property
    def files(self) -> DataDir:
        """The files of the data directory."""
        return DataDir(self.data_dir)

    @cached_property
    def hosts(self) -> tuple[str, ...]:
        """Addresses to listen on for SIP and RTP: IP literals, IPv6 without brackets."""
        return tuple(self.host.split(","))

    @cached_property
    def console_hosts(self) -> tuple[str, ...]:
        """Addresses to listen on for the web console."""
        return tuple(self.console_host.split(","))

    @cached_property
    def user_hosts(self) -> tuple[str, ...]:
        """Addresses to listen on for everybody's own pages."""
        return tuple(self.user_host.split(",")) if self.user_host else self.console_hosts

    @cached_property
    def own_port(self) -> int:
        """The port of everybody's own pages; 0 for none. With "auto" it need not be free."""
        if self.user_port != "auto":
            return int(self.user_port)
        others = (
            self.sip_port, self.sip_tls_port, self.sip_tls_second_port, self.sip_ws_port, self.sip_wss_port,
            self.console_port,
        )  # fmt: skip
        return OWN_PORT if self.console_port and OWN_PORT not in others else 0

    @cached_property
    def stun_base(self) -> int:
        """The first port of STUN and TURN; 0 for none. With "auto" it need not be free."""
        return STUN_PORT if self.stun_port == "auto" else int(self.stun_port)

    @cached_property
    def public_addresses(self) -> tuple[str, ...]:
        """The addresses outside that were set by hand here, without what stands before "="."""
        return tuple(one.address for one in outside.read(self.public_address))

    @cached_property
    def console_secure(self) -> bool:
        """Whether the console needs a certificate: it is reached from other machines, or HTTPS is asked for."""
        hosts = (*self.console_hosts, *(self.user_hosts if self.own_port else ()))
        inside = all(ipaddress.ip_address(host).is_loopback for host in hosts)
        return self.console_tls == "on" or (self.console_tls == "auto" and not inside)

    def web_address(self, host: str, port: int) -> str:
        """Return the address of pages at one of our hosts: "https://192.0.2.10:4021"."""
        secure = self.console_tls == "on" or (self.console_secure and not ipaddress.ip_address(host).is_loopback)
        shown = f"[{host}]" if ":" in host else host
        return f"http{'s' if secure else ''}://{shown}" + ("" if port == (443 if secure else 80) else f":{port}")

    @cached_property
    def rtp_range(self) -> PortRange:
        """First and last UDP port for RTP."""
        return PortRange.parse(self.rtp_ports)

    @cached_property
    def media_count(self) -> int:
        """How many media processes run."""
        return self.media_processes or len(os.sched_getaffinity(0))

    @cached_property
    def database(self) -> str:
        """URL of the database that is really used."""
        return self.database_url or f"sqlite:///{self.files.database}"

    def replaced(self, **changes: Any) -> Settings:
        """Return these settings with some of them changed. Raises `SettingsError`."""
        return load(**self.model_dump() | changes)  # not model_copy: that would keep what was derived from the old ones

    def environment(self) -> dict[str, str]:
        """Return all settings as `JACKFIELD_*` variables, so that a child process loads the very same."""
        values = self.model_dump(mode="json")
        return {PREFIX + name.upper(): str(value) for name, value in values.items() if value != ""}


def load(**flags: Any) -> Settings:
    """Return the settings from flags (those that are None were not given), environment and file.

    Raises `SettingsError`.
    """
    given = {name: value for name, value in flags.items() if value is not None}
    try:
        return Settings(**given)
    except ValidationError as error:
        raise SettingsError("\n".join(_plain(given, error))) from None


def read_file(path: Path, must_exist: bool = False) -> dict[str, Any]:
    """Return the settings that stand in the YAML file. Raises `SettingsError`."""
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        if must_exist:
            raise SettingsError(f"the settings file {path} does not exist: correct --config, or make it") from None
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"the settings file {path} can't be read: {error}") from None
    except yaml.YAMLError as error:
        raise SettingsError(f"the settings file {path} is not YAML: {_place(error)}") from None
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise SettingsError(f'the settings file {path} must hold lines like "sip_port: 5060"')
    for name in found:
        if name not in Settings.model_fields or name in ("data_dir", "config"):
            raise SettingsError(f'the settings file {path} names "{name}", which is no setting{_meant(str(name))}')
    return {name: value for name, value in found.items() if value is not None}


def unknown_variables(environment: Mapping[str, str]) -> Iterator[str]:
    """Say of each `JACKFIELD_*` variable that sets nothing what was probably meant."""
    for name in environment:
        if name.startswith(PREFIX) and name not in OTHER_VARIABLES:
            setting = name.removeprefix(PREFIX).lower()
            if setting not in Settings.model_fields:
                yield f"the environment variable {name} sets nothing{_meant(setting, PREFIX)}"


def open_secrets(arguments: Iterable[str]) -> Iterator[str]:
    """Say of passwords on a command line that everybody on the machine can read it."""
    if re.search(r"--database-url[= ]\S+?://[^/@\s]*:[^/@\s]+@", " ".join(arguments)):
        variable = f"{PREFIX}DATABASE_URL"
        yield f"the password in --database-url is shown to everybody in the list of processes: set {variable} instead"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Give an argparse parser one flag per setting, None where not given: `load(**vars(parser.parse_args()))`."""
    for name, field in Settings.model_fields.items():
        parser.add_argument(flag(name), help=field.description, default=None, metavar=name.upper())


def flag(name: str) -> str:
    """Return the flag of a setting: "--sip-port"."""
    return Settings.flags.get(name, "--" + name.replace("_", "-"))


def _place(error: yaml.YAMLError) -> str:
    """Say in one line where the text stops being YAML."""
    mark = getattr(error, "problem_mark", None)
    return (
        f"line {mark.line + 1}: {getattr(error, 'problem', '')}" if mark is not None else " ".join(str(error).split())
    )


def _address(text: str) -> str:
    bare = text.strip().removeprefix("[").removesuffix("]")
    if bare == "localhost":
        return "127.0.0.1"
    try:
        return str(ipaddress.ip_address(bare))
    except ValueError:
        raise ValueError(
            f'"{text}" is no IP address: give one such as 192.0.2.10, 0.0.0.0 (all of IPv4) or :: (all of IPv6)'
        ) from None


def _overlap(first: tuple[str, ...], second: tuple[str, ...]) -> bool:
    anywhere = {"0.0.0.0", "::"}  # noqa: S104
    return bool(set(first) & set(second) or anywhere & {*first, *second})


def _meant(name: str, prefix: str = "") -> str:
    close = difflib.get_close_matches(name, Settings.model_fields, 1, 0.6)
    meant = f"{prefix}{close[0].upper()}" if close and prefix else close[0] if close else ""
    return f': did you mean "{meant}"?' if meant else ": remove it"


def _plain(given: dict[str, Any], error: ValidationError) -> Iterator[str]:
    """Say in plain words what is wrong, one line each."""
    for problem in error.errors():
        what = str(problem["ctx"]["error"]) if problem["type"] == "value_error" else _reason(problem["msg"])
        if not problem["loc"]:  # two settings that don't go together
            yield what
            continue
        name = str(problem["loc"][0])
        if problem["type"] == "extra_forbidden":
            yield f'"{name}" is no setting{_meant(name)}'
            continue
        shown = "" if name == "database_url" else f" {shlex.quote(str(problem['input']))}"
        yield f"{_source(given, name)}{shown} is wrong for {name} ({Settings.model_fields[name].description}): {what}"


def _source(given: dict[str, Any], name: str) -> str:
    if name in given:
        return flag(name)
    variable = PREFIX + name.upper()
    if any(key.upper() == variable and value for key, value in os.environ.items()):
        return f"the environment variable {variable}"
    named = given.get("config") or os.environ.get(PREFIX + "CONFIG")
    folder = given.get("data_dir") or os.environ.get(PREFIX + "DATA_DIR") or Settings.model_fields["data_dir"].default
    return f"{named or DataDir(Path(folder)).settings}:"


def _reason(message: str) -> str:
    return message[:1].lower() + message[1:].replace("Input should", "it should")
