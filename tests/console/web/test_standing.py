"""Codecs, languages and retention: what there is, who has it, and the one setting behind each."""

from __future__ import annotations

from typing import Any

from django.test import Client

from jackfield.console import api
from jackfield.settings import Settings

from .conftest import As
from .test_live import text_of


def test_the_codecs_say_who_has_them_and_which_are_only_passed_on(admin: Client, company: Settings):
    api.apply(company, "extensions: [{number: 101, codecs: [pcma, opus]}]")
    text = text_of(admin.get("/admin/codecs/"))
    assert "G.711 A-law pcma like a telephone 64 kbit/s yes all all" in text
    assert "G.729 g729 like a telephone 8 kbit/s passed on only: both ends must have it 1 of 2 all" in text


def test_codecs_of_all_extensions_are_set_from_there(admin: Client):
    assert "/admin/extensions/several?all=yes&amp;set=codecs" in admin.get("/admin/codecs/").content.decode()
    page = admin.get("/admin/extensions/several?all=yes&set=codecs").content.decode()
    assert '<input type="checkbox" name="set" value="codecs" checked>' in page
    assert '<input type="checkbox" name="set" value="ring_time">' in page


def test_the_language_of_the_company_is_chosen_among_those_that_there_are(admin: Client, company: Settings):
    text = text_of(admin.get("/admin/languages/"))
    for name in ("English", "Deutsch", "Español", "Français", "Čeština"):
        assert name in text
    assert admin.post("/admin/languages/", {"language": "de"}).status_code == 302
    assert "language: de" in api.export(company)
    assert "Deutsch de the company" in text_of(admin.get("/admin/languages/"))


def test_a_language_that_is_none_is_refused_beside_its_field(admin: Client, company: Settings):
    answer = admin.post("/admin/languages/", {"language": "not a language"})
    assert answer.status_code == 422
    assert 'id="language-problem"' in answer.content.decode()
    assert "not a language" not in api.export(company)


def test_how_long_calls_are_kept_is_set_and_shown_with_all_the_rest(admin: Client, company: Settings):
    text = text_of(admin.get("/admin/retention/"))
    assert "Calls with their journals 365 days" in text
    for what in ("Changes of the configuration for ever", "Messages sent 90 days", "Deliveries to webhooks 14 days"):
        assert what in text
    assert admin.post("/admin/retention/", {"keep_calls_days": "0"}).status_code == 302
    assert "Calls with their journals for ever" in text_of(admin.get("/admin/retention/"))
    answer = admin.post("/admin/retention/", {"keep_calls_days": "for ever"})
    assert answer.status_code == 422
    assert "must be a whole number" in text_of(answer)
    assert 'value="for ever"' in answer.content.decode(), "what was typed is still there"


def test_who_only_reads_sees_no_forms_there(signed_in: As):
    reader = signed_in("reader")
    for page in ("codecs", "languages", "retention"):
        answer = reader.get(f"/admin/{page}/")
        assert answer.status_code == 200
        assert '<button class="primary">' not in answer.content.decode()
        assert "several?all=yes" not in answer.content.decode()


def test_programs_are_told_the_same(admin: Client):
    def listed(what: str) -> list[dict[str, Any]]:
        return list(admin.get(f"/api/v1/{what}").json()["items"])

    assert next(one for one in listed("codecs") if one["name"] == "opus")["extensions"] == 2
    assert {one["tag"] for one in listed("languages")} >= {"en", "de", "es", "fr", "cs"}
    assert next(one for one in listed("retention") if one["name"] == "calls")["how_long"] == "365 days"
