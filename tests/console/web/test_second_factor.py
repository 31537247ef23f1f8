"""The second step: an app's six digits, recovery codes, passkeys; and roles that need one."""

from __future__ import annotations

import html
import json
import re
import threading
import time
from typing import Any

import pyotp
import pytest
from django.db import connections
from django.test import Client

from jackfield.console.web import second_factor
from jackfield.people.models import AccountEvent, Passkey, RecoveryCode, SignIn, User

from .authenticator import Device
from .conftest import PASSWORD, As, person

PAGE = "/me/account/second-factor"
NOW = 1_800_000_015.0


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Time as the tests say."""
    at = [NOW]
    monkeypatch.setattr(time, "time", lambda: at[0])
    return at


def secret_of(page: str) -> str:
    return re.findall(r'class="secret">([A-Z2-7]{32})<', page)[0]


def code(secret: str, at: float) -> str:
    return pyotp.TOTP(secret).at(int(at))


def set_up(browser: Client, clock: list[float]) -> tuple[str, list[str]]:
    secret = secret_of(browser.get(PAGE).content.decode())
    page = browser.post(PAGE, {"do": "app", "code": code(secret, clock[0])}).content.decode()
    clock[0] += 60
    return secret, re.findall(r"<code>(\w{5}-\w{5})</code>", page)


def password(login: str = "the-user") -> Client:
    browser = Client()
    assert browser.post("/sign-in", {"login": login, "password": PASSWORD}).status_code == 302
    return browser


def is_in(browser: Client) -> bool:
    return browser.get("/me/account").status_code == 200


def options(page: str, kind: str) -> str:
    (found,) = re.findall(rf'data-passkey="{kind}" data-options="([^"]+)"', page)
    return html.unescape(found)


def test_with_an_app_the_password_alone_opens_nothing(signed_in: As, clock: list[float]):
    first = signed_in("user")
    other = password()
    secret, codes = set_up(first, clock)
    assert len(codes) == 10
    assert is_in(first)
    assert not is_in(other)  # it was begun with less

    browser = Client()
    answer = browser.post("/sign-in", {"login": "the-user", "password": PASSWORD, "next": "/me/account"})
    assert answer.headers["Location"] == "/sign-in/second"
    assert not is_in(browser)
    assert browser.post("/sign-in/second", {"code": "000000"}).status_code == 422
    answer = browser.post("/sign-in/second", {"code": code(secret, clock[0])})
    assert answer.headers["Location"] == "/me/account"
    assert is_in(browser)
    stored = str(list(RecoveryCode.objects.values_list("digest", flat=True)))
    assert not any(one.replace("-", "") in stored for one in codes)


def test_a_code_counts_once_and_a_clock_may_be_one_step_off(signed_in: As, clock: list[float]):
    secret, _ = set_up(signed_in("user"), clock)
    outcomes = {}
    for drift in (-60, -30, 30, 0, 60):  # once +30 was used, nothing older counts
        browser = password()
        browser.post("/sign-in/second", {"code": code(secret, clock[0] + drift)})
        outcomes[drift] = is_in(browser)
    assert outcomes == {-60: False, -30: True, 30: True, 0: False, 60: False}
    again = password()
    again.post("/sign-in/second", {"code": code(secret, clock[0] + 30)})
    assert not is_in(again)


def test_the_code_that_set_the_app_up_does_not_open_a_session(signed_in: As, clock: list[float]):
    first = signed_in("user")
    secret = secret_of(first.get(PAGE).content.decode())
    first.post(PAGE, {"do": "app", "code": code(secret, clock[0])})
    browser = password()
    browser.post("/sign-in/second", {"code": code(secret, clock[0])})
    assert not is_in(browser)


def test_codes_can_not_be_guessed(signed_in: As, clock: list[float]):
    secret, _ = set_up(signed_in("user"), clock)
    browser = password()
    for _ in range(5):
        assert browser.post("/sign-in/second", {"code": "123456"}).status_code == 422
    for client in (browser, password()):  # a new try with the password does not help
        answer = client.post("/sign-in/second", {"code": code(secret, clock[0])})
        assert answer.status_code == 429
        assert "Try again in 1 minute" in answer.content.decode()
    clock[0] += 20
    late = password()
    late.post("/sign-in/second", {"code": code(secret, clock[0])})
    assert is_in(late)


def test_of_two_with_the_same_code_at_the_same_moment_one_comes_in(postgres: Any, clock: list[float]):
    user = person("user")
    secret = second_factor.new_secret()
    second_factor.add(user, secret, 1)
    recovery = second_factor.new_recovery_codes(user)[0]
    for shown in (code(secret, clock[0]), recovery):
        barrier, taken = threading.Barrier(4), []

        def try_it(shown: str = shown, barrier: threading.Barrier = barrier, taken: list[str] = taken) -> None:
            barrier.wait()
            taken.append(second_factor.takes(user, shown))
            connections.close_all()

        threads = [threading.Thread(target=try_it) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(map(bool, taken)) == [False, False, False, True]


def test_a_recovery_code_opens_once_and_new_ones_void_the_old(signed_in: As, clock: list[float]):
    first = signed_in("user")
    _, codes = set_up(first, clock)
    browser = password()
    browser.post("/sign-in/second", {"code": codes[0].upper().replace("-", " ")})
    assert is_in(browser)
    again = password()
    again.post("/sign-in/second", {"code": codes[0]})
    assert not is_in(again)
    assert "9 are left" in browser.get(PAGE).content.decode()
    assert AccountEvent.objects.filter(what="recovery_used").count() == 1

    page = browser.post(PAGE, {"do": "recovery"}).content.decode()
    assert "shown this once" in page
    again.post("/sign-in/second", {"code": codes[1]})
    assert not is_in(again)


def test_the_second_step_waits_ten_minutes_and_not_for_another_password(signed_in: As, clock: list[float]):
    secret, _ = set_up(signed_in("user"), clock)
    late, changed = password(), password()
    User.objects.get(login="the-user")
    clock[0] += 601
    assert late.post("/sign-in/second", {"code": code(secret, clock[0])}).headers["Location"] == "/sign-in"
    assert Client().get("/sign-in/second").headers["Location"] == "/sign-in"
    changed = password()
    user = User.objects.get(login="the-user")
    user.set_password("another-Anvil-77")
    user.save()
    assert changed.get("/sign-in/second").headers["Location"] == "/sign-in"


def test_a_browser_left_open_changes_nothing(signed_in: As, clock: list[float]):
    browser = signed_in("user")
    secret = secret_of(browser.get(PAGE).content.decode())
    clock[0] += 700
    form = {"do": "app", "code": code(secret, clock[0])}
    assert "Your password is not right" in browser.post(PAGE, form | {"password": "wrong"}).content.decode()
    assert not second_factor.has(User.objects.get(login="the-user"))
    assert "shown this once" in browser.post(PAGE, form | {"password": PASSWORD}).content.decode()
    clock[0] += 700
    browser.post(PAGE, {"do": "remove-app"})
    assert second_factor.has(User.objects.get(login="the-user"))
    browser.post(PAGE, {"do": "remove-app", "password": PASSWORD})
    assert not second_factor.has(User.objects.get(login="the-user"))
    assert RecoveryCode.objects.count() == 0


def test_a_wrong_code_does_not_set_the_app_up(signed_in: As):
    browser = signed_in("user")
    secret = secret_of(browser.get(PAGE).content.decode())
    for wrong in ("000000", "", "１２３４５６", "x"):
        answer = browser.post(PAGE, {"do": "app", "code": wrong})
        assert answer.status_code == 422
        assert secret_of(answer.content.decode()) == secret  # the one that the app has scanned
    assert browser.post(PAGE, {"do": "recovery"}).status_code == 422
    assert not second_factor.has(User.objects.get(login="the-user"))


def test_whose_role_needs_it_sets_it_up_before_anything_else(signed_in: As, clock: list[float]):
    SignIn(pk=1, second_factor=("reader",)).save()
    browser = signed_in("reader")
    for address in ("/admin/", "/admin/extensions/", "/"):
        assert browser.get(address).headers["Location"] == PAGE
    assert browser.post("/admin/extensions/new", {}).headers["Location"] == PAGE
    assert browser.get("/admin/", headers={"HX-Request": "true"}).headers["HX-Redirect"] == PAGE
    assert browser.get("/api/v1/extensions").status_code == 403
    assert "Your role needs one of these" in browser.get(PAGE).content.decode()

    secret, _ = set_up(browser, clock)
    assert browser.get("/admin/").status_code == 200
    assert "Your role needs a second factor" in browser.post(PAGE, {"do": "remove-app"}).content.decode()
    assert second_factor.has(User.objects.get(login="the-reader"))
    other = password("the-reader")
    other.post("/sign-in/second", {"code": code(secret, clock[0])})
    assert other.get("/admin/").status_code == 200
    assert signed_in("telephony").get("/admin/").status_code == 200


def test_an_administrator_takes_it_away_where_the_phone_is_lost(admin: Client, clock: list[float]):
    user = person("user", "bert")
    browser = password("bert")
    set_up(browser, clock)
    clock[0] += 1
    admin.post(f"/admin/users/{user.pk}/account", {"do": "factors"})
    assert not is_in(browser)
    assert is_in(password("bert"))


def test_the_command_line_helps_the_administrator_whose_phone_is_lost(company: Any, signed_in: As, clock: list[float]):
    from jackfield.console import api

    browser = signed_in("administrator")
    set_up(browser, clock)
    api.make_administrator(company, "the-administrator", "tulip-Anvil-93-moss")
    assert not is_in(browser)
    fresh = Client()
    fresh.post("/sign-in", {"login": "the-administrator", "password": "tulip-Anvil-93-moss"})
    assert is_in(fresh)


def test_a_passkey_opens_without_a_password(signed_in: As):
    browser, device = signed_in("user"), Device()
    made = device.made(options(browser.get(PAGE).content.decode(), "create"))
    assert browser.post(PAGE, {"do": "passkey", "credential": made, "name": "Stick"}).status_code == 302
    assert "The passkey “Stick” is added" in browser.get(PAGE).content.decode()

    other = Client()
    asked = json.loads(other.post("/sign-in/passkey/options").content)["options"]
    assert json.loads(asked)["allowCredentials"] == []  # nothing tells whose there are
    proof = device.proves(asked)
    answer = other.post("/sign-in/passkey", {"credential": proof, "next": "/me/account"})
    assert answer.headers["Location"] == "/me/account"
    assert is_in(other)
    assert Client().post("/sign-in/passkey", {"credential": proof}).status_code == 422
    thief = Client()
    thief.post("/sign-in/passkey/options")
    assert thief.post("/sign-in/passkey", {"credential": proof}).status_code == 422
    assert not is_in(thief)


def made_passkey(browser: Client, device: Device) -> None:
    credential = device.made(options(browser.get(PAGE).content.decode(), "create"))
    assert browser.post(PAGE, {"do": "passkey", "credential": credential}).status_code == 302
    assert Passkey.objects.exists()


def test_a_passkey_is_a_second_step(signed_in: As):
    device = Device(verifies=False)  # a stick that only wants to be touched
    made_passkey(signed_in("user"), device)
    browser = password()
    page = browser.get("/sign-in/second").content.decode()
    assert browser.post("/sign-in/second", {"credential": device.proves(options(page, "get"))}).status_code == 302
    assert is_in(browser)

    alone = Client()  # but without a password it is not enough
    asked = json.loads(alone.post("/sign-in/passkey/options").content)["options"]
    assert alone.post("/sign-in/passkey", {"credential": device.proves(asked)}).status_code == 422


WRONG = {
    "another site": lambda device, asked: device.proves(asked, origin="http://evil.example"),
    "another device": lambda device, asked: Device().proves(asked),
    "another challenge": lambda device, asked: device.proves(asked.replace('"challenge": "', '"challenge": "AA')),
    "a copy that counts behind": lambda device, asked: setattr(device, "count", 0) or device.proves(asked),
    "nonsense": lambda device, asked: "{",
    "a list": lambda device, asked: "[1]",
    "nested too deeply": lambda device, asked: "[" * 100_000,
    "an answer nested too deeply": lambda device, asked: (
        device.proves(asked)[:-1] + ', "x": ' + "[" * 100_000 + "]" * 100_000 + "}"
    ),
    "nothing of use": lambda device, asked: '{"id": "x"}',
    "another's key": lambda device, asked: json.dumps(json.loads(Device().proves(asked)) | {"id": "AAAA"}),
}


@pytest.mark.parametrize("way", WRONG)
def test_what_proves_nothing_opens_nothing(signed_in: As, way: str):
    device = Device()
    made_passkey(signed_in("user"), device)
    browser = password()
    asked = options(browser.get("/sign-in/second").content.decode(), "get")
    answer = browser.post("/sign-in/second", {"credential": WRONG[way](device, asked)})
    assert answer.status_code == 422
    assert not is_in(browser)


def test_a_passkey_of_somebody_else_is_no_second_step(signed_in: As):
    mine, theirs = Device(), Device()
    made_passkey(signed_in("user"), mine)
    person("user", "eve")
    made_passkey(password("eve"), theirs)
    browser = password()
    asked = options(browser.get("/sign-in/second").content.decode(), "get")
    assert browser.post("/sign-in/second", {"credential": theirs.proves(asked)}).status_code == 422


@pytest.mark.parametrize("how", ["another site", "nonsense", "twice", "old"])
def test_a_passkey_that_is_not_made_properly_is_not_kept(signed_in: As, clock: list[float], how: str):
    browser, device = signed_in("user"), Device()
    asked = options(browser.get(PAGE).content.decode(), "create")
    credential = device.made(asked, origin="http://evil.example" if how == "another site" else "")
    if how == "nonsense":
        credential = "{}"
    if how == "old":
        clock[0] += 301
    first = browser.post(PAGE, {"do": "passkey", "credential": credential})
    if how == "twice":
        assert first.status_code == 302
        assert browser.post(PAGE, {"do": "passkey", "credential": credential}).status_code == 422
    else:
        assert first.status_code == 422
        assert "did not make a passkey" in first.content.decode()
    assert Passkey.objects.count() == (how == "twice")


def test_passkeys_are_removed_but_not_the_last_one_that_a_role_needs(signed_in: As):
    browser = signed_in("user")
    for _ in range(2):
        made_passkey(browser, Device(counts=False))
    first, last = Passkey.objects.all()
    SignIn(pk=1, second_factor=("user",)).save()
    assert browser.post(PAGE, {"do": "remove-passkey", "passkey": first.pk}).status_code == 302
    assert "Your role needs" in browser.post(PAGE, {"do": "remove-passkey", "passkey": last.pk}).content.decode()
    SignIn(pk=1).save()
    for nonsense in ("", "x", "9" * 30, first.pk):
        browser.post(PAGE, {"do": "remove-passkey", "passkey": nonsense})
    assert list(Passkey.objects.all()) == [last]
    browser.post(PAGE, {"do": "remove-passkey", "passkey": last.pk})
    assert not Passkey.objects.exists()
    assert is_in(password())
