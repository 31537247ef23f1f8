"""What the API can do, one `Operation` each: from these come the addresses, the checks, the document and the page."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse

from jackfield.console.rest.problems import of_fields

__all__ = ["DRY_RUN", "LIMIT", "Asked", "Operation", "Parameter", "read_query"]

LONGEST = 1000
"""Characters of one parameter."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of the address. `schema` is JSON Schema: the type is what is read."""

    name: str
    about: str
    schema: Mapping[str, Any] = field(default_factory=lambda: {"type": "string"})


@dataclass(slots=True)
class Asked:
    """One request: its person, what stands in its address, what was read from its query."""

    request: HttpRequest
    path: dict[str, Any]
    query: dict[str, Any]

    @property
    def user(self) -> Any:
        """Whose session or token it is."""
        return self.request.user


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing that can be asked for. `path` as OpenAPI writes it, without the base; `route` as Django does."""

    id: str
    method: str
    path: str
    area: str
    summary: str
    run: Callable[[Asked], HttpResponse]
    route: str = ""  # "" where `path` says it all
    group: str = ""
    parameters: tuple[Parameter, ...] = ()
    body: Mapping[str, Any] | None = None  # schema
    body_type: str = "application/json"
    answer: Mapping[str, Any] | None = None  # schema of what comes back when it works
    answer_type: str = "application/json"
    status: int = 200
    about: str = ""
    conditional: bool = False  # knows If-Match
    repeatable: bool = False  # knows Idempotency-Key
    write: bool = False  # a GET for those who may write in the area
    scoped: bool = True  # False: every token may, whatever its scopes
    trial: Mapping[str, Any] | None = None  # schema of what a dry run answers; None: what would change
    sample: str = ""  # of a body that is not JSON; "" for one that people choose as a file

    @property
    def django_route(self) -> str:
        """The address for Django, below the base."""
        return (self.route or self.path.replace("{", "<str:").replace("}", ">")).lstrip("/")


_TRUE, _FALSE = ("true", "1", "yes"), ("false", "0", "no")
DRY_RUN = Parameter(
    "dry_run", "Change nothing, and answer with what would change.", {"type": "boolean", "default": False}
)
LIMIT = Parameter("limit", "How many at most.", {"type": "integer", "minimum": 1, "maximum": 1000, "default": 100})


def read_query(request: HttpRequest, parameters: tuple[Parameter, ...]) -> dict[str, Any]:
    """Return the parameters by name, of their types; None where one is not given and has no default.

    Raises `Refusal` (400) naming each that is not known, or not of its type.
    """
    known = {parameter.name: parameter for parameter in parameters}
    found: dict[str, Any] = {name: parameter.schema.get("default") for name, parameter in known.items()}
    wrong = []
    for name in request.GET:
        if name not in known:
            names = ", ".join(known) or "none"
            wrong.append({"field": name[:100], "message": f"This parameter is not known here; known: {names}."})
            continue
        try:
            found[name] = _read(request.GET[name], known[name].schema)
        except ValueError as problem:
            wrong.append({"field": name, "message": str(problem)})
    if wrong:
        raise of_fields(400, wrong, "The parameters are not right.")
    return found


def _read(text: str, schema: Mapping[str, Any]) -> Any:
    if "\0" in text or len(text) > LONGEST:
        raise ValueError(f"Must be at most {LONGEST} characters, without NUL.")
    kinds = schema.get("type", "string")
    kind = kinds if isinstance(kinds, str) else next(one for one in kinds if one != "null")
    if kind == "boolean":
        if text.lower() not in _TRUE + _FALSE:
            raise ValueError("Must be true or false.")
        return text.lower() in _TRUE
    if kind in ("integer", "number"):
        return _number(text, kind, schema)
    if "enum" in schema and text not in schema["enum"]:
        raise ValueError(f"Must be one of: {', '.join(one or '(nothing)' for one in schema['enum'])}.")
    if schema.get("format") == "date-time":
        return _time(text)
    return text


def _number(text: str, kind: str, schema: Mapping[str, Any]) -> Any:
    try:
        value = int(text) if kind == "integer" else float(text)
    except ValueError:
        value = math.nan
    least, most = schema.get("minimum", -(2**31)), schema.get("maximum", 2**31)
    if not least <= value <= most:
        what = "a whole number" if kind == "integer" else "a number"
        raise ValueError(f"Must be {what} from {least} to {most}.")
    return value


def _time(text: str) -> float:
    try:
        at = datetime.fromisoformat(text.replace(" ", "+"))  # a "+" that nobody wrote as %2B
        if at.tzinfo is None:
            raise ValueError
        return at.timestamp()
    except (ValueError, OverflowError):
        raise ValueError("Must be a time with its zone, as in 2026-11-22T14:30:00Z.") from None
