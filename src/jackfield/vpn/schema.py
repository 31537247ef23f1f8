"""Devices of the VPN in the YAML document."""

from __future__ import annotations

from typing import Any

from jackfield.console.declarative.section import Section
from jackfield.switch import snapshot

__all__ = ["SECTIONS"]


def _device() -> Any:
    from jackfield.vpn.models import VpnDevice

    return VpnDevice


SECTIONS = (Section("vpn_devices", "VPN device", snapshot.VpnDevice, _device, key=("name",)),)
