"""The page of the certificate: what it shows, takes and refuses."""

from __future__ import annotations

from pathlib import Path

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from console.certificate_maker import between, certificate, key, pem, signed
from jackfield.console import api, certificates
from jackfield.settings import Settings

from .conftest import As

PAGE = "/admin/certificates/"


def page(browser: Client) -> str:
    return browser.get(PAGE).content.decode()


def test_a_new_certificate_is_taken_and_shown_without_its_key(admin: Client, company: Settings):
    assert "can&#39;t be read" in page(admin)  # nothing was started here, so none was made
    files = {
        "certificate": SimpleUploadedFile("a.pem", pem(signed("phone.example.com"), between())),
        "key": SimpleUploadedFile("a.key", pem(key())),
    }
    answer = admin.post(PAGE + "give", files, follow=True)
    html = answer.content.decode()
    assert "The certificate for phone.example.com is in use." in html
    assert "Example Issuing" in html
    assert "belongs to the certificate" in html
    assert "Phones by SIP over TLS, port" in html
    assert "PRIVATE KEY" not in html
    assert "Certificate for phone.example.com" in admin.get("/admin/changes/").content.decode()


def test_what_is_refused_says_why_and_shows_no_key(admin: Client):
    for data, words in (
        ({"certificate_text": pem(signed("a.example")).decode()}, "The key is missing"),
        ({}, "Choose the file"),
        ({"certificate": SimpleUploadedFile("a.pem", b"x" * (300 << 10))}, "larger than 256"),
        ({"certificate_text": pem(signed("a.example"), key(3)).decode()}, "do not belong together"),
    ):
        answer = admin.post(PAGE + "give", data)
        assert answer.status_code == 422
        assert words in answer.content.decode()
        assert "PRIVATE KEY" not in answer.content.decode()


def test_asking_an_authority_and_pasting_what_it_signed(admin: Client, company: Settings):
    from cryptography import x509

    assert admin.get(PAGE + "request.csr").status_code == 302
    assert "at least one name" in admin.post(PAGE + "ask", {"names": " "}).content.decode()
    admin.post(PAGE + "ask", {"names": "phone.example.com\npbx.example.com", "organisation": "Bell"})
    request = x509.load_pem_x509_csr(admin.get(PAGE + "request.csr").content)
    assert "phone.example.com, pbx.example.com" in page(admin)
    leaf = certificate("phone.example.com", "Example Issuing", own=request, by=key(2), names=["phone.example.com"])
    html = admin.post(PAGE + "give", {"certificate_text": pem(leaf).decode()}, follow=True).content.decode()
    assert "is in use" in html
    assert "The chain is not complete" in html
    assert "A request waits" not in html


def test_a_request_is_thrown_away(admin: Client):
    admin.post(PAGE + "ask", {"names": "a.example"})
    assert "thrown away" in admin.post(PAGE + "drop", follow=True).content.decode()
    assert "A request waits" not in page(admin)


def test_a_self_signed_one_for_chosen_names(admin: Client):
    html = admin.post(PAGE + "renew", {"names": "pbx.example, 192.0.2.5"}, follow=True).content.decode()
    assert "Made by Jackfield itself" in html
    assert '<span class="chip">192.0.2.5</span>' in html
    assert admin.post(PAGE + "renew", {"names": "a b@c"}).status_code == 422


def test_whoever_may_not_change_it_sees_it_without_forms(signed_in: As, company: Settings):
    certificates.renew(company, ["a.example"], author=certificates.Author("x", "page"))
    html = page(signed_in("reader"))
    assert "a.example" in html
    assert 'name="certificate"' not in html


def test_one_of_the_settings_file_is_shown_as_such(admin: Client, company: Settings, tmp_path: Path):
    (tmp_path / "c.pem").write_bytes(pem(signed("a.example"), key()))
    api.prepare(company.replaced(tls_certificate=str(tmp_path / "c.pem"), tls_key=str(tmp_path / "c.pem")))
    html = page(admin)
    assert "Given by the settings file" in html
    assert 'name="certificate"' not in html
    assert "The settings name the certificate" in admin.post(PAGE + "renew", {"names": "x"}).content.decode()
