"""What would happen if: the dial plan followed through its schedules to what would be rung.

The running switch follows a schedule only when the call gets there, by `Redirect`. Whoever asks beforehand wants the
end of the way, so the same steps are taken here without a call.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from jackfield.switch.hours import Turn, turn
from jackfield.switch.route import Plan, Refusal, RouteRequest, TraceStep, onward, route
from jackfield.switch.snapshot import Service, Snapshot

__all__ = ["Forecast", "Passed", "forecast"]


@dataclass(frozen=True, slots=True)
class Passed:
    """A schedule on the way, and what it does with the call."""

    schedule: Service
    turn: Turn


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a dialled number leads to at one moment."""

    number: str
    """The dialled number as it was understood, before any schedule."""
    passed: tuple[Passed, ...]
    """The schedules on the way, in order."""
    plan: Plan
    """What is rung in the end, or why nothing is; its trace has every step from the first on."""

    def stages(self) -> list[dict[str, str | None]]:
        """The schedules as plain data: `range` names the hours that hold the moment, None when none does."""
        return [
            {
                "kind": "schedule",
                "number": one.schedule.number,
                "name": one.schedule.name,
                "range": one.turn.range,
                "target": one.turn.target,
            }
            for one in self.passed
        ]


def forecast(snapshot: Snapshot, request: RouteRequest, at: datetime) -> Forecast:
    """Decide as `route()` does, and go on through schedules. Never raises; `at` must carry a time zone."""
    plan = route(snapshot, request, at)
    number, trace = plan.number, plan.trace
    passed: list[Passed] = []
    while isinstance(plan.entry, Service) and plan.entry.kind == "schedule":
        schedule = plan.entry
        decided = turn(schedule, at, snapshot)
        before = [one.schedule.number for one in passed]
        passed.append(Passed(schedule, decided))
        if (problem := _obstacle(schedule, decided, before, snapshot.general.max_hops)) is not None:
            text = f"refused ({problem.status}): {problem.text}"
            trace = (*trace, TraceStep(text, f"services/{schedule.number}"))
            plan = replace(plan, entry=None, refusal=problem)
            break
        plan = route(snapshot, onward(plan, decided.target), at)
        trace += plan.trace
    return Forecast(number, tuple(passed), replace(plan, request=request, trace=trace))


def _obstacle(schedule: Service, decided: Turn, before: list[str], most: int) -> Refusal | None:
    """Return why a call ends at a schedule; `before` are the schedules that it came through."""
    mend = f"change it at Services > {schedule.number}"
    if not decided.target:
        which = "open" if decided.range is not None else "closed"
        text = f"{decided.why}, and no number is set for {which} hours - {mend}"
        return Refusal(480, "Temporarily Unavailable", text)
    if schedule.number in before:
        circle = " > ".join((*before[before.index(schedule.number) :], schedule.number))
        return Refusal(482, "Loop Detected", f"the schedules lead in a circle ({circle}) - {mend}")
    if len(before) >= most:
        text = f"sent on {len(before) + 1} times, {most} are allowed at Settings > Max hops - {mend}"
        return Refusal(482, "Loop Detected", text)
    return None
