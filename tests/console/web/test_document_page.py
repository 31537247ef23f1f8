"""The whole configuration as YAML: shown, downloaded, applied."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from jackfield.changes.models import Revision
from jackfield.console import api
from jackfield.numbers.models import Extension, RingGroup
from jackfield.settings import Settings

from .conftest import As
from .test_changes import read
from .test_tables import token_of


def paste(browser: Client, text: str, **more: str) -> Any:
    return browser.post("/admin/document/apply", {"text": text, **more})


def test_the_page_and_the_download_show_all_but_passwords(admin: Client, company: Settings):
    page = admin.get("/admin/document/")
    assert "number: '101'" in read(page)
    assert "not-to-be-shown" not in page.content.decode()
    answer = admin.get("/admin/document/download")
    assert answer.content.decode() == api.export(company)
    assert "attachment" in answer.headers["Content-Disposition"]


def test_a_full_administrator_gets_the_passwords_and_that_is_kept(admin: Client, company: Settings):
    assert "not-to-be-shown" not in admin.get("/admin/document/passwords").content.decode()
    assert not Revision.objects.filter(through="export").exists()
    answer = admin.post("/admin/document/passwords")
    assert answer.content.decode() == api.export(company, secrets=True)
    assert Revision.objects.first().through == "export"
    assert "Exported the whole configuration with all passwords." in read(admin.get("/admin/changes/"))


def test_who_administers_the_system_alone_gets_no_passwords(signed_in: As, company: Settings, monkeypatch: Any):
    from jackfield.console.web import rights

    monkeypatch.setitem(rights.ROLES, "reader", {"system": rights.WRITE})
    browser = signed_in("reader")
    assert "with passwords" not in read(browser.get("/admin/document/"))
    answer = browser.post("/admin/document/passwords")
    assert answer.status_code == 422
    assert "not-to-be-shown" not in answer.content.decode()
    answer = paste(browser, "extensions: [{number: 103}]")
    assert answer.status_code == 422
    assert "Your role does not allow you to change extensions" in read(answer)
    assert paste(browser, "settings: {ring_time: 40}").status_code == 200


def test_a_document_is_previewed_in_words_and_applied(admin: Client, company: Settings):
    before = api.export(company, secrets=True)
    preview = paste(admin, "extensions:\n  - {number: 101, ring_time: 30}\n  - {number: 103, name: Carla}\n")
    text = read(preview)
    assert "2 to create, 1 to change, 0 to remove" in text  # the extension and its phone
    assert "Extension 101 Rings for 30 seconds" in text
    assert api.export(company, secrets=True) == before

    answer = admin.post("/admin/document/apply", {"token": token_of(preview), "apply": "yes"})
    revision = Revision.objects.first()
    assert answer.headers["Location"] == f"/admin/changes/{revision.pk}"
    assert (revision.author, revision.through) == ("the-administrator", "document")
    assert Extension.objects.get(number="103").name == "Carla"
    assert admin.post("/admin/document/apply", {"token": token_of(preview), "apply": "yes"}).status_code == 422


def test_what_a_document_does_not_name_goes_only_if_that_is_chosen(admin: Client, company: Settings):
    document = "ring_groups: []\n"
    preview = paste(admin, document)
    assert "Nothing would change" in read(preview)
    preview = admin.post("/admin/document/apply", {"token": token_of(preview), "prune": "yes"})
    assert "Ring group 190 removed" in read(preview)
    assert RingGroup.objects.exists()
    page = preview.content.decode()
    form = page[page.index("<form", page.index('class="save"')) :].split("</form>")[0]
    assert 'name="prune"' in form
    admin.post("/admin/document/apply", {"token": token_of(preview), "prune": "yes", "apply": "yes"})
    assert not RingGroup.objects.exists()


def test_mistakes_are_told_with_their_lines_and_no_password(admin: Client, company: Settings):
    document = (
        "extensions:\n"
        "  - number: 101\n"
        "    ring_time: ages\n"
        "  - {number: 103, sip_password: not-to-be-shown-5, colour: red}\n"
    )
    before = api.export(company)
    answer = paste(admin, document)
    assert answer.status_code == 422
    text = read(answer)
    assert 'Line 3: extensions[0].ring_time: "ages" must be a number ring_time: ages' in text
    assert "Line 4: extensions[1].colour" in text
    assert "not-to-be-shown" not in answer.content.decode()
    assert api.export(company) == before


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "Choose a file, or paste a document"),
        (b"\x89PNG\r\n\x1a\n\x00", "This is not text"),
        (b"settings: {company: \xff}", "not text in UTF-8"),
        (b"settings: \x07", "This is not text"),
        (b"#" * ((5 << 20) + 1), "larger than 5 MB"),
        (b"extensions: [", "Line 1: Not YAML"),
        (b"- a\n- b\n", "must have keys at its top"),
        (b"nonsense: []\n", "is no section"),
    ],
)
def test_what_is_no_document_is_refused_with_the_mend(admin: Client, company: Settings, content: bytes, told: str):
    answer = admin.post("/admin/document/apply", {"file": SimpleUploadedFile("a.yaml", content)})
    assert answer.status_code == 422
    assert told in read(answer)


def test_an_uploaded_document_with_a_mark_is_read(admin: Client, company: Settings):
    content = "\ufeffsettings: {company: Glöckner}\n".encode()
    answer = admin.post("/admin/document/apply", {"file": SimpleUploadedFile("a.yaml", content)})
    assert "Glöckner" in read(answer)


def test_its_own_export_changes_nothing(admin: Client, company: Settings):
    assert "Nothing would change" in read(paste(admin, api.export(company), prune="yes"))


def test_a_reader_sees_the_document_and_applies_none(signed_in: As, company: Settings):
    browser = signed_in("reader")
    page = browser.get("/admin/document/").content.decode()
    assert "Apply a document" not in page
    assert not re.search("with passwords …", page)
    assert paste(browser, "settings: {ring_time: 40}").status_code == 403
    assert browser.get("/admin/document/apply").status_code == 403


def test_what_a_document_would_do_is_told_so_that_it_can_be_read(admin: Client, company: Settings):
    text = """
roles: [{name: Night, areas: {overview: read, people: write}}]
holidays: [{name: Fair, dates: [{first: 2026-09-01, last: 2026-09-05, yearly: true}, {first: 2026-10-01}]}]
trunks: [{name: Fair, hosts: fair.example.net, username: u}]
inbound: [{target: "101"}]
openid: {name: Fair}
permissions: [{name: Hall, rules: [{calls: premium}, {calls: prefix, only: "0049", allow: true}]}]
"""
    shown = unescape(admin.post("/admin/document/apply", {"text": text}).content.decode())
    assert "overview read, people write" in shown
    assert "first 2026-09-01, last 2026-09-05, yearly; first 2026-10-01" in shown
    assert "may not call premium; may call prefix, only 0049" in shown
    assert "Incoming number (any)" in shown
    assert "Order of" not in shown
    assert "Settings of OpenID Connect" in shown
