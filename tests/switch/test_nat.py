"""Is a phone behind a NAT, and which phone is it?"""

from __future__ import annotations

import pytest

from jackfield.sip.headers import Via
from jackfield.sip.uri import Uri
from jackfield.switch.nat import behind_nat, is_address, reason_of, same_address
from jackfield.switch.user_agents import digest_algorithms, model_of


def reason(contact: str, via: str, source=("203.0.113.7", 5060), transport="UDP", mode="auto", **kw) -> str:
    return reason_of(transport, source, Uri.parse(contact), Via.parse(f"SIP/2.0/{transport} {via}"), mode, **kw)


def test_a_phone_that_says_where_its_packets_come_from_is_not_behind_a_nat():
    assert reason("sip:a@203.0.113.7", "203.0.113.7:5060;rport") == ""


def test_a_private_contact_from_a_public_address_is_a_nat_and_both_are_named():
    text = reason("sip:a@192.168.1.5:5060", "192.168.1.5:5060;rport")
    assert "192.168.1.5" in text
    assert "203.0.113.7" in text


def test_a_gateway_that_mended_the_contact_is_told_by_the_via():
    assert "Via says 192.168.1.5" in reason("sip:a@203.0.113.7", "192.168.1.5:5060;rport")


def test_a_gateway_that_mended_the_addresses_is_told_by_the_port():
    assert "port 5060" in reason("sip:a@203.0.113.7:4711", "203.0.113.7:5060;rport", ("203.0.113.7", 4711))
    assert reason("sip:a@203.0.113.7", "203.0.113.7:5060", ("203.0.113.7", 4711)) == ""
    assert reason("sip:a@203.0.113.7", "203.0.113.7:5060;rport", ("203.0.113.7", 4711), "TCP") == ""


def test_names_tell_nothing():
    assert reason("sip:a@phone.local", "phone.local;rport") == ""


def test_a_browser_is_always_reached_by_its_connection():
    assert "browser" in reason("sip:a@xyz.invalid", "xyz.invalid", transport="WS")


def test_what_the_line_says_goes_before_what_is_seen():
    assert reason("sip:a@192.168.1.5", "192.168.1.5", mode="never") == ""
    assert reason("sip:a@203.0.113.7", "203.0.113.7", mode="always")


def test_behind_a_proxy_the_source_says_nothing():
    assert reason("sip:a@192.168.1.5", "10.0.0.9", proxied=True) == ""


def test_one_address_has_several_spellings():
    assert same_address("2001:db8::1", "2001:0DB8:0::1")
    assert same_address("::ffff:192.0.2.1", "192.0.2.1")
    assert not same_address("192.0.2.1", "192.0.2.2")
    assert not same_address("phone", "192.0.2.2")
    assert is_address("fe80::1%eth0")
    assert not is_address("phone.local")


def test_audio_may_come_from_elsewhere_only_behind_a_nat():
    assert behind_nat("auto", "192.168.1.5", "203.0.113.7")
    assert not behind_nat("auto", "203.0.113.7", "203.0.113.7")
    assert not behind_nat("auto", "media.example", "203.0.113.7")
    assert behind_nat("always", "203.0.113.7", "203.0.113.7")
    assert not behind_nat("never", "192.168.1.5", "203.0.113.7")


@pytest.mark.parametrize(
    ("user_agent", "model"),
    [
        ("snomD785/10.1.54.13", "Snom D785"),
        ("snom320/8.4.35", "Snom 320"),
        ("Yealink SIP-T46S 66.84.0.15", "Yealink T46S"),
        ("Yealink VP-T49G 51.80.0.75", "Yealink VP-T49G"),
        ("Yealink W60B 77.85.0.25", "Yealink W60B"),
        ("Linksys/SPA942-6.1.5(a)", "Linksys SPA942"),
        ("Cisco/SPA504G-7.4.9c", "Cisco SPA504G"),
        ("Cisco-CP7841/11.5.1", "Cisco CP7841"),
        ("PolycomVVX-VVX_411-UA/5.9.0.9373", "Polycom VVX 411"),
        ("PolycomSoundPointIP-SPIP_550-UA/3.2.2", "Polycom SoundPoint IP 550"),
        ("PolyEdge-Edge_E350-UA/8.0.1", "Polycom Edge E350"),
        ("Grandstream GXP2170 1.0.9.135", "Grandstream GXP2170"),
        ("Fanvil X4 2.4.5", "Fanvil X4"),
        ("Gigaset N510 IP PRO/42.250", "Gigaset N510 IP PRO"),
        ("C610 IP/42.245.00.000.000", "Gigaset C610 IP"),
        ("AVM FRITZ!Box 7590 154.07.57", "AVM FRITZ!Box 7590"),
        ("Zoiper rv2.10.11.7", "Zoiper"),
        ("Z 5.6.4 v2.10.20.4", "Zoiper"),
        ("LinphoneiOS/5.0 (x)", "Linphone iOS"),
        ("Linphone Desktop/4.2.5", "Linphone Desktop"),
        ("baresip v1.0.0 (x86_64/linux)", "baresip"),
        ("MicroSIP/3.20.7", "MicroSIP"),
        ("JsSIP 3.10.0", "JsSIP"),
        ("SIP.js/0.21.1", "SIP.js"),
        ("Asterisk PBX 18", "Asterisk"),
        ("Acme Phone 3000/1.2.3", "Acme Phone 3000"),
        ("sipsak 0.9.8.1", "sipsak"),
        ("", ""),
    ],
)
def test_the_model_is_read_from_user_agent(user_agent: str, model: str):
    assert model_of(user_agent) == model


def test_only_who_understands_several_challenges_gets_several():
    assert digest_algorithms("Linphone Desktop/5.0") == ("SHA-256", "MD5")
    assert digest_algorithms("baresip v3.8.1") == ("SHA-256", "MD5")
    assert digest_algorithms("baresip v1.0.0 (x86_64/linux)") == ("MD5",)
    assert digest_algorithms("Linksys/SPA942-6.1.5(a)") == ("MD5",)
    assert digest_algorithms("") == ("MD5", "SHA-256")
