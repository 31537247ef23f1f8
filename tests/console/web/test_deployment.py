"""What Django itself asks of a site that is open to the world."""

from __future__ import annotations

import io

from django.core.management import call_command
from django.test import Client


def test_django_finds_nothing_to_mend(company):
    found = io.StringIO()
    call_command("check", deploy=True, fail_level="WARNING", stderr=found, stdout=found)
    assert "no issues" in found.getvalue()


def test_no_change_of_the_models_waits_for_its_migration(company):
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)


def test_https_is_remembered_by_browsers_and_makes_cookies_safe(company):
    answer = Client().get("/sign-in", secure=True)
    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
    assert answer.cookies["jackfield_csrf"]["secure"]
    plain = Client().get("/sign-in")
    assert "Strict-Transport-Security" not in plain.headers
    assert not plain.cookies["jackfield_csrf"]["secure"]
    for name, value in {
        "X-Frame-Options": "DENY", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin",
        "Cross-Origin-Opener-Policy": "same-origin",
    }.items():  # fmt: skip
        assert plain.headers[name] == value
