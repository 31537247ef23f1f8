"""Fill an installation with what the console's speed is measured on: `python bench/console_data.py --data-dir DIR`.

2,000 extensions with as many users, ring groups, trunks and rules, and 1,000,000 calls of the last year with their
legs, media statistics and journals. The same `--seed` and `--until` make the same data. With `--calls 20000` it is done
in seconds; with all of it in about three minutes on SQLite, which then has 2 GB. Only an empty history is filled.

A full administrator `bench` is made, with a password that is printed unless `--password` gives one.
"""

from __future__ import annotations

import argparse
import datetime
import random
import secrets
import sys
import time
import zoneinfo
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from jackfield.console import api
from jackfield.media.protocol import StreamStats
from jackfield.settings import Settings, load

ZONE = "Europe/Berlin"
DAYS = 360
DAY = 86400.0
AT_ONCE = 5000
TRUNKS = ("Nordlicht", "Harbour Telecom", "Westnet", "Spare line")
GROUPS = 60
HOURS = (1, 1, 0, 0, 0, 1, 4, 20, 70, 110, 115, 105, 80, 95, 110, 105, 90, 55, 25, 12, 8, 5, 3, 2)
"""How busy each hour of a working day is against the others."""

FIRST = (  # noqa: SIM905 - reads more easily than a list
    "Anna Bert Clara David Emma Felix Greta Hugo Ida Jakob Karla Leo Mia Nils Olga Paul Rosa Simon Tilda Uwe Vera "
    "Willi Xenia Yusuf Zora Amir Bianca Cem Dora Elif Fatima Goran Hana Ivan Jana Kofi Linh Marek Nadia Omar"
).split()
LAST = (  # noqa: SIM905 - reads more easily than a list
    "Adler Bauer Cramer Dietz Ebert Falk Graf Hahn Immel Jung Kern Lang Maurer Noll Otto Pohl Quast Roth Sauer Thiel "
    "Ulrich Vogt Wirth Young Zander Kaya Novak Silva Rossi Dubois Larsen Kovacs Okafor Nguyen Haddad Moreau Costa"
).split()
PHONES = ("Yealink SIP-T46S 66.86.0.15", "snomD385/10.1.184.14", "Grandstream GXP2170 1.0.11.64", "baresip v3.14.0")
CALL = (
    "id", "boot", "snapshot_version", "started", "ringing", "answered", "ended", "caller_number", "caller_name",
    "caller_extension", "caller_trunk", "called_number", "called_name", "called_extension", "called_trunk", "dialed",
    "direction", "outcome", "hung_up_by", "sip_status", "q850", "reason",
)  # fmt: skip
LEG = (
    "call_id", "position", "role", "number", "name", "extension", "trunk", "line", "address", "user_agent",
    "sip_call_id", "invited", "ringing", "answered", "ended", "status", "reason", "codec", "secure", "media",
)  # fmt: skip
JOURNAL = ("call_id", "lines")

Row = tuple[Any, ...]
encode: Callable[[Any], bytes] = msgspec.json.encode


class House:
    """The company: who has which number. All of it follows from the seed."""

    def __init__(self, extensions: int, seed: int) -> None:
        self.random = random.Random(seed)
        names = [f"{first} {last}" for last in LAST for first in FIRST]
        self.random.shuffle(names)
        self.people = [(str(1000 + index), names[index % len(names)]) for index in range(extensions)]
        size = min(8, extensions)
        self.groups = [
            (str(600 + index), f"Team {index + 1}", [n for n, _ in self.random.sample(self.people, size)])
            for index in range(GROUPS)
        ]
        self.outside = [
            f"+49{self.random.randrange(30, 900)}{self.random.randrange(10**5, 10**8)}" for _ in range(9000)
        ]

    def document(self) -> str:
        """Return the configuration, as `jackfield apply` reads it (JSON is YAML)."""
        users, extensions = [], []
        for number, name in self.people:
            login = f"{name.lower().replace(' ', '.')}.{number}"
            users.append({"login": login, "name": name, "email": f"{login}@example.com", "role": "user"})
            password = f"{self.random.getrandbits(96):024x}"
            line = {"sip_username": f"x{number}", "sip_password": password}
            extensions.append({"number": number, "name": name, "user": login, **line})
        direct = [
            {"trunk": TRUNKS[index % 3], "number": f"4930555{number}", "target": number}
            for index, (number, _) in enumerate(self.people[:500])
        ]
        found = {
            "settings": {
                "company": "Bench & Sons", "country": "DE", "time_zone": ZONE, "outside_prefix": "0",
                "keep_calls_days": 0,
            },
            "users": users,
            "extensions": extensions,
            "trunks": [
                {"name": name, "hosts": f"sip{index}.example.net", "username": f"bench{index}", "password": "not-one"}
                for index, name in enumerate(TRUNKS)
            ],
            "inbound": direct,
            "outbound": [{"name": "World", "prefix": "0", "trunks": list(TRUNKS[:3])}],
            "ring_groups": [
                {"number": number, "name": name, "members": members} for number, name, members in self.groups
            ],
            "services": [{"number": "*43", "kind": "echo"}],
            "emergency_numbers": [{"number": "112"}],
        }  # fmt: skip
        return encode(found).decode()


def begins(calls: int, until: float, chance: random.Random) -> Iterator[float]:
    """Yield the beginnings of all calls in their order: working days are busy, nights and weekends are not."""
    last = datetime.datetime.fromtimestamp(until, zoneinfo.ZoneInfo(ZONE))
    midnight = last.replace(hour=0, minute=0, second=0, microsecond=0)
    cells = []
    for back in range(DAYS, -1, -1):
        day = midnight - datetime.timedelta(days=back)
        share = (1.0, 1.05, 1.0, 0.95, 0.8, 0.12, 0.06)[day.weekday()] * (1 + 0.2 * chance.random())
        for hour, weight in enumerate(HOURS):
            begin = (day + datetime.timedelta(hours=hour)).timestamp()
            length = min(3600.0, until - begin)
            if length > 0:
                cells.append((begin, length, share * weight * length / 3600))
    total, owed = sum(weight for _, _, weight in cells), 0.0
    left = calls
    for index, (begin, length, weight) in enumerate(cells):
        owed += calls * weight / total
        count = left if index == len(cells) - 1 else min(int(owed), left)
        owed, left = owed - count, left - count
        yield from sorted(round(begin + length * chance.random(), 3) for _ in range(count))


class Calls:
    """Makes calls out of a house, one after the other."""

    def __init__(self, house: House, seed: int) -> None:
        self.house, self.random = house, random.Random(seed + 1)
        self.boot = "bench"
        self.media = [self._media() for _ in range(256)]

    def _media(self) -> tuple[float, str]:
        """Return the share of lost packets, and statistics with places for what hangs on the call's length.

        Seven of eight parties sound well.
        """
        chance = self.random
        bad = chance.random() < 0.125
        share = chance.uniform(0.01, 0.12) if bad else chance.random() ** 6 * 0.01
        jitter = chance.uniform(25, 90) if bad else chance.uniform(0.1, 12)
        rtt = chance.uniform(90, 500) if bad else chance.uniform(0.5, 60)
        stats = StreamStats(
            jitter_ms=round(jitter, 2), jitter_out_ms=round(jitter / 2, 2), rtt_ms=round(rtt, 1),
            mos=round(max(1.0, 4.35 - 25 * share - jitter / 90 - rtt / 900), 2), codec_in="pcma", codec_out="pcma",
            remote=f"192.0.2.{chance.randrange(1, 255)}:{chance.randrange(10000, 60000)}",
            ssrc=chance.getrandbits(32), ssrc_out=chance.getrandbits(32), seconds_since_heard=0.02,
        )  # fmt: skip
        places = {"packets": "%(packets)d", "bytes": "%(bytes)d", "lost": "%(lost)d"}
        plain = msgspec.to_builtins(stats)
        parts = [
            f'"{name}":{places.get(name.removesuffix("_in").removesuffix("_out")) or encode(value).decode()}'
            for name, value in plain.items()
        ]
        return share, f"{{{','.join(parts)}}}"

    def make(self, index: int, started: float) -> tuple[Row, list[Row], Row]:
        """Return the rows of a call, of its legs, and of its journal."""
        chance, house = self.random, self.house
        id = f"{index * 0x9E3779B97F % (1 << 40):010x}"  # odd, so every id is there once
        caller_number, caller_name = house.people[int(len(house.people) * chance.random() ** 2)]
        kind = chance.random()
        lot = chance.random()
        outcome, status, cause, by = next(rest for most, *rest in OUTCOMES if lot <= most)
        rang = None if outcome in ("unreachable", "failed", "rejected", "busy") else started + 0.12
        wait = 1 + 40 * chance.random() ** 2
        ended = started + 0.2 if rang is None else started + wait
        answered = None
        if outcome == "answered":
            answered = ended
            ended += 3 + 1500 * chance.random() ** 3
            by = "caller" if chance.random() < 0.55 else "callee"
        answered, ended = answered and round(answered, 3), round(ended, 3)
        trunk = TRUNKS[int(3 * chance.random())]
        outside = house.outside[int(len(house.outside) * chance.random() ** 3)]
        to_number, to_name = house.people[int(len(house.people) * chance.random() ** 2)]
        group = None
        if kind < 0.44:
            direction, caller, dialed = "internal", (caller_number, caller_name, caller_number, ""), to_number
            called: Row = (to_number, to_name, to_number, "")
            notes = [(f"{caller_number} dials {dialed}", "")]
        elif kind < 0.70:
            direction, caller, dialed = "in", (outside, "", "", trunk), f"4930555{to_number}"
            called = (to_number, to_name, to_number, "")
            text = f'incoming rule "{dialed}" fits: {dialed} becomes {to_number}'
            notes = [(f'trunk "{trunk}" brings {outside}, who dials {dialed}', ""), (text, "inbound")]
        elif kind < 0.99:
            direction, caller, dialed = "out", (caller_number, caller_name, caller_number, ""), "0" + outside[1:]
            called = (outside, "", "", trunk)
            notes = [
                (f"{caller_number} dials {dialed}", ""),
                (f"{dialed} is no internal number", ""),
                (f'outgoing route "World" (prefix 0): {outside}', "outbound/World"),
                (f'calling {outside} through trunk "{trunk}"', f"trunks/{trunk}"),
            ]
        else:
            direction, caller, dialed = "through", (outside, "", "", trunk), f"4930555{to_number}"
            outside = house.outside[int(len(house.outside) * chance.random())]
            called = (outside, "", "", trunk)
            notes = [
                (f"{to_number} is extension {to_number} ({to_name})", f"extensions/{to_number}"),
                (f"it forwards always to {outside}", f"extensions/{to_number}"),
                (f'calling {outside} through trunk "{trunk}"', f"trunks/{trunk}"),
            ]
        if called[2]:
            if kind > 0.40 and kind < 0.52:  # these ring for a group
                group = house.groups[int(GROUPS * chance.random())]
                text = f"{group[0]} is ring group {group[0]} ({group[1]}): rings {', '.join(group[2])}"
                notes.append((text, f"ring_groups/{group[0]}"))
                if outcome != "answered":
                    called = (group[0], group[1], "", "")
            else:
                notes.append((f"{to_number} is extension {to_number} ({to_name})", f"extensions/{to_number}"))
        first = caller[0] if not caller[1] else f"{caller[0]} ({caller[1]})"
        second = called[0] if not called[1] else f"{called[0]} ({called[1]})"
        lines = [{"at": started, "text": text, "link": link} for text, link in notes]
        if rang is not None:
            lines.append({"at": rang, "text": f"{second} rings", "link": ""})
        if answered is not None:
            lines.append({"at": answered, "text": f"{first} talks with {second}: pcma and pcma", "link": ""})
            lines.append({"at": ended, "text": f"{first if by == 'caller' else second} hung up", "link": ""})
        elif status != 487:
            lines.append({"at": ended, "text": f"{second}: {status} {REASONS[status]}", "link": ""})
        reason = "" if outcome in ("answered", "cancelled") else REASONS[status]
        call = (
            id, self.boot, 1, started, rang, answered, ended, *caller, *called, dialed, direction, outcome, by, status,
            cause, reason,
        )  # fmt: skip
        legs = [self._leg(id, 0, "caller", caller, started, None, answered, ended, status)]
        if group is not None and rang is not None:
            others = [(number, "", number, "") for number in group[2][:2] if number != called[2]]
            for other in others:
                legs.append(self._leg(id, len(legs), "callee", other, started, rang, None, answered or ended, 487))
        if group is None or answered is not None:
            legs.append(self._leg(id, len(legs), "callee", called, started + 0.01, rang, answered, ended, status))
        return call, legs, (id, encode(lines).decode())

    def _leg(
        self, id: str, position: int, role: str, party: Row, invited: float, rang: float | None,
        answered: float | None, ended: float, status: int,
    ) -> Row:  # fmt: skip
        chance = self.random
        number, _, extension, trunk = party
        media = "{}"
        if answered is not None:
            packets = int((ended - answered) * 50)
            share, text = self.media[int(256 * chance.random())]
            media = text % {"packets": packets, "bytes": 160 * packets, "lost": int(packets * share)}
        host = f"10.{len(number)}.{ord(number[-1]) - 48}.{ord(number[-2]) - 40}"
        return (
            id, position, role, *party, f"x{extension}" if extension else "",
            f"UDP 203.0.113.{9 + len(trunk)}:5060" if trunk else f"UDP {host}:5060",
            "" if trunk else PHONES[int(4 * chance.random())], f"{id}.{position}@{host}", round(invited, 3), rang,
            answered, ended, status, REASONS[status], "pcma" if answered else "", bool(extension and position), media,
        )  # fmt: skip


OUTCOMES = (
    (0.68, "answered", 200, 16, "caller"), (0.81, "no_answer", 480, 18, "system"), (0.86, "busy", 486, 17, "callee"),
    (0.94, "cancelled", 487, 16, "caller"), (0.97, "unreachable", 480, 18, "system"),
    (0.98, "rejected", 603, 21, "callee"), (1.0, "failed", 503, 41, "system"),
)  # fmt: skip
REASONS = {
    200: "OK", 480: "Temporarily Unavailable", 486: "Busy Here", 487: "Request Terminated", 503: "Service Unavailable",
    603: "Decline",
}  # fmt: skip


def write(rows: Iterable[tuple[Row, list[Row], Row]], progress: Callable[[int], None]) -> None:
    """Write the rows in large transactions, in the way that each database likes best."""
    from django.db import connection, transaction

    from jackfield.history import parties
    from jackfield.history.models import Call, Journal, Leg

    put = _copy if connection.vendor == "postgresql" else _insert
    calls, legs, journals = [], [], []

    def flush() -> None:
        with transaction.atomic():
            put(Call._meta.db_table, CALL, calls)
            put(Leg._meta.db_table, LEG, legs)
            put(Journal._meta.db_table, JOURNAL, journals)
        for made in (calls, legs, journals):
            made.clear()

    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA cache_size=-400000")
            cursor.execute("PRAGMA synchronous=OFF")
    for done, (call, its_legs, journal) in enumerate(rows, 1):
        calls.append(call)
        legs += its_legs
        journals.append(journal)
        if done % AT_ONCE == 0:
            flush()
            progress(done)
    flush()
    parties.collect()
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
        if connection.vendor == "sqlite":
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


def _insert(table: str, columns: Sequence[str], rows: list[Row]) -> None:
    from django.db import connection

    connection.ensure_connection()
    names, places = ", ".join(columns), ", ".join("?" * len(columns))
    connection.connection.executemany(f"INSERT INTO {table} ({names}) VALUES ({places})", rows)


def _copy(table: str, columns: Sequence[str], rows: list[Row]) -> None:
    from django.db import connection

    connection.ensure_connection()
    with connection.cursor() as cursor, cursor.copy(f"COPY {table} ({', '.join(columns)}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)


def fill(
    settings: Settings,
    *,
    calls: int = 1_000_000,
    extensions: int = 2000,
    until: float | None = None,
    seed: int = 1,
    progress: Callable[[str], None] = lambda _text: None,
) -> None:
    """Fill an installation. Raises `SystemExit` when it has calls already."""
    api.prepare(settings)
    from jackfield.history.models import Call

    if Call.objects.order_by().exists():
        raise SystemExit("this installation has calls already: take an empty folder")
    begun = time.monotonic()

    def tell(text: str) -> None:
        progress(f"{time.monotonic() - begun:6.1f} s  {text}")

    house = House(extensions, seed)
    api.apply(settings, house.document())
    tell(f"{extensions} extensions and users")
    made = Calls(house, seed)
    starts = enumerate(begins(calls, time.time() if until is None else until, random.Random(seed + 2)))

    def each(done: int) -> None:
        if done % 100_000 == 0:
            tell(f"{done} calls")

    write((made.make(index, started) for index, started in starts), each)
    tell(f"{calls} calls, done")


def administrator(login: str, password: str) -> None:
    """Let someone sign in who may do everything."""
    from jackfield.people.models import User

    user = User.objects.filter(login=login).first() or User(login=login, name="Bench", role="administrator")
    user.set_password(password)
    user.save()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", type=Path, required=True, help="folder of the installation; made if need be")
    parser.add_argument("--database-url", default=None, help="default: SQLite in the folder")
    parser.add_argument("--calls", type=int, default=1_000_000)
    parser.add_argument("--extensions", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--until", default="", help="time of the last call, 2026-11-20T12:00+01:00; default: now")
    parser.add_argument("--password", default="", help='of the administrator "bench"')
    given = parser.parse_args()
    until = datetime.datetime.fromisoformat(given.until).timestamp() if given.until else None
    settings = load(data_dir=given.data_dir, database_url=given.database_url)
    fill(
        settings, calls=given.calls, extensions=given.extensions, until=until, seed=given.seed,
        progress=lambda text: print(text, file=sys.stderr),
    )  # fmt: skip
    password = given.password or secrets.token_urlsafe(12)
    administrator("bench", password)
    print(f"sign in as bench with the password {password}")


if __name__ == "__main__":
    main()
