"""Header values with structure: addresses, Via, CSeq, credentials."""

from __future__ import annotations

import pytest

from jackfield.sip.errors import MalformedHeader
from jackfield.sip.headers import CSeq, NameAddr, Via, parse_auth, quote, split_list, unquote
from jackfield.sip.uri import Uri


@pytest.mark.parametrize(
    ("text", "display", "uri", "params"),
    [
        ("<sip:a@b>", "", "sip:a@b", {}),
        ("sip:a@b", "", "sip:a@b", {}),
        ("sip:a@b;tag=x", "", "sip:a@b", {"tag": "x"}),
        ("<sip:a@b;x=y>;tag=z", "", "sip:a@b;x=y", {"tag": "z"}),
        ('"Alice" <sip:a@b>;tag=1;lost', "Alice", "sip:a@b", {"tag": "1", "lost": None}),
        ("Alice Liddell <sip:a@b>", "Alice Liddell", "sip:a@b", {}),
        ("caller<sip:a@b>", "caller", "sip:a@b", {}),
        ('"Bell, \\"Alex\\" <x>" <sip:a@b>', 'Bell, "Alex" <x>', "sip:a@b", {}),
        ('"J Rosenberg \\\\\\""   <sip:a@b>  ;  tag = 98asjd8', 'J Rosenberg \\"', "sip:a@b", {"tag": "98asjd8"}),
        ("Žofie <sip:a@b>", "Žofie", "sip:a@b", {}),
        ('"Watson, Thomas" < sip:t.watson@example.org >', "Watson, Thomas", "sip:t.watson@example.org", {}),
        ("<tel:+4930123>;tag=1", "", "tel:+4930123", {"tag": "1"}),
        ("<urn:service:sos>", "", "urn:service:sos", {}),
        ("<http://www.example.com/a?b,c>", "", "http://www.example.com/a?b,c", {}),
        ("<SIPS:a@[2001:db8::1]:5061>;TAG=A", "", "SIPS:a@[2001:db8::1]:5061", {"tag": "A"}),
        (
            '<sip:a@b>;+sip.instance="<urn:uuid:1>";reg-id=1;expires="60"',
            "",
            "sip:a@b",
            {"+sip.instance": "<urn:uuid:1>", "reg-id": "1", "expires": "60"},
        ),
        ('<sip:a@b>;x="a;b\\"c";y=1', "", "sip:a@b", {"x": 'a;b"c', "y": "1"}),
        ("<sip:a@b>;tag=1;", "", "sip:a@b", {"tag": "1"}),
        ("<sip:a@b>;tag=1;tag=2", "", "sip:a@b", {"tag": "1"}),
    ],
)
def test_an_address_is_read_in_every_form_that_phones_use(text, display, uri, params):
    address = NameAddr.parse(text)
    assert address.display == display
    assert str(address.uri) == uri
    assert address.params == params
    assert address.tag == params.get("tag")
    assert str(address) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Alice",
        '"Mr. J. User <sip:a@b>',
        "<sip:a@b",
        "sip:a@b>",
        "<<sip:a@b>>",
        "sip:user@example.com?Route=%3Csip:sip.example.com%3E",
        "Bell, Alexander sip:a@b",
        '"a" "b" <sip:a@b>',
        '<sip:a@b>;x="unterminated',
        '<sip:a@b>;x="a"b',
        '<sip:a@b>;"x"=1',
        "<sip:a@b>;;;x",
        '<sip:a@b>;x="y";=z',
        "<sip:a@b>" + ";a" * 70,
        "<sip:a@b>" + ';a="b"' * 70,
        '"' + "a" * 5000 + '" <sip:a@b>',
        "<sip:a@b:99999>",
    ],
)
def test_an_address_that_can_be_misread_is_refused(text):
    with pytest.raises(MalformedHeader):
        NameAddr.parse(text)


def test_a_latin_1_display_name_is_read_as_such_and_sent_on_as_the_same_bytes():
    wire = b'"M\xfcller" <sip:a@b>'
    address = NameAddr.parse(wire.decode("utf-8", "surrogateescape"))
    assert address.display == "Müller"
    assert str(address).encode("utf-8", "surrogateescape") == wire
    assert str(address.replace(uri=Uri.parse("sip:c@d"))).encode("utf-8", "surrogateescape") == (
        b'"M\xfcller" <sip:c@d>'
    )


def test_the_wildcard_contact_is_marked():
    assert NameAddr.parse(" * ").is_wildcard
    assert str(NameAddr.parse("*")) == "*"
    assert not NameAddr.parse("<sip:*@b>").is_wildcard


def test_an_empty_tag_is_no_tag():
    assert NameAddr.parse("<sip:a@b>;tag=").tag is None
    assert NameAddr.parse("<sip:a@b>;tag=;x").tag is None
    assert NameAddr.parse("<sip:a@b>;tag").tag is None
    assert NameAddr.parse("<sip:a@b;tag=uri>").tag is None


def test_an_address_that_was_built_is_quoted_as_the_grammar_asks():
    uri = Uri("sip", "201", "192.0.2.1")
    assert str(NameAddr(uri)) == "<sip:201@192.0.2.1>"
    assert str(NameAddr(uri, 'Al "the" \\ Bell\r\n')) == '"Al \\"the\\" \\\\ Bell  " <sip:201@192.0.2.1>'
    params = {"tag": "x1", "q": None, "+g.vendor": "yes", "reason": "a;b", "received": "[2001:db8::1]"}
    assert str(NameAddr(uri, params=params)) == (
        '<sip:201@192.0.2.1>;tag=x1;q;+g.vendor="yes";reason="a;b";received=[2001:db8::1]'
    )
    assert str(NameAddr(uri, params={"a b": "c", "": None, "d": ""})) == '<sip:201@192.0.2.1>;d=""'
    with pytest.raises(ValueError, match="URI"):
        str(NameAddr(Uri.wildcard().replace(scheme="x<", user="y")))


def test_tags_are_added_and_taken_away_in_copies():
    address = NameAddr.parse('"A" <sip:a@b>;tag=1;x=2')
    assert str(address.with_tag("9")) == '"A" <sip:a@b>;x=2;tag=9'
    assert str(address.with_tag(None)) == '"A" <sip:a@b>;x=2'
    assert str(address.replace(display="B", params={})) == '"B" <sip:a@b>'
    assert address.tag == "1"


def test_addresses_are_equal_whatever_their_display_names():
    assert NameAddr.parse('"A" <sip:a@b>;q=1') == NameAddr.parse("<sip:a@B>;q=1")
    assert NameAddr.parse("<sip:a@b>") != NameAddr.parse("<sip:a@b>;q=1")
    assert NameAddr.parse("<sip:a@b>") != "<sip:a@b>"
    assert len({NameAddr.parse('"A" <sip:a@b>'), NameAddr.parse("<sip:a@b>")}) == 1
    assert repr(NameAddr.parse("<sip:a@b>")) == "NameAddr('<sip:a@b>')"


@pytest.mark.parametrize(
    ("text", "transport", "host", "port", "branch"),
    [
        ("SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1", "UDP", "192.0.2.1", 5060, "z9hG4bK1"),
        ("SIP/2.0/tls my_pbx ;branch=z9hG4bK1;rport", "TLS", "my_pbx", None, "z9hG4bK1"),
        ("SIP  / 2.0  / TCP     spindle.example.com   ; branch  =   z9", "TCP", "spindle.example.com", None, "z9"),
        ("SIP/2.0/UDP [2001:db8::9:1] : 5070 ;Branch=A", "UDP", "2001:db8::9:1", 5070, "A"),
        ("sip/2.0/WSS k3.invalid;branch=", "WSS", "k3.invalid", None, None),
        ("SIP/2.0/UNKNOWN t5.example.com;branch=1;branch=2", "UNKNOWN", "t5.example.com", None, "1"),
        ("SIP/2.0/UDP h", "UDP", "h", None, None),
        ("SIP/7.0/UDP h;;;branch=1;", "UDP", "h", None, "1"),  # wrong, but then we can say so
        ('SIP/2.0/UDP h;;x="y";branch=1', "UDP", "h", None, "1"),
        ('SIP/2.0/UDP h;x=";branch=evil";branch=good', "UDP", "h", None, "good"),
    ],
)
def test_a_via_is_read_with_all_the_blanks_that_the_grammar_allows(text, transport, host, port, branch):
    via = Via.parse(text)
    assert (via.transport, via.host, via.port, via.branch) == (transport, host, port, branch)
    assert str(via) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "UDP 192.0.2.1",
        "SIP/2.0/UDP",
        "SIP/2.0/UDP h:99999",
        "SIP/2.0/UDP h x",
        'SIP/2.0/UDP h;a="',
        "SIP/2.0/UDP 2001:db8::1",
        "SIP/2.0/UDP h" + ";a" * 70,
        "SIP/2.0/UDP " + "h" * 5000,
    ],
)
def test_a_via_that_leads_nowhere_is_refused(text):
    with pytest.raises(MalformedHeader):
        Via.parse(text)


def test_the_source_of_a_request_is_noted_in_its_via():
    def stamped(text):
        return str(Via.parse(text).stamped("203.0.113.5", 1024))

    assert stamped("SIP/2.0/UDP 10.0.0.1;rport;branch=1") == (
        "SIP/2.0/UDP 10.0.0.1;rport=1024;branch=1;received=203.0.113.5"
    )
    assert stamped("SIP/2.0/UDP 10.0.0.1;branch=1;rport") == (
        "SIP/2.0/UDP 10.0.0.1;branch=1;rport=1024;received=203.0.113.5"
    )
    assert stamped("SIP/2.0/UDP 10.0.0.1;branch=1") == "SIP/2.0/UDP 10.0.0.1;branch=1;received=203.0.113.5"
    # Nothing to add where sent-by is the source and nobody asked (RFC 3261 18.2.1).
    assert stamped("SIP/2.0/UDP 203.0.113.5;branch=1") == "SIP/2.0/UDP 203.0.113.5;branch=1"
    # What a sender claims itself is replaced.
    assert stamped("SIP/2.0/UDP 10.0.0.1;rport=1;received=9.9.9.9;branch=1") == (
        "SIP/2.0/UDP 10.0.0.1;rport=1024;received=203.0.113.5;branch=1"
    )
    assert stamped("SIP/2.0/UDP 203.0.113.5;branch=1;received=9.9.9.9") == (
        "SIP/2.0/UDP 203.0.113.5;branch=1;received=203.0.113.5"
    )
    ours = Via.parse("SIP/2.0/UDP 10.0.0.1;rport;branch=1").stamped("2001:db8::7", 5062)
    assert (ours.received, ours.rport, ours.branch) == ("2001:db8::7", 5062, "1")


def test_received_and_rport_are_read_whatever_stands_there():
    assert Via.parse("SIP/2.0/UDP h;received=[2001:db8::1];rport=5062").received == "2001:db8::1"
    assert Via.parse("SIP/2.0/UDP h;rport=5062").rport == 5062
    for text in ("SIP/2.0/UDP h", "SIP/2.0/UDP h;rport", "SIP/2.0/UDP h;rport=0", "SIP/2.0/UDP h;rport=999999999"):
        assert Via.parse(text).rport is None
    assert Via.parse("SIP/2.0/UDP h;rport=x;received=").rport is None
    assert Via.parse("SIP/2.0/UDP h;received=").received is None


def test_a_via_that_was_built_can_be_read_back():
    via = Via("TCP", "2001:db8::1", 5060, {"branch": "z9hG4bKx", "rport": None})
    assert str(via) == "SIP/2.0/TCP [2001:db8::1]:5060;branch=z9hG4bKx;rport"
    assert via.sent_by == "[2001:db8::1]:5060"
    assert Via("UDP", "Example.COM").sent_by == "example.com"
    assert str(Via("UDP", "example.com")) == "SIP/2.0/UDP example.com"
    assert repr(via) == f"Via({str(via)!r})"


def test_cseq_is_a_number_and_a_method():
    assert CSeq.parse("1 INVITE") == (1, "INVITE")
    assert CSeq.parse("0009   INVITE") == (9, "INVITE")
    assert CSeq.parse("139122385 !interesting-Method0123456789_*+`.%indeed'~").number == 139122385
    assert str(CSeq(2, "ACK")) == "2 ACK"
    for text in ("", "1", "INVITE", "-1 INVITE", "36893488147419103232 REGISTER", "2147483648 A", "1 A B", "٣ INVITE"):
        with pytest.raises(MalformedHeader):
            CSeq.parse(text)


@pytest.mark.parametrize(
    ("value", "values"),
    [
        ("", []),
        (" , ,", []),
        ("a", ["a"]),
        ("a, b ,c", ["a", "b", "c"]),
        ('"x, y" <sip:a@b>, <sip:c,d@e>', ['"x, y" <sip:a@b>', "<sip:c,d@e>"]),
        ('"a\\",b", c', ['"a\\",b"', "c"]),
        ('"never closed, b', ['"never closed, b']),
        ("<never closed, b", ["<never closed, b"]),
        ('a, "b", ', ["a", '"b"']),
    ],
)
def test_lists_are_split_at_the_commas_between_values_only(value, values):
    assert split_list(value) == values


def test_quoting_and_unquoting_are_inverse():
    for text in ("", "plain", 'a"b', "a\\b", "Žofie", '\\"'):
        assert unquote(quote(text)[1:-1]) == text
    assert quote("a\r\nVia: x\x00") == '"a  Via: x "'


def test_credentials_are_read_with_and_without_quotes():
    given = parse_auth('Digest username="a\\"b", realm="x,y", qop=auth ,nc=00000001,opaque=""')
    assert given.scheme == "digest"
    assert given.params == {"username": 'a"b', "realm": "x,y", "qop": "auth", "nc": "00000001", "opaque": ""}
    assert given.get("realm") == "x,y"
    assert given.get("none") == ""
    assert parse_auth("NTLM").scheme == "ntlm"
    assert parse_auth('Digest a="1",, b="2"').params == {"a": "1", "b": "2"}


@pytest.mark.parametrize(
    "value",
    [
        "",
        'Digest "username"="a"',
        "NoOneKnowsThisScheme opaque-data=here junk",
        'Digest a="1" b="2"',
        'Digest a="1',
        'Digest a="1", A="2"',
        "Digest " + ", ".join(f"a{i}=1" for i in range(40)),
        "Digest a=" + "1" * 5000,
        "Dig@est a=1",
    ],
)
def test_credentials_that_two_readers_could_read_differently_are_refused(value):
    with pytest.raises(MalformedHeader):
        parse_auth(value)
