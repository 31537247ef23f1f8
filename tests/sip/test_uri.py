"""URIs: what phones write is understood, what we write is by the grammar, and equality is that of RFC 3261 19.1.4."""

from __future__ import annotations

import pytest

from jackfield.sip.errors import MalformedHeader
from jackfield.sip.uri import Uri, escape_user, readable, unescape


def test_a_uri_is_taken_apart_into_its_parts():
    uri = Uri.parse("sip:alice:secret@pbx.example.com:5061;transport=TCP;lr?Subject=project%20x&Priority=urgent")
    assert (uri.scheme, uri.user, uri.password) == ("sip", "alice", "secret")
    assert (uri.host, uri.port) == ("pbx.example.com", 5061)
    assert uri.params == {"transport": "TCP", "lr": None}
    assert (uri.transport, uri.loose, uri.secure) == ("tcp", True, False)
    assert uri.header("subject") == "project x"
    assert uri.header("priority") == "urgent"
    assert uri.header("route") is None
    assert uri.host_port == "pbx.example.com:5061"


def test_a_uri_that_was_read_is_written_as_the_same_text():
    for text in (
        "sip:pbx",
        "SIPS:Alice@EXAMPLE.com",
        "sip:+1-212-555-1212:1234@gateway.example.com;user=phone",
        "sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*:&it+has=1,weird!*pas$wo~d_too.(doesn't-it)@example.com",
        "sip:alice@[2001:db8::10]:5070;ob",
        "tel:+358-555-1234567;postd=pp22",
        "urn:service:sos",
    ):
        assert str(Uri.parse(text)) == text


@pytest.mark.parametrize(
    ("text", "user", "host"),
    [
        ("sip:*21#@my_pbx", "*21#", "my_pbx"),
        ("sip:192.0.2.1", "", "192.0.2.1"),
        ("sip:@192.0.2.1", "", "192.0.2.1"),
        ("sip:user;par=u%40example.net@example.com", "user;par=u%40example.net", "example.com"),
        ("sip:null-%00-null@example.com", "null-%00-null", "example.com"),
        ("sip:alice@[2001:db8::10]", "alice", "2001:db8::10"),
        ("tel:*43", "*43", ""),
        ("urn:service:sos", "service:sos", ""),
        ("http://www.example.com/ring.wav", "//www.example.com/ring.wav", ""),
    ],
)
def test_what_phones_and_the_torture_tests_write_is_understood(text, user, host):
    uri = Uri.parse(text)
    assert (uri.user, uri.host) == (user, host)


def test_an_account_name_with_an_unescaped_at_sign_belongs_to_the_user_part():
    uri = Uri.parse("sip:bob@example.org@pbx.example.com:5080;transport=udp")
    assert (uri.username, uri.host, uri.port) == ("bob@example.org", "pbx.example.com", 5080)
    assert str(uri) == "sip:bob%40example.org@pbx.example.com:5080;transport=udp"


def test_a_tel_uri_keeps_its_number_and_its_parameters_apart():
    uri = Uri.parse("tel:7042;phone-context=example.com")
    assert uri.user == "7042"
    assert uri.params == {"phone-context": "example.com"}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "alice",
        "sip:",
        "sips:",
        "sip:alice@",
        "sip:alice@ex ample.com",
        "sip:alice@example.com; lr",
        "<sip:alice@example.com>",
        "sip:alice@example.com:port",
        "sip:alice@example.com:65536",
        "sip:alice@example.com:123456",
        "sip:alice@[2001:db8::10",
        "sip:2001:db8::10",
        "sip:a@b@c@",
        "sip:" + "a" * 2050 + "@example.com",
        "urn:" + "a" * 2050,
        "sip:a@b" + ";a" * 65,
        "tel:",
        "tel:;ext=1",
        "tel:1" + ";a" * 65,
        "1sip:alice",
        "sip",
        'sip:al"ice@example.com',
    ],
)
def test_what_is_no_uri_is_refused(text):
    with pytest.raises(MalformedHeader):
        Uri.parse(text)


def test_escapes_are_resolved_for_people_and_kept_on_the_wire():
    uri = Uri.parse("sip:M%C3%BCller%20%26%20Co@example.com")
    assert uri.username == "Müller & Co"
    assert str(uri) == "sip:M%C3%BCller%20%26%20Co@example.com"
    assert unescape("%Z%45") == "%ZE"
    assert unescape("M%FCller") == "Müller"


def test_bytes_that_are_no_utf_8_are_read_as_latin_1():
    assert readable(b"J\xf6rg".decode("utf-8", "surrogateescape")) == "Jörg"
    assert readable("Jörg") == "Jörg"
    assert readable("Joerg") == "Joerg"


def test_a_plain_name_is_escaped_for_the_user_part():
    assert escape_user("*21#") == "*21%23"
    assert escape_user("a@b c%") == "a%40b%20c%25"
    assert escape_user("+49 30") == "+49%2030"
    assert Uri.parse(f"sip:{escape_user('Žofie #1')}@pbx").username == "Žofie #1"


def test_a_built_uri_is_written_by_the_grammar():
    assert str(Uri("sip", "201", "192.0.2.1", 5060, params={"transport": "tcp", "lr": None})) == (
        "sip:201@192.0.2.1:5060;transport=tcp;lr"
    )
    assert str(Uri("sip", host="2001:db8::1", port=5060)) == "sip:[2001:db8::1]:5060"
    assert str(Uri("sips", "a", "b", password="p w", headers="Replaces=x y")) == "sips:a:p%20w@b?Replaces=x%20y"
    assert str(Uri("tel", "+49 30", params={"ext": "1"})) == "tel:+49%2030;ext=1"


def test_nothing_that_is_put_into_a_uri_can_break_out_of_it():
    uri = Uri("sip", "x>\r\nVia: y", "example.com", params={"a": "b>;c\r\n"})
    assert str(uri) == "sip:x%3E%0D%0AVia%3A%20y@example.com;a=b%3E%3Bc%0D%0A"
    for host in ("example.com>", "a b", "a\r\nb", "a@b"):
        with pytest.raises(ValueError, match="host"):
            Uri("sip", "a", host)
    with pytest.raises(ValueError, match="port"):
        Uri("sip", "a", "b", 70000)


def test_a_copy_has_the_changes_and_leaves_the_original_alone():
    uri = Uri.parse("sip:alice:pw@example.com:5060;transport=tcp?X=y")
    assert str(uri.replace(host="192.0.2.9", port=None)) == "sip:alice:pw@192.0.2.9;transport=tcp?X=y"
    assert str(uri.replace(user="bob", password=None, params={}, headers="")) == "sip:bob@example.com:5060"
    assert str(uri) == "sip:alice:pw@example.com:5060;transport=tcp?X=y"
    assert repr(uri) == f"Uri({str(uri)!r})"
    with pytest.raises(TypeError):
        uri.replace(hots="example.org")


def test_the_wildcard_is_a_uri_of_its_own():
    assert str(Uri.wildcard()) == "*"
    assert Uri.wildcard() != Uri.parse("sip:a@b")


EQUAL = [  # RFC 3261 19.1.4, and RFC 3966 4
    ("sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanTa.CoM;Transport=tcp"),
    ("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5"),
    ("sip:carol@chicago.com", "sip:carol@chicago.com;security=on"),
    (
        "sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
        "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com",
    ),
    (
        "sip:alice@atlanta.com?subject=project%20x&priority=urgent",
        "sip:alice@atlanta.com?priority=urgent&subject=project%20x",
    ),
    ("sip:a%2cb@c", "sip:a%2Cb@c"),
    ("tel:+49-30-1234", "tel:+49301234"),
    ("tel:(030)1234;phone-context=+49", "tel:0301234;Phone-Context=+49"),
    ("urn:service:sos", "urn:service:sos"),
]
DIFFERENT = [
    ("SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP"),
    ("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060"),
    ("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp"),
    ("sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp"),
    ("sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting"),
    ("sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4"),
    ("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off"),
    ("sip:alice@example.com", "sips:alice@example.com"),
    ("sip:alice:a@example.com", "sip:alice@example.com"),
    ("sip:a;b@c", "sip:a%3Bb@c"),
    ("tel:0301234;phone-context=+49", "tel:0301234;phone-context=+43"),
    ("urn:service:sos", "urn:service:sos.fire"),
]


@pytest.mark.parametrize(("one", "other"), EQUAL)
def test_uris_that_the_rfc_calls_equal_are_equal_and_hash_the_same(one, other):
    assert Uri.parse(one) == Uri.parse(other)
    assert hash(Uri.parse(one)) == hash(Uri.parse(other))


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_uris_that_the_rfc_calls_different_are_different(one, other):
    assert Uri.parse(one) != Uri.parse(other)


def test_a_uri_equals_no_text():
    assert Uri.parse("sip:a@b") != "sip:a@b"
