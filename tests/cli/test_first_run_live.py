"""What the first run does with a running system: its address, a trunk tried for real, a test call."""

from __future__ import annotations

import json
import re
import urllib.request
from pathlib import Path

import pytest
import yaml

from jackfield.console import database, trunk_test
from jackfield.settings import load

from .conftest import Installation


@pytest.fixture
def texts(tmp_path: Path) -> None:
    """Django, which translates what the console says."""
    database.setup(load(data_dir=tmp_path))


@pytest.fixture(scope="module")
def account(running: Installation) -> tuple[str, str]:
    """SIP name and password of 104: the system stands for a provider."""
    document = yaml.safe_load(running.jackfield("export", "--secrets").stdout)
    (wanted,) = (one for one in document["extensions"] if str(one["number"]) == "104")
    line = wanted.get("lines", [wanted])[0]
    return str(line["sip_username"]), str(line["sip_password"])


def test_the_address_that_is_printed_opens_the_pages_until_there_is_an_administrator(fresh: Installation) -> None:
    fresh.start()
    fresh.read_until("first-run?token=")
    fresh.read_until("\n\n")
    (address,) = re.findall(r"http://\S+/first-run\?token=\S+", fresh.output)
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
    with opener.open(address) as page:
        assert page.url.endswith("/first-run/place")
    made = fresh.jackfield("administrator", "anna", "--json")
    found = json.loads(made.stdout)
    assert found["login"] == "anna"
    assert found["address"].endswith("/sign-in")
    with opener.open(address) as page:
        assert page.url.endswith("/sign-in")
    fresh.end()
    fresh.start()
    assert "first-run" not in fresh.output
    fresh.end()
    assert "first-run" not in fresh.output


def test_init_tells_programs_the_address_too(fresh: Installation) -> None:
    found = json.loads(fresh.jackfield("init", "--json").stdout)
    assert found["created"]
    assert found["first_run"].startswith(f"http://127.0.0.1:{fresh.console_port}/first-run?token=")


def test_a_trunk_is_tried_for_real(running: Installation, account: tuple[str, str], texts: None) -> None:
    name, password = account
    trunk = {"hosts": [f"127.0.0.1:{running.sip_port}"], "username": name, "password": password}
    found = trunk_test.try_trunk(trunk)
    assert found.ok, found.text
    assert found.text == f"It works: 127.0.0.1 took the registration of {name}."
    proxied = {"hosts": ["provider.example"], "outbound_proxy": f"sip:127.0.0.1:{running.sip_port};lr"}
    assert trunk_test.try_trunk(trunk | proxied).ok
    found = trunk_test.try_trunk(trunk | {"password": "wrong", "transport": "tcp"})
    assert "the password is wrong" in found.text
    assert trunk_test.try_trunk(trunk | {"kind": "address"}).ok


def test_what_is_in_the_way_of_a_trunk_is_told(running: Installation, texts: None) -> None:
    assert trunk_test.try_trunk({}).text == "Give the provider's address first."
    found = trunk_test.try_trunk({"hosts": ["127.0.0.1:9"], "username": "u", "transport": "tcp"})
    assert "127.0.0.1 does not answer by TCP" in found.text
    found = trunk_test.try_trunk({"hosts": ["[::1]:9"], "username": "u", "transport": "tcp"})
    assert not found.ok


def test_hosts_are_taken_apart() -> None:
    assert trunk_test._split("sip:proxy.example:5061;lr") == ("proxy.example", 5061)
    assert trunk_test._split("[2001:db8::1]:5070") == ("2001:db8::1", 5070)
    assert trunk_test._split("2001:db8::1") == ("2001:db8::1", 0)
