"""Every model's file, read back by a parser of its vendor's format: what would the phone be?"""

import re
from dataclasses import replace

import pytest

from jackfield.provisioning.catalogue import MODELS
from jackfield.provisioning.configuration import Account, Key, Server
from jackfield.provisioning.render import render

from .reading import ReadChange
from .sample import MAIN, SAMPLE, read, without_a_phone

# One model that stands for each file format of each vendor.
TYPICAL = (
    "yealink-t46u", "yealink-t21p_e2", "snom-d785", "snom-d120", "linksys-spa942", "linksys-spa504g", "cisco-cp-8851",
    "polycom-vvx-450", "polycom-ip335", "grandstream-gxp1628", "grandstream-grp2614", "fanvil-x5u", "fanvil-x3sg",
    "gigaset-n870", "generic-sip-phone",
)  # fmt: skip
EVERY = sorted(MODELS)
HOSTILE = "Ev\"il'&<b>\n\r\0]]>--> %NULL%\n<Password_1_>x</Password_1_>\naccount.1.password = gotcha {{ 7 * 7 }} Größe"


@pytest.mark.parametrize("slug", EVERY)
def test_the_phone_registers_each_line_as_it_was_told(slug):
    model = MODELS[slug]
    lines = read(model, SAMPLE).lines
    assert len(lines) == min(2, model.lines)
    for n, line in lines.items():
        told = SAMPLE.accounts[n - 1]
        transport = told.transport if told.transport in model.transports else "udp"
        assert (line.username, line.login, line.password) == (told.username, told.login, told.password)
        assert (line.server, line.transport) == (told.server.host_port, transport)
        backup = told.backup if slug != "snom-d120" else None  # its two identities are both in use
        assert line.backup == (backup.host_port if backup else "")
        assert (line.name, line.expires) == (told.name, told.expires)
        assert line.voicemail == told.voicemail


@pytest.mark.parametrize("slug", TYPICAL)
@pytest.mark.parametrize("srtp", ["off", "offered", "required"])
def test_audio_is_encrypted_as_told(slug, srtp):
    told = replace(SAMPLE, accounts=(replace(SAMPLE.accounts[0], srtp=srtp),))
    known = {"required": "offered"} if MODELS[slug].vendor == "linksys" else {}  # an SPA knows on and off
    assert read(MODELS[slug], told).lines[1].srtp == known.get(srtp, srtp)


@pytest.mark.parametrize("slug", TYPICAL)
def test_codecs_stand_in_the_lines_order_and_others_are_left_out(slug):
    model = MODELS[slug]
    if not model.codecs:
        pytest.skip("public documents name no parameter for its codecs")
    for order in (("pcma", "pcmu"), ("pcmu", "g729", "pcma"), ("g722", "speex", "pcma")):
        told = replace(SAMPLE, accounts=(replace(SAMPLE.accounts[0], codecs=order),))
        assert read(model, told).lines[1].codecs == tuple(one for one in order if one in model.codecs)


PRESSED = {  # what the keys of the sample do, where a vendor has no kind of its own for that
    "yealink": {"pickup": ("pickup", "*8106")},
    "snom": {"voicemail": ("voicemail", "")},
    "linksys": {"voicemail": ("speed_dial", "*97")},
    "cisco": {"voicemail": ("speed_dial", "*97")},
    "polycom": {"voicemail": ("speed_dial", "*97")},
    "generic": {"pickup": ("pickup", "106")},
}


@pytest.mark.parametrize("slug", EVERY)
def test_every_key_does_what_it_was_told(slug):
    model = MODELS[slug]
    found = read(model, SAMPLE).keys
    if slug.startswith("grandstream-gxp16"):
        assert found.pop(1, ("none",))[0] == "none"  # its other keys are no lines
    for n, told in enumerate(SAMPLE.keys[: model.keys], 1):
        if n not in found:
            continue
        kind, value, label = found[n]
        if told.kind == "none" or told.kind not in model.key_kinds:
            assert kind == "none"
        elif told.kind == "line":
            assert kind == "line"
        else:
            otherwise = ("speed_dial", "*8106") if told.kind == "pickup" else (told.kind, told.value)
            assert (
                (kind, value) == PRESSED[model.vendor].get(told.kind, otherwise)
                if (model.vendor in PRESSED)
                else (kind, value) == otherwise
            )
            assert label == told.shown
    assert len(found) >= min(len(SAMPLE.keys), model.keys) - 1


@pytest.mark.parametrize("slug", TYPICAL)
def test_the_clock_changes_when_the_zones_does(slug):
    phone = read(MODELS[slug], SAMPLE)
    assert phone.ntp == "ntp.example.com"
    if phone.offset is None:  # it knows zones by name
        assert phone.zone_name == "Europe/Prague"
        return
    assert (phone.offset, phone.saving) == (3600, 3600)
    _falls(phone.begins, month=3, hour=2)
    _falls(phone.ends, month=10, hour=3)


def _falls(change: ReadChange, *, month: int, hour: int) -> None:
    assert (change.month, change.weekday, change.hour) == (month, 7, hour)
    assert change.week == 5 or change.day == 25, "the last Sunday"


@pytest.mark.parametrize("slug", TYPICAL)
@pytest.mark.parametrize(
    ("zone", "offset"), [("Asia/Kolkata", 19800), ("America/St_Johns", -12600), ("UTC", 0), ("Asia/Tokyo", 32400)]
)
def test_zones_of_half_hours_and_west_of_greenwich_are_told(slug, zone, offset):
    phone = read(MODELS[slug], replace(SAMPLE, time_zone=zone))
    if phone.offset is None:
        assert phone.zone_name
        return
    assert phone.offset == offset
    assert (phone.begins is not None) == (zone == "America/St_Johns")


@pytest.mark.parametrize("slug", TYPICAL)
def test_the_phone_fetches_again_from_where_it_was_told(slug):
    phone = read(MODELS[slug], SAMPLE)
    if slug.startswith("generic"):
        return
    assert (phone.url, phone.user, phone.password) == ("https://pbx.example.com/p/", "020000aabbcc", "FETCH-PASSWORD")
    assert phone.interval == (None if slug.startswith("gigaset") else 43200)
    never = replace(SAMPLE, fetching=replace(SAMPLE.fetching, interval=0))
    assert not read(MODELS[slug], never).interval


@pytest.mark.parametrize("slug", TYPICAL)
def test_directory_logo_firmware_and_the_phones_own_password_are_set(slug):
    model, phone = MODELS[slug], read(MODELS[slug], SAMPLE)
    if slug.startswith("generic"):
        return
    assert phone.admin_password == "ADMIN-PASSWORD"
    assert phone.firmware == SAMPLE.firmware_url
    if slug != "gigaset-n870":
        assert phone.ldap == ("pbx.example.com", "1389", "ou=people,dc=example", "cn=phone", "LDAP-PASSWORD")
    if model.vendor != "snom":  # one key for one directory
        assert phone.directory == SAMPLE.directory.xml_url
    assert phone.logo == (SAMPLE.logo_url if model.logo else "")
    assert phone.tones
    plain = replace(SAMPLE, admin_password="", firmware_url="", logo_url="")
    found = read(model, plain)
    assert (found.admin_password, found.firmware, found.logo) == ("", "", "")


@pytest.mark.parametrize("slug", TYPICAL)
def test_a_snoms_directory_is_the_vendors_xml_where_there_is_no_ldap(slug):
    told = replace(SAMPLE, directory=replace(SAMPLE.directory, ldap_host=""))
    phone = read(MODELS[slug], told)
    assert phone.ldap == ()
    assert phone.directory == ("" if slug.startswith("generic") else SAMPLE.directory.xml_url)


@pytest.mark.parametrize("slug", ["linksys-spa504g", "grandstream-gxp1628"])
def test_a_phone_that_knows_no_ldap_over_tls_is_not_told_of_one(slug):
    told = replace(SAMPLE, directory=replace(SAMPLE.directory, ldap_port=636, ldap_tls=True))
    phone = read(MODELS[slug], told)
    assert phone.ldap == ()
    assert phone.directory == SAMPLE.directory.xml_url


@pytest.mark.parametrize("slug", TYPICAL)
def test_languages_are_told_by_the_vendors_names(slug):
    if slug.startswith(("gigaset", "generic")):
        return
    german = {read(MODELS[slug], SAMPLE).language}
    assert german <= {"German", "Deutsch", "German_Germany", "de"}
    unknown = read(MODELS[slug], replace(SAMPLE, language="xx")).language
    assert unknown in ("English", "English-US", "English_United_Kingdom", "en")


@pytest.mark.parametrize("slug", TYPICAL)
def test_a_phone_without_keys_of_its_own_shows_its_lines(slug):
    keys = read(MODELS[slug], replace(SAMPLE, keys=())).keys
    if any(kind == "line" for kind, *_ in keys.values()):
        assert keys[1][0] == "line"
    assert all(kind in ("line", "none") for kind, *_ in keys.values())


@pytest.mark.parametrize("slug", EVERY)
def test_no_name_becomes_a_setting(slug):
    """Whatever people call themselves, the phone is the same as with a harmless name, apart from that name."""
    model = MODELS[slug]

    def with_names(name):
        accounts = tuple(replace(one, name=name, label=name) for one in SAMPLE.accounts)
        keys = tuple(replace(one, label=name) for one in SAMPLE.keys)
        directory = replace(SAMPLE.directory, name=name)
        return read(model, replace(SAMPLE, accounts=accounts, keys=keys, directory=directory))

    hostile, harmless = with_names(HOSTILE), with_names("Nobody")
    assert hostile.lines.keys() == harmless.lines.keys()
    for n, line in hostile.lines.items():
        assert "Größe" in line.name
        assert replace(line, name="") == replace(harmless.lines[n], name="")
    assert {n: key[:2] for n, key in hostile.keys.items()} == {n: key[:2] for n, key in harmless.keys.items()}
    for name in ("offset", "url", "user", "password", "interval", "admin_password", "firmware", "ldap", "tones"):
        assert getattr(hostile, name) == getattr(harmless, name)


@pytest.mark.parametrize("slug", TYPICAL)
def test_a_number_of_a_key_does_not_leave_its_place(slug):
    told = replace(SAMPLE, keys=(Key(kind="blf", value="105;fnc=sd@evil<x>/\n|*9&", label="Boss"),))
    for kind, value, label in read(MODELS[slug], told).keys.values():
        assert kind in ("blf", "none")
        assert "\n" not in value or slug == "generic-sip-phone"  # JSON may hold anything
        assert label in ("Boss", "")


@pytest.mark.parametrize("slug", EVERY)
def test_files_that_all_may_have_hold_nothing_of_a_phone(slug):
    model = MODELS[slug]
    for file in model.files:
        if file.kind == "common":
            body = render(model, file.name, without_a_phone()).body.decode()
            assert "pbx.example.com/p/" in body or "jackfield.cfg" in body
            full = render(model, file.name, SAMPLE).body.decode()
            assert not re.search("PASSWORD|x7k2m|103", full)


@pytest.mark.parametrize("slug", EVERY)
def test_a_phone_with_more_lines_and_keys_than_the_model_has_gets_those_that_fit(slug):
    model = MODELS[slug]
    accounts = tuple(Account(number=str(n), username=f"u{n}", password=f"p{n}", server=MAIN) for n in range(100, 125))
    keys = tuple(Key(kind="blf", value=str(n), label=str(n)) for n in range(200, 420))
    phone = read(model, replace(SAMPLE, accounts=accounts, keys=keys))
    assert len(phone.lines) == (25 if model.vendor == "generic" else model.lines)


@pytest.mark.parametrize("slug", TYPICAL)
def test_an_ipv6_server_stands_in_brackets_where_a_port_follows(slug):
    server = Server(host="2001:db8::5", port=5070)
    told = replace(SAMPLE, accounts=(replace(SAMPLE.accounts[1], server=server),))
    assert read(MODELS[slug], told).lines[1].server in ("[2001:db8::5]:5070", "2001:db8::5:5070")


@pytest.mark.parametrize("slug", TYPICAL)
def test_the_same_configuration_makes_the_same_file(slug):
    model = MODELS[slug]
    name = model.main_file.name
    assert render(model, name, SAMPLE) == render(model, name, SAMPLE)
