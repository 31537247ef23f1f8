"""Messages: changed, built and answered by the book, and never broken by what is put into them."""

from __future__ import annotations

import pytest
from sip_text import SDP, message, refusal, request

from jackfield.sip.message import REASONS, Request, Response, parse

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


def test_text_that_has_no_bytes_is_written_with_question_marks():
    built = Request.new("MESSAGE", "sip:a@b", [("Subject", "lost \ud800 and \udcf6")])
    assert b"Subject: lost ? and \xf6\r\n" in built.to_bytes()
