"""Pages that change by themselves: calls in progress, registered phones, and the stream of changes behind them."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterable
from functools import lru_cache
from typing import Any

import msgspec
from asgiref.sync import SyncToAsync
from django.conf import settings
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils import translation
from django.utils.http import urlencode

from jackfield.console import live
from jackfield.console.web.live_columns import states_now
from jackfield.console.web.rights import gate, may
from jackfield.console.web.saving import author, notify
from jackfield.control import ControlError, NotRunning, ask_sync

__all__ = ["active", "hang_up", "let_thread_go", "live_rows", "phones", "stream", "switch_says", "urls"]

BEAT_SECONDS = 20.0
STREAM_SECONDS = 300.0
"""After this long a stream ends and the browser comes back: whoever may not watch any more is found out by then."""
STREAM_TYPE = "text/event-stream"
PAGE = 100
TURNED_AWAY = 20
"""Phones outside of their address group that the page names."""
NOT_RUNNING = "The switch does not run, so no call can be made. See its log, or start Jackfield again."

AREAS = {
    "calls": "overview", "trunks": "overview", "counts": "overview", "phones": "phones", "extensions": "people",
    "trunk_states": "lines", "site_states": "phones",
}  # fmt: skip
"""Parts of the stream, and the area whose readers get each."""
STATES = ("extensions", "trunk_states", "site_states")


def live_rows() -> Any:
    """Return the macros that make the rows of live tables."""
    from django.template import engines

    return engines["jinja2"].env.get_template("live/rows.html").module


def switch_says(verb: str, **arguments: Any) -> tuple[Any, str]:
    """Ask the switch. Returns the answer and "", or None and why there is none."""
    try:
        return ask_sync(settings.JACKFIELD.files.switch_socket, verb, timeout=3.0, **arguments), ""
    except NotRunning:
        return None, NOT_RUNNING
    except ControlError as problem:
        return None, str(problem)


# --- the stream --------------------------------------------------------------------------------------------------


@gate("overview")
def stream(request: HttpRequest) -> Any:
    """Send what changes as server-sent events; `for` names the parts: see `AREAS`."""
    if request.headers.get("Accept") != STREAM_TYPE:  # what else comes is answered on one of the few threads for pages
        return HttpResponse(f"This is for programs that accept {STREAM_TYPE}.\n", status=406, content_type="text/plain")
    asked = request.GET.get("for", "").split(",")
    parts = frozenset(part for part, area in AREAS.items() if part in asked and may(request.user, area))
    response = StreamingHttpResponse(_messages(live.hub(), parts, translation.get_language()), content_type=STREAM_TYPE)
    response.headers["X-Accel-Buffering"] = "no"  # nginx would hold it back otherwise
    return response


async def _messages(hub: live.Hub, parts: frozenset[str], language: str | None = None) -> AsyncIterator[bytes]:
    let_thread_go()
    first = True
    known = {part: dict[str, Any]() for part in STATES if part in parts}
    async for batch in hub.events(every=BEAT_SECONDS, until=STREAM_SECONDS):
        said = [_row_message(event, part, language) for event in batch if (part := _part(event)) in parts]
        said += [_message("switch", event.data) for event in batch if event.kind == "switch"]
        if batch and "counts" in parts:
            said.append(_message("counts", counts(hub.state)))
        if first:
            first, state = False, hub.state
            shown = {"calls": state.calls, "trunks": state.trunks, "phones": state.phones}
            said += [_message("all", {"part": part, "ids": list(shown[part])}) for part in parts & shown.keys()]
        if batch and known:
            with translation.override(language):
                said += [_states_message(part, hub.state, known) for part in known]
        yield b"".join(said) or b": still here\n\n"


def _states_message(part: str, state: live.State, known: dict[str, dict[str, Any]]) -> bytes:
    """Return what became different among the states of one part since `known`, which is brought up to date; or b""."""
    before, now = known[part], states_now(part, state)
    changed: dict[str, Any] = {key: cell for key, cell in now.items() if before.get(key) != cell}
    changed |= dict.fromkeys(before.keys() - now.keys())
    known[part] = now
    if before and not changed:
        return b""
    return _message("states", {"part": part, "states": changed, "known": state.running, "all": not before})


def let_thread_go() -> None:
    """End the thread that worked on the request: Django would keep it, and its database connection, with the answer."""
    context = SyncToAsync.thread_sensitive_context.get(None)
    if context is not None and (executor := SyncToAsync.context_to_thread_executor.pop(context, None)) is not None:
        executor.shutdown(wait=False)


def _part(event: live.Event) -> str:
    return {"call": "calls", "trunk": "trunks", "phone": "phones"}.get(event.kind.partition(".")[0], "")


@lru_cache(maxsize=2000)  # all who watch in one language get the same rows
def _row_message(event: live.Event, part: str, language: str | None) -> bytes:
    row = event.data
    key = row["name"] if part == "trunks" else row["id"]
    if event.kind in ("call.ended", "trunk.removed", "phone.gone"):
        return _message("gone", {"part": part, "id": key})
    rows = live_rows()
    make = {"calls": rows.call, "trunks": rows.trunk, "phones": rows.phone}[part]
    with translation.override(language):
        html = make(with_expiry(row) if part == "phones" else row)
    return _message("put", {"part": part, "id": key, "html": str(html).strip()})


def _message(kind: str, data: Any) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (kind.encode(), msgspec.json.encode(data))


def counts(state: live.State) -> dict[str, int]:
    """Return the figures of the overview."""
    states = [row["state"] for row in state.trunks.values()]
    return {
        "calls": len(state.calls),
        "talking": sum(row["state"] == "talking" for row in state.calls.values()),
        "registered": state.registered,
        "trunks": len(states) - states.count("disabled"),
        "trunks_up": sum(one in ("registered", "up") for one in states),
    }


# --- calls in progress -------------------------------------------------------------------------------------------


@gate("overview")
def active(request: HttpRequest) -> HttpResponse:
    """Show the calls in progress, the oldest first, so that new ones come at the end."""
    calls, problem = switch_says("calls")
    context = {"calls": calls or [], "problem": problem, "rows": live_rows()}
    return render(request, "live/active.html", context)


@gate("overview", write=True)
def hang_up(request: HttpRequest) -> HttpResponse:
    """End a call."""
    if request.method == "POST":
        _, problem = switch_says("hangup", id=request.POST.get("id", ""), by=author(request).name)
        if problem.startswith("no call"):
            problem = "This call is over already."
        notify(request, [("bad" if problem else "good", problem or "The call is ended.")])
    return redirect("/admin/active/")


# --- registered phones -------------------------------------------------------------------------------------------

SHOWN = {
    "": "all", "silent": "do not answer", "audio": "audio not right", "nat": "behind NAT",
    "missing": "extensions without a phone",
}  # fmt: skip


@gate("phones")
def phones(request: HttpRequest) -> HttpResponse:
    """Show every registration, and the extensions that have none."""
    found, problem = switch_says("registrations")
    registered: list[dict[str, Any]] = found or []
    missing = [] if problem else _without_phone({row["extension"] for row in registered})
    turned_away = [] if problem else switch_says("turned_away")[0] or []
    chosen = request.GET.get("show", "")
    search = request.GET.get("q", "").strip()
    rows: list[dict[str, Any]] = missing if chosen == "missing" else registered
    if chosen == "silent":
        rows = [row for row in rows if not row["reachable"]]
    elif chosen == "audio":
        rows = [row for row in rows if _is_wrong(row)]
    elif chosen == "nat":
        rows = [row for row in rows if row["behind_nat"]]
    rows = list(_fitting(rows, search))
    page = Paginator(rows, PAGE).get_page(request.GET.get("page"))
    context = {
        "page": page,
        "shown": [row if chosen == "missing" else row | {"id": live.phone_id(row)} for row in page.object_list],
        "missing": missing,
        "turned_away": turned_away[:TURNED_AWAY],
        "registered": len(registered),
        "silent": sum(not row["reachable"] for row in registered),
        "wrong": sum(map(_is_wrong, registered)),
        "choices": SHOWN,
        "chosen": chosen,
        "search": search,
        "query": urlencode({name: value for name, value in (("q", search), ("show", chosen)) if value}),
        "problem": problem,
        "rows": live_rows(),
    }
    return render(request, "live/phones.html", context)


def _is_wrong(row: dict[str, Any]) -> bool:
    """Say if a phone does not hear or is not heard, or a router changes what it says."""
    return bool(row["sip_alg"] or (row["verdict"] and not row["verdict"]["good"]))


def _without_phone(have: set[str]) -> list[dict[str, Any]]:
    from jackfield.numbers.models import Extension

    extensions = Extension.objects.filter(enabled=True).order_by("number").values("number", "name", "pk")
    return [{"extension": one["number"], "name": one["name"], "pk": one["pk"]} for one in extensions
            if one["number"] not in have]  # fmt: skip


def _fitting(rows: Iterable[dict[str, Any]], search: str) -> Iterable[dict[str, Any]]:
    if not search:
        return rows
    wanted = search.casefold()
    names = ("extension", "name", "line", "sip_username", "model", "user_agent", "address", "transport")
    return (row for row in rows if any(wanted in str(row.get(name, "")).casefold() for name in names))


def with_expiry(row: dict[str, Any]) -> dict[str, Any]:
    """Give a phone as the hub has it the seconds until its registration ends, as the switch gives them."""
    return row | {"expires_in": max(0.0, row["expires"] - time.time())}


def urls() -> list[Any]:
    """Return the addresses of the pages here."""
    from django.urls import path

    return [
        path("admin/live", stream),
        path("admin/active/", active),
        path("admin/active/hang-up", hang_up),
        path("admin/phones/", phones),
    ]
