"""The way in before anybody has an account, and administrators made without the pages."""

from __future__ import annotations

import pytest

from jackfield.changes.models import Revision
from jackfield.company.models import State
from jackfield.console import api, first_run
from jackfield.console.strength import strength
from jackfield.people.models import Failure, User
from jackfield.settings import Settings


def test_a_token_opens_until_there_is_an_administrator_and_a_new_one_takes_its_place(sqlite: Settings):
    old = api.first_run_token(sqlite, "run")
    assert first_run.fits(old)
    token, other = api.first_run_token(sqlite, "run"), api.first_run_token(sqlite, "init")
    assert not first_run.fits(old)
    assert first_run.fits(token)
    assert first_run.fits(other)
    assert not first_run.fits("")
    assert token not in str(State.objects.get(key=first_run.STATE).value)
    api.make_administrator(sqlite, "anna")
    assert not first_run.fits(token)
    assert api.first_run_token(sqlite, "run") == ""
    assert not State.objects.filter(key=first_run.STATE).exists()


def test_a_console_that_is_started_again_leaves_the_token_that_was_printed(sqlite: Settings):
    token = api.first_run_token(sqlite, "run", "one start")
    assert api.first_run_token(sqlite, "run", "one start") == ""
    assert first_run.fits(token)
    assert not first_run.fits("one start")
    assert api.first_run_token(sqlite, "run", "the next")
    assert not first_run.fits(token)


def test_somebody_who_can_not_sign_in_as_administrator_is_none(sqlite: Settings):
    api.apply(sqlite, "users: [{login: anna, role: administrator}, {login: bert}]")
    assert not first_run.administrator_exists()
    assert api.first_run_token(sqlite, "run")


def test_the_command_line_makes_an_administrator_and_gives_a_new_password(sqlite: Settings):
    first = api.make_administrator(sqlite, "anna", name="Anna Bell")
    user = User.objects.get()
    assert (user.login, user.name, user.role) == ("anna", "Anna Bell", "administrator")
    assert user.check_password(first)
    Failure.objects.create(who="account:anna", count=9, last=2e9)
    User.objects.update(role="user", enabled=False)
    assert api.make_administrator(sqlite, "Anna", "seven grey lamps hum") == "seven grey lamps hum"
    user = User.objects.get()
    assert (user.login, user.role, user.enabled) == ("anna", "administrator", True)
    assert user.check_password("seven grey lamps hum")
    assert not Failure.objects.exists()
    assert Revision.objects.first().author == "command line"


def test_a_name_that_can_not_be_one_and_a_weak_password_are_refused(sqlite: Settings):
    with pytest.raises(api.ConsoleError, match="login"):
        api.make_administrator(sqlite, "no such/name")
    with pytest.raises(api.ConsoleError, match="common password"):
        api.make_administrator(sqlite, "anna", "1234567890")
    assert not User.objects.exists()


@pytest.mark.parametrize(
    ("password", "told"),
    [("short", "at least 10"), ("qwertyuiop", "common"), ("annabell12", "easy to guess"), ("aaaaaaaaaaaa", "Repeats")],
)
def test_a_password_that_is_easy_to_guess_is_refused_with_the_reason(sqlite: Settings, password: str, told: str):
    assert told in strength(password, about=("anna", "Anna Bell")).problem


def test_a_long_one_of_words_that_have_nothing_in_common_is_taken(sqlite: Settings):
    assert strength("seven grey lamps hum").problem == ""
    assert strength("seven grey lamps hum").word == "strong"
    assert strength(first_run.fresh_password()).word == "strong"
