"""What is configured, by the API."""

from __future__ import annotations

from urllib.parse import quote

import msgspec
import pytest

from jackfield.changes.models import Revision
from jackfield.console import api as console
from jackfield.console.declarative.sections import SECTIONS
from jackfield.history.models import Event
from jackfield.numbers.models import Extension, Line
from jackfield.settings import Settings

from .conftest import Make, Program

KEYS = {
    "users": "anna", "extensions": "101", "ring_groups": "190", "services": "*43", "trunks": "Provider",
    "inbound": "Provider/5550101", "outbound": "Outside", "emergency_numbers": "112", "sounds": "hello/-",
}  # fmt: skip


def address(name: str) -> str:
    return name if not SECTIONS[name].key else f"{name}/{quote(KEYS[name])}"


@pytest.mark.parametrize("name", list(KEYS))
def test_every_list_is_there_and_shows_no_secret(api: Program, name: str):
    answer = api.get(name)
    assert answer.status_code == 200
    found = answer.json()
    assert len(found["items"]) >= 1
    assert found["next"] is None
    assert "not-to-be-shown" not in answer.content.decode()


@pytest.mark.parametrize("name", [*KEYS, "settings"])
def test_what_was_read_can_be_sent_back_and_changes_nothing(api: Program, company: Settings, name: str):
    before = console.export(company, secrets=True)
    shown = api.get(address(name))
    assert shown.status_code == 200, shown.content
    for method in ("PATCH", "PUT"):
        answer = api.send(method, address(name), shown.json(), If_Match=shown.headers["ETag"])
        assert answer.status_code == 200, answer.content
        assert answer.headers["ETag"] == shown.headers["ETag"]
    assert console.export(company, secrets=True) == before


@pytest.mark.parametrize("name", list(KEYS))
def test_a_dry_run_of_a_removal_removes_nothing(api: Program, company: Settings, name: str):
    before = console.export(company, secrets=True)
    answer = api.delete(f"{address(name)}?dry_run=1")
    assert answer.status_code in (200, 422), answer.content
    assert console.export(company, secrets=True) == before


def test_a_new_extension_has_its_password_in_the_answer_this_once(api: Program, company: Settings):
    answer = api.post("extensions", {"number": "103", "name": "Carla", "user": "anna"})
    assert answer.status_code == 201, answer.content
    assert answer.headers["Location"] == "/api/v1/extensions/103"
    made = answer.json()
    assert len(made["lines"][0]["sip_password"]) == 20
    assert made["user"] == "anna"
    again = api.get(answer.headers["Location"])
    assert again.headers["ETag"] == answer.headers["ETag"]
    assert "sip_password" not in again.json()["lines"][0]
    published = msgspec.json.decode(company.files.snapshot.read_bytes())
    assert "Carla" in [one["name"] for one in published["extensions"]]
    revision = Revision.objects.first()
    assert (revision.through, revision.author) == ("api", "the-administrator (a script)")


def test_a_phone_that_is_added_shows_its_password_and_the_others_do_not(api: Program):
    lines = api.get("extensions/101").json()["lines"]
    answer = api.patch("extensions/101", {"lines": [*lines, {"name": "mobile"}]})
    assert answer.status_code == 200, answer.content
    first, second = answer.json()["lines"]
    assert "sip_password" not in first
    assert len(second["sip_password"]) == 20
    assert Line.objects.get(sip_username="anna101").sip_password == "not-to-be-shown-1"


def test_passwords_are_shown_to_who_may_write_and_it_is_recorded(api: Program, program: Make):
    answer = api.get("extensions/101?secrets=1")
    assert answer.json()["lines"][0]["sip_password"] == "not-to-be-shown-1"
    assert api.get("trunks?secrets=true").json()["items"][0]["password"] == "not-to-be-shown-3"
    kept = Event.objects.filter(kind="secrets_shown")
    assert [row.data["author"] for row in kept] == ["the-administrator (a script)"] * 2
    assert program("reader").get("extensions/101?secrets=1").status_code == 403
    assert program(scopes=["people:read"]).get("extensions?secrets=1").status_code == 403


def test_only_what_is_given_is_changed_and_null_gives_the_default(api: Program):
    api.patch("extensions/101", {"max_calls": 7, "forward_busy": "102"})
    row = Extension.objects.get(number="101")
    assert (row.max_calls, row.forward_busy, row.name) == (7, "102", "Anna")
    api.patch("extensions/101", {"max_calls": None})
    row.refresh_from_db()
    assert (row.max_calls, row.forward_busy) == (4, "102")


def test_replacing_gives_defaults_to_what_is_not_given_but_keeps_secrets(api: Program):
    api.patch("extensions/101", {"max_calls": 7})
    answer = api.put("extensions/101", {"name": "Anna"})
    assert answer.status_code == 200, answer.content
    row = Extension.objects.get(number="101")
    assert (row.max_calls, row.user) == (4, None)
    assert row.lines.get().sip_password == "not-to-be-shown-1"
    api.put("trunks/Provider", {"hosts": ["sip.example.org"], "username": "bell"})
    assert SECTIONS["trunks"].model().objects.get().password == "not-to-be-shown-3"


def test_putting_to_a_free_address_makes_the_thing(api: Program):
    answer = api.put("extensions/150", {"name": "Door"})
    assert answer.status_code == 201, answer.content
    assert answer.headers["Location"] == "/api/v1/extensions/150"
    assert api.put("extensions/150", {"name": "Door"}).status_code == 200
    wrong = api.put("extensions/151", {"number": "152"})
    assert wrong.status_code == 422
    assert wrong.json()["errors"][0]["field"] == "number"
    assert api.put("extensions/153", {}, If_Match="*").status_code == 412


def test_a_changed_key_gives_another_address(api: Program):
    answer = api.patch("extensions/102", {"number": "120"})
    assert answer.json()["number"] == "120"
    assert answer.json()["warnings"][0]["message"].endswith(
        "leads nowhere: no number of the dial plan and no outgoing route has it."
    )
    assert api.get("extensions/102").status_code == 404
    assert api.get("extensions/120").json()["lines"][0]["sip_username"] == "bert102"


def test_incoming_numbers_of_any_trunk_have_a_dash_in_their_address(api: Program):
    answer = api.post("inbound", {"number": "5550199", "target": "102"})
    assert answer.status_code == 201, answer.content
    assert answer.headers["Location"] == "/api/v1/inbound/-/5550199"
    assert api.get("inbound/-/5550199").json()["target"] == "102"
    assert api.delete("inbound/-/5550199").json()["counts"]["remove"] == 1
    assert api.get("inbound/-/5550199").status_code == 404


def test_somebody_elses_change_is_not_overwritten(api: Program):
    seen = api.get("extensions/101").headers["ETag"]
    api.patch("extensions/101", {"name": "Anna B"})
    late = api.patch("extensions/101", {"name": "Anna C"}, If_Match=seen)
    assert late.status_code == 412
    assert "read it again" in late.json()["detail"]
    assert Extension.objects.get(number="101").name == "Anna B"
    assert api.delete("extensions/101", If_Match=seen).status_code == 412
    assert (
        api.patch(
            "extensions/101", {"name": "D"}, If_Match=f'"x", {api.get("extensions/101").headers["ETag"]}'
        ).status_code
        == 200
    )
    assert api.patch("extensions/101", {"name": "E"}, If_Match="*").status_code == 200


def test_what_one_has_already_is_not_sent_again(api: Program):
    mark = api.get("extensions/101").headers["ETag"]
    answer = api.get("extensions/101", If_None_Match=mark)
    assert (answer.status_code, answer.content) == (304, b"")


def test_a_dry_run_tells_the_difference(api: Program):
    answer = api.patch("extensions/101?dry_run=1", {"max_calls": 9})
    assert answer.json()["applied"] is False
    assert answer.json()["changes"][0]["fields"] == [{"name": "max_calls", "old": 4, "new": 9}]
    assert Extension.objects.get(number="101").max_calls == 4
    answer = api.post("extensions?dry_run=true", {"number": "103"})
    assert answer.status_code == 200
    assert answer.json()["counts"]["create"] == 2
    assert not Extension.objects.filter(number="103").exists()


def test_the_same_request_twice_is_done_once(api: Program, program: Make):
    first = api.post("extensions", {"number": "103"}, Idempotency_Key="k1")
    second = api.post("extensions", {"number": "103"}, Idempotency_Key="k1")
    assert (first.status_code, second.status_code) == (201, 201)
    assert second.json() == first.json()
    assert second.headers["Location"] == first.headers["Location"]
    assert second.headers["Idempotent-Replayed"] == "true"
    other = api.post("extensions", {"number": "104"}, Idempotency_Key="k1")
    assert other.status_code == 422
    assert "Idempotency-Key" in other.json()["detail"]
    assert program("telephony").post("extensions", {"number": "104"}, Idempotency_Key="k1").status_code == 201


def test_a_refused_request_may_be_tried_again_with_its_key(api: Program):
    assert api.post("extensions", {"number": "101"}, Idempotency_Key="k2").status_code == 422
    api.delete("extensions/101")
    assert api.post("extensions", {"number": "101"}, Idempotency_Key="k2").status_code == 201


def test_a_request_whose_first_is_still_at_work_is_told_to_wait(api: Program):
    from jackfield.people.tokens import KeptAnswer

    api.post("extensions", {"number": "103"}, Idempotency_Key="k3")
    KeptAnswer.objects.update(status=0)
    assert api.post("extensions", {"number": "103"}, Idempotency_Key="k3").status_code == 409
    assert api.post("extensions", {"number": "104"}, Idempotency_Key="k" * 300).status_code == 400


def test_each_wrong_field_is_named_with_the_mend(api: Program):
    answer = api.patch("extensions/101", {"max_calls": "many", "colour": "red", "lines": [{"srtp": "perhaps"}]})
    assert answer.status_code == 422
    assert answer.headers["Content-Type"] == "application/problem+json"
    found = {one["field"]: one["message"] for one in answer.json()["errors"]}
    assert found["max_calls"] == '"many" must be a whole number.'
    assert "is not known here" in found["colour"]
    assert "is not known here" in found["lines[0].srtp"]
    answer = api.post("extensions", {"number": "190"})
    assert answer.json()["errors"] == [
        {"field": "number", "message": 'Number 190 is already the ring group "Sales"; next free: 191.'}
    ]
    assert api.post("ring_groups", {}).json()["errors"][0] == {"field": "number", "message": "Must be given."}
    assert api.patch("settings", {"time_zone": "Mars/Port"}).json()["errors"][0]["field"] == "time_zone"


def test_what_is_needed_elsewhere_is_not_removed(api: Program):
    answer = api.delete("trunks/Provider")
    assert answer.status_code == 422
    assert "is used here" in answer.json()["errors"][0]["message"]


@pytest.mark.parametrize(
    ("content", "status"),
    [
        ("{", 400), ("", 400), ("[1]", 422), ('"x"', 422), ("\xff", 400), ("[" * 5000, 400),
        ('{"a":' * 60 + "1" + "}" * 60, 400), ('{"name": "\\ud800"}', 400), ('{"name": "a\\u0000b"}', 422),
        ('{"a\\u0000": 1}', 422), ('{"max_calls": 1e999}', 400),
        ('{"name": ["x"]}', 422), ('{"lines": {"a": 1}}', 422), ('{"lines": [1]}', 422), ('{"user": {"a": 1}}', 422),
        ('{"name": "' + "x" * 2_000_000 + '"}', 413), ('{"max_calls": ' + "9" * 5000 + "}", 400),
        ('{"number": null}', 422),
        ('{"name": true, "name": "b"}', 200),
    ],
)  # fmt: skip
def test_odd_content_is_refused_plainly(api: Program, content: str, status: int):
    answer = api.patch("extensions/101", content.encode("latin-1"))
    assert answer.status_code == status, answer.content[:500]
    if status >= 400:
        assert answer.json()["detail"]


def test_forms_and_text_are_not_taken_for_json(api: Program):
    answer = api.patch("extensions/101", "name=X", Content_Type="application/x-www-form-urlencoded")
    assert answer.status_code == 415


def test_a_list_is_searched_filtered_and_sorted(api: Program):
    def numbers(query: str) -> list[str]:
        answer = api.get(f"extensions?{query}")
        assert answer.status_code == 200, answer.content
        return [one["number"] for one in answer.json()["items"]]

    assert numbers("") == ["101", "102"]
    assert numbers("q=bert102") == ["102"]
    assert numbers("sort=-number") == ["102", "101"]
    assert numbers("sort=-user") == ["101", "102"]
    assert numbers("user=anna") == ["101"]
    assert numbers("user=") == ["102"]
    assert numbers("enabled=false") == []
    assert numbers("max_calls=4&name=Anna") == ["101"]
    assert numbers("codecs=nothing") == []
    assert api.get("ring_groups?members=102").json()["items"][0]["number"] == "190"
    assert api.get("extensions?count=1").json()["count"] == 2


@pytest.mark.parametrize(
    "sort", ["number", "-number", "ring_time", "-ring_time", "user", "-user", "enabled", "-max_calls"]
)
def test_pages_follow_each_other_without_gap_or_repetition(api: Program, company: Settings, sort: str):
    people = [{"number": str(number), "ring_time": number % 3 or None, "user": "anna" if number % 2 else None}
              for number in range(200, 225)]  # fmt: skip
    console.apply(company, msgspec.json.encode({"extensions": people}).decode())
    found, cursor, pages = [], "", 0
    whole = [one["number"] for one in api.get(f"extensions?sort={sort}").json()["items"]]
    while cursor is not None:
        answer = api.get(
            f"extensions?sort={sort}&limit=7&cursor={cursor}" if cursor else f"extensions?sort={sort}&limit=7"
        )
        assert answer.status_code == 200, answer.content
        found += [one["number"] for one in answer.json()["items"]]
        cursor, pages = answer.json()["next"], pages + 1
        assert ('rel="next"' in answer.headers.get("Link", "")) is (cursor is not None)
    assert found == whole
    assert len(set(found)) == 27
    assert pages == 4


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=many", "limit=1e3", "cursor=x", "cursor=e30", "cursor=W10", "colour=red", "sort=password",
     "enabled=perhaps", "q=%00", "max_calls=99999999999", "dry_run=1", "sort=number&cursor=WyJuYW1lIiwiYSIsMV0"],
)  # fmt: skip
def test_parameters_that_are_not_right_are_named(api: Program, query: str):
    answer = api.get(f"extensions?{query}")
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] in query


@pytest.mark.parametrize(
    "path", ["extensions/999", "extensions/%00", "extensions/a/b", "inbound/x", "sounds/-/-", "nothing/here", "a%0Ab/c"]
)
def test_what_is_not_there_is_told_so(api: Program, path: str):
    for method in ("GET", "PATCH", "DELETE"):
        answer = api.send(method, path, {} if method == "PATCH" else None)
        assert answer.status_code == 404, answer.content
        assert answer.headers["Content-Type"] == "application/problem+json"


def test_other_methods_are_refused_with_those_that_work(api: Program):
    answer = api.send("DELETE", "extensions")
    assert answer.status_code == 405
    assert answer.headers["Allow"] == "GET, POST"
    assert api.send("HEAD", "extensions").status_code == 200


def test_it_works_on_postgresql_too(postgres: Settings):
    from jackfield.console.rest import tokens

    from ..web.conftest import COMPANY, person

    console.apply(postgres, COMPANY)
    api = Program(tokens.make_token(person("administrator"), "a script", tokens.SCOPES, None)[1])
    for sort in ("ring_time", "-ring_time", "user", "-user"):
        first = api.get(f"extensions?sort={sort}&limit=1&q=an").json()
        second = api.get(f"extensions?sort={sort}&limit=1&q=an&cursor={first['next']}") if first["next"] else None
        assert first["items"]
        assert second is None or second.status_code == 200
    assert api.get("ring_groups?members=102").json()["items"][0]["number"] == "190"
    assert api.get("extensions/%00").status_code == 404
    made = api.post("extensions", {"number": "103"}, Idempotency_Key="k")
    assert made.status_code == 201, made.content
    assert api.post("extensions", {"number": "103"}, Idempotency_Key="k").json() == made.json()
    assert api.patch("extensions/103", {"name": "C"}, If_Match=made.headers["ETag"]).status_code == 200
    assert api.get("changes?section=extensions&key=103").json()["items"]
    assert api.get("calls?number=1").status_code == 200


def test_one_who_wants_a_new_one_only_does_not_replace_one_that_there_is(api: Program):
    assert api.put("extensions/150", {"name": "Hall"}, If_None_Match="*").status_code == 201
    refused = api.put("extensions/150", {"name": "Roof"}, If_None_Match="*")
    assert refused.status_code == 412
    assert "There is one already" in refused.json()["detail"]
    assert api.get("extensions/150").json()["name"] == "Hall"


def test_what_is_not_right_is_named_in_the_detail_too(api: Program):
    answer = api.get("extensions?limit=0")
    assert answer.json()["detail"] == "limit: Must be a whole number from 1 to 1000."
    assert api.post("live/calls", {"from": "101"}).json()["detail"] == "to: Must be given."
