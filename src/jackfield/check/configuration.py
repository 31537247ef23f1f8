"""Checks of the configuration as the switch has it: what leads nowhere, which trunk can't be found."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from jackfield.check import Finding
from jackfield.settings import Settings
from jackfield.switch import snapshot as snapshots
from jackfield.switch.route import FromHouse, RouteRequest, route
from jackfield.switch.snapshot import Snapshot

__all__ = ["emergency", "snapshot", "targets", "trunks"]


@cache
def _read(path: Path, changed: int) -> Snapshot:
    return snapshots.read(path)


def _snapshot(settings: Settings) -> Snapshot | None:
    path = settings.files.snapshot
    return _read(path, path.stat().st_mtime_ns) if path.exists() else None


def snapshot(settings: Settings) -> Iterator[Finding]:
    """It can be read, and phones can register."""
    try:
        found = _snapshot(settings)
    except ValueError as error:
        yield Finding(
            "error", "configuration", f"{settings.files.snapshot} is damaged: {error}",
            "delete it: the next start makes it from the database",
        )  # fmt: skip
        return
    if found is None:
        yield Finding("ok", "configuration", "none yet: the first start makes it")
        return
    lines = len(found.lines)
    text = f"{len(found.extensions)} extensions with {lines} lines, {len(found.trunks)} trunks"
    mend = "" if lines else "add extensions: jackfield apply"
    yield Finding("ok" if lines else "warning", "configuration", text, mend)


def targets(settings: Settings) -> Iterator[Finding]:
    """Every number that a setting leads to leads somewhere."""
    found = _snapshot(settings)
    if found is None:
        return
    now = datetime.datetime.now(datetime.UTC)
    for setting, target in _targets(found):
        plan = route(found, RouteRequest(dialed=target, origin=FromHouse()), now)
        if plan.refusal is not None:
            yield Finding(
                "warning", "numbers", f"{setting} leads to {target}: {plan.refusal.text}", f"change or clear {setting}"
            )


def _targets(found: Snapshot) -> Iterator[tuple[str, str]]:
    for extension in found.extensions:
        for name in ("forward_always", "forward_busy", "forward_no_answer", "forward_unreachable", "forward_closed"):
            if target := getattr(extension, name):
                yield f"extensions/{extension.number}/{name}", target
    for group in found.ring_groups:
        for target in (*group.members, *filter(None, [group.fallback])):
            yield f"ring_groups/{group.number}", target
    for service in found.services:
        for target in filter(None, (service.then, service.open_target, service.closed_target)):
            yield f"services/{service.number}", target
    for short in found.speed_dials:
        yield f"speed_dials/{short.number}", short.target
    for rule in found.inbound:
        for target in filter(None, (rule.target, rule.closed_target)):
            yield f"inbound/{rule.name or rule.number or 'any number'}", target


def trunks(settings: Settings) -> Iterator[Finding]:
    """Their names can be resolved, and routes use trunks that exist."""
    import socket

    found = _snapshot(settings)
    if found is None:
        return
    for trunk in found.trunks:
        for host in (trunk.outbound_proxy,) if trunk.outbound_proxy else trunk.hosts:
            name = host.rpartition(":")[0] if host.count(":") == 1 else host.strip("[]")
            try:
                socket.getaddrinfo(name, None)
            except OSError:
                if not _has_service_record(name):
                    yield Finding(
                        "error", f"trunk {trunk.name}", f"{name} is not known to the name servers",
                        f"correct trunks/{trunk.name}/hosts, or the name servers",
                    )  # fmt: skip
                    continue
            yield Finding("ok", f"trunk {trunk.name}", f"{name} is found")
    for way in found.outbound:
        if way.enabled and not any(name in found.trunks_by_name for name in way.trunks):
            yield Finding("warning", "outgoing route", f"{way.name} has no trunk", f"set outbound/{way.name}/trunks")


def _has_service_record(name: str) -> bool:
    import dns.exception
    import dns.resolver

    for record in (f"_sip._udp.{name}", f"_sip._tcp.{name}", f"_sips._tcp.{name}"):
        try:
            dns.resolver.resolve(record, "SRV", lifetime=3.0)
        except (dns.exception.DNSException, OSError):
            continue
        return True
    return False


def emergency(settings: Settings) -> Iterator[Finding]:
    """Emergency numbers are configured, and there is a way out for them."""
    found = _snapshot(settings)
    if found is None:
        return
    if not found.emergency_numbers:
        yield Finding("warning", "emergency numbers", "none is configured", "add emergency_numbers: jackfield apply")
    elif not any(trunk.enabled for trunk in found.trunks):
        numbers = ", ".join(entry.number for entry in found.emergency_numbers)
        yield Finding("warning", "emergency numbers", f"{numbers} can't be reached: there is no trunk", "add a trunk")
    else:
        yield Finding("ok", "emergency numbers", ", ".join(entry.number for entry in found.emergency_numbers))
