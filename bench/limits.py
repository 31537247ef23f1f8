"""What limits on outgoing calls cost on the path of a call.

    python bench/limits.py [--rules 10] [--prefixes 100000] [--calls 200]

Prints microseconds of CPU, the median of several rounds: a decision, the whole accounting of a call (begin, answer,
end, with its entries in the journal), looking ahead with many calls in progress, finding a price, reading the table.
"""

from __future__ import annotations

import argparse
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import UTC
from pathlib import Path

from jackfield.console.numbering import numbering, world
from jackfield.switch.limits import rates
from jackfield.switch.limits.budgets import look_ahead
from jackfield.switch.limits.counts import Counts
from jackfield.switch.limits.data import CallLimit
from jackfield.switch.limits.journal import Journal
from jackfield.switch.limits.places import Places
from jackfield.switch.limits.rates import Rate
from jackfield.switch.limits.rules import Outgoing, judge

ROUNDS = 7
NUMBERS = [f"00{code}{rest}" for code in ("44", "49", "33", "1", "420", "252") for rest in range(2000000, 2000050)]


def cpu(work: Callable[[], object], times: int) -> float:
    """Return microseconds of CPU of one piece of work: the median of the rounds."""
    found = []
    for _ in range(ROUNDS):
        began = time.process_time()
        for _ in range(times):
            work()
        found.append((time.process_time() - began) / times * 1e6)
    return statistics.median(found)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rules", type=int, default=10)
    parser.add_argument("--prefixes", type=int, default=100_000)
    parser.add_argument("--calls", type=int, default=200)
    asked = parser.parse_args()
    chance = random.Random(1)
    known = Places(numbering("CZ"), world(), "CZ")
    rules = [
        CallLimit(name=f"R{number}", applies_to="listed", kinds=("international",), prefixes=(f"00{number}",),
                  calls_per_hour=10**6, money_per_day=10**6)
        for number in range(asked.rules)
    ]  # fmt: skip
    now = 1_800_000_000.0
    with tempfile.TemporaryDirectory() as folder:
        journal = Journal(Path(folder) / "counts")
        counts = Counts(UTC, journal.write)

        def decide() -> object:
            number = chance.choice(NUMBERS)
            call = Outgoing(dialed="0" + number, called=known.called(number), outside="0", extension="101")
            return judge(
                rules, call, lambda key: counts.used(key, now), known, counts.periods(now), UTC, lambda name: True
            )

        keys = [(rule.name, "") for rule in rules]
        rate = Rate("somewhere", 0, 600_000, 1, 1)
        serial = iter(range(10**9))

        def account() -> None:
            meter = counts.begin(str(next(serial)), keys, rate, now)
            counts.answer(meter, now)
            counts.end(meter, now)

        print(f"decide, {asked.rules} rules: {cpu(decide, 500):.1f} µs")
        print(f"count a call on {asked.rules} rules, with the journal: {cpu(account, 500):.1f} µs")
        for number in range(asked.calls):
            counts.answer(counts.begin(f"talks {number}", keys, rate, now), now)
        print(f"decide, {asked.rules} rules, {asked.calls} calls in progress: {cpu(decide, 200):.1f} µs")
        spent = counts.used(keys[0], now)
        talking = counts.in_progress(keys[0])
        near = CallLimit(name="R0", money_per_hour=(spent.money_hour + 10**8) / rates.MILLION)
        far, periods = rules[0], counts.periods(now)
        for title, rule in (("far from used up", far), ("nearly used up", near)):
            cost = cpu(lambda rule=rule: look_ahead(rule, talking, spent, periods, now), 20)  # type: ignore[misc]
            print(f"look ahead with {asked.calls} calls, {title}: {cost:.0f} µs")
        journal.close()
        table = Path(folder) / "rates.json"
        prefixes = {str(chance.randrange(10, 10 ** chance.randrange(3, 8))) for _ in range(asked.prefixes)}
        rates.write(table, "EUR", 0.0, [("", one, Rate(one[:3], 0, int(one[:4]) % 997, 60, 60)) for one in prefixes])
        found = rates.read(table)
        print(f"read a table of {len(found)} prefixes: {cpu(lambda: rates.read(table), 1) / 1000:.0f} ms")
        print(f"find a price in it: {cpu(lambda: found.find('+' + chance.choice(NUMBERS)[2:]), 5000):.2f} µs")


if __name__ == "__main__":
    main()
