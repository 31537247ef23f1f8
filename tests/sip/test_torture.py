"""RFC 4475 and 5118: every torture message is read, or refused with the status that the document asks for.

`AT_THE_PARSER` and `AT_THE_CHECK` say which layer refuses what; messages that are well formed but can't be served
(3.3) belong to the switch, and the tests show what it gets to see.
"""

from __future__ import annotations

from typing import NamedTuple

import pytest
from torture_messages import MESSAGES, SDP

from jackfield.sip.digest import Challenger
from jackfield.sip.headers import parse_auth
from jackfield.sip.message import REASONS, MalformedHeader, MalformedMessage, Request, Response, parse

BODY = SDP.replace("\n", "\r\n").encode()


class Refusal(NamedTuple):
    section: str
    status: int
    answered: bool
    why: str


# Refused by parse(). answered: whether there is a request to which the 4xx can be sent.
AT_THE_PARSER = {
    "clerr": Refusal("3.1.2.2", 400, True, "the Content-Length is greater than the datagram"),
    "ncl": Refusal("3.1.2.3", 400, True, "the Content-Length is negative"),
    "scalar02": Refusal("3.1.2.4", 400, True, "the CSeq number is 2**65"),
    "scalarlg": Refusal("3.1.2.5", 400, False, "the same in a response, which is dropped"),
    "quotbal": Refusal("3.1.2.6", 400, True, "the quoted string in To never ends"),
    "ltgtruri": Refusal("3.1.2.7", 400, True, "<> around the Request-URI"),
    "lwsruri": Refusal("3.1.2.8", 400, True, "a blank inside the Request-URI"),
    "lwsstart": Refusal("3.1.2.9", 400, True, "two blanks in the request line"),
    "trws": Refusal("3.1.2.10", 400, True, "blanks after the request line"),
    "badvers": Refusal("3.1.2.16", 505, True, "SIP/7.0"),
    "mismatch01": Refusal("3.1.2.17", 400, True, "CSeq has another method"),
    "mismatch02": Refusal("3.1.2.18", 400, True, "the same, and the method is unknown"),
    "bigcode": Refusal("3.1.2.19", 400, False, "a response code of ten digits: dropped"),
    "insuf": Refusal("3.3.1", 400, True, "no Call-ID, From, To"),
    "multi01": Refusal("3.3.8", 400, True, "two of what must be one"),
    "mcl01": Refusal("3.3.9", 400, True, "two Content-Lengths"),
}
# Refused by Request.check(), which is asked for all that opens a dialog or a registration.
AT_THE_CHECK = {
    "badinv01": Refusal("3.1.2.1", 400, True, "semicolons without parameters in Contact"),
    "escruri": Refusal("3.1.2.11", 400, True, "headers in the Request-URI"),
    "regbadct": Refusal("3.1.2.13", 400, True, "a Contact with ? and no <>"),
}
# Where the document lets the receiver be liberal, and we are.
LIBERAL = {
    "baddate": "3.1.2.12: Date is nothing that we act upon",
    "badaspec": "3.1.2.14: blanks inside <> are dropped",
    "baddn": "3.1.2.15: a comma in a display name without quotes is taken as part of it",
}
VALID = {
    "wsinv": "3.1.1.1",
    "intmeth": "3.1.1.2",
    "esc01": "3.1.1.3",
    "escnull": "3.1.1.4",
    "esc02": "3.1.1.5",
    "lwsdisp": "3.1.1.6",
    "longreq": "3.1.1.7",
    "dblreq": "3.1.1.8",
    "semiuri": "3.1.1.9",
    "transports": "3.1.1.10",
    "mpart01": "3.1.1.11",
    "unreason": "3.1.1.12",
    "noreason": "3.1.1.13",
    "inv2543": "3.4.1",
}
# Well formed; what is wrong with them is for the transaction layer and the switch.
FOR_OTHERS = {
    "badbranch": "3.2.1",
    "unkscm": "3.3.2",
    "novelsc": "3.3.3",
    "unksm2": "3.3.4",
    "bext01": "3.3.5",
    "invut": "3.3.6",
    "regaut01": "3.3.7",
    "bcast": "3.3.10",
    "zeromf": "3.3.11",
    "cparam01": "3.3.12",
    "cparam02": "3.3.13",
    "regescrt": "3.3.14",
    "sdp01": "3.3.15",
}


def request(name: str) -> Request:
    found = parse(MESSAGES[name])
    assert isinstance(found, Request)
    found.check()
    return found


def response(name: str) -> Response:
    found = parse(MESSAGES[name])
    assert isinstance(found, Response)
    found.check()
    return found


def test_every_message_of_the_document_is_in_one_of_the_tables():
    tables = [*AT_THE_PARSER, *AT_THE_CHECK, *LIBERAL, *VALID, *FOR_OTHERS]
    assert sorted(tables) == sorted(MESSAGES)
    assert len(tables) == 49


@pytest.mark.parametrize("name", [*VALID, *LIBERAL, *FOR_OTHERS])
def test_what_is_well_formed_is_read_and_goes_on_as_the_same_bytes(name):
    found = parse(MESSAGES[name])
    found.check()
    if name not in ("dblreq", "inv2543"):  # the surplus of one is cut, the other gets its Content-Length
        assert found.to_bytes() == MESSAGES[name]
    found.set("X-Changed", "yes")
    again = parse(found.to_bytes())
    again.check()
    assert again.body == found.body
    assert (again.call_id, again.cseq, again.from_.tag) == (found.call_id, found.cseq, found.from_.tag)


@pytest.mark.parametrize(("name", "refusal"), AT_THE_PARSER.items())
def test_what_is_not_well_formed_is_refused_with_the_status_of_the_document(name, refusal):
    with pytest.raises(MalformedMessage) as caught:
        parse(MESSAGES[name])
    assert caught.value.status == refusal.status, refusal.why
    assert (caught.value.request is not None) == refusal.answered
    if caught.value.request is not None:
        answer = caught.value.request.reply(refusal.status).to_bytes()
        assert answer.startswith(f"SIP/2.0 {refusal.status} {REASONS[refusal.status]}\r\nVia: ".encode())


@pytest.mark.parametrize(("name", "refusal"), AT_THE_CHECK.items())
def test_what_could_open_something_wrong_is_refused_at_the_door(name, refusal):
    found = parse(MESSAGES[name])
    assert isinstance(found, Request)
    with pytest.raises(MalformedHeader) as caught:
        found.check()
    assert caught.value.status == refusal.status, refusal.why
    assert found.reply(400).to_bytes().startswith(b"SIP/2.0 400 Bad Request\r\nVia: ")


# --- 3.1.1 --------------------------------------------------------------------------------------------------------


def test_wsinv_every_blank_and_fold_that_the_grammar_allows():
    invite = request("wsinv")
    assert invite.request_uri.params == {"unknownparam": None}
    assert (str(invite.to.uri), invite.to.tag) == ("sip:vivekg@chair-dnrc.example.com", "1918181833n")
    assert (invite.from_.display, invite.from_.tag) == ('J Rosenberg \\"', "98asjd8")
    assert invite.max_forwards == 68
    assert invite.cseq == (9, "INVITE")
    assert len(invite.values("Via")) == 3
    assert (invite.via.transport, invite.via.host, invite.via.branch) == ("UDP", "192.0.2.2", "390skdjuw")
    invite.remove_first("Via")
    assert (invite.via.transport, invite.via.host, invite.via.branch) == (
        "TCP",
        "spindle.example.com",
        "z9hG4bK9ikj8",
    )
    assert invite.get("Subject") == ""
    assert invite.get("NewFangledHeader") == "newfangled value continued newfangled value"
    assert invite.routes[0].uri.loose
    contact = invite.contact
    assert contact is not None
    assert (contact.display, str(contact.uri)) == ('Quoted string ""', "sip:jdrosen@example.com")
    assert contact.params == {"newparam": "newvalue", "secondparam": None, "q": "0.33"}
    assert invite.body == BODY


def test_intmeth_every_character_that_the_grammar_allows():
    odd = request("intmeth")
    assert odd.method == "!interesting-Method0123456789_*+`.%indeed'~"
    uri = odd.request_uri
    assert uri.user == "1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*"
    assert uri.password == "&it+has=1,weird!*pas$wo~d_too.(doesn't-it)"
    assert uri.host == "example.com"
    assert odd.to.display == "BEL:\x07 NUL:\x00 DEL:\x7f"
    assert odd.from_.display == "token1~` token2'+_ token3*%!.-"
    assert odd.from_.params == {"fromparam''~+*_!.-%": "работающий", "tag": "_token~1'+`*%!-."}
    assert odd.call_id == "intmeth.word%ZK-!.*_+'@word`~)(><:\\/\"][?}{"
    assert odd.get("extensionHeader-!.%*+_`'~") == "\ufeff大停電"


def test_esc01_escapes_are_decoded_only_where_they_mean_something():
    invite = request("esc01")
    assert invite.request_uri.username == "sips:user@example.com"
    assert (invite.request_uri.host, invite.request_uri.scheme) == ("example.net", "sip")
    assert invite.to.uri.username == "user"
    assert invite.from_.uri.username == "I have spaces"
    contact = invite.contact
    assert contact is not None
    assert contact.uri.username == "caller"
    # "%6C%72" is a parameter of its own, not an escaped ";lr".
    assert not contact.uri.loose


def test_escnull_a_zero_byte_is_a_character_like_others():
    register = request("escnull")
    assert register.to.uri.username == "null-\x00-null"
    one, two = register.contacts
    assert (one.uri.username, two.uri.username) == ("\x00", "\x00\x00")
    assert one.uri != two.uri


def test_esc02_a_percent_sign_outside_of_uris_is_no_escape():
    odd = request("esc02")
    assert odd.method == "RE%47IST%45R"
    assert odd.method != "REGISTER"
    assert odd.to.display == "%Z%45"
    assert odd.get("C%6Fntact") == "<sip:alias2@host2.example.com>"
    assert [contact.uri.user for contact in odd.contacts] == ["alias1", "alias3"]


def test_lwsdisp_no_blank_before_the_bracket():
    assert request("lwsdisp").from_.display == "caller"


def test_longreq_long_values_are_kept_whole():
    invite = request("longreq")
    assert len(invite.all("Via")) == 34
    assert invite.via.host == "sip33.example.com"
    assert invite.to.uri.port == 6000
    assert len(invite.from_.tag or "") == 155
    assert invite.body == BODY


def test_dblreq_what_follows_in_the_datagram_is_no_second_request():
    register = request("dblreq")
    assert (register.method, register.body) == ("REGISTER", b"")
    assert b"INVITE" not in register.to_bytes()


def test_semiuri_semicolons_in_the_user_part_are_no_parameters():
    options = request("semiuri")
    assert options.request_uri.username == "user;par=u@example.net"
    assert options.request_uri.params == {}
    assert "message/sipfrag" in options.values("Accept")


def test_transports_known_and_unknown():
    assert [value.split()[0] for value in request("transports").values("Via")] == [
        "SIP/2.0/UDP",
        "SIP/2.0/SCTP",
        "SIP/2.0/TLS",
        "SIP/2.0/UNKNOWN",
        "SIP/2.0/TCP",
    ]


def test_mpart01_a_binary_body_is_kept_byte_by_byte():
    text = request("mpart01")
    assert text.content_type == "multipart/mixed"
    assert text.body.endswith(b"\x00\xff\x00\r\n--7a9cbec02ceef655--\r\n")
    assert b"\r\n\r\n\x02" in text.body


def test_unreason_and_noreason_the_reason_phrase_may_be_anything():
    assert response("unreason").reason == "= 2**3 * 5**2 но сто девяносто девять - простое"
    assert (response("noreason").status, response("noreason").reason) == (100, "")


# --- 3.1.2, where we are liberal ----------------------------------------------------------------------------------


def test_baddate_badaspec_baddn_are_understood():
    assert request("baddate").get("Date") == "Fri, 01 Jan 2010 16:00:00 EST"
    assert str(request("badaspec").to.uri) == "sip:t.watson@example.org"
    assert (request("baddn").from_.display, request("baddn").from_.tag) == ("Bell, Alexander", "43")


# --- 3.2 and 3.3: what the next layer gets ------------------------------------------------------------------------


def test_badbranch_the_transaction_layer_sees_a_branch_that_identifies_nothing():
    assert request("badbranch").via.branch == "z9hG4bK"


def test_unknown_schemes_are_opaque_and_named_so_that_the_switch_can_answer_416():
    assert request("unkscm").request_uri.scheme == "nobodyknowsthisscheme"
    assert request("unkscm").request_uri.user == "totallyopaquecontent"
    assert request("novelsc").request_uri.scheme == "soap.beep"
    register = request("unksm2")
    assert (register.to.uri.scheme, register.from_.uri.scheme) == ("isbn", "http")
    assert register.contacts[0].uri.scheme == "name"


def test_bext01_the_switch_sees_what_it_must_answer_420_to():
    options = request("bext01")
    assert options.require == {"nothingsupportsthis", "nothingsupportsthiseither"}
    assert options.values("Proxy-Require") == ["noProxiesSupportThis", "norDoAnyProxiesSupportThis"]


def test_invut_and_sdp01_the_switch_sees_the_types_it_must_refuse():
    assert request("invut").content_type == "application/unknownformat"
    assert request("sdp01").values("Accept") == ["text/nobodyKnowsThis"]


def test_regaut01_an_unknown_authentication_scheme_is_challenged_anew():
    register = request("regaut01")
    credentials = register.get("Authorization")
    assert credentials is not None
    assert parse_auth(credentials).scheme == "nooneknowsthisscheme"
    verdict = Challenger("example.com", bytes(32)).verify(
        credentials, "REGISTER", register.uri, "192.0.2.1", 0.0, lambda *_: None
    )
    assert not verdict.ok


def test_bcast_the_transaction_layer_sees_that_the_response_is_not_for_us():
    assert response("bcast").values("Via")[1].startswith("SIP/2.0/UDP 255.255.255.255;")


def test_zeromf_a_user_agent_may_answer_with_no_hops_left():
    assert request("zeromf").max_forwards == 0


def test_contact_parameters_belong_to_the_header_or_to_the_uri():
    header, uri = request("cparam01").contacts[0], request("cparam02").contacts[0]
    assert (header.params, header.uri.params) == ({"unknownparam": None}, {})
    assert (uri.params, uri.uri.params) == ({}, {"unknownparam": None})


def test_regescrt_a_header_inside_a_contact_uri_stays_there():
    contact = request("regescrt").contacts[0]
    assert contact.uri.header("Route") == "<sip:sip.example.com>"
    assert "Route" not in request("regescrt")


# --- 3.4 ----------------------------------------------------------------------------------------------------------


def test_inv2543_a_request_of_the_first_sip_is_understood():
    invite = request("inv2543")
    assert (invite.via.branch, invite.from_.tag, invite.max_forwards, invite.contact) == (None, None, None, None)
    assert invite.to.params == {"user": "phone"}
    assert not invite.record_routes[0].uri.loose
    assert invite.body == BODY
    assert invite.to_bytes().count(b"Content-Length: 150\r\n") == 1


# --- RFC 5118: torture by IPv6 ------------------------------------------------------------------------------------


def register_6(uri: str = "sip:[2001:db8::10]", via: str = "[2001:db8::9:1]") -> bytes:
    return (
        f"REGISTER {uri} SIP/2.0\r\nTo: sip:user@example.com\r\nFrom: sip:user@example.com;tag=81x2\r\n"
        f"Via: SIP/2.0/UDP {via};branch=z9hG4bKas3-111\r\nCall-ID: SSG9559905523997077@hlau_4100\r\n"
        'Max-Forwards: 70\r\nContact: "Caller" <sip:caller@[2001:db8::1]>\r\nCSeq: 98176 REGISTER\r\n'
        "Content-Length: 0\r\n\r\n"
    ).encode()


def test_ipv6_references_are_read_with_and_without_ports():
    found = parse(register_6("sip:[2001:db8::10]:5070", "[2001:db8::9:1]:5060"))  # 4.1, 4.4
    assert isinstance(found, Request)
    found.check()
    assert (found.request_uri.host, found.request_uri.port) == ("2001:db8::10", 5070)
    assert (found.via.host, found.via.port) == ("2001:db8::9:1", 5060)
    ambiguous = parse(register_6("sip:[2001:db8::10:5070]"))  # 4.3: the colon is inside, so it is no port
    assert isinstance(ambiguous, Request)
    assert (ambiguous.request_uri.host, ambiguous.request_uri.port) == ("2001:db8::10:5070", None)


@pytest.mark.parametrize("received", ["[2001:db8::9:255]", "2001:db8::9:255"])
def test_ipv6_in_received_is_read_with_and_without_brackets(received):
    found = parse(register_6(via=f"[2001:db8::9:1];received={received}"))  # 4.5
    assert found.via.received == "2001:db8::9:255"


def test_ipv6_without_brackets_in_the_request_uri_is_refused():
    found = parse(register_6("sip:2001:db8::10"))  # 4.2
    with pytest.raises(MalformedHeader):
        found.check()


def test_an_ipv4_address_mapped_with_three_colons_is_taken_for_what_it_is_written_as():
    found = parse(register_6("sip:user@[2001:db8:::192.0.2.1]"))  # 4.10: be liberal
    assert isinstance(found, Request)
    assert found.request_uri.host == "2001:db8:::192.0.2.1"
