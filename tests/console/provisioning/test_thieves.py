"""Who has a MAC address and wants the configuration of the phone behind it, and what the pages say of him."""

from __future__ import annotations

import datetime
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from jackfield.console import api
from jackfield.console.provisioning import door, judging, links
from jackfield.console.provisioning.asking import Answer, Request
from jackfield.console.provisioning.serving import Desk, _request
from jackfield.desk_phones.models import Asked, DeskPhone, Incident
from jackfield.network import public_file
from jackfield.network.public_file import Found, State
from jackfield.numbers.models import Line
from jackfield.settings import Settings

from .conftest import LOCAL, MAC, NOW, OTHER, OUTSIDE, ask, ask_outside, basic, lines_in

PASSWORD = "static.auto_provision.server.password"


def told() -> list[tuple[str, str]]:
    return [(row.kind, row.detail) for row in Incident.objects.order_by("pk")]


def first_visit(now: float = NOW) -> str:
    """Have the phone use a one-time address; return the password that it has then."""
    secret = links.new(DeskPhone.objects.get(), now=now, hours=72)
    return lines_in(ask_outside(path=f"/provision/{secret}/{MAC}.cfg", now=now).body)[PASSWORD]


# --- by a name of his own (DNS rebinding) -----------------------------------------------------------------------------


def test_a_page_of_the_internet_can_not_read_it_through_a_browser_in_the_house(company: Settings):
    hosts = ("rebind.example.net:8443", "192.168.1.1.example.net", "a@192.168.1.1", "x y")
    for number, host in enumerate(hosts):
        assert ask(host=host, address=f"192.168.1.{number}").status == 403, host
        assert ask(f"{OTHER}.cfg", host=host, user_agent="").status == 403, host
        row = Incident.objects.get(address=f"192.168.1.{number}")
        assert row.kind == "name"
        assert host.partition(":")[0] in row.detail
        assert "Our name or address" in row.detail
    assert not DeskPhone.objects.filter(mac=OTHER).exists()
    assert Line.objects.get(sip_username="anna101").sip_password == "first-password-101"


def test_phones_ask_by_addresses_and_by_names_that_only_our_network_knows(company: Settings):
    hosts = ("192.168.1.1:8443", "[fd00::1]:8443", "", "pbx", "pbx.office.lan:8443", "PBX.fritz.box.", "[fe80::1]")
    assert [ask(host=host).status for host in hosts] == [200] * len(hosts)


def test_phones_ask_by_names_that_were_set_or_that_the_certificate_has(company: Settings):
    from jackfield.network.certificate_store import Store

    store = Store(company.files.certificates)
    assert ask(host="pbx.example.com").status == 403
    api.apply(company, "provisioning: {server: PBX.example.com}")
    assert ask(host="pbx.example.com").status == 200
    api.apply(company, "provisioning: {server: ''}")
    store.self_signed.ensure(["*.example.com"], now=datetime.datetime.now(datetime.UTC))
    assert ask(host="pbx.example.com", now=NOW + 1).status == 200
    assert ask(host="a.pbx.example.com", now=NOW + 2).status == 403


# --- by a proxy -------------------------------------------------------------------------------------------------------


def scope(**more: object) -> dict[str, object]:
    return {
        "type": "http", "method": "GET", "path": f"/provision/{MAC}.cfg", "query_string": b"", "scheme": "https",
        "headers": [(b"host", b"192.168.1.1")], "client": ("127.0.0.1", 4711), **more,
    }  # fmt: skip


def test_behind_a_proxy_that_nobody_has_named_the_internet_is_not_the_local_network(company: Settings):
    for header in (b"x-forwarded-for", b"x-real-ip", b"forwarded"):
        question = _request(scope(headers=[(b"host", b"192.168.1.1"), (header, b"127.0.0.1, 203.0.113.5")]))
        assert door.answer(question, now=NOW).status == 401, header
    kind, detail = told()[0]
    assert (kind, "trusted prox" in detail) == ("outside", True)
    assert door.answer(_request(scope()), now=NOW).status == 200


def test_a_proxy_of_ours_is_no_phone_and_those_for_whom_it_asks_are(company: Settings, monkeypatch: pytest.MonkeyPatch):
    from django.conf import settings

    monkeypatch.setattr(settings, "JACKFIELD", company.model_copy(update={"trusted_proxies": "10.0.0.0/8"}))
    proxy, phone = ("10.0.0.9", 4711), ("192.168.1.20", 0)
    silent = _request(scope(client=proxy, state={"peer": proxy[0]}))
    assert door.answer(silent, now=NOW).status == 401
    headers = [(b"host", b"192.168.1.1"), (b"x-forwarded-for", b"192.168.1.20")]
    spoken = _request(scope(client=phone, state={"peer": proxy[0]}, headers=headers))
    assert (spoken.address, door.answer(spoken, now=NOW).status) == ("192.168.1.20", 200)


# --- by guessing ------------------------------------------------------------------------------------------------------


def test_nobody_learns_which_phones_there_are_by_how_long_he_may_ask(company: Settings):
    for number in range(35):
        found = {ask_outside(user_agent="").status, ask_outside(f"{OTHER}.cfg", user_agent="").status}
        assert found == {401}, number
    assert Asked.objects.get().count == 35


def test_both_are_refused_alike_where_it_is_too_much(company: Settings, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(judging.asking, "times", 10)
    statuses = [ask_outside(user_agent="").status for _ in range(12)]
    judging.asking.forget()
    assert [ask_outside(f"{OTHER}.cfg", user_agent="").status for _ in range(12)] == statuses
    assert statuses[-1] == 429


def test_who_is_nobodys_is_written_down_when_the_answers_are_away(company: Settings):
    asked: Future[Answer] = Future()
    seen: list[bool] = []
    asked.add_done_callback(lambda _: seen.append(Asked.objects.exists()))
    question = Request(path=f"/provision/{OTHER}.cfg", way="https", address=OUTSIDE, host="pbx.example.com")
    Desk()._answer([(question, asked)])
    assert seen == [False]
    assert Asked.objects.get().mac == OTHER


def test_a_mac_address_of_many_or_none_is_named(company: Settings):
    for name in ("ffffffffffff.cfg", "01156512abcd.cfg", "000000000000-phone.cfg"):
        assert ask(name, user_agent="").status == 404
    (row,) = Incident.objects.all()  # what begins with zeros only, Polycom's phones ask for by habit
    assert (row.kind, row.count) == ("trick", 2)
    assert "01156512abcd is no phone's MAC address" in row.detail


def test_a_name_is_the_same_however_it_is_written(company: Settings):
    for name in (f"%30%30{MAC[2:]}.cfg", f"x%2f{MAC}.cfg", f"{MAC.upper()}.CFG", f"a/b/{MAC}.cfg"):
        assert ask(name).status == 200, name
        assert ask_outside(name).status == 401, name
    assert told() == []


def test_what_may_be_a_secret_is_left_out_where_a_path_is_told(company: Settings):
    secret = links.new(DeskPhone.objects.get(), now=NOW, hours=72)
    assert ask_outside(path=f"/provision//{secret}/../{MAC}.cfg").status == 404
    assert secret not in told()[0][1]


# --- with a one-time address ------------------------------------------------------------------------------------------


def test_a_one_time_address_that_was_sent_readable_ends(company: Settings):
    secret = links.new(DeskPhone.objects.get(), now=NOW, hours=72)
    path = f"/provision/{secret}/{MAC}.cfg"
    assert ask(path=path, way="http", address=OUTSIDE).status == 403
    assert "has ended" in told()[0][1]
    assert ask_outside(path=path, now=NOW + 1).status == 410
    assert told()[1][0] == "expired"


def test_of_two_who_use_it_at_once_one_gets_the_file(everywhere: Settings):
    secret = links.new(DeskPhone.objects.get(), now=NOW, hours=72)
    path = f"/provision/{secret}/{MAC}.cfg"
    both = [Request(path=path, way="https", address=address, host="pbx") for address in (OUTSIDE, "203.0.113.21")]
    assert sorted(one.status for one in door.answers(both, now=NOW)) == [200, 410]
    assert told()[0][0] == "used"


def test_of_twenty_at_once_one_gets_the_file_whatever_thread_they_come_from(company: Settings):
    from django.db import connections

    secret = links.new(DeskPhone.objects.get(), now=NOW, hours=72)
    desk = Desk()

    def come(number: int) -> int:
        question = Request(
            path=f"/provision/{secret}/{MAC}.cfg", way="https", address=f"203.0.113.{number}", host="pbx"
        )
        return desk.ask(question).result(20).status

    links.revoke(DeskPhone.objects.get(), NOW)
    secret = links.new(DeskPhone.objects.get(), hours=1)
    connections.close_all()
    with ThreadPoolExecutor(20) as many:
        statuses = sorted(many.map(come, range(1, 21)))
    assert statuses == [200] + [410] * 19


def test_a_link_for_one_phone_used_by_another_is_called_stolen(company: Settings):
    secret = links.new(DeskPhone.objects.get(), now=NOW, hours=72)
    assert ask_outside(path=f"/provision/{secret}/{OTHER}.cfg", user_agent="").status == 403
    assert told()[0][0] == "stolen"


# --- two phones with one MAC address, by whatever way they prove themselves -------------------------------------------


def test_a_copy_of_a_password_does_not_shut_its_phone_out(company: Settings):
    own = first_visit()
    thief = ask_outside(authorization=basic(MAC, own), address="203.0.113.99", now=NOW + 300)
    assert thief.status == 200  # it knew the newest
    at_once = ask_outside(authorization=basic(MAC, own), now=NOW + 310)
    assert at_once.status == 409
    assert told()[-1][0] == "two_places"
    assert ask_outside(authorization=basic(MAC, own), now=NOW + 900).status == 200
    kind, detail = told()[-1]
    assert kind == "two_places"
    assert "203.0.113.99" in detail
    assert OUTSIDE in detail


def test_a_phone_that_has_moved_and_knows_its_newest_password_is_no_second_one(company: Settings):
    own = first_visit()
    assert ask_outside(authorization=basic(MAC, own), address="203.0.113.99", now=NOW + 5).status == 200
    assert told() == []


def test_one_certificate_in_two_places_at_once_is_told(company: Settings):
    api.apply(company, "provisioning: {client_certificates: true}")
    assert ask_outside(certificate=MAC.upper()).status == 200
    assert ask_outside(certificate=MAC.upper(), address="203.0.113.99", now=NOW + 5).status == 409
    assert told()[0][0] == "two_places"


def test_a_certificate_gives_nothing_of_another_phone(company: Settings):
    api.apply(company, "provisioning: {client_certificates: true}")
    assert ask_outside(f"{OTHER}.cfg", certificate=MAC.upper(), user_agent="").status == 403
    assert told()[0][0] == "credentials"


# --- where the machine stands ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("way", "status"), [("cloud", 403), ("stun", 200)])
def test_in_a_cloud_the_neighbours_are_not_the_local_network(company: Settings, way: str, status: int):
    api.apply(company, "provisioning: {enabled: auto}")
    public_file.save(company.files.public_addresses, State((Found("203.0.113.5", way),)))  # type: ignore[arg-type]
    assert ask(address=LOCAL).status == status
