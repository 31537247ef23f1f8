"""Users of a real LDAP directory: imported, kept in step, signing in with its passwords."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from jackfield.console import api, directory, importing
from jackfield.directory.models import Directory
from jackfield.directory.person import DirectoryError
from jackfield.numbers.models import Extension
from jackfield.people.models import User
from jackfield.settings import Settings

from . import slapd

pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(slapd.PROGRAM is None, reason="slapd is not installed"),
]


@pytest.fixture
def ldap(tmp_path_factory: pytest.TempPathFactory, free_port: Callable[[], int]) -> Iterator[slapd.Server]:
    folder: Path = tmp_path_factory.mktemp("slapd")
    with slapd.server(folder, free_port(), free_port()) as running:
        running.add("anna", "Anna Bell", "annas-password", telephoneNumber="105")
        running.add("bert", "Bert Cole", "berts-password")
        yield running


def configure(ldap: slapd.Server, **more: Any) -> Directory:
    values: dict[str, Any] = {
        "enabled": True, "kind": "openldap", "hosts": (f"127.0.0.1:{ldap.tls_port}",), "security": "tls",
        "certificate": str(ldap.certificate), "bind_name": slapd.READER, "bind_password": slapd.READER_PASSWORD,
        "base": slapd.BASE, "number_attribute": "telephoneNumber",
    }  # fmt: skip
    found = Directory(pk=1, **values | more)
    found.save()
    return found


def test_people_become_users_with_their_numbers(sqlite: Settings, ldap: slapd.Server):
    configure(ldap)
    tried = importing.bring_in_step(sqlite, dry_run=True)
    assert (tried.created, User.objects.count()) == (["anna", "bert"], 0)

    outcome = importing.bring_in_step(sqlite)
    assert (outcome.created, outcome.problems) == (["anna", "bert"], [])
    anna = User.objects.get(login="anna")
    assert (anna.name, anna.email, anna.role) == ("Anna Bell", "anna@example.com", "user")
    assert Extension.objects.get(number="105").user == anna

    again = importing.bring_in_step(sqlite)
    assert (again.created, again.changed, again.disabled, again.problems) == ([], [], [], [])


def test_what_changes_there_changes_here(sqlite: Settings, ldap: slapd.Server):
    configure(ldap)
    importing.bring_in_step(sqlite)
    with ldap.change() as connection:
        connection.modify(f"uid=anna,ou=people,{slapd.BASE}", {"mail": [("MODIFY_REPLACE", ["bell@example.com"])]})
        connection.modify_dn(f"uid=anna,ou=people,{slapd.BASE}", "uid=anna.bell")
        connection.delete(f"uid=bert,ou=people,{slapd.BASE}")

    outcome = importing.bring_in_step(sqlite)
    assert (outcome.changed, outcome.disabled) == (["anna.bell"], ["bert"])
    assert User.objects.get(login="anna.bell").email == "bell@example.com"
    assert Extension.objects.get(number="105").user.login == "anna.bell"
    assert not User.objects.get(login="bert").enabled
    assert importing.bring_in_step(sqlite).disabled == []


def test_who_comes_back_is_enabled_again_but_not_whom_an_administrator_disabled(sqlite: Settings, ldap):
    configure(ldap)
    importing.bring_in_step(sqlite)
    User.objects.filter(login="anna").update(enabled=False)
    importing.bring_in_step(sqlite)
    assert not User.objects.get(login="anna").enabled

    configure(ldap, filter="(uid=anna)")
    importing.bring_in_step(sqlite)
    assert not User.objects.get(login="bert").enabled
    configure(ldap)
    importing.bring_in_step(sqlite)
    assert User.objects.get(login="bert").enabled


def test_the_directory_checks_the_password_at_every_sign_in(sqlite: Settings, ldap: slapd.Server):
    configure(ldap)

    def sign_in(login: str, password: str) -> int:
        return Client().post("/sign-in", {"login": login, "password": password}).status_code

    assert sign_in("anna", "wrong") == 422
    assert sign_in("anna", "") == 422
    assert sign_in("anna", "annas-password") == 302  # imported at this moment
    assert User.objects.get(login="anna").password == ""
    assert sign_in("ANNA", "annas-password") == 302
    assert sign_in("*", "annas-password") == 422
    assert sign_in("anna)(uid=bert", "berts-password") == 422
    with ldap.change() as connection:
        connection.delete(f"uid=anna,ou=people,{slapd.BASE}")
    assert sign_in("anna", "annas-password") == 422


def test_a_user_with_a_password_of_ours_is_not_taken_over(sqlite: Settings, ldap: slapd.Server):
    configure(ldap, role="administrator")
    own = User(login="anna", role="administrator")
    own.set_password("our-own-password")
    own.save()
    outcome = importing.bring_in_step(sqlite)
    assert outcome.created == ["bert"]
    assert "there is a user of that name with a password of our own" in outcome.problems[0]
    assert Client().post("/sign-in", {"login": "anna", "password": "annas-password"}).status_code == 422


def test_one_who_does_not_fit_stops_nobody_else(sqlite: Settings, ldap: slapd.Server):
    configure(ldap)
    ldap.add("carla", "Carla Dee", telephoneNumber="not a number")
    api.apply(sqlite, "users: [{login: max}]\nextensions: [{number: 105, user: max}]")
    outcome = importing.bring_in_step(sqlite)
    assert outcome.created == ["anna", "bert", "carla"]
    assert any("carla" in text for text in outcome.problems)
    assert "anna: extension 105 belongs to max here" in outcome.problems


def test_groups_choose_people_and_give_roles(sqlite: Settings, ldap: slapd.Server):
    group = f"cn=phones,ou=groups,{slapd.BASE}"
    chiefs = f"cn=chiefs,ou=groups,{slapd.BASE}"
    with ldap.change() as connection:
        members = [f"uid={login},ou=people,{slapd.BASE}" for login in ("anna", "bert")]
        connection.add(group, "groupOfNames", {"member": members})
        connection.add(chiefs, "groupOfNames", {"member": members[:1]})
    ldap.add("carla", "Carla Dee")
    configure(ldap, groups=(group,), group_roles={chiefs: "reader"})
    assert importing.bring_in_step(sqlite).created == ["anna", "bert"]
    assert dict(User.objects.values_list("login", "role")) == {"anna": "reader", "bert": "user"}


def test_a_role_that_a_group_gave_goes_with_the_group(sqlite: Settings, ldap: slapd.Server):
    chiefs = f"cn=chiefs,ou=groups,{slapd.BASE}"
    people = [f"uid={login},ou=people,{slapd.BASE}" for login in ("anna", "bert")]
    with ldap.change() as connection:
        connection.add(chiefs, "groupOfNames", {"member": people})
    configure(ldap, group_roles={chiefs: "telephony"})
    importing.bring_in_step(sqlite)
    User.objects.filter(login="bert").update(role="reader")  # an administrator has lowered him, by another way
    with ldap.change() as connection:
        connection.modify(chiefs, {"member": [("MODIFY_REPLACE", [slapd.READER])]})
    importing.bring_in_step(sqlite)
    assert dict(User.objects.values_list("login", "role")) == {"anna": "user", "bert": "reader"}


def test_an_extension_moves_when_its_number_changes_there(sqlite: Settings, ldap: slapd.Server):
    configure(ldap)
    importing.bring_in_step(sqlite)
    api.apply(sqlite, "extensions: [{number: 105, lines: [{sip_username: annas-phone}]}, {number: 107, user: bert}]")

    def renumber(number: str) -> importing.Outcome:
        with ldap.change() as connection:
            dn = f"uid=anna,ou=people,{slapd.BASE}"
            connection.modify(dn, {"telephoneNumber": [("MODIFY_REPLACE", [number] if number else [])]})
        return importing.bring_in_step(sqlite)

    assert renumber("106").changed == ["anna"]
    (extension,) = Extension.objects.filter(user__login="anna")
    assert extension.number == "106"
    assert extension.lines.filter(sip_username="annas-phone").exists()
    assert renumber("107").problems == ["anna: extension 107 belongs to bert here"]
    assert renumber("not a number").problems
    assert Extension.objects.get(user__login="anna").number == "106"
    assert renumber("108").problems == []
    assert Extension.objects.get(user__login="anna").number == "108"
    assert renumber("").problems == []
    assert Extension.objects.get(user__login="anna").number == "108"


def test_a_number_that_can_not_be_does_not_keep_its_person_out(sqlite: Settings, ldap: slapd.Server):
    configure(ldap)
    ldap.add("carla", "Carla Dee", "carlas-password", telephoneNumber="not a number")
    outcome = importing.bring_in_step(sqlite)
    assert outcome.created == ["anna", "bert", "carla"]
    assert [text for text in outcome.problems if text.startswith("carla: ")]
    assert Client().post("/sign-in", {"login": "carla", "password": "carlas-password"}).status_code == 302


def test_a_directory_that_shows_nobody_any_more_disables_nobody(sqlite: Settings, ldap: slapd.Server):
    configure(ldap)
    importing.bring_in_step(sqlite)
    configure(ldap, base=f"ou=groups,{slapd.BASE}")
    with pytest.raises(DirectoryError, match="nobody is disabled"):
        importing.bring_in_step(sqlite)
    assert User.objects.get(login="anna").enabled


def test_who_comes_anew_under_an_old_name_takes_the_place(sqlite: Settings, ldap: slapd.Server):
    configure(ldap)
    importing.bring_in_step(sqlite)
    with ldap.change() as connection:
        connection.delete(f"uid=bert,ou=people,{slapd.BASE}")
    importing.bring_in_step(sqlite)
    assert not User.objects.get(login="bert").enabled
    ldap.add("bert", "Bert the Second", "new-password")
    outcome = importing.bring_in_step(sqlite)
    assert (outcome.changed, outcome.disabled, outcome.problems) == (["bert"], [], [])
    bert = User.objects.get(login="bert")
    assert (bert.name, bert.enabled) == ("Bert the Second", True)
    with ldap.change() as connection:  # both within one interval
        connection.delete(f"uid=bert,ou=people,{slapd.BASE}")
    ldap.add("bert", "Bert the Third")
    assert importing.bring_in_step(sqlite).disabled == []
    assert User.objects.get(login="bert").name == "Bert the Third"


def test_who_comes_anew_does_not_get_what_a_group_gave_before(sqlite: Settings, ldap: slapd.Server):
    chiefs, dn = f"cn=chiefs,ou=groups,{slapd.BASE}", f"uid=bert,ou=people,{slapd.BASE}"
    with ldap.change() as connection:
        connection.add(chiefs, "groupOfNames", {"member": [dn]})
    configure(ldap, group_roles={chiefs: "telephony"})
    importing.bring_in_step(sqlite)
    assert User.objects.get(login="bert").role == "telephony"
    with ldap.change() as connection:
        connection.delete(dn)
        connection.modify(chiefs, {"member": [("MODIFY_REPLACE", [slapd.READER])]})
    ldap.add("bert", "Bert the Second", "new-password")
    outcome = importing.bring_in_step(sqlite)
    assert (outcome.disabled, outcome.problems) == ([], [])
    bert = User.objects.get(login="bert")
    assert (bert.name, bert.enabled, bert.role) == ("Bert the Second", True, "user")


def test_two_with_one_name_are_told_and_stop_nobody(sqlite: Settings, ldap: slapd.Server):
    configure(ldap)
    importing.bring_in_step(sqlite)
    with ldap.change() as connection:
        values = {"cn": "Another Anna", "sn": "Anna", "userPassword": "others-password"}
        connection.add(f"uid=anna,ou=groups,{slapd.BASE}", "inetOrgPerson", values)
    ldap.add("carla", "Carla Dee")
    outcome = importing.bring_in_step(sqlite)
    assert outcome.created == ["carla"]
    assert "another person with that name in the directory" in outcome.problems[0]
    assert Client().post("/sign-in", {"login": "anna", "password": "others-password"}).status_code == 422


def test_a_name_alone_gives_nobody_more_than_the_directory_does(sqlite: Settings, ldap: slapd.Server):
    User.objects.create(login="anna", role="administrator")  # invited, and has set no password yet
    User.objects.create(login="bert", role="user")
    configure(ldap)
    outcome = importing.bring_in_step(sqlite)
    assert outcome.changed == ["bert"]
    assert "holds more" in outcome.problems[0]
    assert Client().post("/sign-in", {"login": "anna", "password": "annas-password"}).status_code == 422


def test_more_people_than_the_server_gives_at_once(sqlite: Settings, ldap: slapd.Server, monkeypatch):
    monkeypatch.setattr(directory, "PAGE", 20)
    for number in range(60):
        ldap.add(f"user{number:02}", f"User {number}")
    configure(ldap)
    assert importing.bring_in_step(sqlite).seen == 62


def test_accounts_as_active_directory_has_them(sqlite: Settings, ldap: slapd.Server):
    """OpenLDAP with the attributes of Active Directory: what they mean, not Microsoft's own server."""
    chiefs, staff = f"cn=chiefs,ou=groups,{slapd.BASE}", f"cn=staff,ou=groups,{slapd.BASE}"
    never, past = str(0x7FFFFFFFFFFFFFFF), "133000000000000000"  # of 2022
    ldap.add_account("Eva.Field", "Eva Field", "evas-password", ipPhone="105", memberOf=[chiefs, staff])
    ldap.add_account("gone", "Gone Gray", "grays-password", userAccountControl="514", memberOf=[staff])
    ldap.add_account("over", "Over Oak", "oaks-password", accountExpires=past, memberOf=[staff])
    ldap.add_account("stays", "Stays Stone", accountExpires=never, memberOf=[staff])
    ldap.add_account("other", "Other Oat", "oats-password")
    configure(ldap, kind="active_directory", number_attribute="ipPhone", groups=(staff,),
              group_roles={chiefs: "telephony"})  # fmt: skip
    outcome = importing.bring_in_step(sqlite)
    assert outcome.problems == []
    found = {login: (role, enabled) for login, role, enabled in User.objects.values_list("login", "role", "enabled")}
    assert found == {
        "eva.field": ("telephony", True), "gone": ("user", False), "over": ("user", False), "stays": ("user", True)
    }  # fmt: skip
    assert Extension.objects.get(number="105").user.login == "eva.field"

    def sign_in(login: str, password: str) -> int:
        return Client().post("/sign-in", {"login": login, "password": password}).status_code

    assert sign_in("EVA.FIELD", "evas-password") == 302
    assert [sign_in("gone", "grays-password"), sign_in("over", "oaks-password"), sign_in("other", "oats-password")] == [
        422, 422, 422
    ]  # fmt: skip
    browser = Client()
    browser.post("/sign-in", {"login": "eva.field", "password": "evas-password"})
    assert browser.get("/admin/").status_code == 200
    with ldap.change() as connection:
        dn = f"cn=Eva.Field,ou=people,{slapd.BASE}"
        connection.modify(dn, {"userAccountControl": [("MODIFY_REPLACE", ["514"])]})
    assert importing.bring_in_step(sqlite).disabled == ["eva.field"]
    assert browser.get("/admin/").headers["Location"].startswith("/sign-in")


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"bind_password": "wrong"}, "refuses the name or the password"),
        ({"hosts": ("127.0.0.1:1",)}, "no server of the directory answers. 127.0.0.1:1: nobody listens there"),
        ({"certificate": ""}, "certificate can't be trusted (self"),
        ({"base": "dc=elsewhere"}, 'the directory has no "dc=elsewhere"'),
        ({"filter": "(uid"}, "is no filter"),
        ({"groups": (f"cn=nobody,{slapd.BASE}",)}, "has no group"),
    ],
)
def test_why_the_directory_can_not_be_asked_is_said_in_words(sqlite, ldap, more, told):
    config = configure(ldap, **more)
    with pytest.raises(DirectoryError) as problem:
        directory.people(config)
    assert told in str(problem.value)


def test_the_second_server_is_asked_when_the_first_does_not_answer(sqlite: Settings, ldap: slapd.Server):
    config = configure(ldap, hosts=("127.0.0.1:1", f"127.0.0.1:{ldap.port}"), security="starttls")
    assert [person.login for person in directory.people(config)] == ["anna", "bert"]


def test_a_directory_that_is_away_keeps_users_and_their_own_passwords(sqlite: Settings, ldap: slapd.Server):
    configure(ldap)
    importing.bring_in_step(sqlite)
    own = User(login="chief", role="administrator")
    own.set_password("our-own-password")
    own.save()
    configure(ldap, hosts=("127.0.0.1:1",))
    assert importing.Keeper(sqlite).round() == 15.0
    assert User.objects.get(login="anna").enabled
    assert Client().post("/sign-in", {"login": "anna", "password": "annas-password"}).status_code == 422
    assert Client().post("/sign-in", {"login": "chief", "password": "our-own-password"}).status_code == 302


def test_who_signs_in_does_not_wait_for_a_directory_that_did_not_answer_just_now(
    sqlite: Settings, ldap: slapd.Server, monkeypatch: pytest.MonkeyPatch
):
    from jackfield.console.web import directory as page

    asked: list[str] = []
    real = directory.find
    monkeypatch.setattr(directory, "find", lambda config, login: asked.append(login) or real(config, login))
    monkeypatch.setattr(page, "_away", {})

    def sign_in(login: str) -> int:
        return Client().post("/sign-in", {"login": login, "password": "annas-password"}).status_code

    away = configure(ldap, hosts=("127.0.0.1:1",))
    assert [sign_in(login) for login in ("anna", "bert", "carla")] == [422] * 3
    assert asked == ["anna"]
    page._away[away.hosts] = 0.0  # a while later
    sign_in("dora")
    assert asked == ["anna", "dora"]
    here = configure(ldap)  # set up rightly: at once
    assert sign_in("anna") == 302
    assert here.hosts not in page._away


def test_the_page_tries_and_imports(sqlite: Settings, ldap: slapd.Server):
    own = User(login="chief", role="administrator")
    own.set_password("our-own-password")
    own.save()
    admin = Client()
    admin.post("/sign-in", {"login": "chief", "password": "our-own-password"})
    assert "First say where the directory is" in admin.get("/admin/directory/people").content.decode()
    configure(ldap)
    page = admin.get("/admin/directory/people?try=1").content.decode()
    assert "2 people fit" in page
    assert "anna, bert" in page
    assert "Created" in admin.post("/admin/directory/people").content.decode()
    assert User.objects.filter(login="anna").exists()
    configure(ldap, bind_password="wrong")
    page = admin.get("/admin/directory/people?try=1").content.decode()
    assert "refuses the name or the password" in page
    assert "wrong" not in page


@pytest.mark.parametrize("section", ["directory", "openid"])
def test_nobody_lets_a_directory_give_more_than_he_holds(sqlite: Settings, section: str):
    from jackfield.console.change import Author, Wish, save
    from jackfield.console.declarative.difference import DocumentError

    api.apply(
        sqlite,
        """
        roles: [{name: Systems, areas: {system: write}}]
        users: [{login: chief, role: administrator}, {login: sam, role: Systems}]
        """,
    )
    sam = Author("sam", "page", User.objects.get(login="sam"))
    with pytest.raises(DocumentError, match="reaches further than your own rights"):
        save(sqlite, [Wish(section, {"role": "administrator"})], author=sam)
    save(sqlite, [Wish(section, {"role": "Systems"})], author=sam)
    with pytest.raises(DocumentError, match='there is no role "chiefs"'):
        save(sqlite, [Wish(section, {"role": "chiefs"})], author=sam)
