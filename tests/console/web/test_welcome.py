"""Messages with links that set passwords: welcome and forgotten password, sent to a real SMTP server."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.test import Client

from jackfield.console import api, postman, welcome
from jackfield.notices.models import Mail, Notice, Notices
from jackfield.numbers.models import Line
from jackfield.people.models import User
from jackfield.settings import Settings

from ..mailbox import Mailbox, serving
from .conftest import PASSWORD, person

BASE = "https://phone.example.com"
NEW = "seven-blue-lanterns-in-rain"


@pytest.fixture
def box(company: Settings, free_port: Callable[[], int]) -> Iterator[Mailbox]:
    """A company whose e-mail works."""
    with serving(free_port()) as found:
        Mail(pk=1, host="127.0.0.1", port=found.port, security="none", sender="pbx@example.com", links=BASE).save()
        yield found


def deliver() -> None:
    now = time.time()
    for notice in postman.due(now):
        postman.deliver(notice, now)


def form(admin: Client, **more: str) -> dict[str, str]:
    return {"login": "eva", "name": "Eva Maler", "email": "eva@example.com", "role": "user", "enabled": "yes", **more}


def test_a_new_user_is_welcomed_with_a_link_that_works_once(admin, box):
    page = admin.get("/admin/users/new").content.decode()
    assert re.search(r'name="welcome" value="yes" checked', page)
    answer = admin.post("/admin/users/new", form(admin, welcome="yes"), follow=True)
    assert "1 welcome mail is on its way." in answer.content.decode()
    api.apply(admin_settings(), "extensions: [{number: 104, name: Eva, user: eva}]")
    deliver()

    sender, recipients, message = box.messages[0]
    assert (sender, recipients, message["Subject"]) == (
        "pbx@example.com", ["eva@example.com"], "Your phone at Bell & Sons",
    )  # fmt: skip
    text, html = box.plain(), box.html()
    assert "Hello Eva Maler," in text
    assert "Your number: 104" in text
    assert f"{BASE}/me/devices/" in text
    assert "The link to the password works once, within 3 days." in text
    assert "A link that sets up an app works once, within 7 days." in text
    assert "<img" not in html
    assert set(re.findall(r"(?:src|href)=\"(https?://[^/\"]+)", html)) == {BASE}
    assert "Bell &amp; Sons" in html

    browser = Client()
    link = box.link("/set-password/")
    assert "Choose your password" in browser.get(link).content.decode()
    assert browser.post(link, {"new": NEW, "again": NEW}).status_code == 302
    assert browser.get("/me/account").status_code == 200
    assert Client().get(link).status_code == 404
    assert Client().post(link, {"new": NEW, "again": NEW}).status_code == 404


def test_no_app_is_set_up_by_the_line_of_a_desk_phone(admin, box):
    """It gets another password with each fetch, which would cut the app off."""
    admin.post("/admin/users/new", form(admin, welcome="yes"))
    api.apply(
        admin_settings(),
        "extensions: [{number: 104, name: Eva, user: eva}]\n"
        "desk_phones: [{mac: 001565aabbcc, model: yealink-t46u, extensions: [104]}]",
    )
    deliver()
    assert "/phone/" not in box.plain()
    assert "sets up an app" not in box.plain()
    assert f"{BASE}/me/devices/" in box.plain()


def admin_settings() -> Settings:
    from django.conf import settings

    return settings.JACKFIELD


def test_a_link_is_worth_nothing_after_three_days(admin, box, monkeypatch):
    admin.post("/admin/users/new", form(admin, welcome="yes"))
    deliver()
    link = box.link("/set-password/")
    from datetime import datetime, timedelta

    from jackfield.console.web import passwords

    monkeypatch.setattr(passwords._links, "_now", lambda: datetime.now() + timedelta(days=3, minutes=1))
    assert "older than three days" in Client().get(link).content.decode()


def test_nobody_is_welcomed_without_the_tick(admin, box):
    admin.post("/admin/users/new", form(admin))
    assert not Notice.objects.exists()


def test_what_is_to_be_set_first_is_said_where_the_tick_is(admin, company):
    assert "no server is set up yet" in admin.get("/admin/users/new").content.decode()
    Mail(pk=1, host="mail.example.com", sender="pbx@example.com").save()
    page = admin.get("/admin/users/new").content.decode()
    assert "nobody has set yet at which address people reach their pages" in page
    answer = admin.post("/admin/users/new", form(admin, welcome="yes"), follow=True)
    assert "at which address people reach their pages" in answer.content.decode()
    assert User.objects.filter(login="eva").exists()
    assert not Notice.objects.exists()


def test_a_host_header_never_gets_into_a_message(admin, box):
    admin.post("/admin/users/new", form(admin, welcome="yes"), HTTP_HOST="evil.example.net")
    Client().post("/forgot-password", {"login": "eva"}, HTTP_HOST="evil.example.net")
    deliver()
    assert len(box.messages) == 2
    assert "evil" not in "".join(str(message) for _, _, message in box.messages)


def test_no_link_stays_where_others_may_read_it(admin, box):
    admin.post("/admin/users/new", form(admin, welcome="yes"))
    deliver()
    token = box.link("/set-password/").rpartition("/")[2]
    page = admin.get("/admin/messages/").content.decode()
    assert "Welcome, with a link" in page
    assert token not in page
    assert token not in "".join(f"{one.subject}{one.text}{one.error}" for one in Notice.objects.all())


def test_the_mail_is_sent_again_from_the_page_of_the_user(admin, box):
    anna = User.objects.get(login="anna")
    page = admin.get(f"/admin/users/{anna.pk}/account").content.decode()
    assert "This user has no e-mail address." in page
    User.objects.filter(pk=anna.pk).update(email="anna@example.com", language="de")
    for _time in range(2):
        admin.post(f"/admin/users/{anna.pk}/account", {"do": "mail"})
        deliver()
    assert [recipients for _, recipients, _ in box.messages] == [["anna@example.com"]] * 2
    assert "Guten Tag Anna Bell," in box.plain()  # in her language
    assert ": 101" in box.plain()
    assert '<html lang="de" dir="ltr">' in box.html()
    assert "link to set a password sent by e-mail" in admin.get(f"/admin/users/{anna.pk}/account").content.decode()


def test_several_are_welcomed_at_once_but_none_who_holds_more(signed_in, box):
    User.objects.filter(login="anna").update(email="anna@example.com")
    boss = person("administrator", "boss", email="boss@example.com")
    person("user", "nomail")
    clerk = signed_in("telephony")
    pks = [str(pk) for pk in User.objects.filter(login__in=["anna", "boss", "nomail"]).values_list("pk", flat=True)]
    page = clerk.get("/admin/users/several/welcome", {"pk": pks}).content.decode()
    assert "anna@example.com" in page
    assert "Not to " in page
    clerk.post("/admin/users/several/welcome", {"pk": pks})
    clerk.post(f"/admin/users/{boss.pk}/account", {"do": "mail"})
    deliver()
    assert [recipients for _, recipients, _ in box.messages] == [["anna@example.com"]]


def test_a_table_of_users_is_welcomed(admin, box):
    text = "login;name;email\neva;Eva;eva@example.com\nmax;Max;\n"
    page = admin.post("/admin/users/import", {"text": text}).content.decode()
    assert 'name="welcome" value="yes" checked' in page
    token = re.search(r'name="token" value="([^"]+)"', page)[1]
    admin.post("/admin/users/import", {"token": token, "apply": "yes", "welcome": "yes"})
    deliver()
    assert [recipients for _, recipients, _ in box.messages] == [["eva@example.com"]]


def test_the_api_welcomes_when_it_is_asked_to(admin, box):
    for login, query in (("eva", "?welcome=1"), ("max", "")):
        body = {"login": login, "email": f"{login}@example.com"}
        answer = admin.post(f"/api/v1/users{query}", body, content_type="application/json")
        assert answer.status_code == 201, answer.content
    deliver()
    assert [recipients for _, recipients, _ in box.messages] == [["eva@example.com"]]


def test_whoever_has_another_address_meanwhile_gets_no_link(admin, box):
    admin.post("/admin/users/new", form(admin, welcome="yes"))
    User.objects.filter(login="eva").update(email="other@example.com")
    deliver()
    assert not box.messages
    assert Notice.objects.get().progress == "failed"


def test_who_forgot_the_password_gets_a_link_by_name_or_address(company, box):
    person("user", "eva", email="eva@example.com")
    assert '<a href="/forgot-password">' in Client().get("/sign-in").content.decode()
    answers = [
        re.sub(r"csrf\S+", "", Client().post("/forgot-password", {"login": name}).content.decode())
        for name in ("EVA@example.com", "nobody-of-this-name", "nobody@example.com", "anna")
    ]
    assert len(set(answers)) == 1
    deliver()
    assert [recipients for _, recipients, _ in box.messages] == [["eva@example.com"]]
    assert "Hello eva," in box.plain()
    browser = Client()
    browser.post(box.link("/set-password/"), {"new": NEW, "again": NEW})
    assert browser.get("/me/account").status_code == 200
    assert Client().post("/sign-in", {"login": "eva", "password": PASSWORD}).status_code == 422


def test_a_forgotten_password_is_helped_once_an_hour_and_tries_are_limited(company, box):
    person("user", "eva", email="eva@example.com")
    statuses = [Client().post("/forgot-password", {"login": "eva"}).status_code for _time in range(7)]
    deliver()
    assert len(box.messages) == 1
    assert statuses[0] == 200
    assert statuses[-1] == 429


def test_without_links_the_page_says_whom_to_ask(company):
    page = Client().get("/forgot-password").content.decode()
    assert "Ask your administrator" in page
    person("user", "eva", email="eva@example.com")
    Client().post("/forgot-password", {"login": "eva"})
    assert not Notice.objects.exists()


def test_a_company_may_switch_it_off(company, box):
    Notices(pk=1, forgotten_password=False, welcome=False).save()
    assert "Ask your administrator" in Client().get("/forgot-password").content.decode()


def test_only_full_administrators_say_where_mail_goes(company, box):
    api.apply(company, "roles: [{name: Technician, areas: {system: write, people: write}}]")
    person("Technician", "tech")
    client = Client()
    client.post("/sign-in", {"login": "tech", "password": PASSWORD})
    values = {"host": "evil.example.net", "port": "587", "security": "starttls", "sender": "a@example.com"}
    answer = client.post("/admin/mail/", values)
    assert answer.status_code == 422
    assert "only a full administrator changes where messages go" in answer.content.decode()
    answer = client.patch("/api/v1/mail", {"links": "https://evil.example.net"}, content_type="application/json")
    assert answer.status_code in (403, 422)
    hook = {"name": "x", "address": "https://evil.example.net/x"}
    answer = client.post("/api/v1/webhooks", hook, content_type="application/json")
    assert answer.status_code in (403, 422)
    answer = client.patch("/api/v1/notices", {"disk_low": False}, content_type="application/json")
    assert answer.status_code == 200, answer.content
    assert (Mail.current().host, Mail.current().links) == ("127.0.0.1", BASE)


@pytest.mark.parametrize("wrong", ["phone.example.com", "ftp://phone.example.com", "https://phone.example.com/a/b"])
def test_an_address_in_links_must_be_whole(admin, company, wrong: str):
    values: dict[str, Any] = {"host": "m.example.com", "port": "587", "security": "starttls", "sender": "a@example.com"}
    assert admin.post("/admin/mail/", values | {"links": wrong}).status_code == 422
    assert admin.post("/admin/mail/", values | {"links": f"{BASE}:8443"}).status_code == 302


def test_a_new_browser_and_a_lost_second_step_are_told_to_the_owner(admin, box):
    eva = person("user", "eva", email="eva@example.com")
    first, second = Client(), Client()
    for browser in (first, first, second):
        assert browser.post("/sign-in", {"login": "eva", "password": PASSWORD}).status_code == 302
        browser.post("/sign-out")
    from jackfield.console.web import second_factor

    second_factor.add(eva, second_factor.new_secret(), 1)
    admin.post(f"/admin/users/{eva.pk}/account", {"do": "factors"})
    deliver()
    texts = [box.plain(index) for index in range(len(box.messages))]
    assert len(texts) == 2
    assert "eva has signed in with a new browser" in texts[0]
    assert "The second step by app was removed from eva" in texts[1]
    assert "by the-administrator" in texts[1]


def test_the_welcome_sets_an_app_up_by_a_link_that_works_once(admin, box):
    api.apply(admin_settings(), "extensions: [{number: 104, name: Eva, user: eva, lines: [{name: mobile}]}]\n"
              "users: [{login: eva, name: Eva Maler, email: eva@example.com, role: user, language: de}]")  # fmt: skip
    page = admin.get("/admin/users/").content.decode()
    assert "eva" in page
    welcome.queue(User.objects.filter(login="eva"))
    deliver()
    text = box.plain()
    assert "Eine Telefon-App für 104 einrichten" in text
    (address,) = set(re.findall(rf"{BASE}(/phone/\S+)", text))
    line = Line.objects.get(extension__number="104")
    app = Client().get(f"{address}/linphone.xml").content.decode()
    assert line.sip_password in app
    assert Client().get(address).status_code == 404
