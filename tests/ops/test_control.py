"""The control socket: who asks gets an answer, or a sentence that says why not."""

from __future__ import annotations

import asyncio
import socket
import stat
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from jackfield import control
from jackfield.control import ControlError, ControlServer, NotRunning, ask, ask_sync, reachable


@dataclass
class Phone:
    name: str
    data: bytes


async def _status(request: dict[str, Any]) -> Any:
    return {"asked": request, "phones": [Phone("desk", b"\x00\x01")]}


async def _refuse(request: dict[str, Any]) -> Any:
    raise ControlError(f"no call {request['id']}: see 'jackfield calls'")


async def _fail(request: dict[str, Any]) -> Any:
    raise RuntimeError("a fault of ours")


async def _never(request: dict[str, Any]) -> Any:
    await asyncio.Event().wait()


HANDLERS = {"status": _status, "hangup": _refuse, "fail": _fail, "never": _never}


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[ControlServer]:
    made = ControlServer(tmp_path / "run" / "switch.sock", HANDLERS)
    await made.start()
    yield made
    await made.close()


async def test_a_question_is_answered_with_plain_data(server: ControlServer) -> None:
    answer = await ask(server.path, "status", limit=3)
    assert answer == {"asked": {"limit": 3}, "phones": [{"name": "desk", "data": "AAE="}]}


async def test_code_without_an_event_loop_can_ask_too(server: ControlServer) -> None:
    assert (await asyncio.to_thread(ask_sync, server.path, "status"))["asked"] == {}


async def test_only_the_owner_may_open_the_socket(server: ControlServer) -> None:
    assert stat.S_IMODE(server.path.stat().st_mode) == 0o600


async def test_a_refusal_reaches_the_one_who_asked(server: ControlServer) -> None:
    with pytest.raises(ControlError, match="no call k3f9: see 'jackfield calls'"):
        await ask(server.path, "hangup", id="k3f9")


async def test_a_fault_is_logged_and_the_server_goes_on(
    server: ControlServer, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(ControlError, match='a fault in Jackfield stopped "fail"'):
        await ask(server.path, "fail")
    assert "a fault of ours" in caplog.text
    assert await ask(server.path, "status")


async def test_an_unknown_verb_lists_the_known_ones(server: ControlServer) -> None:
    with pytest.raises(ControlError, match='there is no "dance" here; known: fail, hangup, never, status'):
        await ask(server.path, "dance")


@pytest.mark.parametrize("line", [b"hello\n", b"[1]\n", b'{"verb": "status"}\n'])
async def test_nonsense_is_answered_and_the_connection_goes_on(server: ControlServer, line: bytes) -> None:
    reader, writer = await asyncio.open_unix_connection(server.path)
    writer.write(line + b'{"do": "status"}\n')
    assert b'"ok":false' in await reader.readline()
    assert b'"ok":true' in await reader.readline()
    writer.close()


async def test_a_request_without_end_is_cut_off(server: ControlServer, monkeypatch: pytest.MonkeyPatch) -> None:
    reader, writer = await asyncio.open_unix_connection(server.path)
    writer.write(b"x" * (control.REQUEST_LIMIT * 2 + 2) + b"\n")
    assert b"longer than" in await reader.readline()
    writer.close()


async def test_nobody_there_says_how_to_start(tmp_path: Path) -> None:
    path = tmp_path / "run" / "switch.sock"
    expected = f"not running in {tmp_path}: start it with 'jackfield run --data-dir {tmp_path}'"
    with pytest.raises(NotRunning, match=expected):
        await ask(path, "status")
    with pytest.raises(NotRunning, match=expected):
        ask_sync(path, "status")


async def test_a_server_that_hangs_is_given_up(server: ControlServer) -> None:
    with pytest.raises(ControlError, match="the switch process does not answer"):
        await ask(server.path, "never", timeout=0.05)


async def test_a_server_that_dies_while_it_answers_is_told(server: ControlServer) -> None:
    question = asyncio.create_task(ask(server.path, "never"))
    while not server._clients:
        await asyncio.sleep(0)
    await server.close()
    with pytest.raises(ControlError):
        await question


async def test_a_second_server_is_refused_and_the_first_keeps_its_socket(server: ControlServer) -> None:
    with pytest.raises(ControlError, match="another Jackfield already runs"):
        await ControlServer(server.path, {}).start()
    assert await ask(server.path, "status")


async def test_a_socket_left_by_a_crash_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "switch.sock"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    server = ControlServer(path, HANDLERS)
    await server.start()
    assert await ask(path, "status")
    await server.close()
    assert not path.exists()
    await server.close()  # twice does no harm


async def test_a_data_directory_may_be_deeper_than_a_socket_name_may_be_long(tmp_path: Path) -> None:
    path = tmp_path / ("deep" * 20) / ("deeper" * 20) / "switch.sock"
    server = ControlServer(path, HANDLERS)
    await server.start()
    assert await ask(path, "status")
    with reachable(path) as name:
        assert len(name) < 108
    await server.close()


async def test_a_socket_that_cannot_be_made_is_explained(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ControlError, match="can't be"):
        await ControlServer(tmp_path / "file" / "switch.sock", {}).start()
