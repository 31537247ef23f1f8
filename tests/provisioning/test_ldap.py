"""The directory by LDAP: asked by a library's client and by Debian's, and by who means no good."""

from __future__ import annotations

import asyncio
import datetime
import shutil
import ssl
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import ldap3
import pytest
import pytest_asyncio

from jackfield.network.certificate import SelfSigned
from jackfield.provisioning.phonebook.ber import boolean, integer, octets, sequence, tlv
from jackfield.provisioning.phonebook.entries import Entry, ordered
from jackfield.provisioning.phonebook.ldap_server import (
    BASE,
    FAILURES_SECONDS,
    LARGEST_MESSAGE,
    MOST_ENTRIES,
    MOST_FAILURES,
    MOST_PER_SOURCE,
    Door,
    LdapServer,
)

from .test_phonebook_entries import MULLER, WORKSHOP, entry

ALICE = entry("Alice Example", ("mobile", "0151999"), section="personal", key="p1")
MANY = [entry(f"Firm {number:04}", ("work", f"0800{number:04}")) for number in range(MOST_ENTRIES + 100)]


class House:
    """Two phones: the first has a user with a contact of his own."""

    def __init__(self) -> None:
        self.now = 0.0
        self.entries: list[Entry] = [WORKSHOP, MULLER]
        self.own = {"one": [ALICE]}
        self.asked = 0
        self.local = True

    async def sign_in(self, name: str, password: str, address: str) -> str | None:
        self.asked += 1
        return name if (name, password) in (("one", "secret 1"), ("two", "secret 2")) else None

    async def everything(self, who: str) -> Sequence[Entry]:
        return ordered([*self.entries, *self.own.get(who, ())])

    def allowed(self, address: str, secure: bool) -> bool:
        return secure or self.local


@pytest.fixture
def house() -> House:
    return House()


@pytest_asyncio.fixture
async def server(house: House) -> AsyncIterator[LdapServer]:
    made = LdapServer(Door(house.sign_in, house.everything, house.allowed), clock=lambda: house.now)
    await made.start(["127.0.0.1"], 0)
    yield made
    await made.stop()


def _search(port: int, filter: str, who: str, options: dict[str, Any]) -> tuple[int, list[str], str]:
    password = {"one": "secret 1", "two": "secret 2"}.get(who, "wrong")
    client = ldap3.Connection(
        ldap3.Server("127.0.0.1", port, get_info=ldap3.NONE), f"uid={who},{BASE}" if who else None,
        password if who else None, raise_exceptions=False, receive_timeout=10,
    )  # fmt: skip
    try:
        if not client.bind():
            return client.result["result"], [], client.result["message"]
        client.search(options.pop("base", BASE), filter, attributes=options.pop("attributes", ["cn"]), **options)
        names = [one["attributes"]["cn"][0] for one in client.response or () if one["type"] == "searchResEntry"]
        return client.result["result"], names, client.result["message"]
    finally:
        client.unbind()


async def search(server: LdapServer, filter: str, who: str = "one", **options: Any) -> list[str]:
    code, names, _ = await asyncio.to_thread(_search, server.ports[0], filter, who, options)
    assert code in (0, 4)
    return names


@pytest.mark.parametrize(
    ("filter", "names"),
    [
        ("(&(telephoneNumber=*)(sn=*stra*))", ["Müller Straßenbau"]),
        ("(|(cn=Mull*)(sn=Mull*))", ["Müller Straßenbau"]),
        ("(cn=*e*b*)", ["Müller Straßenbau"]),
        ("(cn=*bau)", ["Müller Straßenbau"]),
        ("(|(telephoneNumber=0891234567)(mobile=0891234567))", ["Müller Straßenbau"]),
        ("(telephoneNumber=089 123-4567)", ["Müller Straßenbau"]),
        ("(mobile=*5550*)", ["Müller Straßenbau"]),
        ("(&(objectClass=*)(!(ou=company)))", ["Alice Example", "Workshop"]),
        ("(commonName=workshop)", ["Workshop"]),
        ("(cn>=b)", ["Müller Straßenbau", "Workshop"]),
        ("(sn=*)", ["Alice Example", "Müller Straßenbau", "Workshop"]),
        ("(cn:2.5.13.5:=x)", []),
        ("(!(cn:2.5.13.5:=x))", []),
        ("(cn=*zz*)", []),
    ],
)
async def test_filters_that_phones_send_find_who_is_meant(server: LdapServer, filter: str, names: list[str]) -> None:
    assert await search(server, filter) == names


async def test_personal_contacts_are_seen_by_their_owner_alone(server: LdapServer) -> None:
    assert "Alice Example" in await search(server, "(cn=*)", "one")
    assert "Alice Example" not in await search(server, "(cn=*)", "two")


async def test_a_part_of_the_directory_is_searched_by_its_base(server: LdapServer) -> None:
    assert await search(server, "(cn=*)", base=f"OU=company,{BASE}") == ["Müller Straßenbau"]
    assert await search(server, "(cn=*)", base=f"uid=p1,ou=personal,{BASE}", search_scope=ldap3.BASE) == [
        "Alice Example"
    ]


async def test_who_has_not_signed_in_sees_nothing(server: LdapServer) -> None:
    code, names, text = await asyncio.to_thread(_search, server.ports[0], "(cn=*)", "", {})
    assert (code, names) == (50, [])
    assert "password" in text


async def test_wrong_passwords_are_refused_and_after_some_of_them_not_even_looked_at(
    server: LdapServer, house: House
) -> None:
    for _ in range(MOST_FAILURES):
        code, _, _ = await asyncio.to_thread(_search, server.ports[0], "(cn=*)", "stranger", {})
        assert code == 49
    code, _, text = await asyncio.to_thread(_search, server.ports[0], "(cn=*)", "one", {})
    assert (code, house.asked) == (51, MOST_FAILURES)
    assert "wrong passwords" in text
    house.now += FAILURES_SECONDS + 1
    assert await search(server, "(cn=work*)") == ["Workshop"]


async def test_a_base_that_is_not_there_is_named(server: LdapServer) -> None:
    code, _, text = await asyncio.to_thread(_search, server.ports[0], "(cn=*)", "one", {"base": "dc=example,dc=com"})
    assert code == 32
    assert BASE in text


async def test_too_many_entries_are_cut_and_portions_give_them_all(server: LdapServer, house: House) -> None:
    house.entries = MANY
    code, names, _ = await asyncio.to_thread(_search, server.ports[0], "(cn=firm*)", "one", {})
    assert (code, len(names)) == (4, MOST_ENTRIES)
    assert len(await search(server, "(cn=firm*)", size_limit=7)) == 7

    def by_pages() -> list[str]:
        with ldap3.Connection(
            ldap3.Server("127.0.0.1", server.ports[0], get_info=ldap3.NONE), "one", "secret 1"
        ) as client:
            found = client.extend.standard.paged_search(BASE, "(cn=firm*)", attributes=["cn"], paged_size=90)
            return [one["attributes"]["cn"][0] for one in found]

    assert sorted(await asyncio.to_thread(by_pages)) == [one.name for one in MANY]


async def test_from_outside_it_answers_by_tls_alone(server: LdapServer, house: House, tmp_path: Path) -> None:
    house.local = False
    reader, writer = await asyncio.open_connection("127.0.0.1", server.ports[0])
    assert await reader.read() == b""
    writer.close()

    pair = SelfSigned(tmp_path)
    pair.ensure(["127.0.0.1"], now=datetime.datetime.now(datetime.UTC))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.certificate, pair.key)
    await server.start(["127.0.0.1"], 0, context)

    def by_tls() -> bool:
        there = ldap3.Server(
            "127.0.0.1", server.ports[1], use_ssl=True, tls=ldap3.Tls(validate=ssl.CERT_NONE), get_info=ldap3.NONE
        )
        with ldap3.Connection(there, "one", "secret 1") as client:
            return bool(client.search(BASE, "(cn=*)"))

    assert await asyncio.to_thread(by_tls)


async def test_one_address_can_not_take_all_connections(server: LdapServer) -> None:
    writers = []
    for _ in range(MOST_PER_SOURCE):
        reader, writer = await asyncio.open_connection("127.0.0.1", server.ports[0])
        writer.write(sequence(integer(1), sequence(integer(3), octets(""), octets("", 0x80), tag=0x60)))
        assert await reader.readexactly(2)
        writers.append(writer)
    reader, last = await asyncio.open_connection("127.0.0.1", server.ports[0])
    assert await reader.read() == b""
    for writer in (*writers, last):
        writer.close()


def deep(levels: int) -> bytes:
    """Return a search whose filter is nested so deep."""
    inner = octets("cn", 0x87)
    for _ in range(levels):
        inner = tlv(0xA2, inner)
    scope = (tlv(10, b"\2"), tlv(10, b"\0"), integer(0), integer(0), boolean(False))
    return sequence(integer(2), sequence(octets(BASE), *scope, inner, sequence(), tag=0x63))


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x30\x84\xff\xff\xff\xff",
        b"\x30\x80\x00\x00",
        b"\x30\x84" + (LARGEST_MESSAGE + 1).to_bytes(4, "big"),
        b"\x30\x03\x02\x01\x01",
        sequence(integer(1), tlv(0x60, b"\x02")),
        sequence(integer(1), tlv(0x7F, b"")),
        deep(50),
        deep(0)[:-4] + b"\x30\x7f\x00\x00",
    ],
)
async def test_what_is_no_ldap_ends_the_connection_with_a_word(server: LdapServer, data: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.ports[0])
    writer.write(data)
    said = await asyncio.wait_for(reader.read(), 10)
    assert b"1.3.6.1.4.1.1466.20036" in said
    writer.close()
    assert await search(server, "(cn=work*)") == ["Workshop"]


async def test_nothing_can_be_changed(server: LdapServer) -> None:
    def add() -> int:
        with ldap3.Connection(
            ldap3.Server("127.0.0.1", server.ports[0], get_info=ldap3.NONE), "one", "secret 1"
        ) as client:
            client.add(f"uid=x,{BASE}", "person", {"sn": "x"})
            return int(client.result["result"])

    assert await asyncio.to_thread(add) == 53


@pytest.mark.skipif(shutil.which("ldapsearch") is None, reason="Debian's package ldap-utils is not installed")
async def test_debians_ldapsearch_finds_and_reads(server: LdapServer) -> None:
    there = f"ldap://127.0.0.1:{server.ports[0]}"
    filter = "(&(telephoneNumber=*)(sn=*stra*))"
    command = ["ldapsearch", "-x", "-LLL", "-H", there, "-D", f"uid=one,{BASE}", "-w", "secret 1", "-b", BASE, filter]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    out, _ = await process.communicate()
    assert process.returncode == 0
    assert b"telephoneNumber: 0891234567" in out
    assert b"mobile: 01715550101" in out
