"""Tables by the API: out, and in after a look, with what is wrong by line; several changes at once; order; uses."""

from __future__ import annotations

from jackfield.changes.models import Revision
from jackfield.history.models import Event
from jackfield.numbers.models import Extension, RingGroup
from jackfield.trunks.models import Inbound

from .conftest import Make, Program

CSV = {"Content-Type": "text/csv"}
TABLE = """number,name,ring_time
101,Anna B,25
150,New one,
151,Wrong one,soon
190,Taken,
"""


def lines(answer) -> list[str]:
    return answer.content.decode("utf-8-sig").splitlines()


def test_a_list_is_had_as_a_table_without_its_passwords_unless_asked_for(api: Program, program: Make):
    found = api.get("extensions.csv?q=Anna&separator=%3B")
    assert found.headers["Content-Type"].startswith("text/csv")
    head, row = lines(found)
    assert head.split(";")[0] == "number"
    assert row.split(";")[0] == "101"
    assert "not-to-be-shown" not in found.content.decode()
    assert "not-to-be-shown-1" in api.get("extensions.csv?secrets=1").content.decode()
    assert Event.objects.get(kind="secrets_shown").data["user"] == "the-administrator"
    assert program("reader").get("extensions.csv?secrets=1").status_code == 403
    assert len(lines(program("reader").get("trunks.csv"))) == 2


def test_a_table_is_looked_at_before_it_is_imported(api: Program):
    look = api.post("extensions.csv?dry_run=1", TABLE, **CSV).json()
    assert look["applied"] is False
    assert look["counts"] == {"new": 1, "changed": 1, "same": 0, "wrong": 2}
    assert [(one["line"], one["action"]) for one in look["rows"]] == [
        (2, "change"), (3, "create"), (4, "wrong"), (5, "wrong")
    ]  # fmt: skip
    assert not Extension.objects.filter(number="150").exists()


def test_a_table_with_wrong_rows_changes_nothing_and_names_their_lines(api: Program):
    refused = api.post("extensions.csv", TABLE, **CSV)
    assert refused.status_code == 422
    assert {one["field"] for one in refused.json()["errors"]} == {"line 4", "line 5"}
    assert Extension.objects.get(number="101").name == "Anna"
    done = api.post("extensions.csv?leave_out=1", TABLE, **CSV).json()
    assert done["applied"] is True
    (phone,) = done["phones"]
    assert phone["extension"] == "150"
    assert len(phone["sip_password"]) > 10
    assert Extension.objects.get(number="101").name == "Anna B"
    assert Revision.objects.first().author == "the-administrator (a script)"


def test_what_is_no_table_is_refused(api: Program):
    assert api.post("extensions.csv", "name\nAnna", **CSV).status_code == 422
    assert api.post("extensions.csv", b"PK\x03\x04", **CSV).status_code == 422
    assert api.post("extensions.csv", "x" * (6 << 20), **CSV).status_code == 413


def test_a_table_reaches_no_further_than_the_token(program: Make):
    narrow = program(scopes=["people:read"])
    assert narrow.post("extensions.csv", "number,name\n150,X", **CSV).status_code == 403
    assert program(scopes=["lines:write"]).post("extensions.csv", "number,name\n150,X", **CSV).status_code == 403


# --- several at once -------------------------------------------------------------------------------------------------


def test_several_changes_are_one(api: Program):
    wanted = {
        "changes": [
            {"section": "extensions", "action": "create", "values": {"number": "150", "name": "New"}},
            {"section": "extensions", "action": "change", "key": "101", "values": {"name": "Anna B"}},
            {"section": "inbound", "action": "remove", "key": ["Provider", "5550101"]},
            {"section": "settings", "action": "change", "values": {"company": "Bell & Daughters"}},
        ]
    }
    look = api.post("several?dry_run=1", wanted)
    assert look.status_code == 200, look.content
    assert look.json()["applied"] is False
    done = api.post("several", wanted, Idempotency_Key="s")
    assert done.json()["counts"] == {"create": 2, "change": 2, "remove": 1}  # the extension has a phone
    assert api.post("several", wanted, Idempotency_Key="s").json() == done.json()
    assert Revision.objects.count() == 2  # the fixture's, and this one
    assert not Inbound.objects.exists()


def test_what_is_wrong_with_one_of_several_is_told_by_its_place_and_none_is_done(api: Program):
    wanted = {
        "changes": [
            {"section": "trunks", "action": "change", "key": "Provider", "values": {"max_calls": 3}},
            {"section": "extensions", "action": "remove", "key": "102"},
            {"section": "extensions", "action": "change", "key": "101", "values": {"ring_time": "soon"}},
        ]
    }
    refused = api.post("several", wanted)
    assert refused.status_code == 422
    assert "changes[2].values.ring_time" in {one["field"] for one in refused.json()["errors"]}
    assert Extension.objects.filter(number="102").exists()
    odd = api.post("several", {"changes": [{"section": "extensions", "action": "change", "values": {}},
                                           {"section": "settings", "action": "remove"}]})  # fmt: skip
    assert [one["field"] for one in odd.json()["errors"]] == ["changes[0].key", "changes[1].action"]


def test_several_changes_need_the_scope_of_each(program: Make):
    wanted = {"changes": [{"section": "trunks", "action": "change", "key": "Provider", "values": {"max_calls": 3}}]}
    refused = program(scopes=["people:write"]).post("several", wanted)
    assert refused.status_code == 403
    assert '"lines:write"' in refused.json()["detail"]
    assert program("user").post("several", wanted).status_code == 403
    assert program(scopes=["lines:write"]).post("several", wanted).status_code == 200


def test_trunks_are_put_into_another_order(api: Program):
    api.post("trunks", {"name": "Spare", "hosts": ["192.0.2.9"], "kind": "peer"})
    now = api.get("order/trunks")
    assert now.json() == {"keys": ["Provider", "Spare"]}
    assert api.put("order/trunks", {"keys": ["Spare"]}).json()["errors"][0]["field"] == "keys"
    turned = {"keys": ["Spare", "Provider"]}
    assert api.put("order/trunks?dry_run=1", turned).json()["applied"] is False
    assert api.put("order/trunks", turned, If_Match=now.headers["ETag"]).status_code == 200
    assert api.get("order/trunks").json() == turned
    assert api.put("order/trunks", turned, If_Match=now.headers["ETag"]).status_code == 412


# --- what depends on a thing -----------------------------------------------------------------------------------------


def test_what_depends_on_a_thing_is_told_and_taken_out_with_it(api: Program, program: Make):
    found = api.get("uses/extensions/101").json()["items"]
    assert {(one["section"], one["key"], one["field"]) for one in found} == {
        ("inbound", "Provider 5550101", "target"), ("ring_groups", "190", "members")
    }  # fmt: skip
    narrow = program(scopes=["people:read"]).get("uses/extensions/101").json()["items"]
    assert [one["section"] for one in narrow] == ["ring_groups"]
    assert program(scopes=["people:write"]).delete("extensions/101?take_out=1").status_code == 403
    done = api.delete("extensions/101?instead=102")
    assert done.status_code == 200, done.content
    assert RingGroup.objects.get().members == ("102",)
    assert Inbound.objects.get().target == "102"
    assert api.get("uses/extensions/101").status_code == 404


def test_another_number_is_followed_where_it_is_named(api: Program):
    done = api.patch("extensions/101?follow=1", {"number": "107"})
    assert done.status_code == 200, done.content
    assert RingGroup.objects.get().members == ("107", "102")
    assert Inbound.objects.get().target == "107"
