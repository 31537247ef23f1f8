"""The public address as the cloud's metadata service knows it: 169.254.169.254, which is on the machine's own host.

Only the service of the cloud that this machine says it is (DMI) is asked: in an office nobody else's 169.254.169.254
is believed. Formats by the vendors' manuals: AWS "Use IMDSv2", Google "View and query VM metadata", Azure "Instance
Metadata Service", Hetzner "Server metadata", DigitalOcean "Metadata API", OpenStack "Metadata service".
"""

from __future__ import annotations

import contextlib
import http.client
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from jackfield.network.outside import is_routable

__all__ = ["BASE", "CLOUDS", "Cloud", "MetadataError", "ask", "which"]

BASE = "http://169.254.169.254"
SECONDS = 1.0
"""How long each answer may take: the service is on the same host."""
LONGEST = 4096
DMI = Path("/sys/class/dmi/id")


class MetadataError(Exception):
    """The service did not say; the text tells why."""


@dataclass(frozen=True, slots=True)
class Cloud:
    """One cloud: by which vendor or product names (DMI) it is known, and how it's asked."""

    name: str
    known_by: re.Pattern[str]
    paths: tuple[str, ...]
    """For IPv4 and IPv6 addresses; each answer is an address as text, or empty."""
    headers: Mapping[str, str]
    token: str = ""
    """Path that gives a token by PUT, for AWS."""


def _known(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


CLOUDS = (
    Cloud(
        "AWS", _known("amazon ec2"), ("/latest/meta-data/public-ipv4", "/latest/meta-data/ipv6"), {},
        token="/latest/api/token",  # noqa: S106 - a path
    ),
    Cloud(
        "Google Cloud", _known("google"),
        (
            "/computeMetadata/v1/instance/network-interfaces/0/access-configs/0/external-ip",
            "/computeMetadata/v1/instance/network-interfaces/0/ipv6s",
        ),
        {"Metadata-Flavor": "Google"},
    ),
    Cloud(
        "Azure", _known("microsoft corporation"),
        tuple(
            f"/metadata/instance/network/interface/0/{family}/ipAddress/0/publicIpAddress"
            "?api-version=2021-02-01&format=text"
            for family in ("ipv4", "ipv6")
        ),
        {"Metadata": "true"},
    ),
    Cloud("Hetzner", _known("hetzner"), ("/hetzner/v1/metadata/public-ipv4",), {}),
    Cloud(
        "DigitalOcean", _known("digitalocean"),
        (
            "/metadata/v1/reserved_ip/ipv4/ip_address",
            "/metadata/v1/interfaces/public/0/ipv4/address",
            "/metadata/v1/interfaces/public/0/ipv6/address",
        ),
        {},
    ),
    Cloud("OpenStack", _known("openstack"), ("/latest/meta-data/public-ipv4",), {}),
)  # fmt: skip


def which(dmi: Path = DMI) -> Cloud | None:
    """Return the cloud that this machine runs in, as far as its firmware tells."""
    said = []
    for name in ("sys_vendor", "product_name", "chassis_asset_tag", "bios_vendor"):
        with contextlib.suppress(OSError):
            said.append((dmi / name).read_text(errors="replace").strip())
    text = " ".join(said)
    found = next((cloud for cloud in CLOUDS if cloud.known_by.search(text)), None)
    if found is not None and found.name == "Azure" and "7783-7084-3265-9085-8269-3286-77" not in text:
        return None  # Hyper-V elsewhere has the same vendor; this asset tag is Azure's alone
    return found


def ask(cloud: Cloud, base: str = BASE, seconds: float = SECONDS) -> list[str]:
    """Return the addresses that the cloud has given us, the first of each family. Blocks. Raises `MetadataError`."""
    headers = dict(cloud.headers)
    if cloud.token:
        headers["X-aws-ec2-metadata-token"] = _get(
            base, cloud.token, {"X-aws-ec2-metadata-token-ttl-seconds": "60"}, seconds, "PUT"
        )
    found: dict[int, str] = {}
    for path in cloud.paths:
        for line in _get(base, path, headers, seconds).split():
            with contextlib.suppress(ValueError):
                if is_routable(line):
                    found.setdefault(ip_address(line).version, str(ip_address(line)))
    return [found[version] for version in sorted(found)]


def _get(base: str, path: str, headers: Mapping[str, str], seconds: float, method: str = "GET") -> str:
    """Return the text; "" for what is not there (404)."""
    place = urlsplit(base)
    connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=seconds)
    try:
        connection.request(method, path, headers=dict(headers))
        answer = connection.getresponse()
        text = answer.read(LONGEST).decode("ascii", "replace").strip()
    except (OSError, http.client.HTTPException) as problem:
        raise MetadataError(
            f"the cloud's metadata service does not answer: {problem or type(problem).__name__}"
        ) from None
    finally:
        connection.close()
    if answer.status == 404:
        return ""
    if answer.status != 200:
        raise MetadataError(f"the cloud's metadata service answered {answer.status} to {path.partition('?')[0]}")
    return text


Asking = Callable[[Cloud], list[str]]
"""`ask`, or what stands for it in tests."""
