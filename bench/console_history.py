"""Times of the history's pages on the server, on an installation filled by `console_data.py`.

    python bench/console_history.py --data-dir DIR [--database-url URL] [--runs 15]

Each page is asked for by a browser without a window, signed in as the administrator "bench"; ms: median (least - most),
the CPU of this process (the whole of it with SQLite, nearly what a quiet machine would take), and the number of
questions to the database. The target of a list is 150 ms.
"""

from __future__ import annotations

import argparse
import datetime
import statistics
import time
from pathlib import Path

from jackfield.console import api
from jackfield.settings import load

LISTS = (
    "calls/", "calls/?sort=started", "calls/?q=1234", "calls/?q=novak", "calls/?q=anna", "calls/?q=%2B4930",
    "calls/?q=4711", "calls/?q=nobody", "calls/?extension=1000", "calls/?extension=2777", "calls/?trunk=Westnet",
    "calls/?trunk=Spare+line", "calls/?outcome=busy", "calls/?outcome=interrupted", "calls/?least=3600",
    "calls/?direction=through&outcome=failed", "calls/?extension=1000&outcome=busy&q=anna",
)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--database-url", default=None)
    parser.add_argument("--runs", type=int, default=15)
    given = parser.parse_args()
    api.prepare(load(data_dir=given.data_dir, database_url=given.database_url))
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    from jackfield.console.web.history import statistics as shown
    from jackfield.history.models import Call
    from jackfield.people.models import User

    browser = Client()
    browser.force_login(User.objects.get(login="bench"), backend="jackfield.console.web.signing_in.Passwords")
    session = browser.session
    session["began"] = session["seen"] = session["proved"] = time.time()
    session.save()
    calls = list(Call.objects.order_by("-started")[:2000])
    last = datetime.datetime.fromtimestamp(calls[0].started).date()
    middle = Call.objects.order_by("-started").values_list("started", flat=True)[500_000:][:1]
    days = {name: last - datetime.timedelta(days=back) for name, back in (("week", 6), ("month", 29), ("year", 400))}
    pages = [
        *LISTS,
        *(f"calls/?at={at!r}_x" for at in middle),
        f"calls/?since={days['month']}&until={days['week']}",
        f"calls/{calls[1000].id}",
        *(f"statistics/?since={since}&until={last}" for since in (last, *days.values())),
    ]
    for page in pages:
        times, used, questions, size = [], [], 0, 0
        for run in range(given.runs if "year" not in page else 3):
            shown._known.clear()
            begun, cpu = time.perf_counter(), time.process_time()
            with CaptureQueriesContext(connection) as asked:
                answer = browser.get(f"/admin/{page}")
            if run:
                times.append(1000 * (time.perf_counter() - begun))
                used.append(1000 * (time.process_time() - cpu))
            questions, size = len(asked), len(answer.content)
            if answer.status_code != 200:
                raise SystemExit(f"{page}: {answer.status_code}")
        spread = f"{statistics.median(times):6.0f} ({min(times):.0f} - {max(times):.0f})"
        cpu_used, weight = statistics.median(used), f"{questions:3} questions {size / 1000:5.0f} kB"
        print(f"  {page:55} {spread:24} ms, CPU {cpu_used:5.0f} ms {weight}", flush=True)


if __name__ == "__main__":
    main()
