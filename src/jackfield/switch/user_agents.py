"""Which telephone is it? Vendor and model, read from the User-Agent header of the vendors whose phones one meets."""

from __future__ import annotations

import re
import sys
from functools import lru_cache

__all__ = ["digest_algorithms", "model_of", "speaks_webrtc"]

# Vendor as people write it, and how its phones begin; the group is the model. The first that fits is taken.
_VENDORS = [
    (vendor, re.compile(pattern, re.IGNORECASE))
    for vendor, pattern in (
        ("Snom", r"snom[ -]?(?P<model>[A-Z]*\d+\w*|PA1\+?)"),
        ("Snom", r"snom"),
        ("Yealink", r"Yealink[ _]+(?:SIP[- ]+)?(?P<model>VP-?\w+|[A-Z]*-?\w+)"),
        ("Linksys", r"Linksys/(?P<model>[A-Z]+\d+\w*)"),
        ("Cisco", r"Cisco/(?P<model>SPA\d+\w*)"),
        ("Cisco", r"Cisco[-/ ]+(?P<model>(?:CP-?|SIPGateway|ATA)?\d*\w*)(?:-3PCC)?"),
        ("Sipura", r"Sipura/(?P<model>SPA\d+\w*)"),
        ("Polycom", r"Polycom(?:VVX)-(?P<model>VVX_\w+?)-UA"),
        ("Polycom", r"Polycom(?:SoundPointIP|SoundStationIP)-(?P<model>S[PS]IP_\w+?)-UA"),
        ("Polycom", r"Poly(?:com)?(?:Edge|RealPresence\w*|CCX|Trio)?[-/ ](?P<model>[A-Za-z0-9_]+?)-UA"),
        ("Polycom", r"Poly(?:com)?"),
        ("Grandstream", r"Grandstream[ _](?P<model>[A-Z]+-?\d+\w*)"),
        ("Fanvil", r"Fanvil[ _](?P<model>[A-Z]+\d*\w*)"),
        ("Gigaset", r"(?:Gigaset[ _]?)?(?P<model>(?:[NCSA]\d{3}|DX\d{3}|DE\d{3})\w*(?: IP)?(?: PRO)?)(?=/)"),
        ("AVM", r"(?:AVM )?(?P<model>FRITZ!(?:Box|Fon)(?: \w+)?)"),
        ("Mitel", r"Mitel[ _-](?P<model>\w+)"),
        ("Aastra", r"Aastra[ _-](?P<model>\w+)"),
        ("Panasonic", r"Panasonic[-_ ](?P<model>[A-Z]{2}-\w+)"),
        ("Htek", r"Htek[ _](?P<model>\w+)"),
        ("Sangoma", r"(?:Sangoma|Digium)[ _](?P<model>\w+)"),
        ("AudioCodes", r"AudioCodes[-_ ](?:Sip-Gateway-)?(?P<model>\w+)"),
        ("Alcatel-Lucent", r"(?:ALE|Alcatel)[-_ ](?P<model>\w+)"),
        ("Akuvox", r"Akuvox[ _](?P<model>\w+)"),
        ("2N", r"2N[ _](?P<model>[\w ]+?)(?=[/ ]\d|$)"),
        ("Patton", r"Patton[ _](?P<model>\w+)"),
        ("Zoiper", r"(?:Zoiper|Z \d)"),
        ("Linphone", r"Linphone(?P<model>iOS|Android|[ -]?Desktop)?"),
        ("baresip", r"baresip"),
        ("MicroSIP", r"MicroSIP"),
        ("JsSIP", r"JsSIP"),
        ("SIP.js", r"SIP\.?js"),
        ("Bria", r"Bria[ _]?(?P<model>\w+)?"),
        ("X-Lite", r"X-Lite"),
        ("Groundwire", r"(?:Acrobits )?(?P<model>)Groundwire"),
        ("Jitsi", r"Jitsi"),
        ("Blink", r"Blink"),
        ("Telephone", r"Telephone (?=\d)"),
        ("PJSUA", r"PJSUA"),
        ("Twinkle", r"Twinkle"),
        ("Ekiga", r"Ekiga"),
        ("Jami", r"(?:Jami|SFLphone)"),
        ("FreeSWITCH", r"FreeSWITCH"),
        ("FreePBX", r"FPBX"),
        ("Asterisk", r"Asterisk"),
        ("Kamailio", r"Kamailio"),
        ("Jackfield", r"Jackfield"),
    )
]
_SOFTWARE_VERSION = re.compile(r"[ /_-]v?\d+(?:\.\d+)+.*$")
_POLYCOM = {"SPIP_": "SoundPoint IP ", "SSIP_": "SoundStation IP ", "VVX_": "VVX ", "Edge_": "Edge "}


@lru_cache(maxsize=1024)
def model_of(user_agent: str) -> str:
    """Return "Snom D785" for "snomD785/10.1.54.13"; of an unknown one what stands before its version."""
    text = user_agent.strip()
    if not text:
        return ""
    for vendor, pattern in _VENDORS:
        match = pattern.match(text)
        if match is None:
            continue
        model = (match.groupdict().get("model") or "").strip(" -_")
        for beginning, words in _POLYCOM.items():
            if model.startswith(beginning):
                model = words + model[len(beginning) :].replace("_", " ")
        return sys.intern(f"{vendor} {model}".strip())
    return sys.intern(_SOFTWARE_VERSION.sub("", text)[:40].rstrip("/ "))


_BROWSERS = frozenset(("JsSIP", "SIP.js", "Jackfield"))


@lru_cache(maxsize=1024)
def speaks_webrtc(transport: str, user_agent: str, contact: str = "") -> bool:
    """Say if a telephone is a page in a browser, which takes no audio but that of WebRTC.

    Browsers come by WebSocket, and say so in their Contact where a server stands between. So do some softphones, which
    are known by their names and want SDES or nothing.
    """
    if transport not in ("WS", "WSS") and ";transport=ws" not in contact.lower():
        return False
    known = next((vendor for vendor, pattern in _VENDORS if pattern.match(user_agent.strip())), "")
    return known in _BROWSERS or not known


# Of these it is known that they choose among several challenges.
_KNOWS_SHA256 = re.compile(r"Jackfield|Linphone|baresip v(?:[3-9]|\d\d)", re.IGNORECASE)


@lru_cache(maxsize=1024)
def digest_algorithms(user_agent: str) -> tuple[str, ...]:
    """Return the digest algorithms to challenge a telephone with, in order (RFC 8760 section 2.4).

    The RFC wants the strongest first and all of them told. But baresip 1 gives up at the sight of a second challenge,
    SIPp when the first is not MD5, and desk phones have been seen to do both: so SHA-256 comes first only to those
    who are known to understand it, and not at all to telephones of which it is not known.
    """
    if _KNOWS_SHA256.match(user_agent):
        return ("SHA-256", "MD5")
    known = any(pattern.match(user_agent) for _, pattern in _VENDORS)
    return ("MD5",) if known else ("MD5", "SHA-256")
