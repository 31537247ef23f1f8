"""Dialogs (RFC 3261 section 12): tags, route sets, targets and sequence numbers."""

from __future__ import annotations

import pytest

from jackfield.sip.dialog import Dialog, key_of_request
from jackfield.sip.errors import MalformedHeader
from jackfield.sip.message import Request, parse


def invite(*headers: tuple[str, str], uri: str = "sip:bob@b.example", cseq: int = 5) -> Request:
    fields = {
        "Via": "SIP/2.0/UDP a.example;branch=z9hG4bK1",
        "From": '"Alice" <sip:alice@a.example>;tag=a',
        "To": "<sip:bob@b.example>",
        "Call-ID": "c1",
        "CSeq": f"{cseq} INVITE",
        "Contact": "<sip:alice@10.0.0.1:5062>",
    }
    given = dict(headers)
    fields.update(given)
    request = Request.new("INVITE", uri, fields.items())
    parsed = parse(request.to_bytes())
    assert isinstance(parsed, Request)
    return parsed


def uac_dialog(*headers: tuple[str, str], status: int = 200) -> Dialog:
    request = invite()
    response = request.reply(status, to_tag="b")
    response.set("Contact", "<sip:bob@10.0.0.2>")
    for name, value in headers:
        response.set(name, value)
    return Dialog.from_uac(request, response)


def test_the_callee_and_the_caller_name_the_same_dialog_from_two_sides() -> None:
    request = invite()
    callee = Dialog.from_uas(request, "b")
    response = request.reply(200, to_tag="b")
    response.set("Contact", "<sip:bob@10.0.0.2>")
    caller = Dialog.from_uac(request, response)
    assert callee.key == ("c1", "b", "a")
    assert caller.key == ("c1", "a", "b")
    bye = caller.request("BYE")
    assert bye.uri == "sip:bob@10.0.0.2"
    assert str(bye.cseq) == "6 BYE"
    assert key_of_request(bye) == callee.key
    back = callee.request("BYE")
    assert back.uri == "sip:alice@10.0.0.1:5062"
    assert back.get("To") == '"Alice" <sip:alice@a.example>;tag=a'
    assert back.get("From") == "<sip:bob@b.example>;tag=b"
    assert str(back.cseq) == "1 BYE"
    assert key_of_request(back) == caller.key
    assert caller.local_uri.user == "alice"
    assert caller.remote_uri.user == "bob"


def test_the_callee_keeps_the_route_and_the_caller_turns_it_round() -> None:
    routes = "<sip:p1.example;lr>, <sip:p2.example;lr>"
    callee = Dialog.from_uas(invite(("Record-Route", routes)), "b")
    assert callee.request("BYE").values("Route") == ["<sip:p1.example;lr>", "<sip:p2.example;lr>"]
    assert callee.hop.host == "p1.example"
    caller = uac_dialog(("Record-Route", routes))
    bye = caller.request("BYE")
    assert bye.values("Route") == ["<sip:p2.example;lr>", "<sip:p1.example;lr>"]
    assert bye.uri == "sip:bob@10.0.0.2"
    assert caller.hop.host == "p2.example"


def test_a_strict_router_gets_its_own_address_and_the_target_last() -> None:
    caller = uac_dialog(("Record-Route", "<sip:loose.example;lr>, <sip:strict.example>"))
    bye = caller.request("BYE")
    assert bye.uri == "sip:strict.example"
    assert bye.values("Route") == ["<sip:loose.example;lr>", "<sip:bob@10.0.0.2>"]
    assert caller.hop.host == "strict.example"


def test_the_2xx_has_the_last_word_on_route_and_target() -> None:
    caller = uac_dialog(("Record-Route", "<sip:old.example;lr>"), status=183)
    assert caller.state == "early"
    response = invite().reply(200, to_tag="b")
    response.set("Contact", "<sip:bob@10.0.0.9>")
    response.set("Record-Route", "<sip:new.example;lr>")
    caller.confirm(response)
    assert caller.state == "confirmed"
    bye = caller.request("BYE")
    assert bye.values("Route") == ["<sip:new.example;lr>"]
    assert bye.uri == "sip:bob@10.0.0.9"


def test_a_provisional_response_without_contact_leaves_the_request_uri_as_target() -> None:
    request = invite()
    dialog = Dialog.from_uac(request, request.reply(180, to_tag="b"))
    assert dialog.request("UPDATE").uri == "sip:bob@b.example"


def test_a_new_contact_refreshes_the_target_and_leaves_the_route() -> None:
    dialog = Dialog.from_uas(invite(("Record-Route", "<sip:p1.example;lr>")), "b")
    assert dialog.refresh_target(invite()) is False
    assert dialog.refresh_target(invite(("Contact", "<sip:alice@10.0.0.77>"))) is True
    request = dialog.request("INFO")
    assert request.uri == "sip:alice@10.0.0.77"
    assert request.values("Route") == ["<sip:p1.example;lr>"]


def test_what_may_not_stand_in_a_request_uri_is_taken_out_of_the_contact() -> None:
    dialog = Dialog.from_uas(invite(("Contact", "<sip:alice@10.0.0.1;method=INVITE;x=1?Subject=hi>")), "b")
    assert dialog.request("BYE").uri == "sip:alice@10.0.0.1;x=1"


def test_an_older_sequence_number_is_out_of_order_and_gaps_are_allowed() -> None:
    dialog = Dialog.from_uas(invite(), "b")
    assert dialog.check(invite(cseq=4)) == 500
    assert dialog.check(invite(cseq=9)) == 0
    assert dialog.check(invite(cseq=8)) == 500


def test_the_ack_has_the_number_of_its_invite_and_takes_none() -> None:
    caller = uac_dialog()
    ack = caller.ack(5, [("Authorization", "Digest x")], b"v=0", "application/sdp")
    assert str(ack.cseq) == "5 ACK"
    assert ack.get("Authorization") == "Digest x"
    assert ack.body == b"v=0"
    assert str(caller.request("BYE").cseq) == "6 BYE"


def test_only_sips_over_tls_makes_a_dialog_secure() -> None:
    request = invite(uri="sips:bob@b.example")
    assert Dialog.from_uas(request, "b", secure=True).secure
    assert not Dialog.from_uas(request, "b", secure=False).secure
    assert not Dialog.from_uas(invite(), "b", secure=True).secure


def test_a_peer_of_rfc_2543_has_no_tag() -> None:
    request = invite(("From", "<sip:alice@a.example>"))
    dialog = Dialog.from_uas(request, "b")
    assert dialog.key == ("c1", "b", "")
    assert dialog.request("BYE").get("To") == "<sip:alice@a.example>"


def test_without_contact_there_is_no_dialog() -> None:
    request = invite()
    request.remove("Contact")
    with pytest.raises(MalformedHeader):
        Dialog.from_uas(request, "b")
