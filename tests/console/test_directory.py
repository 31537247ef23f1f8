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
    assert outcome.created == ["anna", "bert"]
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


def test_more_people_than_the_server_gives_at_once(sqlite: Settings, ldap: slapd.Server, monkeypatch):
    monkeypatch.setattr(directory, "PAGE", 20)
    for number in range(60):
        ldap.add(f"user{number:02}", f"User {number}")
    configure(ldap)
    assert importing.bring_in_step(sqlite).seen == 62


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"bind_password": "wrong"}, "refuses the name or the password"),
        ({"hosts": ("127.0.0.1:1",)}, "no server of the directory answers. 127.0.0.1:1: nobody listens there"),
        ({"certificate": ""}, "certificate can't be trusted"),
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
