"""Phones that may connect from an address group only: at REGISTER, at calls, and when the group changes."""

from __future__ import annotations

import logging
from dataclasses import replace

import pytest
from company import company, extension, line
from test_authentication import Door
from test_registrar import Office
from wire import FakeFlow, authorize, request

from jackfield.sip.message import Response
from jackfield.switch.identity import Sender
from jackfield.switch.snapshot import AddressGroup
from jackfield.switch.whence import host_names

OFFICE = AddressGroup(name="Office", entries=("192.0.2.0/28",))
INSIDE, OUTSIDE = FakeFlow(remote=("192.0.2.7", 5060)), FakeFlow(remote=("198.51.100.7", 5060))


def bound(**fields):
    fields.setdefault("extensions", (extension("101", phones_from="Office"), extension("102")))
    fields.setdefault("address_groups", (OFFICE,))
    return company(**fields)


def test_from_outside_of_its_group_a_phone_is_turned_away_with_the_right_password_too(caplog: pytest.LogCaptureFixture):
    office = Office(bound())
    assert office.register(flow=INSIDE).status == 200
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            assert office.register(flow=OUTSIDE).status == 403
    assert 'its address is not in the address group "Office"' in caplog.text
    assert office.events[-1][1:] == ("turned away", 'its address is not in the address group "Office"')
    assert office.happened.count("turned away") == 1  # of the same one the log is not filled
    authenticator = office.registrar._authenticator
    assert authenticator.counters["turned_away"] == 3
    (row,) = authenticator.whence.turned_away.values()
    assert (row["extension"], row["address"], row["group"], row["count"]) == ("101", "198.51.100.7", "Office", 3)
    assert office.register(user="u102", flow=OUTSIDE).status == 200  # of an extension without a group


def test_outside_the_answer_tells_nothing_about_the_password():
    office = Office(bound())

    said = []
    for user, password in (("u101", "p-u101"), ("u101", "wrong"), ("nobody", "x")):
        made = request("REGISTER", "sip:test", from_=f"<sip:{user}@test>;tag=a", to=f"<sip:{user}@test>")
        response = office.ask(authorize(made, office.ask(made, OUTSIDE), user, password), OUTSIDE)
        said.append((response.status, response.reason))
    assert len(set(said)) == 1


def test_calls_from_outside_are_refused_too():
    door = Door(bound())
    made = request()
    assert isinstance(door.check(authorize(made, door.challenge(made, INSIDE), "u101"), INSIDE), Sender)
    refused = door.check(authorize(made, door.challenge(made, OUTSIDE), "u101"), OUTSIDE)
    assert isinstance(refused, Response)
    assert refused.status == 403
    assert door.refusals[-1].what == 'INVITE for "u101": its address is not in the address group "Office"'


def test_a_line_may_have_a_group_of_its_own():
    lines = (line("u101", phones_from="local networks"), line("u101b"))
    office = Office(bound(extensions=(replace(extension("101", phones_from="Office"), lines=lines),)))
    assert office.register(flow=INSIDE).status == 403
    assert office.register(flow=FakeFlow(remote=("10.1.2.3", 5060))).status == 200
    assert office.register(user="u101b", flow=INSIDE).status == 200


def test_a_phone_that_is_outside_of_a_new_group_is_forgotten():
    office = Office(company())
    office.register(flow=INSIDE)
    office.register(user="u102", flow=OUTSIDE)
    extensions = (extension("101", phones_from="Office"), extension("102", phones_from="Office"))
    office.snapshot = bound(extensions=extensions)
    office.registrar.reload()
    assert office.uris("u101")
    assert not office.uris("u102")
    assert office.events[-1][2] == 'its address is not in the address group "Office"'


def test_names_of_hosts_count_once_they_are_known():
    home = AddressGroup(name="Home", entries=("group: Remote",))
    remote = AddressGroup(name="Remote", entries=("home.example.com",))
    snapshot = bound(extensions=(extension("101", phones_from="Home"),), address_groups=(home, remote))
    assert host_names(snapshot) == {"home.example.com"}
    assert host_names(company()) == set()
    office = Office(company())
    office.register(flow=OUTSIDE)
    office.snapshot = snapshot
    office.registrar.reload()
    assert office.uris("u101")  # nobody is thrown out for a name that was not looked up yet
    assert office.register(flow=OUTSIDE).status == 403
    office.registrar._authenticator.whence.know({"home.example.com": ("198.51.100.7",)})
    assert office.register(flow=OUTSIDE).status == 200
    office.registrar._authenticator.whence.know({"home.example.com": ("198.51.100.8",)})
    office.registrar.reload()
    assert not office.uris("u101")


def test_of_many_that_were_turned_away_the_latest_are_known():
    office = Office(bound())
    for number in range(1, 251):
        office.register(flow=FakeFlow(remote=(f"198.51.100.{number}", 5060)))
    known = list(office.registrar._authenticator.whence.turned_away)
    assert len(known) == 200
    assert known[-1] == ("u101", "198.51.100.250")
