"""At which layer the bandwidth of a line is counted."""

from django.db import models
from django.utils.translation import gettext_lazy as _

__all__ = ["Layer"]


class Layer(models.TextChoices):
    """What the provider of the line counts, and so what a packet weighs on it. See `network.bandwidth`."""

    IP = "ip", _("IP packets")
    ETHERNET = "ethernet", _("Ethernet frames")
    PPPOE = "pppoe", _("PPPoE on Ethernet")
    VPN = "vpn", _("Through a WireGuard VPN")
