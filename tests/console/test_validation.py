"""Single values: what is accepted, and what is said of the rest."""

from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError

from jackfield.console import validation
from jackfield.switch.snapshot import Rewrite, TimeRange

GOOD = [
    (validation.number, ["101", "*43", "#1", "0"]),
    (validation.prefix, ["9", "+1", "*9"]),
    (validation.target, ["201", "+420123456789", "*43"]),
    (validation.targets, [("1", "2"), ()]),
    (validation.caller_id, ["+15550100", "5550100"]),
    (validation.inbound_number, ["5550101", "5550100-5550199", "55501*", "+15550100"]),
    (validation.sip_username, ["anna", "k3h.d_8-x", "+15550100"]),
    (validation.sip_password, ["secret", "with blank", "čeština"]),
    (validation.login, ["anna", "anna@example.com"]),
    (validation.one_line, ["Anna Nováková", "Büro 3 / Empfang"]),
    (validation.email, ["a@example.com"]),
    (validation.realm, ["jackfield", "pbx.example.com"]),
    (validation.country, ["US", "CZ", "GB"]),
    (validation.language, ["en", "pt-BR", "zh-Hans-CN"]),
    (validation.time_zone, ["UTC", "Europe/Prague"]),
    (validation.codecs, [("opus", "pcma"), ()]),
    (validation.networks, [("10.0.0.0/8", "fc00::/7", "192.0.2.7"), ()]),
    (validation.host, ["sip.example.com", "sip.example.com:5070", "192.0.2.7", "192.0.2.7:5060", "2001:db8::1",
                       "[2001:db8::1]", "[2001:db8::1]:5061", "my_pbx"]),
    (validation.hosts, [("a.example", "192.0.2.1:5070"), ()]),
    (validation.proxy, ["proxy.example.com:5070", "sip:proxy.example.com;lr;transport=tcp"]),
    (validation.address, ["192.0.2.7", "2001:db8::1", "pbx.example.com"]),
    (validation.rewrite, [Rewrite(), Rewrite(strip=2, prefix="00"), Rewrite(pattern=r"0(\d+)", replace=r"+420\1"),
                          Rewrite(pattern=r"(?P<n>\d+)", replace=r"\g<n>")]),
    (validation.time_ranges, [(TimeRange(name="d", days=("mon",), start="08:00", end="24:00"),), ()]),
    (validation.time_ranges, [(TimeRange(name="night", days=("mon",), start="22:00", end="06:00"),)]),
    (validation.Between(1, 5), [1, 2.5, 5]),
]  # fmt: skip

BAD = [
    (validation.number, "12a", '"12a" is not a number of the dial plan'),
    (validation.number, "1" * 21, "1 to 20 digits"),
    (validation.number, "٣", "digits"),
    (validation.prefix, "9 ", "is not a prefix"),
    (validation.target, "sip:a@b", "can't be dialled"),
    (validation.targets, ("1", "x"), '"x" can\'t be dialled'),
    (validation.caller_id, "Anna", "use digits"),
    (validation.inbound_number, "555-", "is no number, range"),
    (validation.inbound_number, "5550199-5550100", "both ends have as many digits"),
    (validation.inbound_number, "1-20", "both ends have as many digits"),
    (validation.sip_username, "a b", "is no SIP name"),
    (validation.sip_username, "a@b", "is no SIP name"),
    (validation.sip_password, "tab\tin", "phones can't type"),
    (validation.sip_password, "x" * 129, "more than 128"),
    (validation.login, "a b", "is no login name"),
    (validation.one_line, "a\nb", "line break"),
    (validation.email, "anna", "is no e-mail address"),
    (validation.realm, 'a"b', "can't be a realm"),
    (validation.country, "XX", "two-letter code"),
    (validation.country, "us", 'did you mean "US"?'),
    (validation.language, "english!", "use its code"),
    (validation.time_zone, "Prague", "IANA name"),
    (validation.time_zone, "../etc/passwd", "IANA name"),
    (validation.codecs, ("g723",), '"g723" is not a codec; known: opus, g722'),
    (validation.codecs, ("pcma", "pcma"), "twice"),
    (validation.networks, ("10.0.0.0/33",), "is no network"),
    (validation.host, "a b", "is no host"),
    (validation.host, "host:0", "is no host"),
    (validation.host, "host:99999", "is no host"),
    (validation.host, "host:", "is no host"),
    (validation.host, "[2001:db8::1", "is no host"),
    (validation.host, "2001:db8::xyz", "is no host"),
    (validation.hosts, ("a", "-"), '"-" is no host'),
    (validation.proxy, "sip:a b", "is no host"),
    (validation.address, "a b", "neither an IP address"),
    (validation.rewrite, Rewrite(strip=-1), "0 or more"),
    (validation.rewrite, Rewrite(prefix="x"), "can't be dialled"),
    (validation.rewrite, Rewrite(replace="1"), "without pattern"),
    (validation.rewrite, Rewrite(pattern="("), "no regular expression"),
    (validation.rewrite, Rewrite(pattern="1", replace=r"\2"), "no regular expression"),
    (validation.rewrite, Rewrite(pattern="1", replace=r"\g<x>"), "no regular expression"),
    (validation.time_ranges, (TimeRange(name="", days=("mon",)),), "needs a name"),
    (validation.time_ranges, (TimeRange(name="d", days=()),), "has no days"),
    (validation.time_ranges, (TimeRange(name="d", days=("mon",), start="8"),), "no time of day"),
    (validation.time_ranges, (TimeRange(name="d", days=("mon",), start="08:00", end="08:00"),), "begins and ends at"),
    (validation.Between(0, 10_000_000, "kbit/s"), -5, "-5 is out of range: give 0 to 10000000 kbit/s"),
    (validation.Between(1, 5, "seconds"), 6, "6 is out of range: give 1 to 5 seconds"),
]  # fmt: skip


@pytest.mark.parametrize(("accept", "values"), GOOD)
def test_good_values_pass(accept, values):
    for value in values:
        accept(value)


@pytest.mark.parametrize(("accept", "value", "words"), BAD)
def test_bad_values_are_refused_with_the_mend(accept, value, words):
    with pytest.raises(ValidationError) as refused:
        accept(value)
    assert words in refused.value.messages[0]


def test_a_refused_password_is_not_repeated():
    with pytest.raises(ValidationError) as refused:
        validation.sip_password("topsecret\n")
    assert "topsecret" not in refused.value.messages[0]


def test_ranges_compare_by_what_they_allow():
    assert validation.Between(1, 5) == validation.Between(1, 5) != validation.Between(1, 6)
    assert len({validation.Between(1, 5), validation.Between(1, 5)}) == 1
