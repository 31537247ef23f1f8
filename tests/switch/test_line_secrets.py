"""Passwords that change with each configuration of a phone; the one before counts until the new one is used."""

from __future__ import annotations

import asyncio
from dataclasses import asdict, replace
from pathlib import Path

import msgspec
import pytest
from company import REALM, company
from test_authentication import Door
from wire import authorize, request

from jackfield.control import ControlError
from jackfield.sip.digest import ha1
from jackfield.sip.message import Response
from jackfield.switch.line_secrets import LineSecret, LineSecrets
from jackfield.switch.snapshot import Line, Snapshot


def secret(new: str, before: str = "", name: str = "u101") -> LineSecret:
    def digests(password: str) -> tuple[str, str]:
        return ha1(name, REALM, password), ha1(name, REALM, password, "SHA-256")

    md5, sha256 = digests(new)
    previous = digests(before) if before else ("", "")
    return LineSecret(sip_username=name, md5=md5, sha256=sha256, previous_md5=previous[0], previous_sha256=previous[1])


def comes_in(door: Door, password: str) -> bool:
    """Whether 101's phone gets in with a password."""
    made = request()
    found = door.check(authorize(made, door.challenge(made), "u101", password))
    if isinstance(found, Response):
        assert found.status == 403
    return not isinstance(found, Response)


@pytest.fixture
def door() -> Door:
    return Door()


def test_both_passwords_count_until_the_new_one_was_used(door: Door):
    door.authenticator.secrets.put([secret("new", before="secret")])
    assert comes_in(door, "secret")
    assert comes_in(door, "secret")
    assert comes_in(door, "new")
    assert not comes_in(door, "secret")
    assert comes_in(door, "new")


def test_a_password_that_was_never_one_gets_nobody_in(door: Door):
    door.authenticator.secrets.put([secret("new", before="secret")])
    assert not comes_in(door, "another")
    assert door.refusals


def test_what_is_in_use_is_told_to_who_brings_new_ones(door: Door):
    secrets = door.authenticator.secrets
    first = secret("new", before="secret")
    assert asyncio.run(secrets.line_secrets({"lines": [asdict(first)]})) == []
    assert comes_in(door, "new")
    assert asyncio.run(secrets.line_secrets({"names": ["u101", "u102"]})) == [first.md5]
    assert asyncio.run(secrets.line_secrets({})) == []
    with pytest.raises(ControlError, match="no passwords of lines"):
        asyncio.run(secrets.line_secrets({"lines": [{"sip_username": 7}]}))


def test_the_next_snapshot_does_not_bring_the_old_password_back(door: Door):
    secrets = door.authenticator.secrets
    secrets.put([secret("new", before="secret")])
    assert comes_in(door, "new")
    door.snapshot = with_line(company(), secret("new", before="secret"))  # as the console knew it a moment before
    secrets.load(door.snapshot)
    assert not comes_in(door, "secret")
    assert comes_in(door, "new")


def with_line(snapshot: Snapshot, one: LineSecret) -> Snapshot:
    def changed(line: Line) -> Line:
        if line.sip_username != one.sip_username:
            return line
        return replace(
            line, ha1_md5=one.md5, ha1_sha256=one.sha256, previous_md5=one.previous_md5,
            previous_sha256=one.previous_sha256,
        )  # fmt: skip

    extensions = [replace(extension, lines=tuple(map(changed, extension.lines))) for extension in snapshot.extensions]
    return replace(snapshot, extensions=tuple(extensions))


def test_a_switch_that_starts_knows_what_has_changed_since_the_snapshot(door: Door, tmp_path: Path):
    path = tmp_path / "line-secrets.jsonl"
    lines = [secret("second", before="secret"), secret("third", before="secret")]
    path.write_bytes(b"".join(msgspec.json.encode(one) + b"\n" for one in lines) + b"damaged\n")
    door.authenticator.secrets = LineSecrets(path)
    door.authenticator.secrets.load(door.snapshot)
    assert not comes_in(door, "second")
    assert comes_in(door, "secret")
    assert comes_in(door, "third")


def test_a_new_password_by_hand_ends_all_others(door: Door, tmp_path: Path):
    secrets = door.authenticator.secrets
    secrets.put([secret("new", before="secret")])
    door.snapshot = with_line(company(), secret("by-hand"))
    secrets.load(door.snapshot)
    assert comes_in(door, "by-hand")
    assert not comes_in(door, "new")
    assert not comes_in(door, "secret")
