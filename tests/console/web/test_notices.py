"""The pages of messages: their list, the test message, and what a user wants to be told."""

from __future__ import annotations

from django.test import Client

from jackfield.notices.models import Mail, Notice, Preference

from ..test_notices import mailbox  # noqa: F401 (a fixture)
from .conftest import As


def test_a_test_message_tells_what_the_server_said(admin: Client, mailbox):  # noqa: F811
    box, port = mailbox
    answer = admin.get("/admin/messages/")
    assert "set up the e-mail server" in answer.content.decode()
    Mail(pk=1, host="127.0.0.1", port=port, security="none", sender="pbx@example.com").save()

    answer = admin.post("/admin/messages/test", {"recipient": "anna@example.com"}, follow=True)
    assert "The server took the test message for anna@example.com." in answer.content.decode()
    assert len(box.messages) == 1
    assert Notice.objects.get().kind == "test"

    answer = admin.post("/admin/messages/test", {"recipient": "nobody@example.com"}, follow=True)
    assert "does not take messages for nobody@example.com: 550" in answer.content.decode()
    answer = admin.post("/admin/messages/test", {"recipient": "what?"}, follow=True)
    assert "is no e-mail address" in answer.content.decode()


def test_the_password_of_the_server_stays_when_it_is_left_empty(admin: Client):
    form = {
        "host": "mail.example.com",
        "port": "587",
        "security": "starttls",
        "username": "u",
        "sender": "a@example.com",
    }
    assert admin.post("/admin/mail/", form | {"password": "not-to-be-shown-9"}).status_code == 302
    assert "not-to-be-shown" not in admin.get("/admin/mail/").content.decode()
    assert admin.post("/admin/mail/", form | {"port": "25"}).status_code == 302
    found = Mail.current()
    assert (found.port, found.password) == (25, "not-to-be-shown-9")
    answer = admin.post("/admin/mail/", form | {"sender": ""})
    assert answer.status_code == 422
    assert "the address that the messages come from" in answer.content.decode()


def test_a_list_of_messages_is_filtered(admin: Client):
    for progress in ("sent", "failed"):
        Notice.objects.create(at=1, kind="system", cause="c", subject=f"about {progress}", text="t", progress=progress)
    page = admin.get("/admin/messages/?progress=failed").content.decode()
    assert "about failed" in page
    assert "about sent" not in page


def test_a_user_says_what_he_wants_to_be_told(signed_in: As):
    browser = signed_in("user")
    assert "has no e-mail address" in browser.get("/me/notices").content.decode()
    browser.post("/me/notices", {"missed_call": "yes"})
    assert Preference.objects.get().missed_call
    browser.post("/me/notices", {})
    assert not Preference.objects.get().missed_call
