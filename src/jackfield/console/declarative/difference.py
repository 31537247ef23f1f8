"""What `apply` did or would do, and what is wrong with a document. Plain data, no database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

__all__ = ["Change", "Difference", "DocumentError", "FieldChange", "Problem"]

Action = Literal["create", "change", "remove"]
_SIGN: dict[Action, str] = {"create": "+", "change": "~", "remove": "-"}


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong (or, among warnings, doubtful) in a document.

    `path` is written as in `extensions[2].codecs`, counted from 0; `line` counts from 1; 0 when it has none, as a thing
    that is in the database and not in the document.
    """

    path: str
    line: int
    message: str
    shut_out: bool = False
    """Whoever wants this would shut himself out: it can be tried for a minute."""

    def __str__(self) -> str:
        where = f"line {self.line}: " if self.line else ""
        return f"{where}{self.path}: {self.message}" if self.path else f"{where}{self.message}"

    def to_dict(self) -> dict[str, Any]:
        """Plain data for `--json`."""
        return {"path": self.path, "line": self.line, "message": self.message}


class DocumentError(ValueError):
    """The document can't be applied; nothing was changed. `problems` has them all, in the order of the lines."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda problem: problem.line))
        super().__init__("\n".join(map(str, self.problems)))


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field of one thing. `old` and `new` are plain YAML values; of secrets both are None."""

    name: str
    old: Any
    new: Any
    secret: bool = False

    def __str__(self) -> str:
        if self.secret:
            return f"{self.name}: (secret)"
        if self.old is None:
            return f"{self.name}: {_shown(self.new)}"
        return f"{self.name}: {_shown(self.old)} → {_shown(self.new)}"


@dataclass(frozen=True, slots=True)
class Change:
    """One thing created, changed or removed. `key` is what it is known by: a number, a name."""

    action: Action
    section: str
    key: str
    fields: tuple[FieldChange, ...] = ()

    def __str__(self) -> str:
        what = f"{_SIGN[self.action]} {self.section} {self.key}".rstrip()
        return "\n".join([what, *(f"    {field}" for field in self.fields)])

    def to_dict(self) -> dict[str, Any]:
        """Plain data for `--json`."""
        return {
            "action": self.action,
            "section": self.section,
            "key": self.key,
            "fields": [
                {"name": field.name, "secret": True}
                if field.secret
                else {"name": field.name, "old": field.old, "new": field.new}
                for field in self.fields
            ],
        }


@dataclass(frozen=True, slots=True)
class Difference:
    """All changes, in the order in which they are made, and what is doubtful in the outcome."""

    changes: tuple[Change, ...] = ()
    warnings: tuple[Problem, ...] = ()
    applied: bool = False  # False after a dry run

    def __bool__(self) -> bool:
        """Tell whether anything differs."""
        return bool(self.changes)

    @property
    def counts(self) -> dict[Action, int]:
        """How many things are created, changed, removed."""
        counts: dict[Action, int] = {"create": 0, "change": 0, "remove": 0}
        for change in self.changes:
            counts[change.action] += 1
        return counts

    @property
    def text(self) -> str:
        """The difference for people: one paragraph per thing, a summary, the warnings. Never a secret."""
        lines = [str(change) for change in self.changes]
        counts = self.counts
        if self.changes:
            done = [f"{counts[action]} to {action}" for action in counts if counts[action]]
            if self.applied:
                past = {"create": "created", "change": "changed", "remove": "removed"}
                done = [f"{counts[action]} {past[action]}" for action in counts if counts[action]]
            lines.append(", ".join(done) + ".")
        else:
            lines.append("Nothing to change.")
        lines += [f"warning: {warning}" for warning in self.warnings]
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for `--json`."""
        return {
            "applied": self.applied,
            "counts": self.counts,
            "changes": [change.to_dict() for change in self.changes],
            "warnings": [warning.to_dict() for warning in self.warnings],
        }


def _shown(value: Any) -> str:
    if value in ("", None):
        return '""'
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return "[" + ", ".join(_shown(item) for item in value) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}: {_shown(item)}" for name, item in value.items()) + "}"
    return str(value)
