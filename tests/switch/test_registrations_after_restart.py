"""Registrations survive a restart, a crash in the middle of a write, and a disk that is full."""

from __future__ import annotations

import errno
import logging
import stat
import struct
import zlib
from dataclasses import replace
from pathlib import Path

import pytest
from test_registrar import Office
from wire import FakeFlow

from jackfield.switch import registration_log
from jackfield.switch.registration_log import Bound, Refreshed, RegistrationLog, Removed


class Sockets:
    """Stands for Transports after a restart: UDP flows can be made again, connections are gone."""

    def __init__(self):
        self.made = {}

    def existing(self, key):
        assert key[0] == "UDP"
        return self.made.setdefault(key, FakeFlow(remote=key[2]))


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "registrations.log"


async def restarted(office: Office, store: Path, *, after: float = 10.0, transports=None, tidy: bool = True) -> Office:
    """End the registrar (or let it crash) and start another one on the same file."""
    if tidy:
        await office.registrar.close()
    again = Office(office.snapshot)
    again.now = office.now + after
    again.open(store)
    await again.registrar.start(transports or Sockets())
    return again


async def test_a_phone_that_registered_a_moment_before_a_crash_is_found(store: Path):
    office = Office(store=store)
    await office.registrar.start(Sockets())
    assert office.register().status == 200
    assert (await restarted(office, store, tidy=False)).uris() == office.uris()


async def test_phones_on_udp_are_reached_at_once_after_a_restart(store: Path):
    office = Office(store=store)
    await office.registrar.start(Sockets())
    nat = FakeFlow(remote=("203.0.113.7", 40001))
    office.register("<sip:a@192.168.1.5>;q=0.7", flow=nat, extra="User-Agent: snomD785/10.1\r\n")
    office.register("<sip:b@192.0.2.9>", "u102", flow=FakeFlow(remote=("192.0.2.9", 5060)))
    office.now += 60
    again = await restarted(office, store)
    contact = again.registrar.contacts(again.line())[0]
    assert (contact.uri, contact.model, contact.behind_nat) == ("sip:a@192.168.1.5", "Snom D785", True)
    assert contact.flow.remote == ("203.0.113.7", 40001)
    assert again.registrar.table()[0].expires_in == pytest.approx(230)
    assert again.uris("u102") == ["sip:b@192.0.2.9"]
    assert again.register(None).all("Contact") == ["<sip:a@192.168.1.5>;q=0.7;expires=230"]


async def test_what_was_refreshed_removed_or_expired_is_remembered_so(store: Path):
    office = Office(store=store)
    await office.registrar.start(Sockets())
    flow = FakeFlow()
    office.register(call_id="a", cseq=1, flow=flow)
    office.register("<sip:b@192.0.2.9>", "u102", flow=FakeFlow(remote=("192.0.2.9", 5060)))
    office.register("<sip:c@192.0.2.8>;expires=3600", "u201", flow=FakeFlow(remote=("192.0.2.8", 5060)))
    office.now += 200
    office.register(call_id="a", cseq=3, flow=flow)
    office.register("*", "u201", extra="Expires: 0\r\n")
    again = await restarted(office, store, after=150)
    assert again.uris() == ["sip:a@192.0.2.7:5060"]
    assert again.uris("u102") == []
    assert again.uris("u201") == []
    late = again.register("<sip:a@192.0.2.7:5060>;expires=0", call_id="a", cseq=2)
    assert late.status == 500  # the order of requests is remembered too


async def test_connections_do_not_survive_so_phones_behind_nat_are_known_and_wait(store: Path):
    office = Office(store=store)
    await office.registrar.start(Sockets())
    via = "SIP/2.0/TCP 192.168.1.5;branch=z9hG4bKx"
    office.register("<sip:a@192.168.1.5;transport=tcp>", flow=FakeFlow("TCP", ("203.0.113.7", 4000)), via=via)
    via = "SIP/2.0/TCP 192.0.2.8;branch=z9hG4bKx"
    office.register("<sip:b@192.0.2.8;transport=tcp>", "u102", flow=FakeFlow("TCP", ("192.0.2.8", 4000)), via=via)
    again = await restarted(office, store)
    assert again.uris() == []
    assert [row.reachable for row in again.registrar.table()] == [False, True]
    assert again.registrar.contacts(again.line("u102"))[0].flow is None  # called by a new connection


async def test_a_socket_that_is_gone_leaves_the_phone_known(store: Path):
    class Nothing:
        def existing(self, key):
            return None

    office = Office(store=store)
    await office.registrar.start(Sockets())
    office.register("<sip:a@192.168.1.5>", flow=FakeFlow(remote=("203.0.113.7", 40001)))
    again = await restarted(office, store, transports=Nothing())
    assert again.uris() == []
    assert len(again.registrar) == 1


async def test_lines_that_were_removed_meanwhile_are_not_brought_back(store: Path):
    office = Office(store=store)
    await office.registrar.start(Sockets())
    office.register()
    await office.registrar.close()
    office.snapshot = replace(office.snapshot, extensions=())
    again = await restarted(office, store)
    assert len(again.registrar) == 0


async def test_a_crash_in_the_middle_of_a_write_costs_the_last_entry_only(store: Path, caplog):
    office = Office(store=store)
    await office.registrar.start(Sockets())
    office.register()
    office.registrar.sweep()
    whole = store.stat().st_size
    office.register("<sip:b@192.0.2.9>", "u102", flow=FakeFlow(remote=("192.0.2.9", 5060)))
    office.registrar.sweep()
    data = store.read_bytes()
    store.write_bytes(data[: whole + (len(data) - whole) // 2])
    again = await restarted(office, store, tidy=False)
    assert again.uris() == ["sip:a@192.0.2.7:5060"]
    assert again.uris("u102") == []
    assert "damaged" in caplog.text
    again.register("<sip:b@192.0.2.9>", "u102", flow=FakeFlow(remote=("192.0.2.9", 5060)))
    third = await restarted(again, store)
    assert third.uris("u102") == ["sip:b@192.0.2.9"]


@pytest.mark.parametrize("damage", [b"\xff" * 20, b"\x05\x00\x00\x00\x00\x00\x00\x00hello", b""])
async def test_a_file_that_is_none_of_ours_is_no_obstacle(store: Path, damage: bytes):
    store.write_bytes(damage)
    office = Office(store=store)
    assert await office.registrar.start(Sockets()) == 0
    office.register()
    assert (await restarted(office, store)).uris()


def test_an_entry_of_another_version_ends_the_reading(store: Path):
    content = b"\x92\xa1z\x01"  # ["z", 1]
    store.write_bytes(struct.pack("<II", len(content), zlib.crc32(content)) + content)
    assert list(RegistrationLog(store, lambda: 0.0).read()) == []


async def test_nobody_else_may_read_the_file(store: Path):
    office = Office(store=store)
    await office.registrar.start(Sockets())
    assert stat.S_IMODE(store.stat().st_mode) == 0o600
    await office.registrar.close()


async def test_a_full_disk_is_told_once_and_nothing_is_lost_when_there_is_room_again(store: Path, monkeypatch, caplog):
    office = Office(store=store)
    await office.registrar.start(Sockets())
    really_write = registration_log._write

    def full(file, data):
        file.write(data[:7])  # a disk takes what it has room for
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(registration_log, "_write", full)
    with caplog.at_level(logging.ERROR):
        assert office.register().status == 200
        for _ in range(5):
            office.registrar.sweep()
    assert len([r for r in caplog.records if "No space left" in r.getMessage()]) == 1
    assert "make room" in caplog.text
    assert office.uris()
    monkeypatch.setattr(registration_log, "_write", really_write)
    office.registrar.sweep()
    assert (await restarted(office, store)).uris() == ["sip:a@192.0.2.7:5060"]


async def test_a_folder_that_is_not_there_costs_only_the_memory_over_a_restart(tmp_path: Path, caplog):
    office = Office(store=tmp_path / "missing" / "registrations.log")
    await office.registrar.start(Sockets())
    assert office.register().status == 200
    office.registrar.sweep()
    assert "can't be written" in caplog.text
    (tmp_path / "missing").mkdir()
    office.registrar.sweep()
    assert (await restarted(office, tmp_path / "missing" / "registrations.log")).uris()


async def test_a_file_that_can_t_be_read_is_told(tmp_path: Path, caplog):
    office = Office(store=tmp_path)
    assert await office.registrar.start(Sockets()) == 0
    assert "can't be read" in caplog.text


def long_history(store: Path, *, phones: int) -> int:
    """Write a file that is worth being written anew: many phones that went, and some that are there; its size."""
    written = RegistrationLog(store, lambda: 0.0)
    assert list(written.read()) == []
    here = 1_700_010_000.0

    def bound(id: int, username: str, uri: str) -> Bound:
        return Bound(
            id, username, uri, "", "UDP", ("192.0.2.9", 5060), ("192.0.2.1", 5060), False, (), "", "Phone" * 50, "",
            0, 0, "c", 1, 0.0, here,
        )  # fmt: skip

    for id in range(1, 3500):
        written.append(bound(id, "u101", "sip:gone@192.0.2.9"))
        written.append(Removed(id))
    for number in range(phones):
        written.append(bound(4000 + number, "u102", f"sip:b{number}@192.0.2.9"))
    written.close()
    return store.stat().st_size


async def test_the_file_is_written_anew_when_it_is_mostly_history(store: Path):
    grown = long_history(store, phones=450)
    office = Office(store=store)
    assert await office.registrar.start(Sockets()) == 450
    draft = store.with_name("registrations.log.new")
    office.registrar.sweep()
    assert draft.exists()
    flow, cseq = FakeFlow(), 1
    while draft.exists():
        office.register(call_id="a", cseq=cseq, flow=flow)  # what comes while it is written anew is not lost
        cseq += 2
        office.registrar.sweep()
    assert cseq > 5, "not all at once: calls don't wait"
    assert store.stat().st_size < grown / 4
    again = await restarted(office, store)
    assert again.uris() == ["sip:a@192.0.2.7:5060"]
    assert set(again.uris("u102")) == {f"sip:b{number}@192.0.2.9" for number in range(450)}
    assert again.registrar.registered(again.line())[0].cseq == cseq - 2


async def test_a_full_disk_while_the_file_is_written_anew_keeps_the_old_one(store: Path, monkeypatch):
    long_history(store, phones=1)
    office = Office(store=store)
    await office.registrar.start(Sockets())
    office.register()
    office.registrar.sweep()  # begins
    really_write = registration_log._write

    def full(file, data):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(registration_log, "_write", full)
    office.registrar.sweep()
    monkeypatch.setattr(registration_log, "_write", really_write)
    assert not store.with_name("registrations.log.new").exists()
    again = await restarted(office, store)
    assert again.uris() == ["sip:a@192.0.2.7:5060"]
    assert again.uris("u102") == ["sip:b0@192.0.2.9"]


def test_bytes_that_are_no_text_are_not_kept_and_do_no_harm(store: Path):
    log = RegistrationLog(store, lambda: 0.0)
    assert list(log.read()) == []
    bound = Bound(1, "u", "sip:\udcff@x", "", "UDP", ("h", 1), ("h", 1), True, (), "", "", "", 0, 0, "c", 1, 0.0, 1.0)
    log.append(bound)
    log.append(Refreshed(1, 2, 3.0))
    log.append(Removed(1))
    log.close()
    assert list(RegistrationLog(store, lambda: 0.0).read()) == [Refreshed(1, 2, 3.0), Removed(1)]
