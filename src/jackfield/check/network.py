"""Checks of ports, addresses, certificates and name servers."""

from __future__ import annotations

import datetime
import errno
import ssl
from collections.abc import Iterator
from pathlib import Path

from jackfield.check import Finding
from jackfield.control import ControlError, ask_sync
from jackfield.network.certificate_store import Store
from jackfield.network.ports import Kind, can_bind, listening, owner, refusal
from jackfield.settings import Settings

__all__ = ["audio_ports", "certificate", "name_servers", "sip_and_console_ports"]

EPHEMERAL = Path("/proc/sys/net/ipv4/ip_local_port_range")


def sip_and_console_ports(settings: Settings) -> Iterator[Finding]:
    """Each port is free, or Jackfield itself has it."""
    ours = _running(settings)
    wanted: list[tuple[str, Kind, tuple[str, ...], str]] = [
        ("sip_port", "udp", settings.hosts, "SIP over UDP"),
        ("sip_port", "tcp", settings.hosts, "SIP over TCP"),
        ("sip_tls_port", "tcp", settings.hosts, "SIP over TLS"),
        ("sip_tls_second_port", "tcp", settings.hosts, "SIP over TLS, second port"),
        ("sip_ws_port", "tcp", settings.hosts, "SIP over WebSocket"),
        ("sip_wss_port", "tcp", settings.hosts, "SIP over secure WebSocket"),
        ("console_port", "tcp", settings.console_hosts, "console"),
    ]
    for name, kind, hosts, subject in wanted:
        port = getattr(settings, name)
        for host in hosts if port else ():
            yield _port(name, kind, host, port, subject, ours)


def _port(name: str, kind: Kind, host: str, port: int, subject: str, ours: bool) -> Finding:
    where = f"{kind.upper()} port {port} on {host}"
    error = can_bind(kind, host, port)
    if error is None:
        if ours:
            return Finding("error", subject, f"Jackfield runs, but nothing listens at {where}", "see its log")
        return Finding("ok", subject, f"{where} is free")
    flag = "--" + name.replace("_", "-")
    if error.errno == errno.EADDRINUSE:
        user = next((owner(found.inode) for found in listening(kind) if found.port == port), "")
        if ours and (not user or user.startswith(("python", "jackfield"))):
            return Finding("ok", subject, f"Jackfield listens at {where}")
    return Finding("error", subject, *refusal(kind, host, port, error, flag))


def audio_ports(settings: Settings) -> Iterator[Finding]:
    """Nothing else sits in the range, and the kernel does not hand its ports out."""
    low, high = settings.rtp_range
    taken = [found for found in listening("udp") if low <= found.port <= high]
    strangers = {user for found in taken[:50] if (user := owner(found.inode)) and not user.startswith("python")}
    if strangers:
        yield Finding(
            "warning",
            "audio ports",
            f"UDP ports inside {settings.rtp_ports} are taken by {', '.join(sorted(strangers))}",
            "harmless when they are few (they are left out); else choose another range with --rtp-ports",
        )
    else:
        yield Finding("ok", "audio ports", f"UDP {settings.rtp_ports}: enough for {(high - low + 1) // 4} calls")
    try:
        first, last = map(int, EPHEMERAL.read_text().split())
        reserved = (EPHEMERAL.parent / "ip_local_reserved_ports").read_text().strip()
    except (OSError, ValueError):
        return
    if low <= last and first <= high and settings.rtp_ports not in reserved:
        yield Finding(
            "warning",
            "audio ports",
            f"the kernel gives ports {first}-{last} to other programs, which overlaps {settings.rtp_ports}",
            f"sysctl -w net.ipv4.ip_local_reserved_ports={settings.rtp_ports}, or choose another range",
        )


def certificate(settings: Settings) -> Iterator[Finding]:
    """The certificate that was given fits its key and has not ended."""
    pair = Store(settings.files.certificates, (settings.tls_certificate, settings.tls_key)).current()
    if pair.origin == "self-signed":
        yield Finding("ok", "certificate", "self-signed, made here: phones must be told to trust it")
        return
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(pair.certificate, pair.key)
    except OSError as error:  # ssl.SSLError is one
        mend = "correct tls_certificate and tls_key" if pair.origin == "settings" else "jackfield certificate import"
        yield Finding("error", "certificate", f"{pair.certificate}: {error}", mend)
        return
    from cryptography import x509

    found = x509.load_pem_x509_certificate(pair.certificate.read_bytes())
    days = (found.not_valid_after_utc - datetime.datetime.now(datetime.UTC)).days
    if days < 0:
        yield Finding("error", "certificate", f"{pair.certificate} ended {-days} days ago", "renew it")
    elif days < 14:
        yield Finding("warning", "certificate", f"{pair.certificate} ends in {days} days", "renew it")
    else:
        yield Finding("ok", "certificate", f"{pair.certificate} is good for {days} days")


def name_servers(settings: Settings) -> Iterator[Finding]:
    """They answer: trunks are found by name."""
    import dns.exception
    import dns.resolver

    mend = "correct /etc/resolv.conf; without name servers, trunks work only by address"
    try:
        resolver = dns.resolver.Resolver()
        resolver.lifetime = 3.0
        resolver.resolve(".", "NS")
    except dns.resolver.NoResolverConfiguration:
        yield Finding("warning", "name servers", "none is configured", mend)
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        yield Finding("ok", "name servers", "they answer")
    except (dns.exception.DNSException, OSError) as error:
        yield Finding("warning", "name servers", f"they do not answer: {error}", mend)
    else:
        yield Finding("ok", "name servers", ", ".join(str(server) for server in resolver.nameservers))


def _running(settings: Settings) -> bool:
    try:
        ask_sync(settings.files.switch_socket, "metrics", timeout=2.0)
    except ControlError:
        return False
    return True
