"""What phones are told that nobody typed for each of them: passwords, addresses by model, words beside keys."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from jackfield.console import api
from jackfield.console.declarative.difference import DocumentError
from jackfield.desk_phones.models import DeskPhone, ProvisioningRules
from jackfield.settings import Settings

from .conftest import NOW, ask, ask_outside, lines_in

FANVIL, POLYCOM, GIGASET, CISCO = "0c383e12abcd", "0004f212abcd", "7c2f8012abcd", "00562b12abcd"


def another(mac: str, model: str, more: str = "") -> str:
    """Return a document with one more phone, for extension 102."""
    return f"desk_phones: [{{mac: {mac}, model: {model}, extensions: [102]{more}}}]"


def test_phones_have_a_password_of_their_own_before_anybody_saved_the_rules(sqlite: Settings):
    api.apply(sqlite, "{extensions: [{number: 101, name: Anna}], desk_phones: [{mac: 00156512abcd, "
                      "model: yealink-t46u, extensions: [101]}]}")  # fmt: skip
    assert not ProvisioningRules.objects.exists()
    told = lines_in(ask().body)["static.security.user_password"]
    name, _, password = told.partition(":")
    assert name == "admin"
    assert len(password) == 12
    assert all(re.search(kind, password) for kind in ("[A-Z]", "[a-z]", "[0-9]"))  # Cisco's phones want three kinds
    assert lines_in(ask(now=NOW + 9).body)["static.security.user_password"] == told
    assert ProvisioningRules.current().phone_password == password


def test_a_password_that_phones_refuse_is_refused_here(company: Settings):
    for wrong in ("short", "with a blank in it", "Größenwahn", "x" * 33):
        with pytest.raises(DocumentError, match="8 to 32 letters"):
            api.apply(company, f'provisioning: {{phone_password: "{wrong}"}}')


def test_firmware_and_logo_are_told_by_model_before_vendor(company: Settings):
    api.apply(
        company,
        """
provisioning:
  logo: https://files.example.com/logo.png
  logos: {yealink: "https://files.example.com/grey.dob"}
  firmware: {yealink: "https://files.example.com/{model}.rom", polycom: "https://files.example.com/polycom/"}
  time_server: time.example.com
""",
    )
    told = lines_in(ask().body)
    assert told["static.firmware.url"] == "https://files.example.com/T46U.rom"
    assert told["wallpaper_upload.url"] == "https://files.example.com/grey.dob"
    assert told["local_time.ntp_server1"] == "time.example.com"
    api.apply(company, 'provisioning: {firmware: {yealink-t46u: "https://files.example.com/one.rom"}, logos: {}}')
    told = lines_in(ask(now=NOW + 9).body)
    assert told["static.firmware.url"] == "https://files.example.com/one.rom"
    assert told["wallpaper_upload.url"] == "https://files.example.com/logo.png"


def test_an_address_for_a_model_that_there_is_not_is_refused_by_its_name(company: Settings):
    with pytest.raises(DocumentError, match='neither a vendor nor a phone model "yaelink"; did you mean "yealink"'):
        api.apply(company, 'provisioning: {firmware: {yaelink: "https://files.example.com/"}}')
    with pytest.raises(DocumentError, match="no web address"):
        api.apply(company, "provisioning: {logos: {yealink: logo.png}}")


def test_a_polycom_finds_its_firmware_in_the_file_that_names_the_others(company: Settings):
    api.apply(company, another(POLYCOM, "polycom-vvx-450"))
    api.apply(company, 'provisioning: {firmware: {polycom: "https://files.example.com/{model}.ld"}}')
    agent = "FileTransport PolycomVVX-VVX_450-UA/5.9.5.0614 (SN:0004f212abcd) Type/Application"
    root = ElementTree.fromstring(ask(f"{POLYCOM}.cfg", user_agent=agent, address="192.168.1.40").body)
    assert root.get("APP_FILE_PATH") == "https://files.example.com/VVX%20450.ld"


def test_a_fanvils_file_has_a_higher_version_each_time(company: Settings):
    """It takes no other: "if the version downloaded is higher than the running one" (Fanvil's manuals)."""
    api.apply(company, another(FANVIL, "fanvil-x5u"))
    versions = [
        ElementTree.fromstring(ask(f"{FANVIL}.cfg", user_agent="", address="192.168.1.41", now=at).body)
        .findtext("Version")
        for at in (NOW, NOW + 9)
    ]  # fmt: skip
    assert versions == ["2.1790000000", "2.1790000009"]


def test_a_line_key_without_words_shows_its_line(company: Settings):
    api.apply(company, another(CISCO, "cisco-cp-8851", ", keys: [{kind: line, line: 1}, {kind: line, label: Front}]"))
    root = ElementTree.fromstring(ask(f"{CISCO}.xml", user_agent="", address="192.168.1.42").body)
    assert [root.findtext(f"Short_Name_{number}_") for number in (1, 2)] == ["102", "Front"]


def test_a_base_that_speaks_digest_only_is_not_asked_for_its_password_in_plain_words(company: Settings):
    api.apply(company, another(GIGASET, "gigaset-n870"))
    schemes = [
        {value.partition(" ")[0] for name, value in found.headers if name == "WWW-Authenticate"}
        for found in (
            ask_outside(f"{GIGASET}.xml", user_agent="N870 IP PRO/83.V2.39.0+build;7c2f8012abcd"),
            ask_outside(),
        )
    ]
    assert schemes == [{"Digest"}, {"Digest", "Basic"}]


@pytest.mark.parametrize(
    ("key", "why"),
    [
        ("{kind: blf, value: '101', line: 0}", "key 2: its line must be between 1 and 50"),
        ("{kind: blf, value: '101', line: -1}", "key 2: its line must be"),
        (f"{{kind: blf, value: '{'1' * 101}'}}", "key 2: number and words are at most 100 characters"),
        ('{kind: blf, value: "101", label: "a\\nb"}', "key 2: number and words are .* in one line"),
    ],
)
def test_a_key_that_no_phone_can_have_is_refused_with_its_place(company: Settings, key: str, why: str):
    with pytest.raises(DocumentError, match=why):
        api.apply(company, f"desk_phones: [{{mac: {CISCO}, model: cisco-cp-8851, keys: [{{kind: line}}, {key}]}}]")
    assert not DeskPhone.objects.filter(mac=CISCO).exists()


def test_keys_that_will_not_work_are_named(company: Settings):
    def warnings(model: str, keys: str) -> str:
        found = api.apply(
            company, f"desk_phones: [{{mac: {CISCO}, model: {model}, extensions: [102], keys: [{keys}]}}]"
        )
        return " ".join(one.message for one in found.warnings)

    assert 'CP-8851 has no keys of the kind "Forward"' in warnings("cisco-cp-8851", '{kind: forward, value: "101"}')
    assert "this key has no number" in warnings("cisco-cp-8851", "{kind: blf}")
    assert "works by line 2" in warnings("cisco-cp-8851", '{kind: blf, value: "101", line: 2}')
    assert "N870 IP PRO has no keys of its own" in warnings("gigaset-n870", '{kind: blf, value: "101"}')
    many = ", ".join('{kind: blf, value: "101"}' for _ in range(12))
    assert "X3SG has 2 keys: the phone leaves the others out" in warnings("fanvil-x3sg", many)
    assert warnings("cisco-cp-8851", many) == ""  # its side cars have room for them
    assert DeskPhone.objects.get(mac=CISCO).keys
