"""The command line in the middle of a call."""

from __future__ import annotations

import json

from .conftest import Installation
from .test_commands import Phones, result


def test_sounds_digits_and_transfers_are_a_command_each(running: Installation) -> None:
    phones = Phones(running)
    id = str(phones.call()["id"])
    assert "Heard by 101 Phone 101 and 102 Phone 102." in result(running.jackfield("play", id, "tone:beep"))
    told = json.loads(result(running.jackfield("play", id, "tone:dial", "--party", "102", "--times", "0", "--json")))
    assert [leg["role"] for leg in told["parties"]] == ["callee"]
    assert "Stopped for 102 Phone 102." in result(running.jackfield("play", id, "--stop"))
    assert "Nothing was played." in result(running.jackfield("play", id, "--stop"))
    assert "Sent to 102 Phone 102." in result(running.jackfield("digits", id, "1#"))
    wanted = running.jackfield("transfer", id, "103", "--party", "101", "--dry-run")
    assert "101 Phone 101 would be connected with 103; 102 Phone 102 leaves." in result(wanted)
    nowhere = running.jackfield("transfer", id, "777")
    result(nowhere, 1)
    assert "nothing has the number 777" in nowhere.stderr
    for wrong in (["transfer", id], ["transfer", id, "103", "--call", "x"], ["play", id], ["play", id, "x", "--stop"]):
        result(running.jackfield(*wrong), 2)
    assert json.loads(result(running.jackfield("transfer", id, "*43", "--party", "101", "--json")))["to"] == "*43"
    phones.read(phones.called, "200 transferred")
    result(running.jackfield("hangup", id))
    phones.close()
