"""CPU of moving call records from the spool into the database: `python bench/importer.py [--database-url URL]`.

Each call has a `call_started` entry, two legs with media statistics and a journal of eight lines, as a real one has.
The importer's CPU is the thread's own; with PostgreSQL the server's is not in it. The target is 150 µs per call.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

from jackfield.console import api
from jackfield.settings import Settings, load
from jackfield.spool import Spool
from jackfield.switch.party import Party
from jackfield.switch.record import CallRecord, LegRecord

TARGET = 150.0  # µs


def record(index: int, now: float) -> CallRecord:
    anna, bob = Party("101", "Anna Example", extension="101"), Party("102", "Bob Example", extension="102")
    call = CallRecord(f"k{index:07d}-bench", now, anna, "102", boot="bench", called=bob, outcome="answered")
    call.ringing, call.answered, call.ended, call.hung_up_by = now + 1, now + 3, now + 63, "caller"
    call.sip_status, call.q850 = 200, 16
    media = {"packets_in": 3000, "packets_out": 3001, "lost": 0, "jitter_ms": 0.4, "rtt_ms": 1.1, "mos": 4.3}
    call.legs = [
        LegRecord(
            f"{call.id}-{number}", role, party, line="k3f9abcdef", address="UDP 192.0.2.7:5060",
            user_agent="Yealink SIP-T46S 66.86.0.15", call_id=f"{index}.{number}@192.0.2.7", invited=now,
            ringing=now + 1, answered=now + 3, ended=now + 63, status=200, reason="OK", codec="g722", media=media,
        )
        for number, (role, party) in enumerate((("caller", anna), ("callee", bob)))
    ]  # fmt: skip
    for step in range(8):
        call.note(now + step, f"step {step}: extension 102 (Bob Example) rings for up to 25 s", "extensions/102")
    return call


def measure(settings: Settings, calls: int, *, together: bool) -> tuple[float, float]:
    """Return CPU per call in µs, and calls per second. `together`: begin and end come in one batch."""
    from jackfield.console.importer import Importer

    spool, now = Spool(settings.files.spool), time.time()
    records = [record(index, now) for index in range(calls)]
    if not together:
        for call in records:
            spool.append("call_started", call.id, call.beginning())
    for call in records:
        if together:
            spool.append("call_started", call.id, call.beginning())
        spool.append("call", call.id, call.to_dict())
    spool.close()
    importer = Importer(settings, active=lambda: None)
    cpu, wall = time.process_time(), time.monotonic()
    while importer.step():
        pass
    cpu, wall = time.process_time() - cpu, time.monotonic() - wall
    if importer.trouble or len(api.calls(settings, limit=1)) != 1:
        raise SystemExit(f"the records did not come in: {importer.trouble}")
    return cpu / calls * 1e6, calls / wall


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=5000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--database-url", default=None, help="of an empty database; default: SQLite in a new folder")
    arguments = parser.parse_args()
    print(f"{arguments.calls} calls, {arguments.runs} runs each; µs of CPU per call: median (least - most)")
    for words, together in (("begin and end in one batch", True), ("begin and end in different batches", False)):
        results = []
        for _ in range(arguments.runs):
            with tempfile.TemporaryDirectory() as folder:
                settings = load(data_dir=Path(folder) / "data", database_url=arguments.database_url)
                api.prepare(settings)
                from jackfield.history.models import Call, Journal, Leg

                for model in (Leg, Journal, Call):
                    model.objects.all().delete()
                results.append(measure(settings, arguments.calls, together=together))
        used = [one[0] for one in results]
        rate = statistics.median(one[1] for one in results)
        verdict = "ok" if statistics.median(used) <= TARGET else f"over the target of {TARGET:.0f}"
        spread = f"{statistics.median(used):6.0f} ({min(used):.0f} - {max(used):.0f})"
        print(f"  {words:36} {spread}  {rate:7.0f} calls/s  {verdict}")


if __name__ == "__main__":
    main()
