"""Links that set softphones up: each works once, for a time, can be taken back, and is listed with its fate."""

from __future__ import annotations

import re
import time
from xml.etree import ElementTree

import pytest
from django.test import Client, RequestFactory

from jackfield.console import api, certificates
from jackfield.console.declarative.apply import Author
from jackfield.console.provisioning import strangers
from jackfield.console.web.first_run import connecting
from jackfield.numbers.models import Line
from jackfield.settings import Settings
from jackfield.softphones import links
from jackfield.softphones.models import SetupLink

from ..certificate_maker import between, key, pem, root, signed
from .conftest import As


@pytest.fixture
def line(company: Settings) -> Line:
    return Line.objects.select_related("extension").order_by("extension__number")[0]


def page_of(link: SetupLink) -> str:
    return f"/phone/{links.token(link)}"


@pytest.mark.parametrize("app", ["linphone", "groundwire", "zoiper"])
def test_an_app_gets_its_file_once(line: Line, app: str):
    link = links.make(line)
    answer = Client().get(f"{page_of(link)}/{app}.xml", REMOTE_ADDR="192.0.2.7")
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert line.sip_password in "".join(ElementTree.fromstring(answer.content).itertext())
    link.refresh_from_db()
    assert (links.state(link), link.used_by, link.used_from) == ("used", app, "192.0.2.7")
    for stranger in ("192.0.2.8", "192.0.2.7"):
        other = "groundwire" if app == "linphone" else "linphone"
        again = Client().get(f"{page_of(link)}/{other}.xml", REMOTE_ADDR=stranger)
        assert again.status_code == 404
        assert line.sip_password not in again.content.decode()


def test_an_app_whose_answer_was_lost_may_ask_again_for_a_minute(line: Line):
    link = links.make(line, now=1000)
    assert links.take(link, by="linphone", address="192.0.2.7", now=1010)
    assert links.take(SetupLink.objects.get(), by="linphone", address="192.0.2.7", now=1069)
    assert not links.take(SetupLink.objects.get(), by="linphone", address="192.0.2.8", now=1020)
    assert not links.take(SetupLink.objects.get(), by="page", address="192.0.2.7", now=1020)
    assert not links.take(SetupLink.objects.get(), by="linphone", address="192.0.2.7", now=1071)


def test_of_two_who_come_at_once_one_gets_it(line: Line):
    link = links.make(line)
    first, second = SetupLink.objects.get(pk=link.pk), SetupLink.objects.get(pk=link.pk)
    assert links.take(first, by="page", address="192.0.2.7")
    assert not links.take(second, by="page", address="192.0.2.8")


def test_looking_at_the_page_or_asking_for_headers_does_not_use_a_link_up(line: Line):
    link = links.make(line)
    assert Client().head(f"{page_of(link)}/linphone.xml").status_code == 200
    for _ in range(2):
        page = Client().get(page_of(link)).content.decode()
        assert "Show what to enter" in page
        assert line.sip_password not in page
    shown = Client().post(page_of(link)).content.decode()
    assert line.sip_password in shown
    used = Client().get(page_of(link))
    assert used.status_code == 404
    assert "used already" in used.content.decode()


def test_a_link_ends_when_its_time_is_over(line: Line):
    link = links.make(line, seconds=60, now=time.time() - 61)
    answer = Client().get(page_of(link))
    assert answer.status_code == 404
    assert "too old" in answer.content.decode()
    assert Client().post(page_of(link)).status_code == 404
    assert "expired" in Client().get(f"{page_of(link)}/linphone.xml").content.decode()


@pytest.mark.parametrize("token", ["x", "WzEsInh4Il0:1abc:def", "a" * 300])
def test_a_link_that_nobody_made_leads_nowhere(company: Settings, token: str):
    assert Client().get(f"/phone/{token}").status_code == 404
    assert Client().get(f"/phone/{token}/linphone.xml").status_code == 404
    assert Client().get("/phone/zoiper", {"t": token}).status_code == 404


def test_zoipers_service_hands_our_token_on(line: Line):
    link = links.make(line)
    answer = Client().get("/phone/zoiper", {"t": links.token(link)})
    assert line.sip_username in answer.content.decode()
    assert SetupLink.objects.get().used_by == "zoiper"


def test_a_page_that_is_looked_at_again_shows_the_same_link_until_it_is_used(line: Line):
    request = RequestFactory().get("/", headers={"Host": "pbx.example"})
    first = connecting.card(request, line).link
    assert connecting.card(request, line).link == first
    Client().post(first.removeprefix("http://pbx.example"))
    assert connecting.card(request, line).link != first


def test_an_extensions_links_are_listed_with_what_became_of_each(admin: Client, line: Line):
    base = f"/admin/extensions/{line.extension.pk}/links"
    assert "No link was made so far." in admin.get(base).content.decode()
    page = admin.post(f"{base}/new/{line.pk}", headers={"Host": "pbx.example"}).content.decode()
    (address,) = set(re.findall(r'href="http://pbx\.example(/phone/[^"/]+)"', page))
    assert "<svg" in page
    assert "not used yet" in page
    Client().get(f"{address}/groundwire.xml", REMOTE_ADDR="192.0.2.7")
    page = admin.get(base).content.decode()
    assert "from 192.0.2.7: Groundwire" in page
    assert address not in page
    assert f'href="{base}"' in admin.get(f"/admin/extensions/{line.extension.pk}").content.decode()


def test_a_link_that_was_taken_back_sets_nothing_up(admin: Client, line: Line):
    base, link = f"/admin/extensions/{line.extension.pk}/links", links.make(line)
    assert "The link is taken back." in admin.post(f"{base}/{link.pk}/revoke", follow=True).content.decode()
    assert Client().get(f"{page_of(link)}/linphone.xml").status_code == 404
    assert "taken back" in Client().get(page_of(link)).content.decode()
    told = admin.post(f"{base}/{link.pk}/revoke", follow=True).content.decode()
    assert "was used, or had ended, before" in told
    assert admin.post(f"{base}/999999/revoke").status_code == 404
    assert admin.get("/admin/extensions/999999/links").status_code == 404
    assert admin.post(f"/admin/extensions/{line.extension.pk}/links/new/999999").status_code == 404


def test_who_may_only_look_makes_no_links(signed_in: As, line: Line):
    base = f"/admin/extensions/{line.extension.pk}/links"
    reader = signed_in("reader")
    assert reader.get(base).status_code == 200
    assert reader.post(f"{base}/new/{line.pk}").status_code == 403
    assert not SetupLink.objects.exists()


def test_links_of_a_phone_that_is_gone_go_with_it(line: Line):
    links.make(line)
    line.delete()
    assert not SetupLink.objects.exists()


def test_what_became_of_old_links_is_told_for_a_month(line: Line):
    links.make(line, seconds=60, now=0)
    links.make(line, seconds=60, now=29 * links.DAY)
    assert SetupLink.objects.count() == 2
    links.make(line, seconds=60, now=31 * links.DAY)
    assert SetupLink.objects.count() == 2


def test_the_line_of_a_desk_phone_has_no_link(admin: Client, company: Settings):
    desk = Line.objects.get(sip_username="bert102")
    base = f"/admin/extensions/{desk.extension.pk}/links"
    page = admin.get(base).content.decode()
    assert "There is no link for the line of a desk phone" in page
    assert "/links/new/" not in page
    admin.post(f"{base}/new/{desk.pk}", headers={"Host": "pbx.example"})
    page = admin.post(f"/admin/extensions/{desk.extension.pk}/password/{desk.pk}", headers={"Host": "pbx.example"})
    assert "This is the line of a desk phone" in page.content.decode()
    assert not SetupLink.objects.exists()


@pytest.mark.parametrize(
    ("trusted", "way"), [("phones.example.com", "phones.example.com:5061;transport=tls"),
                         ("other.example.com", "phones.example.com;transport=udp")],
)  # fmt: skip
def test_apps_register_encrypted_where_the_certificate_is_for_the_name_of_phones(
    company: Settings, line: Line, trusted: str, way: str
):
    api.apply(company, "provisioning: {server: phones.example.com}")
    certificates.give(company, [pem(root(), signed(trusted), between(), key())], author=Author("Anna", "page"))
    told = Client().get(f"{page_of(links.make(line))}/linphone.xml").content.decode()
    assert way in told
    typed = Client().post(page_of(links.make(line))).content.decode()
    assert "sip:anna101@phones.example.com" in typed
    assert ("choose TLS" in typed) == ("tls" in way)


def test_a_desk_phone_that_would_cut_an_app_off_is_told_of_and_gets_a_line_of_its_own(company: Settings, line: Line):
    unused, link = links.make(line), links.make(line)
    assert links.set_up([line.sip_username]) == {}
    links.take(link, by="linphone", address="192.0.2.7")
    given = "desk_phones: [{mac: 001565aabb01, model: yealink-t46u, extensions: [101]}]"
    (told,) = api.apply(company, given, dry_run=True).warnings
    assert "was set up in an app by a link" in told.message
    phone = strangers.adopt(company, "001565aabb01", "yealink-t46u", number="101", author=Author("Anna", "page"))
    (name,) = phone.extensions
    assert name not in ("101", line.sip_username)
    assert Line.objects.get(sip_username=name).extension.number == "101"
    assert links.state(unused) is links.State.OPEN
