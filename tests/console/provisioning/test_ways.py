"""Who gets a phone's configuration, and who does not."""

from __future__ import annotations

import json

import pytest

from jackfield.console import api
from jackfield.console.declarative.difference import DocumentError
from jackfield.console.provisioning import links
from jackfield.console.provisioning.asking import Request
from jackfield.console.provisioning.door import answers
from jackfield.desk_phones.choices import Trouble
from jackfield.desk_phones.models import Asked, DeskPhone, Incident, Standing
from jackfield.numbers.models import Extension, Line
from jackfield.settings import Settings

from .conftest import LOCAL, MAC, NOW, OTHER, OUTSIDE, YEALINK, ask, ask_outside, basic, lines_in


def troubles() -> list[tuple[str, str]]:
    return [(row.kind, row.mac) for row in Incident.objects.order_by("pk")]


@pytest.mark.parametrize("way", ["http", "tftp"])
def test_a_phone_of_ours_in_the_local_networks_gets_its_file_for_its_mac(everywhere: Settings, way: str):
    found = ask(way=way, path=f"/provision/{MAC}.cfg" if way == "http" else f"{MAC.upper()}.cfg")
    assert found.status == 200
    told = lines_in(found.body)
    line = Line.objects.get(sip_username="anna101")
    assert (told["account.1.user_name"], told["account.1.label"]) == ("anna101", "101")
    assert told["account.1.password"] == line.sip_password != "first-password-101"
    standing = Standing.objects.get()
    assert (standing.fetches, standing.last_fetch, standing.address, standing.way) == (1, NOW, LOCAL, way)
    assert standing.firmware == "108.86.0.20"


@pytest.mark.parametrize("way", ["http", "tftp", "pnp"])
def test_nothing_is_given_by_plain_ways_outside_the_local_networks(company: Settings, way: str):
    found = ask(way=way, address=OUTSIDE)
    assert found.status == 403
    assert b"account" not in found.body
    assert troubles() == [("outside", MAC)]
    assert "https://" in Standing.objects.get().trouble_detail
    assert Line.objects.get(sip_username="anna101").sip_password == "first-password-101"


def test_a_mac_alone_is_not_enough_from_outside(company: Settings):
    found = ask_outside()
    assert found.status == 401
    assert [value.partition(" ")[0] for _name, value in found.headers] == ["Digest", "Basic"]
    assert troubles() == []


def test_whether_there_is_such_a_phone_is_not_told_to_strangers(company: Settings):
    ours, nobodys = ask_outside(), ask_outside(f"{OTHER}.cfg", user_agent="")
    assert (ours.status, ours.body) == (nobodys.status, nobodys.body)
    row = Asked.objects.get()
    assert (row.mac, row.address, row.local) == (OTHER, OUTSIDE, False)


def test_a_one_time_address_gives_the_phone_its_own_password_and_works_once(everywhere: Settings):
    secret = links.new(DeskPhone.objects.get(), now=NOW, hours=72)
    first = ask_outside(path=f"/provision/{secret}/{MAC}.cfg")
    assert first.status == 200
    told = lines_in(first.body)
    assert told["static.auto_provision.server.url"] == "https://pbx.example.com:8443/provision/"
    assert told["static.auto_provision.server.username"] == MAC
    own = told["static.auto_provision.server.password"]
    again = ask_outside(path=f"/provision/{secret}/{MAC}.cfg", address="203.0.113.99", now=NOW + 60)
    assert (again.status, b"works once" in again.body) == (410, True)
    assert troubles() == [("used", MAC)]
    assert OUTSIDE in Incident.objects.get().detail  # who had it first
    with_password = ask_outside(authorization=basic(MAC, own), now=NOW + 120)
    assert with_password.status == 200
    assert secret not in str(list(Standing.objects.values()))


def test_the_phone_that_used_it_is_refused_the_same_file_too(company: Settings):
    secret = links.new(DeskPhone.objects.get(), now=NOW, hours=72)
    assert ask_outside(path=f"/provision/{secret}/{MAC}.cfg").status == 200
    assert ask_outside(path=f"/provision/{secret}/y000000000108.cfg", now=NOW + 2).status == 200  # one visit, two files
    assert ask_outside(path=f"/provision/{secret}/{MAC}.cfg", now=NOW + 3).status == 410


def test_an_expired_address_is_named(company: Settings):
    secret = links.new(DeskPhone.objects.get(), now=NOW, hours=1)
    late = ask_outside(path=f"/provision/{secret}/{MAC}.cfg", now=NOW + 3601)
    assert (late.status, b"expired" in late.body) == (410, True)
    assert troubles() == [("expired", MAC)]


def test_a_stolen_address_gives_nothing_to_another_phone(company: Settings):
    secret = links.new(DeskPhone.objects.get(), now=NOW, hours=72)
    found = ask_outside(path=f"/provision/{secret}/{OTHER}.cfg", user_agent="")
    assert found.status == 403
    assert "00:15:65:12:ab:ce" in Incident.objects.get().detail
    assert ask_outside(path=f"/provision/{secret}/{MAC}.cfg", now=NOW + 5).status == 200  # it was not used up


def test_files_without_secrets_do_not_use_the_address_up(company: Settings):
    secret = links.new(DeskPhone.objects.get(), now=NOW, hours=72)
    for name, status in (("y000000000000.boot", 404), (f"{MAC}.boot", 404), ("y000000000108.cfg", 200)):
        assert ask_outside(path=f"/provision/{secret}/{name}").status == status
    assert ask_outside(path=f"/provision/{secret}/{MAC}.cfg", method="HEAD").status == 200
    assert ask_outside(path=f"/provision/{secret}/{MAC}.cfg").status == 200


def test_a_new_address_ends_the_one_before(company: Settings):
    phone = DeskPhone.objects.get()
    first = links.new(phone, now=NOW, hours=72)
    second = links.new(phone, now=NOW + 1, hours=72)
    assert ask_outside(path=f"/provision/{first}/{MAC}.cfg", now=NOW + 2).status == 410
    assert ask_outside(path=f"/provision/{second}/{MAC}.cfg", now=NOW + 3).status == 200


def test_an_address_that_was_never_given_out_is_told(company: Settings):
    assert ask_outside(path=f"/provision/{'x' * 24}/{MAC}.cfg").status == 404
    assert troubles() == [("unknown_secret", MAC)]


def test_the_passwords_for_fetching_change_each_time_and_the_one_before_counts_until_the_new_one_is_used(
    company: Settings,
):
    secret = links.new(DeskPhone.objects.get(), now=NOW, hours=72)
    first = own_password(ask_outside(path=f"/provision/{secret}/{MAC}.cfg").body)
    second = own_password(ask_outside(authorization=basic(MAC, first), now=NOW + 60).body)
    # it never read that file, and comes with the password of before
    third = own_password(ask_outside(authorization=basic(MAC, first), now=NOW + 120).body)
    assert len({first, second, third}) == 3
    assert ask_outside(authorization=basic(MAC, third), file="y000000000108.cfg", now=NOW + 180).status == 200
    assert ask_outside(authorization=basic(MAC, first), now=NOW + 240).status == 401
    assert troubles() == [("credentials", MAC)]


def own_password(body: bytes) -> str:
    return lines_in(body)["static.auto_provision.server.password"]


def test_digest_proves_a_phone_as_well(company: Settings):
    from jackfield.sip.digest import DigestClient

    secret = links.new(DeskPhone.objects.get(), now=NOW, hours=72)
    own = own_password(ask_outside(path=f"/provision/{secret}/{MAC}.cfg").body)
    path, client = f"/provision/{MAC}.cfg", DigestClient()
    asked = [value for name, value in ask_outside(now=NOW + 60).headers if value.startswith("Digest")]
    proof = client.answer(asked, "GET", path, MAC, own)
    assert ask_outside(authorization=proof, now=NOW + 60).status == 200
    replayed = ask_outside(authorization=proof, now=NOW + 61)
    assert replayed.status == 401  # by the next password now; and this one was for one request
    wrong = client.answer(asked, "GET", path, MAC, "a-wrong-one")
    assert ask_outside(authorization=wrong, now=NOW + 62).status == 401
    assert ("credentials", MAC) in troubles()


def test_a_phone_can_not_fetch_the_file_of_another_one_with_its_password(company: Settings):
    api.apply(company, f"desk_phones: [{{mac: {OTHER}, model: yealink-t46u, extensions: [102]}}]")
    secret = links.new(DeskPhone.objects.get(mac=MAC), now=NOW, hours=72)
    own = own_password(ask_outside(path=f"/provision/{secret}/{MAC}.cfg").body)
    assert ask_outside(f"{OTHER}.cfg", authorization=basic(MAC, own), user_agent="", now=NOW + 60).status == 403
    assert Line.objects.get(sip_username="bert102").sip_password == "first-password-102"


def test_guessing_is_stopped_after_a_while(company: Settings):
    for number in range(30):
        assert ask_outside(authorization=basic(MAC, f"guess-{number}")).status == 401
    found = ask_outside(authorization=basic(MAC, "guess-31"))
    assert found.status == 429
    assert dict(found.headers)["Retry-After"] == "60"
    assert Incident.objects.get().count == 30
    assert ask(address="192.168.1.77").status == 200  # nobody else has to wait


def test_a_certificate_of_its_maker_proves_a_phone_where_that_is_allowed(company: Settings):
    assert ask_outside(certificate="00:15:65:12:AB:CD").status == 401
    api.apply(company, "provisioning: {client_certificates: true}")
    assert ask_outside(certificate="00:15:65:12:AB:CD").status == 200
    assert ask_outside(certificate="00:15:65:12:AB:CE", now=NOW + 1).status == 403
    assert ("credentials", OTHER) in troubles()


# --- switched off ---------------------------------------------------------------------------------------------------


def test_all_of_it_can_be_switched_off(company: Settings):
    secret = links.new(DeskPhone.objects.get(), now=NOW, hours=72)
    api.apply(company, 'provisioning: {enabled: "off"}')
    assert ask().status == 403
    assert ask_outside(path=f"/provision/{secret}/{MAC}.cfg").status == 403
    assert {kind for kind, _mac in troubles()} == {"switched_off"}


def test_a_machine_with_a_public_address_gives_nothing_for_a_mac_alone_unless_told_so(company: Settings):
    api.apply(company, "{provisioning: {enabled: auto}, settings: {public_address: 198.51.100.7}}")
    assert ask().status == 403
    assert "public address" in Incident.objects.get().detail
    secret = links.new(DeskPhone.objects.get(), now=NOW, hours=72)
    assert ask_outside(path=f"/provision/{secret}/{MAC}.cfg").status == 200
    api.apply(company, 'provisioning: {enabled: "on"}')
    assert ask(now=NOW + 600).status == 200


def test_one_phone_can_be_switched_off(company: Settings):
    api.apply(company, f"desk_phones: [{{mac: {MAC}, enabled: false}}]")
    assert ask().status == 403
    assert troubles() == [("switched_off", MAC)]


# --- strange phones -------------------------------------------------------------------------------------------------


def test_an_unknown_phone_in_the_local_networks_gets_an_extension_of_its_own(everywhere: Settings):
    found = ask(f"{OTHER}.cfg", user_agent=YEALINK.replace("cd", "ce"), address="192.168.1.21")
    assert found.status == 200
    extension = Extension.objects.get(number="103")
    phone = DeskPhone.objects.get(mac=OTHER)
    assert (phone.model, phone.extensions) == ("yealink-t46u", ("103",))
    assert lines_in(found.body)["account.1.password"] == extension.lines.get().sip_password
    assert not Asked.objects.exists()


def test_an_unknown_phone_only_asks_where_nobody_gets_an_extension_by_itself(company: Settings):
    api.apply(company, "provisioning: {new_extensions: never}")
    for _ in range(2):
        assert ask(f"{OTHER}.cfg", user_agent="").status == 404
    row = Asked.objects.get()
    assert (row.mac, row.count, row.local, row.address) == (OTHER, 2, True, LOCAL)
    assert not Extension.objects.filter(number="103").exists()


def test_a_phone_of_unknown_make_gets_nothing_by_itself(company: Settings):
    assert ask("aabbcc000001.cfg", user_agent="").status == 404
    assert (Asked.objects.get().mac, Asked.objects.get().model) == ("aabbcc000001", "")


def test_made_up_macs_do_not_fill_the_database(company: Settings, monkeypatch: pytest.MonkeyPatch):
    from jackfield.console.provisioning import strangers

    monkeypatch.setattr(strangers, "MOST", 5)
    monkeypatch.setattr(strangers.new_ones, "times", 2)
    for number in range(12):
        ask(f"0015651200{number:02x}.cfg", user_agent="", now=NOW + number)
    assert DeskPhone.objects.count() == 1 + 2
    assert Asked.objects.count() <= 5
    assert next(one.mac for one in strangers.since(NOW)) == "00156512000b"


def test_a_phone_that_loops_is_slowed_and_named(company: Settings):
    found = [ask(now=NOW + number) for number in range(10)]
    assert [one.status for one in found] == [200] * 8 + [429] * 2
    assert int(dict(found[-1].headers)["Retry-After"]) > 0
    assert ("loop", MAC) in troubles()
    assert ask(now=NOW + 61).status == 200


def test_two_phones_with_one_mac_are_not_served_both(company: Settings):
    assert ask().status == 200
    second = ask(address="192.168.1.33", now=NOW + 10)
    assert second.status == 409
    detail = Incident.objects.get().detail
    assert LOCAL in detail
    assert "192.168.1.33" in detail
    assert ask(address="192.168.1.33", now=NOW + 600).status == 200  # it has moved


def test_another_model_with_the_same_mac_is_named(company: Settings):
    assert ask().status == 200
    assert ask(user_agent=YEALINK.replace("T46U", "T42S"), now=NOW + 10).status == 409


@pytest.mark.parametrize(
    "path", ["/provision/../../etc/passwd", "/provision/%2e%2e/x.cfg", "..\\..\\x", f"/provision/a/../{MAC}.cfg"]
)
def test_tricks_with_paths_get_nothing_and_are_told(company: Settings, path: str):
    found = ask(path=path)
    assert found.status == 404
    assert Incident.objects.get().kind == "trick"


# --- what is given ----------------------------------------------------------------------------------------------------


def test_an_extension_deleted_under_a_phone_leaves_a_file_without_it(company: Settings):
    api.apply(company, f"desk_phones: [{{mac: {MAC}, extensions: [101, 102]}}]")
    assert lines_in(ask().body)["account.2.user_name"] == "bert102"
    Extension.objects.get(number="101").delete()
    told = lines_in(ask(now=NOW + 200).body)
    assert told["account.1.user_name"] == "bert102"
    assert told["account.2.enable"] == "0"


def own_template(text: str) -> str:
    return f"phone_templates: [{{file: 'yealink:phone.cfg', text: {json.dumps(text)}}}]"


def test_a_template_with_an_error_is_told_with_its_line_and_the_last_good_one_serves(company: Settings):
    good = "#!version:1.0.0.1\naccount.1.user_name = {{ phone.accounts[0].username }}\n"
    api.apply(company, own_template(good))
    assert lines_in(ask().body) == {"account.1.user_name": "anna101"}
    bad = "#!version:1.0.0.1\n{{ phone.accounts[7].username }}\n"
    api.apply(company, own_template(bad))
    found = ask(now=NOW + 200)
    assert (found.status, lines_in(found.body)) == (200, {"account.1.user_name": "anna101"})
    row = Incident.objects.get()
    assert row.kind == "template"
    assert "line 2 of yealink/phone.cfg" in row.detail


def test_without_a_good_one_before_the_built_in_template_serves(company: Settings):
    api.apply(company, "phone_templates: [{file: 'yealink:phone.cfg', text: '{{ nothing.at.all }}'}]")
    assert lines_in(ask().body)["account.1.user_name"] == "anna101"


def test_many_at_once_are_answered_each_for_itself(everywhere: Settings):
    api.apply(everywhere, f"desk_phones: [{{mac: {OTHER}, model: yealink-t46u, extensions: [102]}}]")
    asked = [
        Request(path=f"/provision/{mac}.cfg", way="http", address=f"192.168.1.{number}", host="192.168.1.1")
        for number, mac in ((20, MAC), (21, OTHER), (22, "001565ffffff"), (20, MAC))
    ]
    found = answers(asked, now=NOW)
    assert [one.status for one in found] == [200, 200, 200, 200]
    last = lines_in(found[3].body)["account.1.password"]
    assert Line.objects.get(sip_username="anna101").sip_password == last


def test_what_went_wrong_has_words_for_the_page():
    assert {"used", "expired", "unknown_secret", "credentials", "outside", "switched_off", "loop", "two_places",
            "template", "nothing", "stolen", "trick", "name"} == set(Trouble.values)  # fmt: skip


def test_programs_are_told_that_a_phone_was_provisioned(company: Settings):
    from jackfield.webhooks.models import Delivery, Webhook

    Webhook.objects.create(name="CRM", address="https://crm.example.com/hook", secret="whsec_eA==", events=("phone.*",))
    assert ask().status == 200
    row = Delivery.objects.get()
    assert (row.kind, row.about) == ("phone.provisioned", MAC)
    assert '"extensions":["101"]' in row.body
    assert "password" not in row.body


def test_a_line_is_on_one_phone_only(company: Settings):
    with pytest.raises(DocumentError, match="on the desk phone Reception already"):
        api.apply(company, f"desk_phones: [{{mac: {OTHER}, model: yealink-t46u, extensions: [anna101]}}]")


def test_an_extension_that_is_not_there_is_doubtful_and_no_mistake(company: Settings):
    found = api.apply(company, f"desk_phones: [{{mac: {OTHER}, model: yealink-t46u, extensions: [999]}}]")
    assert "there is no extension or SIP name 999" in found.warnings[0].message
    assert ask(f"{OTHER}.cfg", user_agent="").status == 200
