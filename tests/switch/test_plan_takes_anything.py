"""Whatever comes over the wire or out of a form, the dial plan and the registrar answer and never fail."""

from __future__ import annotations

import contextlib

import pytest
from company import STRANGER, Inbound, company, dial, from_trunk, trunk
from hypothesis import given, settings
from hypothesis import strategies as st
from test_registrar import Office
from wire import FakeFlow, request

from jackfield.sip.errors import MalformedMessage
from jackfield.switch.dial import TrunkDial
from jackfield.switch.identity import called_number, read_caller, to_phone, to_trunk
from jackfield.switch.numbers import clean, rewrite
from jackfield.switch.party import Party
from jackfield.switch.snapshot import Rewrite
from jackfield.switch.user_agents import digest_algorithms, model_of

ANYTHING = st.text(max_size=60)
DIGITS = st.text(alphabet="0123456789+*#-;()% ", max_size=30)
WIRE = st.text(
    alphabet=st.characters(blacklist_characters="\r\n", blacklist_categories=("Cs",)), min_size=1, max_size=80
)
SNAPSHOT = company(inbound=(Inbound(number="55*", rewrite=Rewrite(strip=3)), Inbound(number="100-200", target="101")))


@settings(max_examples=300, deadline=None, derandomize=True)
@given(ANYTHING | DIGITS, ANYTHING | DIGITS)
def test_any_number_is_routed_or_refused_with_a_reason(dialed: str, calling: str):
    for plan in (
        dial(SNAPSHOT, dialed),
        from_trunk(SNAPSHOT, dialed, calling),
        dial(SNAPSHOT, dialed, STRANGER, calling_number=calling),
    ):
        assert (plan.entry is None) == (plan.refusal is not None)
        assert plan.trace
        if plan.refusal:
            assert 400 <= plan.refusal.status < 600


@settings(max_examples=200, deadline=None, derandomize=True)
@given(ANYTHING | DIGITS)
def test_cleaning_twice_is_cleaning_once(text: str):
    once = clean(text)
    if once and set(once) <= set("0123456789+*#"):
        assert clean(once) == once


@settings(max_examples=200, deadline=None, derandomize=True)
@given(ANYTHING, ANYTHING, ANYTHING, st.integers(0, 20))
def test_any_rewriting_gives_a_text(number: str, pattern: str, replace: str, strip: int):
    assert isinstance(rewrite(number, Rewrite(strip=strip, pattern=pattern, replace=replace)), str)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(ANYTHING)
def test_any_user_agent_is_named(text: str):
    assert isinstance(model_of(text), str)
    assert digest_algorithms(text)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(WIRE, WIRE)
def test_any_identity_header_is_read(identity: str, privacy: str):
    for name in ("P-Asserted-Identity", "Remote-Party-ID", "P-Called-Party-ID"):
        with contextlib.suppress(MalformedMessage):
            made = request(extra=f"{name}: {identity}\r\nPrivacy: {privacy}\r\n")
            read_caller(made, trusted=True)
            called_number(made, trunk(), "x")


@settings(max_examples=200, deadline=None, derandomize=True)
@given(ANYTHING, ANYTHING)
def test_any_name_and_number_is_written_without_breaking_a_line(number: str, name: str):
    for shown in (to_phone(Party(number, name), "h"), to_trunk(TrunkDial(trunk(), "1", number, name), "h")):
        assert "\r" not in shown.from_
        assert "\n" not in shown.from_


@pytest.fixture(scope="module")
def office() -> Office:
    return Office()


@settings(max_examples=200, deadline=None, derandomize=True)
@given(WIRE, st.sampled_from(["Contact", "Path", "Expires", "Supported", "Require", "User-Agent", "Authorization"]))
def test_any_register_is_answered(office: Office, text: str, header: str):
    with contextlib.suppress(MalformedMessage):
        made = request("REGISTER", "sip:test", extra=f"{header}: {text}\r\n")
        assert office.ask(made, FakeFlow()).status in (401, 403)
    if header != "Authorization":
        with contextlib.suppress(MalformedMessage):
            contact = None if header == "Contact" else "<sip:a@192.0.2.7>"
            assert office.register(contact, extra=f"{header}: {text}\r\n").status in (200, 400, 420, 423)
