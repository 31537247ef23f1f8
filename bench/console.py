"""How fast the console is on a large company, and what it takes from the switch.

    python bench/console.py [--data-dir DIR] [--database-url URL] [--calls 1000000] [--quick]

The installation is filled by console_data.py unless DIR is one already: 2,000 extensions, 1,000,000 calls. 200 calls
are in progress while pages are timed; times are seen by a browser on the same machine over one connection that stays.
Those who use the console while calls are measured are 20, each of whom opens a page every three seconds.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
import rig
import servers
import sipp
from phones import Phones

PASSWORD = "bench-of-the-console-1"
PAGES = (
    "/admin/", "/admin/extensions/", "/admin/extensions/?q=anna", "/admin/users/", "/admin/ring_groups/",
    "/admin/services/", "/admin/speed_dials/", "/admin/permissions/", "/admin/contacts/", "/admin/time_ranges/",
    "/admin/roles/", "/admin/sessions", "/admin/messages/", "/admin/webhooks/", "/admin/outbound/",
    "/admin/emergency_numbers/", "/admin/trunks/", "/admin/inbound/", "/admin/calls/", "/admin/calls/?number=1234",
    "/admin/calls/?outcome=no_answer",
    "/admin/statistics/", "/admin/changes/", "/admin/dialplan/", "/admin/phones/", "/admin/active/", "/admin/health/",
    "/api/v1/extensions?limit=100", "/api/v1/calls?limit=100",
)  # fmt: skip
USERS, EVERY = 20, 3.0
CALLS = 200  # in progress while pages are timed


class Browser:
    """Somebody who is signed in, on one connection."""

    def __init__(self, port: int, login: str = "bench") -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self.cookies: dict[str, str] = {}
        token = self._csrf(self.get("/sign-in")[1])
        body = f"login={login}&password={PASSWORD}&csrfmiddlewaretoken={token}"
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        status, text = self.request("POST", "/sign-in", body, kind)
        assert status == 302, text[:300]

    @staticmethod
    def _csrf(page: str) -> str:
        found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
        return found[1] if found else ""

    def request(self, method: str, path: str, body: str | None = None, headers: Any = ()) -> tuple[int, str]:
        """Return status and text. A connection that the server closed while idle is made anew, as browsers do."""
        try:
            return self._request(method, path, body, headers)
        except (ConnectionError, http.client.RemoteDisconnected):
            self.connection.close()
            return self._request(method, path, body, headers)

    def _request(self, method: str, path: str, body: str | None, headers: Any) -> tuple[int, str]:
        cookies = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        self.connection.request(method, path, body, {"Cookie": cookies, "Accept-Encoding": "gzip", **dict(headers)})
        answer = self.connection.getresponse()
        for name, value in answer.getheaders():
            if name.lower() == "set-cookie":
                key, _, rest = value.partition("=")
                self.cookies[key] = rest.partition(";")[0]
        data = answer.read()
        return answer.status, data.decode("utf-8", "replace")

    def get(self, path: str) -> tuple[int, str]:
        """Open a page."""
        return self.request("GET", path)


@contextmanager
def running(data: Path, python: str, cores: str = str(rig.SERVER_CORE)) -> Iterator[tuple[rig.Server, int]]:
    """Jackfield on the filled installation, on the server's core or on `cores`; the console's port."""
    port, web = servers.free_port(), servers.free_port()
    command = [
        "taskset", "-c", cores, python, "-m", "jackfield.cli", "run", "--data-dir", str(data),
        "--host", rig.HOST, "--sip-port", str(port), "--sip-tls-port", "0", "--sip-ws-port", "0", "--sip-wss-port", "0",
        "--rtp-ports", "12000-31998", "--console-port", str(web), "--media-processes", "1", "--drain-seconds", "0",
    ]  # fmt: skip
    with (data / "bench.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        servers.wait_for_sip(port)
        time.sleep(2.0)
        yield rig.Server("Jackfield", rig.HOST, port, process.pid), web
    finally:
        servers._end(process)


def pages(web: int, table: rig.Table, count: int) -> None:
    """Time each page after one that warms it up."""
    browser = Browser(web)
    for path in PAGES:
        status, text = browser.get(path)
        if status != 200:
            table.add(f"{path}: status", "Jackfield", status)
            continue
        times = []
        for _ in range(count):
            began = time.perf_counter()
            browser.get(path)
            times.append((time.perf_counter() - began) * 1000)
        table.add(f"{path}: median", "Jackfield", rig.percentile(times, 0.5), "ms")
        table.add(f"{path}: p95", "Jackfield", rig.percentile(times, 0.95), "ms")
        table.add(f"{path}: size", "Jackfield", len(text) / 1000, "kB")


@contextmanager
def in_progress(server: rig.Server, count: int) -> Iterator[None]:
    """So many calls that are up while the block runs; their phones answer what they are asked."""
    phones, stop = Phones(server), threading.Event()

    def answer() -> None:
        while not stop.is_set():
            phones.wait(0.5)

    try:
        phones.register(servers.callees())
        calls = [call for call in phones.run(count, rate=50, hold=None) if call.state == "up"]
        assert len(calls) == count, f"{count - len(calls)} of {count} calls are not up"
        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()
        phones.hang_up(calls)
    finally:
        phones.close()


def change(web: int, table: rig.Table, count: int) -> None:
    """Change an extension by the API: when the answer comes, the switch has it."""
    browser = Browser(web)
    kind = {"Content-Type": "application/json", "X-CSRFToken": browser.cookies.get("jackfield_csrf", "")}
    times = []
    for number in range(count):
        body = json.dumps({"ring_time": 10 + number})
        began = time.perf_counter()
        status, text = browser.request("PATCH", "/api/v1/extensions/1500", body, kind)
        times.append((time.perf_counter() - began) * 1000)
        if status != 200:
            table.add(f"change of an extension: status ({text[:80]})", "Jackfield", status)
            return
    table.add("change of an extension until the switch has it: median", "Jackfield", rig.percentile(times, 0.5), "ms")


def calls(server: rig.Server, web: int, table: rig.Table, count: int, pairs: int) -> None:
    """Calls per second at saturation, without and with people at the console.

    A switch that has just begun to be busy is faster than one that has been so for a while: it keeps what is over for
    32 s, as SIP asks (RFC 3261, timers D and J). So it is warmed up first, and then asked by turns in the order
    without, with, with, without, so that a slow change of the machine falls on both alike.
    """
    for _ in range(max(1, pairs)):
        saturated(server, count)
    rates: dict[int, list[float]] = {0: [], USERS: []}
    browsers = [Browser(web) for _ in range(USERS)]
    for people in (0, USERS, USERS, 0) * pairs:
        stop, times = threading.Event(), [[] for _ in range(people)]  # type: ignore[var-annotated]
        threads = [
            threading.Thread(target=use, args=(browsers[who], stop, who, times[who]), daemon=True)
            for who in range(people)
        ]
        for thread in threads:
            thread.start()
        began = time.monotonic()
        rates[people].append(saturated(server, count))
        took = time.monotonic() - began
        stop.set()
        for thread in threads:
            thread.join(60)
        if people:
            waits = [one for own in times for one in own]
            table.add("pages opened while calls are made", "Jackfield", len(waits) / took, "/s")
            table.add("a page while calls are made: median", "Jackfield", rig.percentile(waits, 0.5), "ms")
    for people, found in rates.items():
        for rate in found:
            table.add(f"calls at saturation with {people} people at the console", "Jackfield", rate, "/s")
    fewer = 100 * (1 - sum(rates[USERS]) / sum(rates[0]))
    table.add("calls at saturation: fewer because of them", "Jackfield", fewer, "%")


def saturated(server: rig.Server, count: int) -> float:
    """Return calls per second when as many are made as the switch can carry."""
    with sipp.answering(server):
        outcome = sipp.run(
            server, "caller", rate=5000, calls=count, at_once=30, rows=sipp.call_rows(), limit=60 + count / 50
        )
    return outcome.successful / outcome.seconds


def use(browser: Browser, stop: threading.Event, number: int, times: list[float]) -> None:
    """Open a page every three seconds, as somebody who works with the console does; note how long each took, in ms."""
    chance = random.Random(number)
    pause = chance.random() * EVERY
    while not stop.wait(pause):
        began = time.perf_counter()
        browser.get(chance.choice(PAGES))
        times.append((time.perf_counter() - began) * 1000)
        pause = EVERY


def filled(folder: Path, calls: int, python: str) -> None:
    """Fill an installation, and give it the phones that call."""
    script = Path(__file__).with_name("console_data.py")
    subprocess.run(
        [python, str(script), "--data-dir", str(folder), "--calls", str(calls), "--password", PASSWORD], check=True
    )
    phones = [servers._extension(number, ()) for number in servers.callees()]
    phones += [servers._extension(number, ()) | {"number": f"8{number}"} for number in servers.callers()]
    document = folder / "phones.yaml"
    document.write_text(json.dumps({"settings": {"realm": "bench"}, "extensions": phones}))
    command = [python, "-m", "jackfield.cli", "apply", str(document), "--data-dir", str(folder)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def main() -> None:
    """Run and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", type=Path, help="an installation that was filled before, or is to be kept")
    parser.add_argument("--database-url", help="an empty PostgreSQL, or the one of --data-dir; otherwise SQLite")
    parser.add_argument("--calls", type=int, default=1_000_000)
    parser.add_argument("--quick", action="store_true", help="20,000 calls, few requests: shows that all works")
    parser.add_argument("--cores", default=str(rig.SERVER_CORE), help="of the server; the calls are made on core 1")
    parser.add_argument("--only-pages", action="store_true", help="leave the calls at saturation out")
    parser.add_argument("--only-calls", action="store_true", help="leave the times of pages out")
    parser.add_argument("--python", default=sys.executable, metavar="PATH")
    options = parser.parse_args()
    servers.prepare()
    if options.database_url:
        os.environ["JACKFIELD_DATABASE_URL"] = options.database_url  # for all that is started here
    many, requests, load, pairs = (20_000, 3, 300, 1) if options.quick else (options.calls, 20, 6000, 2)
    table = rig.Table()
    with tempfile.TemporaryDirectory(prefix="jackfield-console-") as temporary:
        folder = options.data_dir or Path(temporary)
        if not (folder / "phones.yaml").exists():
            filled(folder, many, options.python)
        with running(folder, options.python, options.cores) as (server, web):
            if not options.only_calls:
                with in_progress(server, CALLS):
                    pages(web, table, requests)
                    change(web, table, requests)
            if not options.only_pages:
                calls(server, web, table, load, pairs)
    rig.report("Console", table, [], options)


if __name__ == "__main__":
    main()
