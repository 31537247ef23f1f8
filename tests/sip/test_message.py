"""Messages: read tolerantly where phones are careless, refused where two readers could see two different things."""

from __future__ import annotations

import pytest
from sip_text import SDP, message, refusal, request

from jackfield.sip.headers import NameAddr
from jackfield.sip.limits import MAX_HEADERS, MAX_MESSAGE, MAX_URI, MAX_VALUES, MAX_VIAS
from jackfield.sip.message import MalformedHeader, Request, Response, parse

# --- reading ------------------------------------------------------------------------------------------------------


def test_what_every_receiver_needs_is_read_from_a_request():
    invite = request("Contact: <sip:alice@192.0.2.15:5060;ob>", "Max-Forwards: 70", body=SDP)
    assert (invite.method, invite.uri) == ("INVITE", "sip:2002@pbx.example.com")
    assert invite.request_uri.user == "2002"
    assert (invite.via.host, invite.via.branch) == ("192.0.2.15", "z9hG4bK1")
    assert (invite.from_.uri.user, invite.from_.display, invite.from_.tag) == ("alice", "Alice", "a1")
    assert (invite.to.uri.user, invite.to.tag) == ("2002", None)
    assert (invite.call_id, invite.cseq) == ("c1@192.0.2.15", (7, "INVITE"))
    assert invite.contact is not None
    assert invite.contact.uri.host == "192.0.2.15"
    assert invite.max_forwards == 70
    assert invite.body == SDP
    assert repr(invite) == "<Request 'INVITE sip:2002@pbx.example.com SIP/2.0'>"


def test_a_response_has_status_and_reason():
    response = parse(message(start="SIP/2.0 486 Busy Here"))
    assert isinstance(response, Response)
    assert (response.status, response.reason, response.local) == (486, "Busy Here", False)
    for line in ("SIP/2.0 100 ", "SIP/2.0 100"):
        silent = parse(message(start=line))
        assert isinstance(silent, Response)
        assert (silent.status, silent.reason) == (100, "")


def test_an_unchanged_message_goes_out_as_the_same_bytes():
    for eol in ("\r\n", "\n"):
        data = message("s : Lunch", "X-Odd:   spaced   ", body=SDP, eol=eol)
        found = parse(data)
        _ = found.via, found.from_, found.contacts, found.get("Subject"), found.values("X-Odd")
        assert found.to_bytes() == data


def test_names_are_found_in_any_case_and_in_compact_form():
    found = request(
        "s: Lunch",
        "k: 100rel, timer",
        "SUPPORTED: replaces",
        "m: <sip:a@b>",
        "c: Application/SDP ; charset=utf-8",
        via="v: SIP/2.0/UDP h;branch=z9hG4bK1",
        from_="f: <sip:a@b>;tag=1",
        to="t: <sip:c@d>",
        call_id="i: x",
    )
    assert found.get("subject") == "Lunch"
    assert found.values("Supported") == ["100rel", "timer", "replaces"]
    assert found.all("k") == ["100rel, timer", "replaces"]
    assert found.contact is not None
    assert found.content_type == "application/sdp"
    assert found.call_id == "x"
    assert "Via" in found
    assert "sUBJECT" in found
    assert "Route" not in found
    assert found.names()[:5] == ["via", "from", "to", "call-id", "cseq"]


def test_folded_lines_blank_lines_before_and_bare_line_feeds_are_understood():
    folded = message("Subject: one", "  two", "\tthree", via="Via:\r\n SIP/2.0/UDP\r\n  h;branch=z9hG4bK1")
    assert parse(folded).get("Subject") == "one two three"
    assert parse(folded).via.host == "h"
    assert parse(b"\r\n\r\n\n" + message()).call_id == "c1@192.0.2.15"
    bare = parse(message("Subject: x", "  y", eol="\n", body=b"a\r\n\r\nb"))
    assert (bare.get("Subject"), bare.body) == ("x y", b"a\r\n\r\nb")
    mixed = message(eol="\n").replace(b"\n\n", b"\n\r\n")
    assert parse(mixed).call_id == "c1@192.0.2.15"


def test_a_message_whose_last_empty_line_is_missing_is_understood_but_half_a_line_is_not():
    assert parse(message().removesuffix(b"\r\n")).call_id == "c1@192.0.2.15"
    assert refusal(message().removesuffix(b"\r\n\r\n")).request is not None


def test_a_lone_carriage_return_is_refused_since_another_reader_may_end_the_line_there():
    error = refusal(message("Subject: x\rVia: evil"))
    assert (error.status, error.reason) == (400, "CR without LF")
    assert error.request is not None
    assert b"\rVia" not in error.request.reply(400).to_bytes().replace(b"\r\n", b"")


def test_bytes_that_are_no_text_survive_in_headers_and_bodies():
    data = message("Subject: J\udcf6rg", body=bytes(range(256)))
    found = parse(data)
    assert found.body == bytes(range(256))
    found.set("User-Agent", "x")
    assert b"Subject: J\xf6rg\r\n" in found.to_bytes()
    assert found.to_bytes().endswith(bytes(range(256)))


def test_several_contacts_may_stand_in_one_line_or_in_many():
    found = request('Contact: "A, B" <sip:a@b;x=1>;q=0.5, <sip:c@d>', "m: sip:e@f;expires=30")
    assert [contact.uri.user for contact in found.contacts] == ["a", "c", "e"]
    assert found.contacts[2].params == {"expires": "30"}
    assert request("Contact: *").contacts[0].is_wildcard
    assert request().contacts == []
    assert request().contact is None
    assert request("Contact:").contacts == []


def test_a_wildcard_contact_stands_alone():
    with pytest.raises(MalformedHeader, match="together"):
        _ = request("Contact: *, <sip:a@b>").contacts


def test_numbers_are_read_and_kept_in_their_range():
    found = request("Max-Forwards: 0068", "Expires: 0")
    assert (found.max_forwards, found.expires) == (68, 0)
    assert (request().max_forwards, request().expires) == (None, None)
    assert request("Max-Forwards: 300").max_forwards == 255
    assert request("Expires: 1000000000000").expires == 2**32 - 1
    assert request("Expires: " + "0" * 50 + "77").expires == 77
    for value in ("-1", "x", "", "1 2", "٣"):
        with pytest.raises(MalformedHeader, match="Max-Forwards"):
            _ = request(f"Max-Forwards: {value}").max_forwards


def test_option_tags_and_methods_are_compared_without_regard_to_case():
    found = request("Supported: 100rel, Timer", "Require: REPLACES", "Allow: INVITE, ack")
    assert found.has_option("Supported", "100REL")
    assert not found.has_option("Supported", "path")
    assert found.supported == {"100rel", "timer"}
    assert found.require == {"replaces"}
    assert found.allow == {"INVITE", "ACK"}
    assert request().supported == frozenset()
    found.set("Supported", "path")
    assert found.supported == {"path"}


@pytest.mark.parametrize(
    "text",
    [
        "<sip:bob@example.com>;tag=b1",
        '"Bob" <sip:bob@example.com;user=phone>;tag=b1',
        '"x>;tag=1" <sip:bob@example.com>;tag=b1',
        '"x>;tag=1" <sip:bob@example.com>',
        "<sip:bob@example.com>;tag=b1;note=x",
        "<sip:bob@example.com>;note=x;tag=b1",
        '<sip:bob@example.com>;note="<a>;tag=2";tag=b1',
        "<sip:bob@example.com> ; tag = b1",
        "<sip:bob@example.com>;tag=",
        "sip:bob@example.com;tag=b1",
        "Bob <tel:+4930123>;tag=b1",
        f"<sip:{'b' * 300}@example.com>;tag=b1",
    ],
)
def test_an_address_with_a_tag_is_read_in_a_message_as_it_is_alone(text):
    alone = NameAddr.parse(text)
    for _ in range(2):  # the second time what was remembered is read
        read = parse(message(f"P-Asserted-Identity: {text}")).addresses("P-Asserted-Identity")[0]
        assert read == alone
        assert (str(read), read.tag, read.display, read.params) == (text, alone.tag, alone.display, alone.params)
    other = parse(message(f"P-Asserted-Identity: {text.replace('b1', 'b2')}")).addresses("P-Asserted-Identity")[0]
    assert other.tag == (alone.tag and alone.tag.replace("b1", "b2"))


def test_route_sets_are_lists_of_addresses():
    found = request("Route: <sip:p1;lr>, <sip:p2;lr>", "Record-Route: <sip:r1;lr>", "P-Asserted-Identity: tel:+49301")
    assert [route.uri.host for route in found.routes] == ["p1", "p2"]
    assert [route.uri.host for route in found.record_routes] == ["r1"]
    assert found.addresses("P-Asserted-Identity")[0].uri.user == "+49301"
    assert request().routes == []
    assert request().record_routes == []


# --- what is refused ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("part", ["via", "from_", "to", "call_id", "cseq"])
def test_a_request_without_a_mandatory_header_gets_400_where_an_answer_can_be_sent(part):
    error = refusal(message(**{part: ""}))
    assert error.status == 400
    if part == "via":
        assert error.request is None
    else:
        assert error.request is not None
        assert error.request.reply(400).to_bytes().startswith(b"SIP/2.0 400 Bad Request\r\nVia: ")


@pytest.mark.parametrize(
    ("part", "line"),
    [
        ("from_", 'From: "unterminated <sip:a@b>;tag=1'),
        ("from_", "From:"),
        ("to", "To: nobody"),
        ("to", "To: *"),
        ("to", "To: <sip:a@b>;tag=1;;x"),
        ("cseq", "CSeq: INVITE"),
        ("cseq", "CSeq: 7 BYE"),
        ("call_id", "Call-ID:"),
        ("call_id", "Call-ID: a\r\ni: b"),
        ("from_", "From: <sip:a@b>;tag=1\r\nf: <sip:c@d>;tag=2"),
    ],
)
def test_a_mandatory_header_that_is_broken_or_doubled_gets_400(part, line):
    error = refusal(message(**{part: line}))
    assert error.status == 400
    assert error.request is not None
    error.request.reply(400).to_bytes()


def test_a_broken_top_via_leaves_nobody_to_answer():
    for via in ("Via: UDP h", "Via: ,,,", "Via: SIP/2.0/UDP"):
        assert refusal(message(via=via)).request is None


def test_an_ack_is_never_answered():
    assert refusal(message(start="ACK sip:a@b SIP/2.0", cseq="CSeq: x ACK")).request is None


def test_a_response_that_is_broken_leaves_nobody_to_answer():
    assert refusal(message(start="SIP/2.0 200 OK", cseq="CSeq: x")).request is None


@pytest.mark.parametrize(
    ("start", "status", "answerable"),
    [
        ("INVITE sip:a@b SIP/7.0", 505, True),
        ("INVITE sip:a@b SIP/2.0x", 505, True),
        ("INVITE  sip:a@b SIP/2.0", 400, True),
        ("INVITE sip:a@b  SIP/2.0", 400, True),
        ("INVITE sip:a@b SIP/2.0 ", 400, True),
        ("INVITE sip:a b SIP/2.0", 400, True),
        ("INVITE <sip:a@b> SIP/2.0", 400, True),
        ("INV@TE sip:a@b SIP/2.0", 400, True),
        (f"INVITE sip:{'a' * MAX_URI}@b SIP/2.0", 414, True),
        ("INVITE sip:a@b", 400, False),
        ("INVITE SIP/2.0", 400, False),
        ("GET / HTTP/1.1", 400, False),
        ("hello", 400, False),
        ("@ sip:a@b SIP/2.1", 400, False),
        ("SIP/3.0 200 OK", 505, False),
        ("SIP/2.0 4294967301 better", 400, False),
        ("SIP/2.0 099 low", 400, False),
        ("SIP/2.0 700 high", 400, False),
        ("SIP/2.0 20", 400, False),
        ("SIP/2.0 2000", 400, False),
    ],
)
def test_a_start_line_that_is_none_is_refused(start, status, answerable):
    error = refusal(message(start=start))
    assert error.status == status
    assert (error.request is not None) == answerable


def test_the_version_is_compared_without_regard_to_case():
    assert isinstance(parse(message(start="INVITE sip:a@b sip/2.0")), Request)
    assert isinstance(parse(message(start="sip/2.0 200 OK")), Response)


@pytest.mark.parametrize("line", ["no colon here", "Bad Name: x", ": empty name", "Ba\x00d: x", "Vi(a: x"])
def test_a_line_that_is_no_header_is_refused(line):
    error = refusal(message(line))
    assert error.status == 400
    assert error.request is not None


def test_what_follows_the_body_in_a_datagram_is_left_out():
    found = parse(message(body=b"12345 and more", length=5))
    assert found.body == b"12345"
    assert found.to_bytes().endswith(b"\r\n\r\n12345")
    assert parse(message(body=b"INVITE again", length=0)).body == b""


def test_without_a_length_the_datagram_ends_the_body_and_the_length_is_added_when_it_goes_on():
    found = parse(message(body=SDP, length=-1))
    assert found.body == SDP
    assert found.to_bytes().endswith(f"\r\nContent-Length: {len(SDP)}\r\n\r\n".encode() + SDP)


@pytest.mark.parametrize("length", ["9999", "-999", "x", "", "1e3", "99999999999999999999", "٣"])
def test_a_wrong_length_gets_400(length):
    error = refusal(message(f"Content-Length: {length}", length=-1, body=SDP))
    assert error.status == 400
    assert error.request is not None


def test_two_lengths_get_400():
    assert refusal(message("l: 8", body=SDP)).status == 400


def test_limits_of_size_and_number_hold():
    big = message(body=bytes(MAX_MESSAGE))
    assert refusal(big).status == 513
    assert refusal(message(*["X: y"] * MAX_HEADERS)).reason == "too many headers"
    vias = ["Via: SIP/2.0/UDP h;branch=z9hG4bK1"] * MAX_VIAS
    error = refusal(message(*vias))
    assert error.status == 483
    assert error.request is not None
    assert len(request(*vias[1:]).all("Via")) == MAX_VIAS
    with pytest.raises(MalformedHeader, match="too many"):
        _ = request("Contact: " + ", ".join(["<sip:a@b>"] * (MAX_VALUES + 1))).contacts


def test_what_calls_and_registrations_rely_on_is_checked_at_once():
    request("Contact: <sip:a@b>", "Route: <sip:p;lr>", "Max-Forwards: 70", "Expires: 60").check()
    for line in (
        "Contact: sip:a@b?Route=x",
        "Route: p;lr",
        "Record-Route: <sip:",
        "Max-Forwards: many",
        "Expires: soon",
    ):
        with pytest.raises(MalformedHeader):
            request(line).check()
    with pytest.raises(MalformedHeader, match="Request-URI"):
        request(start="INVITE sip:a@b?Route=x SIP/2.0").check()
    with pytest.raises(MalformedHeader):
        request(start="INVITE sip:a@@ SIP/2.0").check()


def test_reasons_say_what_is_wrong_and_never_repeat_what_the_peer_wrote():
    error = refusal(message(to="To: <script>alert(1)</script>"))
    assert error.reason == "To: malformed address"
    assert str(error) == error.reason


def test_reading_what_is_not_there_in_a_message_we_built_is_a_malformed_header():
    bare = Request.new("OPTIONS", "sip:a@b", [])
    for name in ("via", "from_", "to", "call_id", "cseq"):
        with pytest.raises(MalformedHeader, match="no "):
            getattr(bare, name)
