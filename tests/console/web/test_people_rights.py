"""Nobody gives more than he holds, and a full administrator stays: whichever way somebody tries."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from jackfield.changes.models import Revision
from jackfield.console import api, change
from jackfield.console.change import Author, Removal, Wish
from jackfield.console.declarative.apply import apply
from jackfield.console.declarative.difference import DocumentError
from jackfield.people.models import OwnRole, User

from .conftest import PASSWORD, As, person


def by(user: Any) -> Author:
    return Author(user.login, "page", user)


def refusals(settings: Any, wishes: list[Any], author: Author) -> str:
    before = api.export(settings, secrets=True)
    with pytest.raises(DocumentError) as refused:
        change.save(settings, wishes, author=author)
    assert api.export(settings, secrets=True) == before
    return str(refused.value)


TOO_MUCH = {
    "become an administrator": Wish("users", {"role": "administrator"}, ("the-telephony",)),
    "make another one": Wish("users", {"login": "eve", "role": "administrator"}),
    "give a role of the company's own that holds more": Wish("users", {"role": "Technician"}, ("anna",)),
    "change the e-mail of an administrator": Wish("users", {"email": "eve@example.net"}, ("the-administrator",)),
    "rename an administrator": Wish("users", {"login": "eve"}, ("the-administrator",)),
    "lower an administrator": Wish("users", {"role": "user"}, ("the-administrator",)),
    "shut an administrator out": Wish("users", {"enabled": False}, ("the-administrator",)),
    "remove an administrator": Removal("users", ("the-administrator",)),
    "make a role that holds more": Wish("roles", {"name": "Mine", "areas": {"system": "write"}}),
    "let a role hold more": Wish("roles", {"areas": {"safety": "write"}}, ("Reception",)),
    "weaken a role that holds more": Wish("roles", {"areas": {}}, ("Technician",)),
    "remove a role that holds more": Removal("roles", ("Technician",)),
    "have the directory make administrators": Wish("directory", {"role": "administrator"}),
    "hear any file of the machine": Wish("sounds", {"name": "x", "path": "/srv/recordings/1.wav"}),
    "hear one by a way around": Wish("sounds", {"path": "../../srv/recordings/1.wav"}, ("hello", "")),
    "let administrators sign in without a second factor": Wish("sign_in", {"second_factor": ["user"]}),
    "have a group of the directory do so": Wish("directory", {"group_roles": {"cn=x": "administrator"}}),
}


@pytest.mark.parametrize("way", TOO_MUCH)
def test_who_administers_telephony_can_not(company: Any, way: str):
    api.apply(company, "roles: [{name: Technician, areas: {system: write, safety: write}}]")
    api.apply(company, "sign_in: {second_factor: [administrator, user]}")
    person("administrator")
    person("administrator", "second")
    eve = person("telephony")

    assert "reaches further than your own rights" in refusals(company, [TOO_MUCH[way]], by(eve))


@pytest.mark.parametrize(
    "wish",
    [
        Wish("users", {"login": "carl", "role": "telephony"}),
        Wish("users", {"login": "carl", "role": "Reception"}),
        Wish("users", {"name": "Anna B."}, ("anna",)),
        Removal("users", ("bert",)),
    ],
)
def test_who_administers_telephony_can_do_this(company: Any, wish: Any):
    person("administrator")
    person("user", "bert")
    change.save(company, [wish], author=by(person("telephony")))


@pytest.mark.parametrize(
    "wish",
    [Wish("directory", {"hosts": ["ldap.evil.example"]}), Wish("openid", {"issuer": "https://evil.example"})],
)
def test_nobody_becomes_an_administrator_by_a_server_of_his_own_that_says_so(company: Any, wish: Any):
    api.apply(company, "roles: [{name: Systems, areas: {system: write}}]")
    boss, sam = person("administrator"), person("Systems", "sam")
    assert "decides who people are" in refusals(company, [wish], by(sam))
    change.save(company, [wish], author=by(boss))


def test_neither_a_document_nor_undoing_gives_more_than_its_author_holds(company: Any):
    boss, eve = person("administrator"), person("telephony")
    person("administrator", "second")
    with pytest.raises(DocumentError, match="reaches further"):
        apply("users: [{login: the-telephony, role: administrator}]", author=by(eve))
    with pytest.raises(DocumentError, match="reaches further"):
        apply("users: []", prune=True, author=by(eve))

    change.save(company, [Wish("users", {"role": "user"}, ("second",))], author=by(boss))
    revision = Revision.objects.first()
    with pytest.raises(DocumentError, match="reaches further"):
        change.undo(company, revision, author=by(eve))
    change.undo(company, revision, author=by(boss))
    assert User.objects.get(login="second").role == "administrator"


def test_who_was_lowered_a_moment_ago_gives_nothing_any_more(company: Any):
    person("administrator")
    late = person("administrator", "late")  # as his request has it
    User.objects.filter(pk=late.pk).update(role="user")
    assert "reaches further" in refusals(company, [Wish("users", {"login": "x", "role": "reader"})], by(late))


def test_pages_refuse_it_too(signed_in: As):
    boss = person("administrator", "boss")
    browser = signed_in("telephony")
    eve = User.objects.get(login="the-telephony")
    for pk, login in ((eve.pk, eve.login), (boss.pk, "boss")):
        answer = browser.post(
            f"/admin/users/{pk}", {"login": login, "role": "administrator", "enabled": "yes", "name": "E"}
        )
        assert answer.status_code == 422
        assert "reaches further than your own rights" in answer.content.decode()
    assert browser.post("/admin/users/new", {"login": "x", "role": "administrator"}).status_code == 422
    assert browser.post(f"/admin/users/{boss.pk}/remove").status_code == 422
    for doing in ("password", "link", "factors", "end", "end-all"):
        answer = browser.post(f"/admin/users/{boss.pk}/account", {"do": doing, "new": "tulip-Anvil-93-moss"})
        assert answer.status_code == 403, doing
        assert "/set-password/" not in answer.content.decode()
    assert "reaches further" in browser.get(f"/admin/users/{boss.pk}/account").content.decode()
    for address in ("/admin/roles/new", "/admin/sign_in/", "/admin/sessions"):
        assert browser.post(address, {"name": "Mine", "areas.system": "write"}).status_code == 403
    boss.refresh_from_db()
    assert (boss.role, boss.check_password(PASSWORD), User.objects.get(pk=eve.pk).role) == (
        "administrator", True, "telephony"
    )  # fmt: skip


LAST = {
    "removed": Removal("users", ("the-administrator",)),
    "disabled": Wish("users", {"enabled": False}, ("the-administrator",)),
    "lowered": Wish("users", {"role": "telephony"}, ("the-administrator",)),
}


@pytest.mark.parametrize("way", LAST)
def test_the_last_full_administrator_can_not_be(company: Any, way: str):
    boss = person("administrator")
    person("telephony")
    change.save(company, [Wish("users", {"login": "no-password-yet", "role": "administrator"})], author=by(boss))

    for author in (by(boss), Author("command line", "document")):
        text = refusals(company, [LAST[way]], author)
        assert "is the last full administrator who can sign in: make another one first" in text

    person("administrator", "second")
    change.save(company, [LAST[way]], author=by(boss))


def test_a_document_can_not_leave_the_house_without_administrator(company: Any):
    person("administrator")
    for text, prune in (
        ("users: [{login: the-administrator, enabled: false}]", False),
        ("users: [{login: the-administrator, role: user}]", False),
        ("users: [{login: anna}]", True),
    ):
        with pytest.raises(DocumentError, match="last full administrator"):
            api.apply(company, text, prune=prune)


def test_without_any_administrator_documents_work_as_ever(company: Any):
    assert not User.objects.filter(role="administrator").exists()
    api.apply(company, "users: [{login: carl}]", prune=False)
    api.apply(company, "users: [{login: anna}]", prune=True)
    api.apply(company, "users: [{login: boss, role: administrator}]")
    with pytest.raises(DocumentError, match="last full administrator"):
        api.apply(company, "users: [{login: boss, role: user}]")


def test_a_role_that_may_do_everything_counts_as_full_administration(company: Any):
    everything = dict.fromkeys(("overview", "people", "phones", "lines", "history", "safety", "system"), "write")
    change.save(company, [Wish("roles", {"name": "Owner", "areas": everything})], author=Author("x", "document"))
    boss, owner = person("administrator"), person("Owner", "owner")
    change.save(company, [Wish("users", {"role": "reader"}, (boss.login,))], author=by(owner))

    lower = Wish("roles", {"areas": everything | {"lines": "read"}}, ("Owner",))
    assert "nobody may do everything any more" in refusals(company, [lower], by(owner))
    assert "last full administrator" in refusals(company, [Removal("users", ("owner",))], by(owner))


def test_a_role_that_is_used_stays(company: Any):
    person("Reception", "rita")
    owner = Author("command line", "document")
    assert 'role "Reception" is to be removed or renamed, but is used here' in refusals(
        company, [Removal("roles", ("Reception",))], owner
    )
    assert "is used here" in refusals(company, [Wish("roles", {"name": "Desk"}, ("Reception",))], owner)
    change.save(company, [Wish("sign_in", {"second_factor": ["Reception"]})], author=owner)
    change.save(company, [Removal("users", ("rita",))], author=owner)
    assert "sign_in" in refusals(company, [Removal("roles", ("Reception",))], owner)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("users: [{login: x, role: adminstrator}]", 'there is no role "adminstrator"; did you mean "administrator"?'),
        ("sign_in: {second_factor: [boss]}", 'there is no role "boss"'),
        ("roles: [{name: Administrator}]", '"Administrator" is built in: give this role another name'),
        ("roles: [{name: A, areas: {people: all}}]", '"all" is not known here'),
        ("users: [{login: Anna}]", '"Anna" differs from "anna" in capitals only'),
        ("sign_in: {idle_minutes: 1}", "5"),
    ],
)
def test_what_is_wrong_with_roles_and_rules_is_told(company: Any, text: str, problem: str):
    with pytest.raises(DocumentError) as refused:
        api.apply(company, text)
    assert problem in str(refused.value)


def test_a_role_of_ones_own_opens_what_it_holds(company: Any):
    person("Reception", "rita")
    browser = Client()
    assert browser.post("/sign-in", {"login": "rita", "password": PASSWORD}).status_code == 302
    assert browser.get("/admin/extensions/").status_code == 200
    assert browser.get("/admin/calls/").status_code == 200
    assert browser.get("/me/account").status_code == 200
    assert browser.get("/admin/trunks/").status_code == 403
    assert browser.get("/admin/roles/").status_code == 403
    assert browser.post("/admin/extensions/new", {"number": "150"}).status_code != 403
    assert OwnRole.objects.get().areas.people == "write"


def test_roles_and_rules_are_kept_on_their_pages(admin: Client):
    answer = admin.post("/admin/roles/new", {"name": "Desk", "areas.people": "write", "areas.history": "read"})
    assert answer.status_code == 302, answer.content.decode()
    areas = OwnRole.objects.get(name="Desk").areas
    assert (areas.people, areas.history, areas.system) == ("write", "read", "nothing")
    assert ">Desk</option>" in admin.get("/admin/users/new").content.decode()

    good = {"idle_minutes": "60", "longest_hours": "24", "password_length": "12", "tries": "5", "address_tries": "20"}
    answer = admin.post("/admin/sign_in/", good | {"second_factor": ["Desk", "reader"]})
    assert answer.status_code == 302, answer.content.decode()
    page = admin.get("/admin/sign_in/").content.decode()
    assert 'value="60"' in page
    assert 'value="Desk" checked' in page
    answer = admin.post("/admin/sign_in/", good | {"idle_minutes": "1"})
    assert answer.status_code == 422
    assert 'id="f-idle_minutes-problem"' in answer.content.decode()
