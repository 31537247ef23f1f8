"""How calls that are over are shown: a list of them, or one with its legs and its journal."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jackfield.settings import Settings

__all__ = ["show_call", "show_calls", "zone_of"]

ENDED_BY = {"caller": "hung up by the caller", "callee": "hung up by the called side"}


def zone_of(settings: Settings) -> tzinfo:
    """Return the company's time zone, UTC as long as there is no configuration."""
    from zoneinfo import ZoneInfo

    from jackfield.switch import snapshot

    try:
        return ZoneInfo(snapshot.read(settings.files.snapshot).general.time_zone)
    except (OSError, ValueError, LookupError):
        return UTC


def show_calls(past: list[dict[str, Any]], zone: tzinfo) -> None:
    """Print one line for each call of `jackfield.console.api.calls`, with times of the zone."""
    from jackfield.cli.output import duration, table

    rows = [
        (
            call["id"],
            _moment(call["started"], zone, "%Y-%m-%d %H:%M:%S"),
            _party(call["caller"]),
            _party(call["called"]) if call["called"]["number"] else call["dialed"],
            call["direction"],
            call["outcome"] or "goes on",
            duration(call["duration"] or 0),
            _end(call),
        )
        for call in past
    ]
    columns = ("id", f"started ({zone})", "from", "to", "direction", "outcome", "length>", "end")
    table("", columns, rows, empty="No calls.")


def show_call(call: dict[str, Any], zone: tzinfo) -> None:
    """Print everything that is known of one call (`jackfield.console.api.call`), with times of the zone."""
    from rich.markup import escape

    from jackfield.cli.output import console, table

    out = console()
    dialed = f", dialled {call['dialed']}" if call["dialed"] != call["called"]["number"] else ""
    parties = f"{_party(call['caller'])} → {_party(call['called'])}{dialed}"
    out.print(f"[bold]Call {call['id']}[/bold]  {escape(parties)}", soft_wrap=True)
    started = _moment(call["started"], zone, "%Y-%m-%d %H:%M:%S")
    facts = [f"{call['direction']}, {call['outcome'] or 'goes on'}", f"started {started} ({zone})"]
    facts += [f"{word} after {span}" for word in ("ringing", "answered", "ended") if (span := _after(call, word))]
    out.print(", ".join(facts), soft_wrap=True)
    if call["ended"]:
        causes = (("SIP", call["sip_status"]), ("Q.850", call["q850"]))
        shown = ", ".join(f"{name} {code}" for name, code in causes if code)
        out.print(escape(_end(call)) + (f" ({shown})" if shown else ""), soft_wrap=True)
    out.print()
    columns = ("leg", "party", "address", "phone", "SIP", "codec", "in>", "out>", "lost>", "jitter>", "MOS>")
    table("Legs", columns, [_leg(leg) for leg in call["legs"]], empty="No legs.")
    out.print("\n[bold]Journal[/bold]")
    for line in call["journal"]:
        link = f"  [dim]{escape(line['link'])}[/dim]" if line.get("link") else ""
        out.print(f"  {_moment(line['at'], zone, '%H:%M:%S.%f')[:-3]}  {escape(line['text'])}{link}", soft_wrap=True)


def _leg(leg: dict[str, Any]) -> tuple[object, ...]:
    media = leg["media"]
    jitter = media.get("jitter_ms")
    return (
        leg["role"],
        f'trunk "{leg["trunk"]}"' if leg["trunk"] else _party(leg),
        leg["address"],
        leg["user_agent"],
        leg["status"] or "",
        f"{leg['codec']}{', encrypted' if leg['secure'] else ''}",
        media.get("packets_in", ""),
        media.get("packets_out", ""),
        media.get("lost", ""),
        "" if jitter is None else f"{jitter:.1f} ms",
        media.get("mos") or "",
    )


def _party(party: dict[str, Any]) -> str:
    return f"{party['number'] or 'anonymous'} {party['name']}".strip()


def _end(call: dict[str, Any]) -> str:
    return str(call["reason"] or ENDED_BY.get(call["hung_up_by"], ""))


def _moment(text: str | None, zone: tzinfo, form: str) -> str:
    return datetime.fromisoformat(text).astimezone(zone).strftime(form) if text else ""


def _after(call: dict[str, Any], word: str) -> str:
    if not call[word]:
        return ""
    seconds = (datetime.fromisoformat(call[word]) - datetime.fromisoformat(call["started"])).total_seconds()
    return f"{seconds:.1f} s"
