"""Who calls, as messages say it, and how we say it ourselves."""

from __future__ import annotations

import pytest
from company import trunk
from wire import request

from jackfield.sip.headers import NameAddr
from jackfield.switch.dial import TrunkDial
from jackfield.switch.identity import (
    ANONYMOUS,
    Sender,
    called_number,
    connected,
    domain_of,
    read_caller,
    read_connected,
    to_phone,
    to_trunk,
)
from jackfield.switch.party import Party
from jackfield.switch.route import FromTrunk


def caller(extra: str = "", from_: str = '"Karel" <sip:777@carrier.example>;tag=a', *, trusted: bool = True, **kw):
    found = read_caller(request(from_=from_, extra=extra), trusted=trusted, **kw)
    return found.number, found.name, found.anonymous


# --- reading ---


def test_from_names_the_caller():
    assert caller() == ("777", "Karel", False)


def test_a_trusted_network_s_asserted_identity_goes_before_from():
    asserted = 'P-Asserted-Identity: "Karel IV" <sip:+420777@carrier.example>\r\n'
    assert caller(asserted) == ("+420777", "Karel IV", False)
    assert caller(asserted, trusted=False) == ("777", "Karel", False)


def test_a_tel_uri_and_several_identities_are_understood():
    assert caller("P-Asserted-Identity: <sip:carrier.example>, <tel:+420777;ext=1>\r\n") == ("+420777", "", False)


def test_an_unreadable_identity_is_passed_over():
    assert caller("P-Asserted-Identity: <<>>\r\n") == ("777", "Karel", False)


def test_remote_party_id_is_understood_with_its_privacy():
    assert caller('Remote-Party-ID: "K" <sip:778@x>;party=calling;privacy=off\r\n') == ("778", "K", False)
    assert caller('Remote-Party-ID: "K" <sip:778@x>;party=calling;privacy=full\r\n') == ("778", "K", True)


@pytest.mark.parametrize("value", ["id", "header;id", "user, id", "FULL"])
def test_privacy_is_respected(value: str):
    assert caller(f"Privacy: {value}\r\n")[2] is True


def test_privacy_none_hides_nothing():
    assert caller("Privacy: none\r\n")[2] is False


def test_an_anonymous_from_with_an_asserted_number_is_known_to_us_and_hidden_from_phones():
    hidden = '"Anonymous" <sip:anonymous@anonymous.invalid>;tag=a'
    assert caller("P-Asserted-Identity: <sip:777@x>\r\n", hidden) == ("777", "", True)
    assert caller("", hidden) == ("", "", True)
    assert caller("", "<sip:restricted@carrier.example>;tag=a") == ("", "", True)


def test_a_stranger_s_number_names_its_host_so_that_it_can_t_pass_for_a_colleague():
    assert caller("", '"Anna" <sip:101@evil.example>;tag=a', trusted=False, stranger=True)[0] == "101@evil.example"
    assert caller("", "<sip:evil.example>;tag=a", trusted=False, stranger=True)[0] == "evil.example"
    assert caller("", "<sip:bob@[2001:db8::1]>;tag=a", trusted=False, stranger=True)[0] == "bob@[2001:db8::1]"


def test_who_answered_is_read_from_a_trusted_side_only():
    answer = request(extra='P-Asserted-Identity: "Dora" <sip:202@x>\r\n')
    found = read_connected(answer, trusted=True)
    assert (found.number, found.name) == ("202", "Dora")
    assert read_connected(answer, trusted=False) is None
    assert read_connected(request(), trusted=True) is None


# --- what is called ---


@pytest.mark.parametrize(
    ("uri", "number"),
    [
        ("sip:102@x", "102"),
        ("sip:%2A43@x", "*43"),
        ("sip:*21#@x", "*21#"),
        ("sip:+420777;phone-context=x@x", "+420777;phone-context=x"),
        ("tel:777;phone-context=+420", "777;phone-context=+420"),
        ("tel:+420777", "+420777"),
        ("urn:service:sos", "urn:service:sos"),
        ("sip:x", ""),
        ("sip:102@x?Subject=a", ""),
    ],
)
def test_the_request_uri_says_what_is_called(uri: str, number: str):
    assert called_number(request(uri=uri, to="<sip:nobody@x>")) == number


def test_a_provider_that_calls_our_contact_names_the_number_elsewhere():
    odorik = trunk(username="20099")
    called = request(uri="sip:secret@192.0.2.1", to="<sip:5550101@carrier>")
    assert called_number(called, odorik, "secret") == "5550101"
    by_party = request(uri="sip:20099@192.0.2.1", to="<sip:20099@x>", extra="P-Called-Party-ID: <sip:5550102@x>\r\n")
    assert called_number(by_party, odorik, "secret") == "5550102"
    assert called_number(request(uri="sip:5550103@x", to="<sip:1@x>"), odorik, "secret") == "5550103"
    assert called_number(request(uri="sip:20099@x", to="<sip:20099@x>"), odorik, "secret") == "20099"
    assert called_number(request(uri="sip:secret@x", to="<sip:x>"), odorik, "secret") == "secret"


def test_a_sender_asks_the_dial_plan():
    question = Sender(FromTrunk("A"), number="777", name="K", anonymous=True, dialed="101").question()
    assert (question.dialed, question.origin, question.calling_number) == ("101", FromTrunk("A"), "777")
    assert question.calling_name == "K"
    assert question.anonymous


# --- to phones ---


def test_a_phone_sees_number_and_name():
    shown = to_phone(Party("101", "Anna Nováková"), "192.0.2.1")
    assert shown.from_ == '"Anna Nováková" <sip:101@192.0.2.1>'
    assert dict(shown.headers)["P-Asserted-Identity"] == shown.from_
    assert "party=calling" in dict(shown.headers)["Remote-Party-ID"]


def test_a_group_s_prefix_goes_before_the_name_or_the_number():
    assert to_phone(Party("101", "Anna"), "h", prefix="Sales: ").from_ == '"Sales: Anna" <sip:101@h>'
    assert to_phone(Party("9777"), "h", prefix="Sales: ").from_ == '"Sales: 9777" <sip:9777@h>'
    hidden = to_phone(Party("9777", anonymous=True), "h", prefix="Sales: ")
    assert hidden.from_ == '"Sales: Anonymous" <sip:anonymous@anonymous.invalid>'


def test_a_phone_never_gets_the_number_of_who_hides():
    shown = to_phone(Party("9777", "Karel", anonymous=True), "h")
    assert shown.from_ == ANONYMOUS
    assert shown.headers == ()


def test_odd_numbers_and_names_can_t_break_the_header():
    shown = to_phone(Party('*21#"', 'A "B"\r\nC'), "2001:db8::1")
    assert "\r" not in shown.from_
    parsed = NameAddr.parse(shown.from_)
    assert parsed.uri.username == '*21#"'
    assert parsed.uri.host == "2001:db8::1"


def test_a_stranger_keeps_its_own_host_and_nobody_is_unknown():
    assert to_phone(Party("bob@example.com"), "h").from_ == "<sip:bob@example.com>"
    assert to_phone(Party(""), "h").from_ == "<sip:unknown@h>"
    assert to_phone(Party(""), "h").headers == ()


def test_the_caller_learns_who_is_connected():
    headers = dict(connected(Party("102", "Bert"), "h"))
    assert headers["P-Asserted-Identity"] == '"Bert" <sip:102@h>'
    assert "party=called" in headers["Remote-Party-ID"]
    assert connected(Party("102", anonymous=True), "h") == ()
    assert connected(Party(""), "h") == ()


# --- to trunks ---


def test_a_provider_gets_the_number_in_from_and_in_the_header_it_wants():
    for setting, header in (
        ("p-asserted-identity", "P-Asserted-Identity"),
        ("remote-party-id", "Remote-Party-ID"),
    ):
        dial = TrunkDial(trunk(caller_id_in=setting, domain="carrier.example"), "777", "5550101", "Anna")
        shown = to_trunk(dial, "h")
        assert shown.from_ == '"Anna" <sip:5550101@carrier.example>'
        assert dict(shown.headers)[header].startswith('"Anna" <sip:5550101@carrier.example>')
    plain = to_trunk(TrunkDial(trunk(caller_id_in="from"), "777", "5550101"), "192.0.2.1")
    assert (plain.from_, plain.headers) == ("<sip:5550101@192.0.2.1>", ())


def test_a_hidden_caller_is_anonymous_in_from_and_known_to_the_provider_only():
    shown = to_trunk(TrunkDial(trunk(), "777", "5550101", "Anna", anonymous=True), "h")
    assert shown.from_ == ANONYMOUS
    assert dict(shown.headers) == {"P-Asserted-Identity": '"Anna" <sip:5550101@h>', "Privacy": "id"}
    old = to_trunk(TrunkDial(trunk(caller_id_in="remote-party-id"), "777", "5550101", anonymous=True), "h")
    assert "privacy=full" in dict(old.headers)["Remote-Party-ID"]


def test_a_provider_that_wants_its_account_in_from_gets_it():
    shown = to_trunk(TrunkDial(trunk(from_user="20099"), "777", "5550101"), "h")
    assert shown.from_ == "<sip:20099@h>"
    assert dict(shown.headers)["P-Asserted-Identity"] == "<sip:5550101@h>"


@pytest.mark.parametrize(
    ("fields", "domain"),
    [
        ({"kind": "register", "hosts": ("sip.carrier.example:5080",)}, "sip.carrier.example"),
        ({"kind": "register", "hosts": ("2001:db8::5",)}, "[2001:db8::5]"),
        ({"kind": "register", "hosts": ("[2001:db8::5]:5080",)}, "[2001:db8::5]"),
        ({"kind": "register", "domain": "carrier.example"}, "carrier.example"),
        ({"kind": "peer"}, "[2001:db8::1]"),
    ],
)
def test_the_domain_is_that_of_the_account_or_our_own(fields, domain: str):
    assert domain_of(trunk(**fields), "2001:db8::1") == domain
