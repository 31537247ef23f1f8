"""Messages: read tolerantly, written as the same bytes or by the book, and never broken by what is put into them."""

from __future__ import annotations

import pytest

from jackfield.sip.limits import MAX_HEADERS, MAX_MESSAGE, MAX_URI, MAX_VALUES, MAX_VIAS
from jackfield.sip.message import REASONS, MalformedHeader, MalformedMessage, Request, Response, parse

SDP = b"v=0\r\no=- 1 1 IN IP4 192.0.2.15\r\ns=-\r\n"


def message(
    *extra: str,
    start: str = "INVITE sip:2002@pbx.example.com SIP/2.0",
    via: str = "Via: SIP/2.0/UDP 192.0.2.15:5060;rport;branch=z9hG4bK1",
    from_: str = 'From: "Alice" <sip:alice@pbx.example.com>;tag=a1',
    to: str = "To: <sip:2002@pbx.example.com>",
    call_id: str = "Call-ID: c1@192.0.2.15",
    cseq: str = "CSeq: 7 INVITE",
    body: bytes = b"",
    length: int | None = None,
    eol: str = "\r\n",
) -> bytes:
    """The bytes of a message; what is "" is left out. length: None for the true one, -1 for no Content-Length."""
    size = len(body) if length is None else length
    lines = [start, via, from_, to, call_id, cseq, *extra, "" if size < 0 else f"Content-Length: {size}"]
    return (eol.join(line for line in lines if line) + eol * 2).encode("utf-8", "surrogateescape") + body


def request(*extra: str, **parts) -> Request:
    found = parse(message(*extra, **parts))
    assert isinstance(found, Request)
    return found


def refusal(data: bytes) -> MalformedMessage:
    with pytest.raises(MalformedMessage) as caught:
        parse(data)
    return caught.value


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


# --- changing -----------------------------------------------------------------------------------------------------


def test_headers_are_replaced_appended_prepended_and_removed():
    found = request("Route: <sip:p1;lr>, <sip:p2;lr>", "Route: <sip:p3;lr>", "Subject: x")
    found.remove_first("Route")
    assert found.values("Route") == ["<sip:p2;lr>", "<sip:p3;lr>"]
    found.remove_first("Route")
    assert found.all("Route") == ["<sip:p3;lr>"]
    found.remove_first("Route")
    assert "Route" not in found
    found.remove_first("Route")
    found.remove("Route")
    found.prepend("Via", "SIP/2.0/UDP me;branch=z9hG4bK2")
    assert found.via.host == "me"
    assert len(found.all("Via")) == 2
    found.add("X-Note", "one")
    found.add("X-Note", "two")
    assert found.all("X-Note") == ["one", "two"]
    found.set("X-Note", "three")
    assert found.all("X-Note") == ["three"]
    found.prepend("X-First", "1")
    wire = found.to_bytes()
    assert wire.startswith(b"INVITE sip:2002@pbx.example.com SIP/2.0\r\nX-First: 1\r\nVia: SIP/2.0/UDP me;")
    assert b"\r\nSubject: x\r\n" in wire
    assert parse(wire).to_bytes() == wire


def test_removing_the_top_via_of_several_in_one_line_leaves_the_others():
    found = request("Via: SIP/2.0/UDP third", via="v: SIP/2.0/UDP first;branch=z9hG4bK1 , SIP/2.0/UDP second")
    found.remove_first("Via")
    assert found.values("Via") == ["SIP/2.0/UDP second", "SIP/2.0/UDP third"]
    assert found.via.host == "second"


def test_values_read_before_a_change_are_read_anew_after_it():
    found = request("Contact: <sip:a@b>")
    _ = found.via, found.from_, found.to, found.cseq, found.contacts
    found.set("Via", "SIP/2.0/TCP x;branch=z9hG4bK9")
    found.set("From", "<sip:new@b>;tag=2")
    found.set("t", "<sip:you@b>;tag=3")
    found.set("CSeq", "8 BYE")
    found.set("m", "<sip:c@d>")
    assert (found.via.host, found.from_.tag, found.to.tag, found.cseq.number) == ("x", "2", "3", 8)
    assert found.contacts[0].uri.user == "c"


def test_a_changed_message_has_the_right_length_and_has_it_last():
    found = request("Subject: x", body=SDP)
    found.set("Content-Length", "3")
    found.add("X-Last", "y")
    found.body = b"12"
    assert found.to_bytes().endswith(b"X-Last: y\r\nContent-Length: 2\r\n\r\n12")
    found.set_body("text/plain", b"hello")
    assert found.content_type == "text/plain"
    assert found.to_bytes().endswith(b"Content-Length: 5\r\n\r\nhello")
    found.set_body("text/plain", b"")
    assert "Content-Type" not in found
    assert found.to_bytes().endswith(b"Content-Length: 0\r\n\r\n")
    assert found.content_type == ""


@pytest.mark.parametrize("evil", ["a\r\nVia: b", "a\nb", "a\rb", "\r\n\r\n"])
def test_no_line_break_gets_into_a_message(evil):
    found = request()
    for put in (found.set, found.add, found.prepend):
        with pytest.raises(ValueError, match="line break"):
            put("Subject", evil)
    with pytest.raises(ValueError, match="Request-URI"):
        found.set_uri(evil)
    with pytest.raises(ValueError, match="reason"):
        found.reply(400, evil)
    with pytest.raises(ValueError, match="tag"):
        found.reply(400, to_tag=evil)
    with pytest.raises(ValueError, match="line break"):
        Request.new("INVITE", "sip:a@b", [("Subject", evil)])
    with pytest.raises(ValueError, match="line break"):
        Request.new("INVITE", "sip:a@b", [], b"x", evil)
    with pytest.raises(ValueError, match="method"):
        Request.new(evil, "sip:a@b", [])
    with pytest.raises(ValueError, match="reason"):
        Response.new(200, [], reason=evil)
    assert found.to_bytes() == message()


@pytest.mark.parametrize("name", ["", "Sub ject", "Subject:", "Sub\r\nject", "Süd"])
def test_no_header_of_an_impossible_name_is_written(name):
    with pytest.raises(ValueError, match="header name"):
        request().set(name, "x")
    assert name not in request()
    assert request().get(name) is None


@pytest.mark.parametrize("uri", ["", "sip:a b", "<sip:a@b>", "sip:a@b SIP/2.0"])
def test_no_request_line_is_broken_by_a_uri(uri):
    with pytest.raises(ValueError, match="Request-URI"):
        Request.new("INVITE", uri, [])


def test_the_request_uri_can_be_changed():
    found = request()
    assert found.request_uri.user == "2002"
    found.set_uri("sip:201@192.0.2.9;transport=tcp")
    assert found.request_uri.host == "192.0.2.9"
    assert found.to_bytes().startswith(b"INVITE sip:201@192.0.2.9;transport=tcp SIP/2.0\r\n")


def test_a_copy_is_independent():
    found = request("X: 1", body=SDP)
    found.received_from = ("192.0.2.15", 5060)
    other = found.copy()
    assert other.to_bytes() == found.to_bytes()
    assert other.received_from == found.received_from
    other.set("X", "2")
    other.set_uri("sip:z")
    assert found.get("X") == "1"
    assert found.uri == "sip:2002@pbx.example.com"
    response = found.reply(200)
    response.local = True
    again = response.copy()
    again.add("X", "3")
    assert (again.status, again.local, "X" in response) == (200, True, False)


# --- building -----------------------------------------------------------------------------------------------------


def test_a_built_request_has_via_first_and_length_last():
    built = Request.new(
        "MESSAGE",
        "sip:a@b",
        [("From", "<sip:c@d>;tag=1"), ("To", "<sip:a@b>"), ("Via", "SIP/2.0/UDP x"), ("Via", "SIP/2.0/UDP y")],
        b"hi",
        "text/plain",
    )
    built.set("Call-ID", "z")
    built.set("CSeq", "1 MESSAGE")
    assert built.to_bytes() == (
        b"MESSAGE sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP x\r\nVia: SIP/2.0/UDP y\r\nFrom: <sip:c@d>;tag=1\r\n"
        b"To: <sip:a@b>\r\nContent-Type: text/plain\r\nCall-ID: z\r\nCSeq: 1 MESSAGE\r\nContent-Length: 2\r\n\r\nhi"
    )
    late = Request.new("OPTIONS", "sip:a@b", [("From", "<sip:c@d>;tag=1")])
    late.add("Via", "SIP/2.0/UDP x")
    assert late.to_bytes().startswith(b"OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP x\r\n")
    assert Request.new("BYE", "sip:a@b", [], b"", "text/plain").content_type == ""


def test_a_built_response_can_be_read_back():
    built = Response.new(
        183,
        [("Via", "SIP/2.0/UDP x"), ("From", "<sip:a@b>;tag=1"), ("To", "<sip:c@d>"), ("Call-ID", "x")],
        SDP,
        "application/sdp",
    )
    built.set("CSeq", "1 INVITE")
    back = parse(built.to_bytes())
    assert isinstance(back, Response)
    assert (back.status, back.reason, back.body) == (183, "Session Progress", SDP)
    assert Response.new(299, []).reason == ""
    assert REASONS[487] == "Request Terminated"


# --- replies ------------------------------------------------------------------------------------------------------


def test_a_reply_copies_what_rfc_3261_8_2_6_asks_for():
    invite = request(
        "Via: SIP/2.0/UDP second;branch=z9hG4bK2",
        "Timestamp: 54",
        "Record-Route: <sip:p2;lr>",
        "Record-Route: <sip:p1;lr>",
        "Subject: x",
        body=SDP,
    )
    trying = invite.reply(100)
    assert trying.to_bytes() == (
        b"SIP/2.0 100 Trying\r\nVia: SIP/2.0/UDP 192.0.2.15:5060;rport;branch=z9hG4bK1\r\n"
        b"Via: SIP/2.0/UDP second;branch=z9hG4bK2\r\n"
        b'From: "Alice" <sip:alice@pbx.example.com>;tag=a1\r\nTo: <sip:2002@pbx.example.com>\r\n'
        b"Call-ID: c1@192.0.2.15\r\nCSeq: 7 INVITE\r\nTimestamp: 54\r\nContent-Length: 0\r\n\r\n"
    )
    ringing = invite.reply(180, to_tag="b2")
    assert ringing.to.tag == "b2"
    assert ringing.values("Record-Route") == ["<sip:p2;lr>", "<sip:p1;lr>"]
    assert "Timestamp" not in ringing
    busy = invite.reply(486, "Do Not Disturb", to_tag="b2")
    assert (busy.reason, "Record-Route" in busy) == ("Do Not Disturb", False)
    assert "Record-Route" not in request(
        "Record-Route: <sip:p;lr>", cseq="CSeq: 1 BYE", start="BYE sip:a SIP/2.0"
    ).reply(200)


def test_a_reply_without_a_tag_of_a_dialog_gets_one_that_is_the_same_for_each_copy_of_the_request():
    one, again = request().reply(404), request().reply(404)
    other = request(via="Via: SIP/2.0/UDP 192.0.2.15;branch=z9hG4bK7").reply(404)
    assert one.to.tag
    assert one.to.tag == again.to.tag
    assert one.to.tag != other.to.tag


def test_a_tag_in_the_request_is_kept():
    reply = request(to="To: <sip:2002@pbx.example.com>;tag=mine").reply(200, to_tag="other")
    assert reply.to.tag == "mine"
    assert reply.all("To") == ["<sip:2002@pbx.example.com>;tag=mine"]
    assert request().reply(100, to_tag="early").to.tag == "early"
    assert request().reply(200, to_tag="").to.tag is None


def test_a_semicolon_left_behind_in_to_does_not_spoil_the_tag():
    reply = request(to="To: <sip:2002@pbx.example.com> ; ").reply(200, to_tag="mine")
    assert reply.get("To") == "<sip:2002@pbx.example.com>;tag=mine"


def test_a_reply_to_a_broken_request_repeats_what_is_broken():
    error = refusal(message(to='To: "x <sip:a@b>'))
    assert error.request is not None
    assert error.request.reply(error.status, error.reason).get("To") == '"x <sip:a@b>'


def test_the_source_is_noted_in_the_top_via_only():
    found = request("Via: SIP/2.0/UDP b;rport;branch=z9hG4bK2")
    found.stamp_received("203.0.113.5", 1024)
    assert found.received_from == ("203.0.113.5", 1024)
    assert (found.via.received, found.via.rport) == ("203.0.113.5", 1024)
    assert found.all("Via") == [
        "SIP/2.0/UDP 192.0.2.15:5060;rport=1024;branch=z9hG4bK1;received=203.0.113.5",
        "SIP/2.0/UDP b;rport;branch=z9hG4bK2",
    ]
    single = request()
    single.stamp_received("203.0.113.5", 1024)
    assert b"received=203.0.113.5\r\n" in single.to_bytes()
    assert single.reply(200).via.rport == 1024
    joined = request(via="Via: SIP/2.0/UDP a;rport, SIP/2.0/UDP b")
    joined.stamp_received("203.0.113.5", 1024)
    assert joined.values("Via") == ["SIP/2.0/UDP a;rport=1024;received=203.0.113.5", "SIP/2.0/UDP b"]


def test_a_via_that_tells_the_truth_leaves_the_bytes_alone():
    data = message(via="Via: SIP/2.0/TCP 192.0.2.15:5060;branch=z9hG4bK1")
    found = parse(data)
    found.stamp_received("192.0.2.15", 40000)
    assert found.to_bytes() is not None
    assert found.to_bytes() == data


def test_more_invented_header_names_than_are_remembered_are_still_found():
    for start in range(0, 3000, 200):
        lines = [f"X-Invented-{number}: {number}" for number in range(start, start + 200)]
        found = request(*lines)
        assert found.get(f"x-invented-{start + 199}") == str(start + 199)
    assert request("X-" + "long-" * 30 + "name: y").get("x-" + "long-" * 30 + "NAME") == "y"
