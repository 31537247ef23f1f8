"""The state of extensions and trunks, which the running switch knows and the database does not: as columns of lists."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from jackfield.console import live
from jackfield.control import ControlError, ask_sync

__all__ = ["LiveCell", "LiveColumn", "extension_states", "live_column", "states_now", "trunk_states"]

KINDS = {"registered": "good", "up": "good", "down": "bad", "refused": "bad", "registering": "warning"}
ANSWER_SECONDS = 1.0
"""A list must not wait long for a switch that has other worries."""


@dataclass(frozen=True, slots=True)
class LiveCell:
    """A chip: its text, its meaning ("good", "bad", "warning", "info", ""), and more about it."""

    text: str
    kind: str = ""
    more: str = ""


@dataclass(frozen=True, slots=True)
class LiveColumn:
    """One more column of a list: a cell for each row, and the key by which the stream of changes names it."""

    label: str
    part: str
    cells: Sequence[tuple[str, LiveCell]]
    none: LiveCell
    """What stands where nothing is known of one."""


States = dict[str, LiveCell]


def extension_states(reachable: Mapping[str, int], calls: Iterable[Mapping[str, Any]]) -> States:
    """Return the state of each extension that has a phone or is in a call, by its number.

    `reachable` has the phones that answer of each extension with any, as the switch's verb "registered" gives them.
    """
    found = {number: _phones(count) for number, count in reachable.items()}
    for call in calls:
        talking = call["state"] == "talking"
        for side, other in (("from", "to"), ("to", "from")):
            number, name = call[side]["extension"], call[other]["name"] or call[other]["number"]
            if number:
                found[number] = _in_call(talking, side == "from", name)
        for leg in call["legs"]:  # phones of a ring group, which the call's own sides do not name
            if (number := leg.get("number", "")) in reachable and found[number].kind != "info":
                found[number] = _in_call(talking, False, call["from"]["name"] or call["from"]["number"])
    return found


def _phones(count: int) -> LiveCell:
    if count == 0:
        return LiveCell(_("does not answer"), "bad")
    if count == 1:
        return LiveCell(_("registered"), "good")
    return LiveCell(ngettext("%(count)d phone", "%(count)d phones", count) % {"count": count}, "good")


def _in_call(talking: bool, calls: bool, name: str) -> LiveCell:
    if talking:
        return LiveCell(_("in a call"), "info", _("with %(name)s") % {"name": name} if name else "")
    if calls:
        return LiveCell(_("dials"), "info", name)
    return LiveCell(_("rings"), "info", _("%(name)s calls") % {"name": name} if name else "")


def trunk_states(trunks: Iterable[Mapping[str, Any]]) -> States:
    """Return the state of each trunk by its name, from what the switch's verb "trunks" says."""
    words = {
        "registered": _("registered"), "up": _("ready"), "down": _("down"), "refused": _("refused"),
        "registering": _("registering"), "disabled": _("off"),
    }  # fmt: skip
    return {
        one["name"]: LiveCell(words.get(one["state"], one["state"]), KINDS.get(one["state"], ""), one["text"])
        for one in trunks
    }


def states_now(part: str, state: live.State) -> dict[str, dict[str, str]]:
    """Return the states of one part of the stream ("extensions", "trunk_states", "site_states") as plain data."""
    if part == "trunk_states":
        cells = trunk_states(state.trunks.values())
    elif part == "site_states":
        cells = site_states(state.sites)
    else:
        reachable: dict[str, int] = {}
        for row in state.phones.values():
            reachable[row["extension"]] = reachable.get(row["extension"], 0) + bool(row["reachable"])
        cells = extension_states(reachable, state.calls.values())
    return {key: asdict(cell) for key, cell in cells.items()}


def _extensions() -> States:
    socket = settings.JACKFIELD.files.switch_socket
    reachable = ask_sync(socket, "registered", timeout=ANSWER_SECONDS)
    return extension_states(reachable, ask_sync(socket, "calls", timeout=ANSWER_SECONDS))


def _trunks() -> States:
    return trunk_states(ask_sync(settings.JACKFIELD.files.switch_socket, "trunks", timeout=ANSWER_SECONDS))


def _desk_phones(rows: Sequence[Any]) -> LiveColumn:
    from jackfield.console.provisioning.standing import states

    cells = []
    for row, state in zip(rows, states(settings.JACKFIELD, rows), strict=True):
        text, kind = state.text, state.meaning
        if state.unread:
            text, kind = _("%(state)s, with the password of before") % {"state": text}, "warning"
        if state.older:
            text, kind = _("%(state)s, has an older configuration") % {"state": text}, "warning"
        if state.gone:
            text, kind = _("%(state)s, an extension of it is gone") % {"state": text}, "bad"
        cells.append((str(row.mac), LiveCell(text, kind, state.trouble)))
    return LiveColumn(_("State"), "desk_phones", cells, LiveCell(""))


def site_states(sites: Iterable[Mapping[str, Any]]) -> States:
    """Return what each site uses of its line, from what the switch's verb "sites" says."""
    found = {}
    for one in sites:
        limit = min((size for size in (one["limit_up"], one["limit_down"]) if size), default=0)
        used, told = f"{one['up']:.0f}", {"used": f"{one['up']:.0f}", "limit": limit, "calls": one["calls"]}
        text = _("%(used)s of %(limit)s kbit/s") % told if limit else _("%(used)s kbit/s") % {"used": used}
        full = one["up"] / limit if limit else 0.0
        kind = "bad" if full >= 0.95 else "warning" if full >= 0.8 else ""
        calls = ngettext("%(calls)d call", "%(calls)d calls", one["calls"]) % {"calls": one["calls"]}
        found[one["name"]] = LiveCell(text, kind or ("good" if one["calls"] else ""), calls)
    return found


def _sites() -> States:
    return site_states(ask_sync(settings.JACKFIELD.files.switch_socket, "sites", timeout=ANSWER_SECONDS))


def live_column(section: str, rows: Sequence[Any]) -> LiveColumn | None:
    """Return the live column of a section's list, None for one that has none."""
    if not rows:
        return None
    if section == "trunks":
        label, part, none, ask = _("State"), "trunk_states", LiveCell(_("off")), _trunks
        keys = [str(row.name) for row in rows]
    elif section == "desk_phones":
        return _desk_phones(rows)
    elif section == "extensions":
        label, part, none, ask = _("Phone"), "extensions", LiveCell(_("no phone")), _extensions
        keys = [str(row.number) for row in rows]
    elif section == "sites":
        label, part, none, ask = _("Uses now"), "site_states", LiveCell("–"), _sites
        keys = [str(row.name) for row in rows]
    else:
        return None
    try:
        found = ask()
    except ControlError as problem:
        unknown = LiveCell(_("not known"), "", str(problem))
        return LiveColumn(label, part, [(key, unknown) for key in keys], none)
    return LiveColumn(label, part, [(key, found.get(key, none)) for key in keys], none)
