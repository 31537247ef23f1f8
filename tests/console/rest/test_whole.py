"""The configuration as one document, the description of the API, and the page to try it."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path

import pytest

from jackfield.console.rest import addresses
from jackfield.console.rest.operations import Operation
from jackfield.numbers.models import Extension
from jackfield.settings import Settings

from ..web.conftest import As
from .conftest import Make, Program

YAML = {"Content_Type": "application/yaml"}


def test_the_whole_configuration_is_read_and_applied_as_yaml(api: Program, company: Settings):
    shown = api.get("configuration")
    text = shown.content.decode()
    assert "sip_username: anna101" in text
    assert "not-to-be-shown" not in text
    assert api.get("configuration", If_None_Match=shown.headers["ETag"]).status_code == 304
    assert "not-to-be-shown-1" in api.get("configuration?secrets=1").content.decode()
    same = api.put("configuration", text, **YAML)
    assert same.json()["changes"] == []

    changed = text.replace("Anna\n", "Anna B\n", 1)
    preview = api.put("configuration?dry_run=1&prune=1", changed, **YAML)
    assert preview.json()["applied"] is False
    done = api.put("configuration", changed, If_Match=shown.headers["ETag"], **YAML)
    assert done.json()["counts"]["change"] == 1
    assert api.put("configuration", text, If_Match=shown.headers["ETag"], **YAML).status_code == 412


def test_what_is_wrong_with_a_document_is_told_by_path(api: Program):
    answer = api.put("configuration", "extensions:\n  - {number: 101, srtp: perhaps}\n", **YAML)
    assert answer.status_code == 422
    (error,) = answer.json()["errors"]
    assert (error["field"], error["line"]) == ("extensions[0].srtp", 2)
    assert answer.json()["detail"].startswith('line 2: extensions[0].srtp: "perhaps" is not known here')
    wrong = "settings: {contry: DE}\nextentions: []\ntrunks:\n  - {name: A}\n"
    errors = api.put("configuration", wrong, **YAML).json()["errors"]
    assert [(one["field"], one["line"]) for one in errors][:3] == [
        ("settings.contry", 1), ("extentions", 2), ("trunks[0].username", 4),
    ]  # fmt: skip
    unreadable = api.put("configuration", "a: 1\nb: [", **YAML).json()
    assert unreadable["detail"].startswith("line 2: Not YAML")
    assert api.put("configuration", "a: [", **YAML).status_code == 422
    assert api.put("configuration", b"\xff\xfe", **YAML).status_code == 400
    assert api.put("configuration", "# " + "x" * (11 << 20), **YAML).status_code == 413


def test_the_whole_is_for_those_who_may_change_all_of_it(program: Make):
    assert program("telephony").get("configuration").status_code == 200
    assert program("telephony").put("configuration", "users: []", **YAML).status_code == 403
    assert program(scopes=["system:write"]).put("configuration", "users: []", **YAML).status_code == 403
    assert program("reader").get("configuration?secrets=1").status_code == 403


@pytest.fixture
def described(api: Program) -> dict:
    answer = api.get("openapi.json")
    assert answer.status_code == 200
    return answer.json()


def test_the_description_has_every_operation(described: dict):
    assert described["openapi"] == "3.1.0"
    told = {(path, method.upper()) for path, item in described["paths"].items() for method in item}
    assert told == {(one.path, one.method) for one in addresses.operations()}
    names = [item["operationId"] for methods in described["paths"].values() for item in methods.values()]
    assert len(names) == len(set(names))
    content = described["paths"]["/extensions"]["post"]["requestBody"]["content"]
    assert content["application/json"]["schema"] == {"$ref": "#/components/schemas/NewExtension"}
    fields = described["components"]["schemas"]["NewExtension"]
    assert fields["required"] == ["number"]
    assert fields["properties"]["ring_time"]["type"] == ["number", "null"]
    assert fields["properties"]["lines"]["items"]["properties"]["sip_password"]["writeOnly"] is True
    assert fields["properties"]["lines"]["items"]["properties"]["srtp"]["enum"]
    user = described["components"]["schemas"]["UserChange"]
    assert "enum" not in user["properties"]["role"]  # a company has roles of its own: programs need not be made anew


def test_every_reference_in_the_description_leads_somewhere(described: dict):
    for reference in re.findall(r'"\$ref": "#/([^"]+)"', json.dumps(described)):
        found = described
        for part in reference.split("/"):
            found = found[part]


def test_every_parameter_in_a_path_is_described(described: dict):
    for path, methods in described["paths"].items():
        names = re.findall(r"\{(\w+)\}", path)
        for item in methods.values():
            assert [one["name"] for one in item["parameters"] if one["in"] == "path"] == names


def test_the_page_to_try_it_has_a_form_for_each_operation_and_nothing_inline(signed_in: As):
    answer = signed_in("administrator").get("/api/v1/")
    page = answer.content.decode()
    assert answer.status_code == 200
    for operation in addresses.operations():
        assert f'<details id="{operation.id}"' in page
    assert not re.search(r"<script(?![^>]*src=)|\sstyle=|\son\w+=", page)
    assert not re.search(r'(src|href|action)="(https?:)?//', page)
    assert len(gzip.compress(answer.content)) < 60_000


def test_the_script_of_the_page_knows_the_names_that_the_forms_have():
    script = (Path(addresses.__file__).parent.parent / "static" / "rest.js").read_text()
    for prefix in ("path.", "query.", "header."):
        assert f'"{prefix}"' in script


def test_a_fault_of_ours_is_told_without_its_inside(api: Program, monkeypatch: pytest.MonkeyPatch):
    def fail(*arguments: object, **named: object) -> None:
        raise RuntimeError("the inside")

    monkeypatch.setattr("jackfield.console.queries.call", fail)
    from jackfield.history.models import Call

    Call.objects.create(id="c", started=1.0)
    api.client.raise_request_exception = False
    answer = api.get("calls/c")
    assert answer.status_code == 500
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert "the inside" not in answer.content.decode()


def test_each_operation_has_a_name_an_area_and_words():
    for operation in addresses.operations():
        assert isinstance(operation, Operation)
        assert operation.summary[0].isupper()
        assert operation.group
    assert Extension is not None
