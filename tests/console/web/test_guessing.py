"""Who guesses: limits per account, address and browser, and what they must not do to the others."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest
from django.db import connections
from django.test import Client

from jackfield.console.web import attempts, second_factor
from jackfield.people.models import AccountEvent, Failure, Session, SignIn, User

from .conftest import PASSWORD, As, person


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Time as the tests say."""
    at = [1_800_000_000.0]
    monkeypatch.setattr(time, "time", lambda: at[0])
    return at


def attempt(login: str, password: str = "wrong", address: str = "192.0.2.1", browser: Client | None = None) -> int:
    form = {"login": login, "password": password}
    return (browser or Client()).post("/sign-in", form, REMOTE_ADDR=address).status_code


def test_a_guesser_shuts_strangers_out_but_not_the_browser_that_is_known(company: Any):
    person("user")
    known, stranger = Client(), Client()
    assert attempt("the-user", PASSWORD, browser=known) == 302
    known.post("/sign-out")
    for number in range(6):
        attempt("the-user", address=f"198.51.100.{number}")
    assert attempt("the-user", PASSWORD, address="203.0.113.7", browser=stranger) == 429
    assert attempt("the-user", PASSWORD, address="203.0.113.7", browser=known) == 302


def test_guessers_elsewhere_shut_nobody_out_who_sits_where_he_always_does(company: Any):
    person("administrator")
    assert attempt("the-administrator", PASSWORD, address="192.0.2.1") == 302
    assert attempt("the-administrator", PASSWORD, address="2001:db8:1:2::a") == 302
    for number in range(100):
        attempt("the-administrator", address=f"198.51.100.{number}")
    assert attempt("the-administrator", PASSWORD, address="203.0.113.7") == 429  # nobody knows him there
    assert attempt("the-administrator", PASSWORD, address="192.0.2.1") == 302  # with a new browser
    assert attempt("the-administrator", PASSWORD, address="2001:db8:1:2::b") == 302
    codes = [attempt("the-administrator", address="192.0.2.1") for _ in range(6)]
    assert codes == [422] * 5 + [429]


def test_who_knows_the_password_does_not_shut_its_owner_out_of_the_second_step(company: Any):
    user = person("user")
    second_factor.add(user, second_factor.new_secret(), 1)
    codes = second_factor.new_recovery_codes(user)
    known, thief = Client(), Client()
    attempt("the-user", PASSWORD, browser=known)
    assert known.post("/sign-in/second", {"code": codes[0]}).status_code == 302
    known.post("/sign-out")
    attempt("the-user", PASSWORD, browser=thief)
    assert [thief.post("/sign-in/second", {"code": "000000"}).status_code for _ in range(6)] == [422] * 5 + [429]
    assert thief.post("/sign-in/second", {"code": codes[1]}).status_code == 429
    attempt("the-user", PASSWORD, browser=known)
    assert known.post("/sign-in/second", {"code": codes[1]}).status_code == 302


def test_a_known_browser_can_not_guess_for_ever_nor_for_another_account(company: Any):
    person("user")
    person("user", "bert")
    known = Client()
    attempt("the-user", PASSWORD, browser=known)
    known.post("/sign-out")
    codes = [attempt("the-user", browser=known) for _ in range(6)]
    assert codes == [422] * 5 + [429]
    for number in range(5):
        attempt("bert", address=f"198.51.100.{number}")
    assert attempt("bert", PASSWORD, browser=known) == 429
    known.cookies[attempts.COOKIE] = "forged:1:2"
    assert attempt("the-user", PASSWORD, browser=known) == 302  # counted as a stranger, of whom none has failed


def test_waiting_doubles_up_to_a_quarter_of_an_hour_and_is_forgotten_in_a_day(company: Any, clock: list[float]):
    person("user")
    waits = []
    for _ in range(5):
        attempt("the-user")
    for _ in range(9):
        (row,) = Failure.objects.filter(who__startswith="user:")
        wait = attempts._wait(row, 5, clock[0])
        waits.append(wait)
        clock[0] += wait - 1
        assert attempt("the-user", address="198.51.100.9") == 429
        clock[0] += 1
        assert attempt("the-user", address="198.51.100.9") == 422
    assert waits == [15, 30, 60, 120, 240, 480, 900, 900, 900]
    clock[0] += 86401
    assert attempt("the-user") == 422
    assert Failure.objects.get(who__startswith="user:").count == 1


def test_attempts_that_must_wait_do_not_lengthen_the_wait(company: Any, clock: list[float]):
    person("user")
    for _ in range(30):
        attempt("the-user", address="198.51.100.1")
    clock[0] += 15
    assert attempt("the-user", PASSWORD) == 302


def test_who_was_given_a_new_password_need_not_wait(company: Any):
    from jackfield.console.web import passwords

    user = person("user")
    for _ in range(5):
        attempt("the-user", address="198.51.100.1")
    passwords.set_password(user, "tulip-Anvil-93-moss")
    assert attempt("the-user", "tulip-Anvil-93-moss") == 302


def test_one_address_can_not_try_many_accounts(company: Any):
    person("user")
    codes = [attempt(f"name-{number}") for number in range(21)]
    assert codes == [422] * 20 + [429]
    assert attempt("the-user", PASSWORD) == 429
    assert attempt("the-user", PASSWORD, address="192.0.2.2") == 302


def test_an_office_behind_one_address_is_not_shut_out_by_signing_in(company: Any):
    person("user")
    assert {attempt("the-user", PASSWORD) for _ in range(30)} == {302}
    assert Failure.objects.get(who="address:192.0.2.1").count == 0


def test_a_customer_of_ipv6_is_one_address(company: Any):
    codes = [attempt(f"name-{number}", address=f"2001:db8:1:2::{number:x}") for number in range(21)]
    assert codes[-1] == 429
    assert attempt("x", address="2001:db8:1:3::1") == 422


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("", ""),
        ("nonsense", "nonsense"),
    ],
)
def test_what_counts_as_one_address(address: str, counted: str):
    assert attempts.network(address) == counted


@pytest.mark.parametrize("name", ["THE-USER", "The-User", " the-user "])
def test_another_spelling_of_the_name_is_the_same_account(company: Any, name: str):
    person("user")
    for _ in range(5):
        attempt("the-user", address="198.51.100.1")
    assert attempt(name, PASSWORD) == 429


def test_accounts_that_there_are_not_look_like_those_that_there_are(company: Any):
    person("user")
    person("none", "shut")
    User.objects.create(login="without", role="user")
    outcomes = {}
    for login in ("the-user", "shut", "without", "nobody", "no\0body", "x" * 5000):
        codes, texts = [], set()
        for _ in range(6):
            answer = Client().post(
                "/sign-in", {"login": login, "password": "wrong"}, REMOTE_ADDR=f"10.0.0.{len(login) % 200}"
            )
            codes.append(answer.status_code)
            texts.add(answer.content.decode().split("<form")[0])
        outcomes[login] = (tuple(codes), frozenset(texts))
    assert len(set(outcomes.values())) == 1
    assert attempt("shut", PASSWORD, address="10.9.9.9") in (422, 429)


def test_a_thousand_at_the_same_moment_are_not_one(postgres: Any):
    person("user")
    SignIn(pk=1, tries=3, address_tries=1000).save()
    barrier, codes = threading.Barrier(8), []

    def guess(number: int) -> None:
        barrier.wait()
        codes.append(attempt("the-user", address=f"10.1.1.{number}"))
        connections.close_all()

    threads = [threading.Thread(target=guess, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(codes) == [422] * 3 + [429] * 5


def test_what_is_counted_does_not_grow_for_ever(company: Any, clock: list[float]):
    person("user")
    for number in range(20):
        attempt(f"name-{number}")
    clock[0] += 86401
    attempt("the-user", PASSWORD, address="192.0.2.9")
    assert Failure.objects.count() == 1
    Session.objects.update(expire_date="2000-01-01T00:00:00Z")
    AccountEvent.objects.update(at=1.0)
    attempt("the-user", PASSWORD, address="192.0.2.9")
    assert (Session.objects.count(), AccountEvent.objects.count()) == (1, 1)


def test_a_session_that_somebody_else_has_laid_out_opens_nothing(company: Any):
    person("user")
    browser = Client()
    browser.post("/sign-in/passkey/options")  # gives a session before anybody signs in
    laid_out = browser.cookies["jackfield_session"].value
    assert attempt("the-user", PASSWORD, browser=browser) == 302
    assert browser.cookies["jackfield_session"].value != laid_out
    thief = Client()
    thief.cookies["jackfield_session"] = laid_out
    assert thief.get("/me/account").status_code == 302
    assert not Session.objects.filter(session_key=laid_out).exists()


@pytest.mark.parametrize(
    "target",
    ["https://example.net/", "//example.net", "/\\example.net", "javascript:alert(1)", "http:///example.net",
     "\\\\example.net", " //example.net", "example.net", "/\texample.net/..//x", "///example.net"],
)  # fmt: skip
def test_nobody_is_led_to_another_site(signed_in: As, target: str):
    person("user", "bert")
    answer = Client().post("/sign-in", {"login": "bert", "password": PASSWORD, "next": target})
    address = answer.headers["Location"]
    assert address.startswith("/")
    assert not address.startswith(("//", "/\\"))
    assert "javascript" not in address
    answer = signed_in("user").get("/sign-in", {"next": target})
    assert not answer.headers["Location"].startswith(("//", "/\\", "h", "j"))


def test_guessing_passkeys_is_limited_by_address(company: Any):
    codes = [Client().post("/sign-in/passkey", {"credential": "{}"}).status_code for _ in range(21)]
    assert codes == [422] * 20 + [429]


def test_cookies_are_out_of_the_reach_of_scripts_and_other_sites(company: Any):
    person("user")
    answer = Client().post("/sign-in", {"login": "the-user", "password": PASSWORD}, secure=True)
    for name in ("jackfield_session", attempts.COOKIE):
        cookie = answer.cookies[name]
        assert (cookie["httponly"], cookie["secure"], cookie["samesite"]) == (True, True, "Lax"), name


@pytest.mark.real_passwords
def test_a_name_that_nobody_has_takes_as_long(company: Any, monkeypatch: pytest.MonkeyPatch):
    """Both compute one real hash: counted, since a clock would lie on a busy machine."""
    from django.contrib.auth import hashers

    person("user")
    checks: list[str] = []
    encode, verify = hashers.Argon2PasswordHasher.encode, hashers.Argon2PasswordHasher.verify
    monkeypatch.setattr(
        hashers.Argon2PasswordHasher, "encode", lambda self, *given: checks.append("hash") or encode(self, *given)
    )
    monkeypatch.setattr(
        hashers.Argon2PasswordHasher, "verify", lambda self, *given: checks.append("hash") or verify(self, *given)
    )
    for login in ("the-user", "nobody"):
        checks.clear()
        attempt(login)
        assert checks == ["hash"], login
