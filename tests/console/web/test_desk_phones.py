"""Pages of desk phones: how one stands, one-time addresses, previews, many at once, templates, what phones ask."""

from __future__ import annotations

import re
import time

import pytest
from django.conf import settings as django_settings
from django.test import Client

from jackfield.changes.models import Revision
from jackfield.console import api
from jackfield.console.lan.phonebook import password_of
from jackfield.console.provisioning.asking import Request
from jackfield.console.provisioning.door import answer
from jackfield.desk_phones.models import Asked, CheckSync, DeskPhone, Link, PhoneTemplate, ProvisioningRules, Standing
from jackfield.history.models import Event
from jackfield.numbers.models import Extension, Line
from jackfield.provisioning.render import builtin
from jackfield.settings import Settings

from .conftest import As

MAC = "00156512abcd"


@pytest.fixture
def phone(company: Settings) -> DeskPhone:
    """The desk phone of the company."""
    return DeskPhone.objects.get(mac=MAC)


def text_of(answer: object) -> str:
    content = answer.content.decode()  # type: ignore[attr-defined]
    return re.sub(r" ([,:.])", r"\1", " ".join(re.sub(r"<[^>]+>", " ", content).split()))


def fetch(mac: str = MAC, **more: str) -> int:
    return answer(Request(path=f"/provision/{mac}.cfg", way="http", address="127.0.0.1", **more)).status


def test_the_list_says_how_phones_stand(admin: Client, phone: DeskPhone):
    assert "has not asked yet" in text_of(admin.get("/admin/desk_phones/"))
    assert fetch() == 200
    assert "has fetched, not registered" in text_of(admin.get("/admin/desk_phones/"))
    api_change = admin.post(f"/admin/desk_phones/{phone.pk}", {
        "mac": MAC, "model": phone.model, "name": "Workshop", "extensions": "bert102", "enabled": "yes",
        "keys.0.kind": "blf", "keys.0.value": "102", "keys.0.line": "1", "site": "",
    })  # fmt: skip
    assert api_change.status_code == 302, text_of(api_change)
    assert "has an older configuration" in text_of(admin.get("/admin/desk_phones/"))
    assert fetch() == 200
    assert "has an older configuration" not in text_of(admin.get(f"/admin/desk_phones/{phone.pk}/now"))


def test_a_one_time_address_is_shown_once_with_where_to_type_it(admin: Client, phone: DeskPhone):
    made = admin.post(f"/admin/desk_phones/{phone.pk}/link")
    found = re.search(r"https://testserver:\d+/provision/([\w-]{24})/", made.content.decode())
    assert found is not None
    assert "Auto Provision" in text_of(made)
    assert made["Cache-Control"] == "no-store"
    again = admin.get(f"/admin/desk_phones/{phone.pk}/now")
    assert found[1] not in again.content.decode()
    assert "waits for its one-time address" in text_of(again)
    outside = Request(
        path=f"/provision/{found[1]}/{MAC}.cfg", way="https", address="203.0.113.9", host="pbx.example.com"
    )
    assert answer(outside).status == 200
    assert answer(outside).status == 410
    page = text_of(admin.get(f"/admin/desk_phones/{phone.pk}/now"))
    assert "used again" in page
    assert "203.0.113.9" in page


def test_an_address_that_waits_can_be_ended(admin: Client, phone: DeskPhone):
    admin.post(f"/admin/desk_phones/{phone.pk}/link")
    admin.post(f"/admin/desk_phones/{phone.pk}/link", {"revoke": "yes"})
    assert "has not asked yet" in text_of(admin.get(f"/admin/desk_phones/{phone.pk}/now"))
    assert Link.objects.get().used is None


def test_a_preview_shows_the_file_and_no_secret(admin: Client, company: Settings, phone: DeskPhone):
    shown = admin.get(f"/admin/desk_phones/{phone.pk}/file").content.decode()
    assert "bert102" in shown
    assert "********" in shown
    assert "not-to-be-shown" not in shown
    assert password_of(company, phone) not in shown
    assert Line.objects.get(sip_username="bert102").sip_password == "not-to-be-shown-2"
    assert admin.get(f"/admin/desk_phones/{phone.pk}/file?name=nothing").status_code == 404


def test_an_extension_that_is_gone_is_named(admin: Client, phone: DeskPhone):
    Extension.objects.get(number="102").delete()
    page = text_of(admin.get(f"/admin/desk_phones/{phone.pk}/now"))
    assert "It names bert102, which is not there any more" in page
    assert fetch() == 200
    assert "an extension of it is gone" in text_of(admin.get("/admin/desk_phones/"))


def test_phones_are_told_now_or_at_night(admin: Client, phone: DeskPhone):
    asked = text_of(admin.get(f"/admin/desk_phones/several/fetch?pk={phone.pk}"))
    assert "1 phone is told" in asked
    admin.post("/admin/desk_phones/several/fetch", {"pk": phone.pk, "what": "restart", "when": "night"})
    one = CheckSync.objects.get()
    assert one.reboot
    assert one.due > one.made
    assert [row.mac for row in one.phones.all()] == [MAC]
    assert "1 phone will be told" in text_of(admin.get("/admin/desk_phones/news"))
    assert "not told" in text_of(admin.post(f"/admin/desk_phones/news/{one.pk}/cancel", follow=True))
    assert not CheckSync.objects.exists()


def test_what_phones_were_told_already_can_not_be_called_off(admin: Client, phone: DeskPhone):
    admin.post("/admin/desk_phones/several/fetch", {"every": "yes", "what": "fetch", "when": "now"})
    CheckSync.objects.update(begun=1.0)
    one = CheckSync.objects.get()
    assert "called off any more" in text_of(admin.post(f"/admin/desk_phones/news/{one.pk}/cancel", follow=True))
    assert CheckSync.objects.exists()
    assert "Do not tell them" not in text_of(admin.get("/admin/desk_phones/news"))


def test_what_came_of_it_is_told(admin: Client, phone: DeskPhone):
    admin.post("/admin/desk_phones/several/fetch", {"every": "yes", "what": "fetch", "when": "now"})
    CheckSync.objects.update(begun=1.0)
    CheckSync.objects.get().phones.update(answered="told")
    page = text_of(admin.get("/admin/desk_phones/news"))
    assert "0 of 1 fetched, 1 silent: Workshop has never fetched" in page
    assert fetch() == 200
    assert "1 of 1 fetched" in text_of(admin.get("/admin/desk_phones/news"))


@pytest.mark.parametrize(
    ("status", "words"), [(401, "asks for a password"), (489, "does not know this order"), (599, "it answered 599")]
)
def test_a_phone_that_refuses_is_not_called_silent(admin: Client, phone: DeskPhone, status: int, words: str):
    admin.post("/admin/desk_phones/several/fetch", {"every": "yes", "what": "fetch", "when": "now"})
    CheckSync.objects.update(begun=1.0)
    CheckSync.objects.get().phones.update(answered="refused", status=status)
    page = text_of(admin.get("/admin/desk_phones/news"))
    assert "0 of 1 fetched, 1 refused: Workshop" in page
    assert words in page
    assert "silent" not in page


def test_a_phone_that_takes_no_password_of_its_line_is_named_with_what_to_set(admin: Client, phone: DeskPhone):
    DeskPhone.objects.filter(pk=phone.pk).update(model="linksys-spa942")
    admin.post("/admin/desk_phones/several/fetch", {"every": "yes", "what": "fetch", "when": "now"})
    CheckSync.objects.update(begun=1.0)
    CheckSync.objects.get().phones.update(answered="refused", status=401)
    assert "set Ext &gt; Auth Resync-Reboot: no" in text_of(admin.get("/admin/desk_phones/news"))


def test_a_box_of_phones_is_scanned_and_labels_come(admin: Client, company: Settings):
    lines = "00:15:65:00:00:01 101 Front desk\n0015.6500.0002\nnot-a-mac\n00:15:65:12:AB:CD\nAABBCC000000\n"
    made = admin.post("/admin/desk_phones/add", {"macs": lines, "model": ""})
    assert made.status_code == 422
    page = text_of(made)
    assert "is no MAC address" in page
    assert "entered already" in page
    assert "choose the model" in page
    first, second = DeskPhone.objects.get(mac="001565000001"), DeskPhone.objects.get(mac="001565000002")
    assert (first.name, first.extensions) == ("Front desk", ("101",))
    assert second.extensions == ("103",)
    labels = admin.get(f"/admin/desk_phones/several/labels?pk={first.pk}&pk={second.pk}")
    page = text_of(labels)
    assert "00:15:65:00:00:01" in page
    assert "101 Anna" in page
    assert labels.content.decode().count("<svg") >= 2
    with_addresses = admin.post("/admin/desk_phones/several/labels", {"pk": [first.pk, second.pk]})
    assert len(set(re.findall(r"/provision/[\w-]{24}/", with_addresses.content.decode()))) == 2


def test_a_second_phone_of_an_extension_gets_a_line_of_its_own(admin: Client, company: Settings):
    admin.post("/admin/desk_phones/add", {"macs": "001565000001 102\n", "model": "yealink-t46u"})
    new = DeskPhone.objects.get(mac="001565000001")
    line = Line.objects.get(sip_username="bert102")
    extension = Extension.objects.get(number="102")
    assert extension.lines.count() == 2
    assert line.sip_password == "not-to-be-shown-2"
    assert new.extensions != ("102",)
    assert new.extensions[0] in set(extension.lines.values_list("sip_username", flat=True))


def test_who_asks_is_taken_in_by_a_click(admin: Client, company: Settings):
    api.apply(company, "provisioning: {new_extensions: never, enabled: 'on'}")
    assert fetch("001565000009") == 404
    page = text_of(admin.get("/admin/desk_phones/news"))
    assert "00:15:65:00:00:09" in page
    admin.post("/admin/desk_phones/asked/001565000009/adopt", {"number": "101", "model": "yealink-t46u"})
    phone = DeskPhone.objects.get(mac="001565000009")
    assert phone.extensions == ("101",)
    assert not Asked.objects.exists()
    assert Revision.objects.order_by("-pk").first().through == "page"
    assert fetch("001565000009") == 200


def test_a_template_of_ones_own_begins_as_ours_and_says_what_differs(admin: Client, company: Settings):
    address = "/admin/phone_models/template?file=yealink:phone.cfg"
    assert "yealink" in text_of(admin.get("/admin/phone_models/")).lower()
    assert "Make one of your own" in text_of(admin.get(address))
    admin.post("/admin/phone_models/template", {"file": "yealink:phone.cfg"})
    row = PhoneTemplate.objects.get(file="yealink:phone.cfg")
    assert row.text.strip() == row.base.strip() == builtin("yealink/phone.cfg").strip()
    admin.post(f"/admin/phone_templates/{row.pk}", {"file": row.file, "text": row.text + "own.setting = 1\n",
                                                    "made_from": row.made_from})  # fmt: skip
    assert "+ own.setting = 1" in text_of(admin.get(address))
    before = builtin("yealink/phone.cfg").replace("#!version:1.0.0.1", "#!version:1.0.0.0", 1)
    PhoneTemplate.objects.update(base=before, text=before + "own.setting = 1\n")
    shown = admin.get(address)
    assert "An update changed ours" in text_of(shown)
    assert "<ins>+ own.setting = 1</ins>\n" in shown.content.decode()  # each line of a difference is one of the page
    admin.post("/admin/phone_models/template", {"file": "yealink:phone.cfg", "merge": "yes"})
    row = PhoneTemplate.objects.get(file="yealink:phone.cfg")
    assert row.text.startswith("#!version:1.0.0.1")
    assert "own.setting = 1" in row.text
    assert "An update changed ours" not in text_of(admin.get(address))


def test_a_template_that_can_not_be_read_is_refused_with_its_line(admin: Client, company: Settings):
    found = admin.post("/admin/phone_templates/new", {"file": "yealink:phone.cfg", "text": "a = 1\n{% if %}\n"})
    assert found.status_code == 422
    assert "Line 2 of yealink/phone.cfg" in text_of(found)
    assert not PhoneTemplate.objects.filter(file="yealink:phone.cfg").exists()


def test_a_reader_sees_and_changes_nothing(signed_in: As, phone: DeskPhone):
    reader = signed_in("reader")
    assert reader.get(f"/admin/desk_phones/{phone.pk}/now").status_code == 200
    assert "Make a new one-time address" not in text_of(reader.get(f"/admin/desk_phones/{phone.pk}/now"))
    assert reader.post(f"/admin/desk_phones/{phone.pk}/link").status_code == 403
    assert reader.post("/admin/phone_models/template", {"file": "yealink:phone.cfg"}).status_code == 403
    assert not Link.objects.exists()
    assert not Standing.objects.exists()


def test_a_new_phone_is_made_from_a_list_of_models_and_leads_on_to_its_address(admin: Client, phone: DeskPhone):
    form = admin.get("/admin/desk_phones/new").content.decode()
    assert '<option value="snom-d785">Snom D785</option>' in form
    assert re.search(r'<select id="f-model"[^>]*>\s*<option value="" selected>–</option>', form)  # none by itself
    made = admin.post("/admin/desk_phones/new", {
        "mac": "00:04:13:12:AB:CD", "model": "snom-d785", "name": "Größe", "extensions": "101", "enabled": "yes",
    })  # fmt: skip
    new = DeskPhone.objects.get(mac="00041312abcd")
    assert made["Location"] == f"/admin/desk_phones/{new.pk}/now"
    assert "Desk phone 00:04:13:12:ab:cd is created" in text_of(admin.get(made["Location"]))
    listed = text_of(admin.get("/admin/desk_phones/"))
    assert "00:04:13:12:ab:cd" in listed
    assert "Snom D785" in listed
    refused = admin.post("/admin/desk_phones/new", {"mac": "00:04:13:12:AB:CE", "model": "", "extensions": ""})
    assert refused.status_code == 422
    assert "Model" in text_of(refused)


@pytest.mark.parametrize("typed", ["00:15:65", "0015.6512", "00-15-65-12-AB-CD", "00156512abcd", "T46U", "Workshop"])
def test_a_phone_is_found_however_its_mac_is_spelled(admin: Client, phone: DeskPhone, typed: str):
    assert f"/admin/desk_phones/{phone.pk}" in admin.get("/admin/desk_phones/", {"q": typed}).content.decode()
    assert f"/admin/desk_phones/{phone.pk}" not in admin.get("/admin/desk_phones/", {"q": f"{typed}9"}).content.decode()


def test_keys_keep_their_places_when_one_between_them_does_nothing(admin: Client, phone: DeskPhone):
    kinds = ["line", "none", "blf", "none", "none"]
    posted = {f"keys.{number}.{part}": value for number, kind in enumerate(kinds)
              for part, value in {"kind": kind, "value": "102" * (kind == "blf"), "line": "1"}.items()}  # fmt: skip
    common = {"mac": MAC, "model": phone.model, "name": "", "extensions": "bert102", "enabled": "yes", "site": ""}
    assert admin.post(f"/admin/desk_phones/{phone.pk}", common | posted).status_code == 302
    phone.refresh_from_db()
    assert [key.kind for key in phone.keys] == ["line", "none", "blf"]
    taken_out = common | posted | {"keys.1.remove": "yes"}
    assert admin.post(f"/admin/desk_phones/{phone.pk}", taken_out).status_code == 302
    phone.refresh_from_db()
    assert [key.kind for key in phone.keys] == ["line", "blf"]


def test_keys_that_a_model_can_not_do_are_told_after_saving(admin: Client, phone: DeskPhone):
    answered = admin.post(f"/admin/desk_phones/{phone.pk}", {
        "mac": MAC, "model": "gigaset-n870", "name": "", "extensions": "bert102", "enabled": "yes", "site": "",
        "keys.0.kind": "blf", "keys.0.value": "101", "keys.0.line": "1",
    }, follow=True)  # fmt: skip
    assert "N870 IP PRO has no keys of its own" in text_of(answered)


def test_logos_and_firmware_are_set_by_the_page(admin: Client, company: Settings):
    form = admin.get("/admin/provisioning/").content.decode()
    values = dict(re.findall(r'<(?:input|select)[^>]* name="(\w+)"[^>]*? value="([^"]*)"', form))
    posted = {name: value for name, value in values.items() if name not in ("client_certificates", "opened")} | {
        "enabled": "auto", "new_extensions": "local", "local_transport": "udp", "remote_transport": "tls",
        "time_server": "time.example.com", "backup_server": "192.0.2.9", "logo": "https://files.example.com/logo.png",
        "firmware": "yealink: https://files.example.com/{model}.rom\nsnom-d785: https://files.example.com/d785.bin",
    }  # fmt: skip
    saved = admin.post("/admin/provisioning/", posted, follow=True)
    assert saved.status_code == 200, text_of(saved)
    assert dict(ProvisioningRules.current().firmware)["snom-d785"] == "https://files.example.com/d785.bin"
    wrong = admin.post("/admin/provisioning/", posted | {"firmware": "snmo: https://files.example.com/"})
    assert wrong.status_code == 422
    assert "did you mean &#34;snom&#34;?" in wrong.content.decode()


def test_a_phone_elsewhere_is_told_an_address_that_is_reached_from_there(admin: Client, phone: DeskPhone):
    from jackfield.network import public_file
    from jackfield.network.public_file import Found, State

    def made(host: str) -> str:
        page = admin.post(f"/admin/desk_phones/{phone.pk}/link", headers={"host": host}).content.decode()
        return re.search(r"https://([^\s<]+):\d+/provision/[\w-]{24}/", page)[1]  # type: ignore[index]

    page = text_of(admin.get(f"/admin/desk_phones/{phone.pk}/now", headers={"host": "192.168.1.1:4021"}))
    assert "192.168.1.1 is reached from your own network only" in page
    assert "known to no phone from the factory" in page
    assert made("192.168.1.1:4021") == "192.168.1.1"  # nothing better is known
    public_file.save(django_settings.JACKFIELD.files.public_addresses, State((Found("203.0.113.5", "stun"),)))
    assert made("192.168.1.1:4021") == made("pbx.lan") == made("localhost:4021") == "203.0.113.5"
    assert made("pbx.example.com:4021") == "pbx.example.com"
    assert made("[2001:db8::1]:4021") == "[2001:db8::1]"
    api.apply(django_settings.JACKFIELD, "provisioning: {server: phones.example.com}")
    assert made("192.168.1.1:4021") == "phones.example.com"
    assert "own network only" not in text_of(admin.get(f"/admin/desk_phones/{phone.pk}/now"))


def test_a_phone_in_the_house_is_not_sent_to_itself(admin: Client, phone: DeskPhone, monkeypatch: pytest.MonkeyPatch):
    from jackfield.console import reached

    monkeypatch.setattr(reached, "here", lambda _: ["192.168.1.1"])
    for host in ("localhost:4021", "127.0.0.1:4021", "[::1]:4021"):
        page = text_of(admin.get(f"/admin/desk_phones/{phone.pk}/now", headers={"host": host}))
        assert "https://192.168.1.1:" in page
        assert f"https://{host.rpartition(':')[0]}:" not in page


def test_what_a_phone_does_in_the_house_is_not_promised_where_its_mac_is_not_enough(admin: Client, phone: DeskPhone):
    address = f"/admin/desk_phones/{phone.pk}/now"
    assert "it finds us by itself" in text_of(admin.get(address))
    api.apply(django_settings.JACKFIELD, "provisioning: {enabled: auto}\nsettings: {public_address: 198.51.100.7}")
    assert "needs a one-time address here too" in text_of(admin.get(address))
    assert "This machine has a public address" in text_of(admin.get("/admin/plug_and_play/now"))


def test_a_phone_says_which_model_it_is_when_it_first_asks_and_later_the_page_says_so(admin: Client, phone: DeskPhone):
    admin.post("/admin/desk_phones/add", {"macs": "MAC: 00:15:65:12:AB:D1 101", "model": ""})
    scanned = DeskPhone.objects.get(mac="00156512abd1")
    assert scanned.model != "yealink-t46u"
    said = "Yealink SIP-T46U 108.86.0.20 00:15:65:12:ab:d1"
    assert fetch(scanned.mac, user_agent=said) == 200
    scanned.refresh_from_db()
    assert scanned.model == "yealink-t46u"
    assert "yealink-t46u" in str(Revision.objects.first().__dict__)
    assert fetch(scanned.mac, user_agent=said.replace("T46U", "T42S")) == 409
    Standing.objects.update(last_fetch=1.0)
    assert fetch(scanned.mac, user_agent=said.replace("T46U", "T42S")) == 200
    page = text_of(admin.get(f"/admin/desk_phones/{scanned.pk}/now"))
    assert "It says that it is a Yealink T42S, and is entered as another model" in page


def test_a_number_that_was_mistyped_is_named_and_labels_of_the_rest_are_offered(admin: Client, company: Settings):
    made = admin.post("/admin/desk_phones/add", {"macs": "00:15:65:00:00:01 998\nnonsense", "model": ""})
    assert "Extension 998 was not there, and was made." in text_of(made)
    pk = DeskPhone.objects.get(mac="001565000001").pk
    assert f'href="/admin/desk_phones/several/labels?pk={pk}"' in made.content.decode()


def test_who_searches_for_phones_is_told_apart_from_phones_that_nobody_has_entered(admin: Client, company: Settings):
    for number in range(6):
        Asked.objects.create(mac=f"0015650000{number:02x}", first=1.0, last=time.time(), address="203.0.113.9", count=2)
    Asked.objects.create(mac="001565999999", first=1.0, last=time.time(), address="192.168.1.9", local=True)
    page = text_of(admin.get("/admin/desk_phones/news"))
    assert "7 MAC addresses that nobody has entered have asked, 13 times in all" in page
    assert "203.0.113.9 has tried 6 MAC addresses" in page
    assert "00:15:65:00:00:01" not in page
    assert "00:15:65:99:99:99" in page


@pytest.mark.parametrize(
    ("path", "words"),
    [("/provision/../../etc/passwd", "A name that no phone asks for"), ("/provision/ffffffffffff.cfg", "means many")],
)
def test_tricks_are_told_on_the_page(admin: Client, company: Settings, path: str, words: str):
    assert answer(Request(path=path, way="tftp", address="192.168.1.9")).status == 404
    page = text_of(admin.get("/admin/desk_phones/news"))
    assert words in page
    assert "192.168.1.9, TFTP" in page


def test_a_template_that_fails_on_phones_is_told_when_it_is_saved_and_not_read_out(admin: Client, phone: DeskPhone):
    admin.post("/admin/phone_models/template", {"file": "yealink:phone.cfg"})
    own = PhoneTemplate.objects.get(file="yealink:phone.cfg")
    more = own.text + "x = {{ phone.accounts[7].number.nothing }}\n"
    saved = text_of(admin.post(f"/admin/phone_templates/{own.pk}", {"file": own.file, "text": more}, follow=True))
    line = more.count("\n")
    assert f"ine {line} of yealink/phone.cfg: tuple object has no element 7. Until it is mended" in saved
    assert "text: 1 line is another" in saved
    assert "sip_server" not in saved
    assert "it has an error" in text_of(admin.get("/admin/phone_models/"))
    assert "instead of" not in text_of(admin.get("/admin/changes/"))


def test_a_models_page_says_what_to_know_before_buying_it(admin: Client, phone: DeskPhone):
    shown = text_of(admin.get("/admin/phone_models/linksys-spa504g"))
    for said in ("Cisco SPA504G", "64 more on expansion modules", "Custom CA URL", "not on a real phone", "128x48"):
        assert said in shown
    assert "Workshop" in text_of(admin.get(f"/admin/phone_models/{phone.model}"))
    assert admin.get("/admin/phone_models/nokia-3310").status_code == 404
    assert "Asks for <MAC>.boot" in admin.get(f"/admin/desk_phones/{phone.pk}/now").content.decode().replace(
        "&lt;", "<").replace("&gt;", ">")  # fmt: skip


def test_the_password_of_phones_own_pages_is_shown_to_who_asks_and_that_is_kept(
    admin: Client, signed_in: As, phone: DeskPhone
):
    assert "not-to-be-shown-5" not in admin.get(f"/admin/desk_phones/{phone.pk}/now").content.decode()
    assert signed_in("reader").post(f"/admin/desk_phones/{phone.pk}/passwords").status_code == 403
    shown = admin.post(f"/admin/desk_phones/{phone.pk}/passwords")
    assert "not-to-be-shown-5" in shown.content.decode()
    assert shown["Cache-Control"] == "no-store"
    (event,) = Event.objects.filter(kind="secrets_shown")
    assert "Workshop" in event.data["what"]


def test_what_is_typed_is_shown_as_the_vendors_page_wants_it(admin: Client, phone: DeskPhone):
    DeskPhone.objects.filter(pk=phone.pk).update(model="grandstream-grp2614")
    page = text_of(admin.post(f"/admin/desk_phones/{phone.pk}/link"))
    shown = re.search(r"\S+/provision/[\w-]{24}/", page)
    assert shown is not None
    assert not shown[0].startswith("http")  # the protocol is chosen beside it
    assert "User Name and Password stay empty" in page
