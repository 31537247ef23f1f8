"""Checks of what phones of the local networks need: low ports, and the program of our own DHCP server."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterator

from jackfield.check import Finding
from jackfield.network.ports import Kind, can_bind, listening, owner, refusal
from jackfield.settings import Settings

__all__ = ["dhcp_program", "ports_for_phones"]


def ports_for_phones(settings: Settings) -> Iterator[Finding]:
    """They could be opened. Where one can't, phones lack that way alone: calls go on."""
    wanted: list[tuple[str, Kind, str]] = [
        ("tftp_port", "udp", "TFTP for phones"),
        ("ldap_port", "tcp", "directory for phones"),
        ("ldaps_port", "tcp", "directory for phones, TLS"),
    ]
    for name, kind, subject in wanted:
        port = getattr(settings, name)
        for host in settings.hosts if port else ():
            error = can_bind(kind, host, port)
            where = f"{kind.upper()} port {port} on {host}"
            if error is None:
                yield Finding("ok", subject, f"{where} is free, and opened when it is wanted")
            elif error.errno == errno.EADDRINUSE and _ours(kind, port):
                yield Finding("ok", subject, f"Jackfield listens at {where}")
            else:
                yield Finding("warning", subject, *refusal(kind, host, port, error, "--" + name.replace("_", "-")))


def _ours(kind: Kind, port: int) -> bool:
    users = {owner(found.inode) for found in listening(kind) if found.port == port}
    return all(not user or user.startswith(("python", "jackfield")) for user in users)


def dhcp_program(settings: Settings) -> Iterator[Finding]:
    """It is there for who wants it."""
    found = shutil.which("dnsmasq") or shutil.which("dnsmasq", path="/usr/sbin:/sbin:/usr/local/sbin")
    text = found or "dnsmasq is not installed, which only our own DHCP server needs: apt-get install dnsmasq-base"
    yield Finding("ok", "DHCP for phones", text)
