"""REGISTER, and what is known of the phones afterwards."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path

import pytest
from company import company, extension, line
from wire import FakeFlow, authorize, request

from jackfield.sip.message import Response
from jackfield.sip.uri import Uri
from jackfield.switch.authentication import Authenticator
from jackfield.switch.registrar import Registrar


class Office:
    """A registrar, a clock, and phones that register there."""

    def __init__(self, snapshot=None, store: Path | None = None):
        self.snapshot = snapshot or company()
        self.now = 1000.0
        self.events = []
        self.open(store)

    def open(self, store: Path | None) -> None:
        snapshot = lambda: self.snapshot  # noqa: E731
        authenticator = Authenticator(snapshot, secret=b"0123456789abcdef", wall_clock=lambda: self.now)
        self.registrar = Registrar(
            snapshot,
            authenticator,
            store=store,
            clock=lambda: self.now,
            wall_clock=lambda: self.now + 1_700_000_000,
            emit=lambda kind, data: self.events.append((kind, data["event"], data["why"])),
            secret=b"secret",
        )

    def ask(self, made, flow=None) -> Response:
        answers = []
        self.registrar.handle(made, flow or FakeFlow(), answers.append)
        assert len(answers) == 1
        return answers[0]

    def register(
        self,
        contact: str | None = "<sip:a@192.0.2.7:5060>",
        user: str = "u101",
        *,
        flow=None,
        to: str = "",
        call_id: str = "",
        cseq: int = 10,
        extra: str = "",
        via: str = "SIP/2.0/UDP 192.0.2.7:5060;branch=z9hG4bKx;rport",
    ) -> Response:
        lines = f"Contact: {contact}\r\n" if contact else ""
        made = request(
            "REGISTER",
            "sip:test",
            from_=f"<sip:{user}@test>;tag=a",
            to=to or f"<sip:{user}@test>",
            call_id=call_id,
            cseq=cseq,
            via=via,
            extra=lines + extra,
        )
        flow = flow or FakeFlow()
        challenge = self.ask(made, flow)
        assert challenge.status == 401
        return self.ask(authorize(made, challenge, user), flow)

    def line(self, name: str = "u101"):
        return self.snapshot.lines[name][1]

    def uris(self, name: str = "u101") -> list[str]:
        return [c.uri for c in self.registrar.contacts(self.line(name))]

    @property
    def happened(self) -> list[str]:
        return [event for _, event, _ in self.events]


@pytest.fixture
def office() -> Office:
    return Office()


# --- binding ---


def test_a_phone_registers_and_is_found_by_its_line(office: Office):
    response = office.register(extra="User-Agent: Yealink SIP-T46S 66.84\r\n")
    assert response.status == 200
    assert response.all("Contact") == ["<sip:a@192.0.2.7:5060>;expires=300"]
    contact = office.registrar.contacts(office.line())[0]
    assert (contact.request_uri, contact.model, contact.transport) == ("sip:a@192.0.2.7:5060", "Yealink T46S", "UDP")
    assert office.happened == ["registered"]


def test_without_a_password_nothing_is_registered(office: Office):
    made = request("REGISTER", "sip:test", extra="Contact: <sip:a@192.0.2.7>\r\n")
    wrong = authorize(made, office.ask(made), "u101", "guess")
    assert office.ask(wrong).status == 403
    assert office.uris() == []


def test_nobody_registers_another_s_line(office: Office):
    assert office.register(to="<sip:u102@test>").status == 403
    assert office.uris("u102") == []
    assert office.register(to="<sip:101@test>").status == 200  # some phones know an account's name and its number


@pytest.mark.parametrize(
    ("contact", "extra", "granted"),
    [
        ("<sip:a@192.0.2.7>", "", 300),
        ("<sip:a@192.0.2.7>", "Expires: 120\r\n", 120),
        ("<sip:a@192.0.2.7>;expires=90", "Expires: 120\r\n", 90),
        ("<sip:a@192.0.2.7>;expires=99999999999", "", 3600),
        ("<sip:a@192.0.2.7>;expires=soon", "", 300),
    ],
)
def test_the_time_is_what_the_phone_asks_within_limits(office: Office, contact: str, extra: str, granted: int):
    assert office.register(contact, extra=extra).get("Contact").endswith(f";expires={granted}")


def test_too_short_a_time_is_refused_with_the_least_that_is_taken(office: Office):
    response = office.register("<sip:a@192.0.2.7>;expires=10")
    assert (response.status, response.get("Min-Expires")) == (423, "60")
    assert office.uris() == []


def test_a_registration_ends_with_its_time(office: Office):
    office.register()
    office.now += 299
    assert office.uris()
    office.now += 2
    assert office.uris() == []
    office.registrar.sweep()
    assert office.happened == ["registered", "expired"]
    assert len(office.registrar) == 0


def test_a_phone_takes_itself_off(office: Office):
    office.register(call_id="c", cseq=1)
    response = office.register("<sip:a@192.0.2.7:5060>;expires=0", call_id="c", cseq=2)
    assert response.status == 200
    assert "Contact" not in response
    assert office.uris() == []
    assert office.register("<sip:other@192.0.2.7>;expires=0").status == 200


def test_a_star_takes_every_phone_off_and_needs_expires_0(office: Office):
    office.register()
    assert office.register("*").status == 400
    assert office.register("*", extra="Expires: 30\r\n").status == 400
    assert office.uris()
    assert office.register("*", extra="Expires: 0\r\n").status == 200
    assert office.uris() == []


def test_a_query_changes_nothing_and_tells_all(office: Office):
    office.register("<sip:a@192.0.2.7:5060>, <sip:b@192.0.2.7:5070>;q=0.5")
    response = office.register(None)
    assert response.all("Contact") == ["<sip:a@192.0.2.7:5060>;expires=300", "<sip:b@192.0.2.7:5070>;q=0.5;expires=300"]


def test_a_request_that_was_overtaken_is_refused(office: Office):
    office.register(call_id="c", cseq=5)
    late = office.register("<sip:a@192.0.2.7:5060>;expires=0", call_id="c", cseq=4)
    assert late.status == 500
    assert office.uris()
    assert office.register("*", call_id="c", cseq=4, extra="Expires: 0\r\n").status == 500
    assert office.register(call_id="c", cseq=5).status == 200  # repeated
    assert office.register(call_id="other", cseq=1).status == 200  # after a restart of the phone


def test_all_contacts_of_a_request_are_bound_or_none(office: Office):
    assert office.register("<sip:a@192.0.2.7>, <sip:b@192.0.2.7>;expires=5").status == 423
    assert office.uris() == []


def test_an_unknown_requirement_is_named(office: Office):
    response = office.register(extra="Require: path, teleport\r\n")
    assert (response.status, response.get("Unsupported")) == (420, "teleport")


@pytest.mark.parametrize("contact", ["<<sip:a>", "*, <sip:a@192.0.2.7>", "<sip:a@b:99999>"])
def test_an_unreadable_contact_is_a_bad_request(office: Office, contact: str):
    assert office.register(contact).status == 400


def test_a_fault_of_ours_is_a_500_and_no_exception(office: Office, caplog):
    office.events = None  # whoever is told of a registration fails
    assert office.register().status == 500
    assert "could not be worked with" in caplog.text


def test_refreshing_keeps_the_phone_and_tells_nobody(office: Office):
    flow = FakeFlow()
    office.register(call_id="c", cseq=1, flow=flow)
    first = office.registrar.contacts(office.line())[0]
    office.now += 200
    office.register(call_id="c", cseq=3, flow=flow)
    assert office.registrar.contacts(office.line()) == [first]
    office.now += 200
    assert office.uris()
    assert first.since == 1_700_001_000
    assert office.happened == ["registered"]


def test_the_same_uri_in_another_spelling_is_the_same_phone(office: Office):
    office.register("<sip:a@EXAMPLE.com;transport=udp>")
    office.register("<sip:a@example.com;transport=UDP>")
    assert len(office.uris()) == 1


# --- several phones ---


def test_several_phones_of_one_line_are_all_found(office: Office):
    office.register(flow=FakeFlow(remote=("192.0.2.7", 5060)))
    office.register("<sip:a@192.0.2.8>", flow=FakeFlow(remote=("192.0.2.8", 5060)))
    assert len(office.uris()) == 2


def test_one_phone_too_many_takes_the_place_of_the_oldest():
    small = replace(extension("101"), lines=(line("u101", max_contacts=2),))
    office = Office(company(extensions=(small,)))
    for host in (7, 8, 9):
        office.register(f"<sip:a@192.0.2.{host}>", flow=FakeFlow(remote=(f"192.0.2.{host}", 5060)))
        office.now += 1
    assert office.uris() == ["sip:a@192.0.2.8", "sip:a@192.0.2.9"]
    assert office.events[-1][1:] == ("unregistered", "replaced, the line takes 2 phones")


def test_a_phone_that_comes_back_under_another_contact_leaves_no_ghost(office: Office):
    instance = ';+sip.instance="<urn:uuid:1>"'
    office.register(f"<sip:a@192.0.2.7>{instance}")
    office.register(f"<sip:a@192.0.2.99>{instance}", flow=FakeFlow(remote=("192.0.2.99", 5060)))
    assert office.uris() == ["sip:a@192.0.2.99"]
    office.register("<sip:b@192.0.2.99:5060>", flow=FakeFlow(remote=("192.0.2.99", 5060)))  # its name was changed
    assert office.uris() == ["sip:b@192.0.2.99:5060"]


def test_two_phones_that_share_a_socket_but_not_a_place_are_two(office: Office):
    """As a softphone with two accounts of one name has it, and many a test program."""
    office.register("<sip:a@192.0.2.7:5070>")
    office.register("<sip:a@192.0.2.7:5080>")
    assert len(office.uris()) == 2


def test_phones_behind_one_proxy_do_not_replace_each_other(office: Office):
    via = "SIP/2.0/UDP 192.0.2.50;branch=z9hG4bK1, SIP/2.0/UDP 192.0.2.7;branch=z9hG4bK2"
    proxy = FakeFlow(remote=("192.0.2.50", 5060))
    office.register("<sip:a@192.0.2.7>", flow=proxy, via=via)
    office.register("<sip:a@192.0.2.8>", flow=proxy, via=via)
    assert len(office.uris()) == 2


# --- how it is reached ---


def test_a_phone_behind_a_nat_is_reached_where_its_register_came_from(office: Office):
    flow = FakeFlow(remote=("203.0.113.7", 40001))
    office.register("<sip:a@192.168.1.5>", flow=flow, via="SIP/2.0/UDP 192.168.1.5;branch=z9hG4bKx;rport")
    contact = office.registrar.contacts(office.line())[0]
    assert contact.behind_nat
    assert "192.168.1.5" in contact.nat_reason
    assert contact.flow is flow
    assert contact.request_uri == "sip:a@192.168.1.5"
    assert office.registrar.on_flow("u101", flow) is contact
    assert office.registrar.on_flow("u101", FakeFlow(remote=("203.0.113.7", 40002))) is None


def test_a_phone_that_listens_elsewhere_than_it_sends_from_is_called_at_its_contact(office: Office):
    office.register("<sip:a@192.0.2.7:5080>", via="SIP/2.0/UDP 192.0.2.7;branch=z9hG4bKx")
    assert office.registrar.contacts(office.line())[0].flow is None
    office.register("<sip:a@192.0.2.7:5060>")
    assert office.registrar.contacts(office.line())[-1].flow is not None


def test_what_the_line_says_about_nat_holds_from_the_next_register_on(office: Office):
    flow = FakeFlow()
    office.register(call_id="c", cseq=1, flow=flow)
    assert not office.registrar.contacts(office.line())[0].behind_nat
    person = replace(office.snapshot.extensions[0], lines=(replace(office.line(), behind_nat="always"),))
    before = office.snapshot
    office.snapshot = replace(office.snapshot, extensions=(person,))
    office.register(call_id="c", cseq=3, flow=flow)
    assert office.registrar.contacts(office.line())[0].behind_nat
    office.snapshot = before
    office.register(call_id="c", cseq=5, flow=flow)
    assert not office.registrar.contacts(office.line())[0].behind_nat


def test_a_lost_connection_makes_a_phone_behind_nat_unreachable_until_it_connects_anew(office: Office):
    flow = FakeFlow("TCP", ("203.0.113.7", 40001))
    via = "SIP/2.0/TCP 192.168.1.5;branch=z9hG4bKx"
    office.register("<sip:a@192.168.1.5;transport=tcp>", flow=flow, via=via)
    flow.closed = True
    office.registrar.flow_failed(flow, "reset by peer")
    assert office.uris() == []
    assert len(office.registrar.registered(office.line())) == 1
    again = FakeFlow("TCP", ("203.0.113.7", 40002))
    office.register("<sip:a@192.168.1.5;transport=tcp>", flow=again, via=via)
    assert office.registrar.contacts(office.line())[0].flow is again
    assert office.happened == ["registered", "unreachable", "reachable"]


def test_a_connection_that_went_unnoticed_is_noticed_when_the_phone_is_called(office: Office):
    flow = FakeFlow("TCP", ("203.0.113.7", 40001))
    office.register("<sip:a@192.168.1.5;transport=tcp>", flow=flow, via="SIP/2.0/TCP 192.168.1.5;branch=z9hG4bKx")
    flow.closed = True
    assert office.uris() == []


def test_a_phone_on_the_same_network_whose_connection_has_gone_is_called_by_a_new_one(office: Office):
    flow = FakeFlow("TCP", ("192.0.2.7", 40001))
    office.register("<sip:a@192.0.2.7;transport=tcp>", flow=flow, via="SIP/2.0/TCP 192.0.2.7;branch=z9hG4bKx")
    contact = office.registrar.contacts(office.line())[0]
    assert contact.flow is flow
    flow.closed = True
    office.registrar.sweep()
    assert office.registrar.contacts(office.line()) == [contact]
    assert contact.flow is None


def test_path_is_kept_given_back_and_followed(office: Office):
    path = "<sip:edge.example;lr>"
    response = office.register(extra=f"Path: {path}\r\nSupported: path\r\n")
    assert response.get("Path") == path
    contact = office.registrar.contacts(office.line())[0]
    assert contact.route == (path,)
    assert contact.flow is None
    assert not contact.behind_nat


def test_outbound_keeps_one_binding_for_each_flow_of_a_phone(office: Office):
    extra = "Supported: outbound, path\r\n"
    one, two = (FakeFlow("TCP", ("203.0.113.7", port)) for port in (1001, 1002))
    contact = '<sip:a@203.0.113.7:{port};transport=tcp;ob>;+sip.instance="<urn:uuid:1>";reg-id={reg_id}'
    response = office.register(contact.format(port=1, reg_id=1), flow=one, extra=extra)
    assert (response.get("Require"), response.get("Flow-Timer")) == ("outbound", "120")
    assert "reg-id=1" in response.get("Contact")
    office.register(contact.format(port=2, reg_id=2), flow=two, extra=extra)
    assert len(office.uris()) == 2
    three = FakeFlow("TCP", ("203.0.113.7", 1003))
    office.register(contact.format(port=3, reg_id=1), flow=three, extra=extra)
    contacts = {c.reg_id: c for c in office.registrar.contacts(office.line())}
    assert contacts[1].flow is three
    assert contacts[2].flow is two


def test_outbound_through_a_proxy_that_does_not_know_it_is_a_plain_registration(office: Office):
    extra = "Supported: outbound\r\nPath: <sip:edge.example;lr>\r\n"
    response = office.register('<sip:a@192.0.2.7>;+sip.instance="<urn:uuid:1>";reg-id=1', extra=extra)
    assert "Require" not in response
    extra = "Supported: outbound\r\nPath: <sip:edge.example;lr;ob>\r\n"
    response = office.register('<sip:a@192.0.2.7>;+sip.instance="<urn:uuid:1>";reg-id=1', extra=extra)
    assert response.get("Require") == "outbound"


# --- GRUU ---


def gruus(response: Response) -> tuple[Uri, Uri]:
    params = response.contacts[0].params
    return Uri.parse(params["pub-gruu"]), Uri.parse(params["temp-gruu"])


def test_a_phone_that_asks_gets_gruus_that_lead_to_it_alone(office: Office):
    office.register("<sip:other@192.0.2.8>", flow=FakeFlow(remote=("192.0.2.8", 5060)))
    contact = '<sip:a@192.0.2.7>;+sip.instance="<urn:uuid:1>"'
    office.register(contact, extra="Supported: gruu\r\n", call_id="g", cseq=1)
    response = office.register(contact, extra="Supported: gruu\r\n", call_id="g", cseq=3)
    params = next(c.params for c in response.contacts if "pub-gruu" in c.params)
    assert params["pub-gruu"] == "sip:u101@test;gr=urn:uuid:1"
    for name in ("pub-gruu", "temp-gruu"):
        assert office.registrar.find_gruu(Uri.parse(params[name])).uri == "sip:a@192.0.2.7"
    assert "1" not in Uri.parse(params["temp-gruu"]).params


def test_each_register_gives_another_temporary_gruu_and_the_old_one_stays_good(office: Office):
    contact = '<sip:a@192.0.2.7>;+sip.instance="<urn:uuid:1>"'
    first = gruus(office.register(contact, extra="Supported: gruu\r\n", call_id="g", cseq=1))[1]
    second = gruus(office.register(contact, extra="Supported: gruu\r\n", call_id="g", cseq=3))[1]
    assert str(first) != str(second)
    assert office.registrar.find_gruu(first) is office.registrar.find_gruu(second) is not None


@pytest.mark.parametrize(
    "uri",
    ["sip:u101@test", "sip:u101@test;gr=urn:uuid:2", "sip:tgruu.abc@test;gr", "sip:tgruu.@test;gr", "sip:u101@test;gr"],
)
def test_what_is_no_gruu_of_ours_leads_nowhere(office: Office, uri: str):
    office.register('<sip:a@192.0.2.7>;+sip.instance="<urn:uuid:1>"', extra="Supported: gruu\r\n")
    assert office.registrar.find_gruu(Uri.parse(uri)) is None


def test_a_forged_temporary_gruu_leads_nowhere(office: Office):
    temporary = gruus(office.register('<sip:a@192.0.2.7>;+sip.instance="<urn:uuid:1>"', extra="Supported: gruu\r\n"))[1]
    forged = temporary.user[:-1] + ("a" if temporary.user[-1] != "a" else "b")
    assert office.registrar.find_gruu(temporary.replace(user=forged)) is None


def test_without_being_asked_no_gruu_is_given(office: Office):
    assert "gruu" not in office.register('<sip:a@192.0.2.7>;+sip.instance="<urn:uuid:1>"').get("Contact")


# --- configuration changes ---


def test_phones_of_a_line_that_is_removed_are_forgotten(office: Office):
    office.register()
    office.registrar.reload()
    office.snapshot = replace(office.snapshot, extensions=())
    office.registrar.reload()
    assert len(office.registrar) == 0
    assert office.events[-1][2] == "the line was removed"


def test_a_new_password_throws_the_phones_with_the_old_one_out(office: Office):
    office.registrar.reload()
    office.register()
    changed = replace(office.line(), ha1_md5="0" * 32)
    office.snapshot = replace(office.snapshot, extensions=(replace(office.snapshot.extensions[0], lines=(changed,)),))
    office.registrar.reload()
    assert len(office.registrar) == 0


def test_a_disabled_extension_s_phone_may_register_for_emergency_calls():
    office = Office(company(extensions=(extension("101", enabled=False),)))
    assert office.register().status == 200


# --- the table ---


def test_the_table_says_for_each_phone_what_it_is_and_where(office: Office):
    office.register("<sip:a@192.0.2.9>", "u201", flow=FakeFlow(remote=("192.0.2.9", 5060)))
    nat = FakeFlow(remote=("203.0.113.7", 40001))
    office.register("<sip:a@192.168.1.5>", flow=nat, extra="User-Agent: snomD785/10.1\r\n")
    office.registrar.contacts(office.line())[0].latency = 0.0123
    office.now += 100
    first, second = office.registrar.table()
    assert (first.extension, second.extension) == ("101", "201")
    assert (first.model, first.address, first.transport) == ("Snom D785", "203.0.113.7:40001", "UDP")
    assert first.behind_nat
    assert first.nat_reason
    assert (first.latency_ms, second.latency_ms) == (12.3, None)
    assert first.reachable
    assert (first.expires_in, first.since) == (200.0, 1_700_001_000)


def test_who_watches_hears_of_every_phone_that_comes_and_goes(office: Office):
    seen = []
    office.registrar.watchers.append(lambda contact: seen.append((contact.uri, contact.reachable)))
    office.register()
    office.register("*", extra="Expires: 0\r\n")
    assert seen == [("sip:a@192.0.2.7:5060", True), ("sip:a@192.0.2.7:5060", False)]


def test_phones_that_come_in_a_rush_are_spread_over_the_time_in_which_they_come_again():
    snapshot = company(extensions=tuple(extension(str(1000 + n)) for n in range(200)))
    office = Office(snapshot)
    granted = []
    for n in range(200):
        flow = FakeFlow(remote=(f"192.0.2.{n}", 5060))
        response = office.register(f"<sip:a@192.0.2.{n}:5060>", f"u{1000 + n}", flow=flow, extra="Expires: 3600\r\n")
        granted.append(int(response.all("Contact")[0].rpartition("expires=")[2]))
    assert granted[:50] == [3600] * 50
    spread = sorted(granted[50:])
    assert 2700 <= spread[0] < 2750
    assert 3550 < spread[-1] <= 3600
    assert max(later - sooner for sooner, later in itertools.pairwise(spread)) < 20
    office.now += 5
    assert (
        office.register("<sip:a@192.0.2.7:5060>", "u1007", extra="Expires: 3600\r\n")
        .all("Contact")[0]
        .endswith("=3600")
    )
