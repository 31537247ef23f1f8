"""Every operation of the API with every role, and with tokens that are narrower than their user's role."""

from __future__ import annotations

import re
from typing import Any

import pytest

from jackfield.console import api as console
from jackfield.console.rest import addresses
from jackfield.console.rest.operations import Operation
from jackfield.console.web.rights import AREAS, NOTHING, READ, ROLES, WRITE
from jackfield.people.levels import levels_of
from jackfield.settings import Settings

from .conftest import Make, Program

LEFT_OUT = {"events", "health"}  # one never ends, one asks other processes and waits for them
SECRET = [one for one in addresses.operations() if any(known.name == "secrets" for known in one.parameters)]


def operations() -> list[Operation]:
    return [one for one in addresses.operations() if one.id not in LEFT_OUT]


def ask(program: Program, one: Operation, query: str = "") -> int:
    path = re.sub(r"\{\w+\}", "1", one.path)
    body: Any = None if one.method in ("GET", "DELETE") else {}
    return program.send(one.method, f"/api/v1{path}{query}", body).status_code


def least(one: Operation) -> Any:
    return WRITE if one.write or one.method != "GET" else READ


@pytest.mark.parametrize("role", ["", *ROLES, "Helpdesk"])
def test_nobody_does_more_than_his_role_holds(program: Make, company: Settings, role: str):
    console.apply(company, "roles: [{name: Helpdesk, areas: {people: read, history: write}}]")
    asked = program(role) if role else Program()
    held = levels_of(role) if role else {}
    for one in operations():
        may = held.get(one.area, NOTHING) >= least(one)
        if not may:
            assert ask(asked, one) in (401, 403), f"{role or 'a stranger'}: {one.id}"
        elif one.method == "GET":
            assert ask(asked, one) not in (401, 403), f"{role}: {one.id}"


@pytest.mark.parametrize("area", AREAS)
def test_a_token_for_one_area_opens_no_other(program: Make, area: str):
    reads = program(scopes=[f"{area}:read"])
    for one in operations():
        if one.scoped and (one.area != area or least(one) is WRITE):
            assert ask(reads, one) == 403, one.id


@pytest.mark.parametrize("one", SECRET, ids=lambda one: one.id)
def test_who_only_reads_gets_no_passwords(program: Make, one: Operation):
    assert ask(program("reader"), one, "?secrets=1") in (403, 404)
