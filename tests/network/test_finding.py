"""Finding the public address: which way wins, who is asked, and what stays when nobody answers."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from jackfield.network import metadata
from jackfield.network.finding import Search, Sources, find
from jackfield.network.public_file import Found, State, load, save
from jackfield.network.stun_client import Endpoint, Reply, StunClient

NOW = 1_700_000_000.0
LAN = [("eth0", "192.168.1.10")]


class Asked(StunClient):
    """A STUN client with the answer given; remembers that it was asked."""

    def __init__(self, mapped: str = "") -> None:
        super().__init__()
        self.mapped, self.asked = mapped, 0

    async def open(self, address: str, port: int = 0) -> Endpoint:
        return Endpoint(lambda *_: None)

    async def ask(self, endpoint: Endpoint, server: tuple[str, int], **_: object) -> Reply | None:
        self.asked += 1
        return Reply((self.mapped, 40000), server, None, endpoint) if self.mapped else None


def sources(
    interfaces: list[tuple[str, str]] = LAN,
    *,
    client: Asked | None = None,
    trunks: list[tuple[str, str, str]] | None = None,
    cloud: metadata.Cloud | None = None,
    told: list[str] | str = "no cloud",
    names: dict[str, list[str]] | None = None,
) -> Sources:
    def ask(cloud: metadata.Cloud) -> list[str]:
        if isinstance(told, str):
            raise metadata.MetadataError(told)
        return told

    async def seen() -> list[tuple[str, str, str]]:
        return trunks or []

    def look_up(name: str) -> list[str]:
        if names is None or name not in names:
            raise OSError("no such name")
        return names[name]

    def towards(version: int) -> str:
        return next((one for _, one in interfaces if (":" in one) == (version == 6)), "")

    return Sources(
        interfaces=lambda: interfaces, cloud=lambda: cloud, ask_cloud=ask, trunks=seen, names=look_up,
        client=lambda: client or Asked(), towards=towards,
    )  # fmt: skip


async def found(search: Search, given: Sources, before: State | None = None) -> list[tuple[str, str, str]]:
    state = await find(search, given, before or State(), NOW)
    return [(one.address, one.way, one.by) for one in state.found]


async def test_what_is_set_by_hand_wins_and_nobody_is_asked() -> None:
    client = Asked("198.51.100.1")
    given = sources(client=client, trunks=[("Provider", "198.51.100.2", "192.168.1.10")])
    search = Search("203.0.113.5", ("192.0.2.3",))
    assert await found(search, given) == [("203.0.113.5", "hand", "")]
    assert client.asked == 0


async def test_a_name_set_by_hand_is_looked_up() -> None:
    given = sources(names={"phone.example.com": ["203.0.113.5"]})
    assert await found(Search("phone.example.com"), given) == [("203.0.113.5", "hand", "phone.example.com")]
    state = await find(Search("gone.example.com"), given, State(), NOW)
    assert state.found == ()
    assert "gone.example.com" in state.problems[0]


async def test_a_routable_address_of_our_own_needs_nothing_else() -> None:
    client = Asked("198.51.100.1")
    given = sources([("eth0", "203.0.113.8"), ("eth1", "10.0.0.4")], client=client)
    assert await found(Search("", ("192.0.2.3",)), given) == [("203.0.113.8", "interface", "eth0")]
    assert client.asked == 0
    state = await find(Search(), given, State(), NOW)
    assert state.outside == (), "nothing is told in its place"


async def test_the_cloud_is_asked_before_others() -> None:
    given = sources(cloud=metadata.CLOUDS[0], told=["203.0.113.6"], trunks=[("P", "198.51.100.2", "192.168.1.10")])
    assert await found(Search(), given) == [("203.0.113.6", "cloud", "AWS")]


async def test_a_trunk_tells_how_it_sees_us_so_that_nobody_else_is_asked() -> None:
    client = Asked("198.51.100.1")
    given = sources(
        client=client, trunks=[("Near", "192.168.1.10", "192.168.1.10"), ("P", "198.51.100.2", "192.168.1.10")]
    )
    assert await found(Search("", ("192.0.2.3",)), given) == [("198.51.100.2", "trunk", "P")]
    assert client.asked == 0


async def test_stun_is_asked_only_where_servers_are_set() -> None:
    client = Asked("198.51.100.1")
    assert await found(Search(), sources(client=client)) == []
    assert client.asked == 0
    assert await found(Search("", ("192.0.2.3",)), sources(client=client)) == [
        ("198.51.100.1", "stun", "192.0.2.3:3478")
    ]
    assert client.asked == 1


async def test_what_is_known_stays_while_nobody_answers() -> None:
    before = State((Found("198.51.100.1", "stun", "192.0.2.3:3478", at=1.0),))
    silent = await find(Search("", ("192.0.2.3",)), sources(), before, NOW)
    assert [one.address for one in silent.found] == ["198.51.100.1"]
    assert silent.found[0].at == 1.0
    assert "192.0.2.3:3478 does not answer" in silent.problems[0]
    not_due = await find(Search("", ("192.0.2.3",), ask_stun=False), sources(), before, NOW)
    assert [one.address for one in not_due.found] == ["198.51.100.1"]
    changed = await find(Search("", ("192.0.2.3",)), sources(client=Asked("198.51.100.77")), before, NOW)
    assert [one.address for one in changed.found] == ["198.51.100.77"]


def test_what_was_found_is_kept_over_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "public_addresses.json"
    assert load(path) == State()
    state = State((Found("203.0.113.5", "stun", "x", at=1.0), Found("2001:db8::5", "interface", "eth0")), ("why",), 2.0)
    save(path, state)
    assert load(path) == state
    assert load(path).addresses() == ["203.0.113.5", "2001:db8::5"]
    path.write_text("{")
    assert load(path) == State()


# --- the clouds' metadata


class Stand(BaseHTTPRequestHandler):
    """Stands for the metadata services, as their manuals have them."""

    def do_PUT(self) -> None:
        good = self.path == "/latest/api/token" and self.headers["X-aws-ec2-metadata-token-ttl-seconds"]
        self._say(200 if good else 400, "a-token" if good else "")

    def do_GET(self) -> None:
        path, said = self.path.partition("?")[0], self.headers
        if path == "/latest/meta-data/public-ipv4":
            good = self.server.openstack or said["X-aws-ec2-metadata-token"] == "a-token"  # type: ignore[attr-defined]
            self._say(200 if good else 401, "203.0.113.1")
        elif path.startswith("/computeMetadata/v1/") and said["Metadata-Flavor"] == "Google":
            self._say(200, "203.0.113.2" if path.endswith("external-ip") else "2001:db8::2\n")
        elif path.startswith("/metadata/instance/") and said["Metadata"] == "true" and "api-version=" in self.path:
            self._say(200, "203.0.113.3" if "/ipv4/" in path else "")
        elif path == "/hetzner/v1/metadata/public-ipv4":
            self._say(200, "203.0.113.4\n")
        elif path == "/metadata/v1/interfaces/public/0/ipv4/address":
            self._say(200, "203.0.113.5")
        else:
            self._say(404, "not found")

    def _say(self, status: int, text: str) -> None:
        self.send_response(status)
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def stand() -> Iterator[ThreadingHTTPServer]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Stand)
    server.openstack = False  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("AWS", ["203.0.113.1"]),
        ("Google Cloud", ["203.0.113.2", "2001:db8::2"]),
        ("Azure", ["203.0.113.3"]),
        ("Hetzner", ["203.0.113.4"]),
        ("DigitalOcean", ["203.0.113.5"]),
        ("OpenStack", ["203.0.113.1"]),
    ],
)
def test_each_cloud_is_asked_as_its_manual_has_it(stand: ThreadingHTTPServer, name: str, expected: list[str]) -> None:
    stand.openstack = name == "OpenStack"  # type: ignore[attr-defined]
    cloud = next(one for one in metadata.CLOUDS if one.name == name)
    assert metadata.ask(cloud, f"http://127.0.0.1:{stand.server_port}") == expected


def test_a_service_that_refuses_or_is_not_there_is_told(stand: ThreadingHTTPServer) -> None:
    openstack = next(one for one in metadata.CLOUDS if one.name == "OpenStack")
    with pytest.raises(metadata.MetadataError, match="answered 401"):
        metadata.ask(openstack, f"http://127.0.0.1:{stand.server_port}")
    with pytest.raises(metadata.MetadataError, match="does not answer"):
        metadata.ask(openstack, "http://127.0.0.1:1", 0.2)


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"sys_vendor": "Amazon EC2"}, "AWS"),
        ({"sys_vendor": "Google", "product_name": "Google Compute Engine"}, "Google Cloud"),
        ({"sys_vendor": "Microsoft Corporation", "chassis_asset_tag": "7783-7084-3265-9085-8269-3286-77"}, "Azure"),
        ({"sys_vendor": "Microsoft Corporation", "chassis_asset_tag": "None"}, ""),
        ({"sys_vendor": "Hetzner"}, "Hetzner"),
        ({"sys_vendor": "OpenStack Foundation"}, "OpenStack"),
        ({"sys_vendor": "Dell Inc."}, ""),
        ({}, ""),
    ],
)
def test_only_the_cloud_that_this_machine_runs_in_is_asked(
    tmp_path: Path, files: dict[str, str], expected: str
) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text + "\n")
    cloud = metadata.which(tmp_path)
    assert (cloud.name if cloud else "") == expected
