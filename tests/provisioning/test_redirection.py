"""Redirection services: each against a stand-in that checks what its vendor's documentation says of requests."""

from __future__ import annotations

import pytest

from jackfield.provisioning.redirection.service import Account, RedirectionError, Service
from jackfield.provisioning.redirection.services import SERVICES

from .redirectors import NAME, PASSWORD, STAND_INS, Standing, serving

MACS = {"yealink": "001565aabbcc", "snom": "000413aabbcc", "gigaset": "7c2f80aabbcc"}
URL = "https://phones.example.com:8443/provision/one-time-secret/"
CODE = "1A2b"


def opened(service: str, standing: Standing, password: str = PASSWORD) -> Service:
    address = standing.address + ("/api/v1" if service == "snom" else "")
    return SERVICES[service].open(Account(NAME, password, address))


def known(service: str, standing: Standing) -> dict[str, str]:
    return {mac.lower(): url for mac, url in standing.phones.items()}


@pytest.mark.parametrize("service", SERVICES)
def test_a_phone_is_entered_changed_found_and_taken_out(service: str) -> None:
    mac = MACS[service]
    with serving(STAND_INS[service]) as standing:
        ours = opened(service, standing)
        assert ours.look_up(mac, CODE) is None
        ours.enter(mac, URL, CODE)
        assert known(service, standing) == {mac: URL}
        ours.enter(mac, URL + "again/", CODE)
        assert known(service, standing) == {mac: URL + "again/"}
        assert ours.look_up(mac, CODE) in (URL + "again/", "")
        ours.remove(mac, CODE)
        ours.remove(mac, CODE)
        assert standing.phones == {}


@pytest.mark.parametrize("service", SERVICES)
def test_a_wrong_password_is_told_with_its_mend_and_without_itself(service: str) -> None:
    with serving(STAND_INS[service]) as standing:
        with pytest.raises(RedirectionError, match="refuses the account: correct") as problem:
            opened(service, standing, "wrong-password").enter(MACS[service], URL, CODE)
        assert "wrong-password" not in str(problem.value)
        assert "one-time-secret" not in str(problem.value)


@pytest.mark.parametrize("service", SERVICES)
def test_a_phone_of_somebody_else_is_told_as_such(service: str) -> None:
    mac = MACS[service]
    with serving(STAND_INS[service]) as standing:
        standing.others |= {mac, mac.upper()}
        with pytest.raises(RedirectionError, match=r"another company|somebody else"):
            opened(service, standing).enter(mac, URL, CODE)


@pytest.mark.parametrize(("broken", "said"), [("status", "fault of its own"), ("text", "fault of its own")])
@pytest.mark.parametrize("service", SERVICES)
def test_a_service_with_a_fault_is_told_as_such(service: str, broken: str, said: str) -> None:
    with serving(STAND_INS[service]) as standing:
        standing.broken = broken
        with pytest.raises(RedirectionError, match=said):
            opened(service, standing).enter(MACS[service], URL, CODE)


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_that_is_not_there_is_told_as_such(service: str) -> None:
    with serving(STAND_INS[service]) as standing:
        gone = standing
    with pytest.raises(RedirectionError, match="can't be reached"):
        opened(service, gone).enter(MACS[service], URL, CODE)


def test_snoms_links_are_not_followed_to_another_host() -> None:
    with serving(STAND_INS["snom"]) as standing:
        standing.broken = "elsewhere"
        with pytest.raises(RedirectionError, match="does not name the company"):
            opened("snom", standing).enter(MACS["snom"], URL)


@pytest.mark.parametrize("code", ["", "12", "12345", "wxyz"])
def test_gigaset_needs_the_code_of_the_label(code: str) -> None:
    with serving(STAND_INS["gigaset"]) as standing, pytest.raises(RedirectionError, match="on the label"):
        opened("gigaset", standing).enter(MACS["gigaset"], URL, code)
