"""The OpenAPI document as who writes a client reads it: everything is said, and the examples work."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from jackfield.console.declarative.sections import SECTIONS
from jackfield.console.rest import addresses, bodies, examples, openapi
from jackfield.webhooks.kinds import KINDS, TEST

from .conftest import Program

Given = dict[str, Any]


@pytest.fixture
def document(api: Program) -> Given:
    found: Given = api.get("openapi.json").json()
    return found


def operations(document: Given) -> Iterator[Given]:
    for path in document["paths"].values():
        yield from path.values()


def shape(document: Given, schema: Given) -> Given:
    name = schema.get("$ref", "").rpartition("/")[2]
    found: Given = document["components"]["schemas"][name] if name else schema
    return found


def test_every_operation_group_and_parameter_says_what_it_is(document: Given):
    assert not [tag["name"] for tag in document["tags"] if not tag.get("description")]
    for one in operations(document):
        assert one["summary"], one["operationId"]
        for parameter in one["parameters"]:
            assert parameter["description"], (one["operationId"], parameter["name"])


def test_every_body_has_an_example_that_fits_it(document: Given):
    for one in operations(document):
        content = one.get("requestBody", {}).get("content", {}).get("application/json")
        if content is not None:
            assert "example" in content, one["operationId"]
            wrong = list(bodies._wrong(content["example"], shape(document, content["schema"]), ""))
            assert not wrong, (one["operationId"], wrong)


def test_the_examples_make_what_they_say(api: Program):
    for section in [name for name in examples.NEW if name != "sounds"]:  # the file of a sound is not here
        new = examples.NEW[section]
        key = "/".join(new[name] or "-" for name in SECTIONS[section].key)
        answer = api.put(f"{section}/{key}", new)  # the company has some of them
        assert answer.status_code in (200, 201), (section, answer.content)
    api.post("extensions", {"number": "202"})
    api.post("trunks", {"name": "Spare", "hosts": ["spare.example.com"], "username": "acme"})
    keys = {"extensions": "201", "trunks": "Provider", "outbound": "Outside", "ring_groups": "300",
            "permissions": "Hall", "time_ranges": "Office", "settings": "", "mail": ""}  # fmt: skip
    for section, key in keys.items():
        answer = api.patch(f"{section}/{key}".rstrip("/"), examples.CHANGED[section])
        assert answer.status_code == 200, (section, answer.content)


def test_what_may_be_named_is_not_fixed_by_what_there_was_when_the_document_was_read(api: Program, document: Given):
    api.post("time_ranges", examples.NEW["time_ranges"])
    schemas = document["components"]["schemas"]
    for thing, field in (("Extension", "hours"), ("Extension", "permission"), ("User", "role"), ("Service", "hours")):
        assert "enum" not in schemas[thing]["properties"][field], (thing, field)
    assert schemas["Trunk"]["properties"]["kind"]["enum"] == ["register", "address", "peer"]


def test_a_field_is_described_in_sentences(document: Given):
    found = document["components"]["schemas"]["Extension"]["properties"]
    assert found["ring_time"]["description"].startswith("Rings for (seconds). Empty: ")


def test_parts_of_an_address_have_their_own_types(document: Given):
    path = "/webhooks/{name}/deliveries/{id}"
    types = {one["name"]: one["schema"]["type"] for one in document["paths"][path]["get"]["parameters"]}
    assert types == {"name": "string", "id": "integer"}


def test_nothing_is_said_of_operations_that_there_are_not():
    ids = {one.id for one in addresses.operations()}
    assert set(examples.BODIES) <= ids
    assert openapi.document(addresses.operations())["openapi"] == "3.1.0"


def test_what_webhooks_are_told_is_described_too(document: Given):
    assert set(document["webhooks"]) == {*KINDS, TEST}
    for kind, told in document["webhooks"].items():
        body = told["post"]["requestBody"]["content"]["application/json"]["schema"]
        assert body["properties"]["type"]["const"] == kind
        assert body["properties"]["data"]["properties"], kind
