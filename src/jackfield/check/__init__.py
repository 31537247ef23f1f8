"""`jackfield check`: what on this machine or in the configuration can't work, and the mend for each finding."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from jackfield.settings import Settings

__all__ = ["Finding", "Level", "run_checks"]

Level = Literal["ok", "warning", "error"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    level: Level
    subject: str
    """What was looked at: "SIP port", "clock"."""
    text: str
    """What was found."""
    mend: str = ""
    """What to do, empty when nothing is to be done."""


Check = Callable[["Settings"], Iterable[Finding]]


def run_checks(settings: Settings, checks: Iterable[Check] | None = None) -> list[Finding]:
    """Run all checks, or those given. A check that fails by itself becomes a finding; nothing is raised."""
    return [finding for check in (_all() if checks is None else checks) for finding in _safely(check, settings)]


def _all() -> tuple[Check, ...]:
    from jackfield.check import configuration, firewall, local_networks, machine, network, outside

    return (
        machine.data_directory,
        machine.disk,
        machine.database,
        network.sip_and_console_ports,
        network.audio_ports,
        local_networks.ports_for_phones,
        local_networks.dhcp_program,
        outside.addresses,
        outside.from_outside,
        outside.stun_and_turn,
        outside.vpn,
        firewall.firewall,
        network.certificate,
        network.name_servers,
        machine.clock,
        machine.capabilities,
        machine.open_files,
        machine.socket_buffers,
        machine.codec_libraries,
        machine.speed,
        machine.environment,
        configuration.snapshot,
        configuration.targets,
        configuration.trunks,
        configuration.emergency,
    )


def _safely(check: Check, settings: Settings) -> Iterator[Finding]:
    try:
        yield from check(settings)
    except Exception as error:
        name = getattr(check, "__name__", "check").replace("_", " ")
        yield Finding("warning", name, f"could not be checked: {type(error).__name__}: {error}")
