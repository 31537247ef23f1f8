"""Changes of the configuration, told in words: with the labels of the forms, and never a secret."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from jackfield.console import publish
from jackfield.console.change import Removal, Wish
from jackfield.console.declarative.difference import Difference, Problem
from jackfield.console.declarative.merging import key_text
from jackfield.console.declarative.sections import LINES, SECTIONS
from jackfield.console.web.forms import Words, sentence
from jackfield.console.web.screens import SCREENS
from jackfield.console.web.words import words

__all__ = ["Known", "Told", "ToldField", "label", "notices", "problem_words", "shown", "tell", "thing"]

Known = dict[tuple[str, str], Words]
OTHER = {"order": Words("Order"), "lines": Words("Order of phones")}
MANY = 3
"""Things that a notice names one by one; of more it gives the number."""
LONG = 400
"""Characters of a value that are shown at most."""


@dataclass(frozen=True, slots=True)
class ToldField:
    """One field: its label, and the values in words; "" where there was or is nothing."""

    name: str
    label: str
    old: str
    new: str
    secret: bool = False
    counted: bool = False  # the label and the value make one phrase: "Rings for 30 seconds"

    def __str__(self) -> str:
        label = self.label[:1].lower() + self.label[1:] if self.label[1:2].islower() else self.label
        if self.secret:
            return f"{label}: a new one"
        if not self.new:
            return f"{label}: nothing any more (was {self.old})" if self.old else f"{label}: nothing"
        said = f"{label}{'' if self.counted else ':'} {self.new}"
        return f"{said} instead of {self.old}" if self.old else said


@dataclass(frozen=True, slots=True)
class Told:
    """One thing that was created, changed or removed."""

    action: str  # create, change, remove
    section: str
    key: str
    thing: str  # "extension 103", "phone bert102 of extension 102"
    fields: tuple[ToldField, ...]

    def __str__(self) -> str:
        name = self.thing[:1].upper() + self.thing[1:]
        if self.action != "change":
            return f"{name} is {'created' if self.action == 'create' else 'removed'}."
        return f"{name}: {'; '.join(map(str, self.fields))}."


def tell(summary: Mapping[str, Any] | Difference, known: Known | None = None) -> list[Told]:
    """Return the changes of a difference, or of the summary that the history keeps of one.

    `known`: what fields are called, found out before: some of it stands in the database.
    """
    plain = summary.to_dict() if isinstance(summary, Difference) else summary
    known = {} if known is None else known
    return [_told(change, known) for change in plain.get("changes", ())]


def _told(change: Mapping[str, Any], known: Known) -> Told:
    section = str(change["section"])
    fields = tuple(_field(section, field, known) for field in change.get("fields", ()))
    key = change["key"]
    if not key and (change["action"] != "change" or any(field.name != "order" for field in fields)):
        key = key_text(())  # the incoming number that any other is: not the order of them all
    return Told(change["action"], section, change["key"], thing(section, key), fields)


def _field(section: str, field: Mapping[str, Any], known: Known) -> ToldField:
    name = field["name"]
    said = known.get((section, name)) or known.setdefault((section, name), _words(section, name))
    if field.get("secret"):
        return ToldField(name, said.label, "", "", secret=True)
    texts = [field.get(which) for which in ("old", "new")]
    if any(isinstance(text, str) and "\n" in text for text in texts):
        return ToldField(name, said.label, "", _lines_changed(*(str(text or "") for text in texts)))
    old, new = (_value(said, text) for text in texts)
    return ToldField(name, said.label, old, new, counted=bool(said.unit))


def _lines_changed(old: str, new: str) -> str:
    """Say how much of a text of many lines is another: nobody reads it in a sentence."""
    before, after = Counter(old.splitlines()), Counter(new.splitlines())
    count = max((before - after).total(), (after - before).total(), 1)
    return ngettext("%(count)d line is another", "%(count)d lines are others", count) % {"count": count}


def _words(section: str, name: str) -> Words:
    known = LINES if section == "lines" else SECTIONS.get(section)
    if known is None or name not in known.fields:
        return OTHER.get(name) or Words(name.replace("_", " ").capitalize())
    return words(known, name)


def label(section: str, name: str) -> str:
    """Return what a field is called."""
    return _words(section, name).label


def shown(section: str, name: str, value: Any) -> str:
    """Return a plain value of a field as people read it."""
    return _value(_words(section, name), value)


def _value(said: Words, value: Any) -> str:
    if value is None or value == "":
        return dict(said.choices).get("", "") if value == "" else ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        between = "; " if any(isinstance(item, Mapping) for item in value) else ", "
        found = between.join(_value(Words("", choices=said.choices), item) for item in value)
        return found if len(found) <= LONG else found[:LONG] + " …"
    if isinstance(value, Mapping):
        if "calls" in value:  # a rule of a permission, which does not allow where it says nothing
            value = {"may call" if value.get("allow") else "may not call": value["calls"]} | {
                key: item for key, item in value.items() if key not in ("calls", "allow")
            }
        return ", ".join(_part(str(key), item) for key, item in value.items())
    text = dict(said.choices).get(str(value), str(value))
    if said.unit:
        unit = said.unit[:-1] if text == "1" and said.unit.endswith("s") else said.unit
        text = f"{text} {unit}"
    return text


def _part(name: str, value: Any) -> str:
    """Return one part of a value that has several, as in "days mon tue, start 08:00, yearly"."""
    if isinstance(value, bool):
        return name if value else f"not {name}"
    if isinstance(value, list) and not any(isinstance(item, Mapping) for item in value):
        return f"{name} {' '.join(map(str, value))}"
    return f"{name} {_value(Words(''), value)}"


def thing(section: str, key: str) -> str:
    """Return what a thing is called in a sentence, by its section and its key as text."""
    if section == "lines":
        extension, _slash, line = key.partition("/")
        return f"phone {line} of extension {extension}"
    screen = SCREENS.get(section)
    if screen is None:
        return f"{section} {key}".strip()
    if not screen.section.key:
        title = screen.title if any(map(str.isupper, screen.title[1:])) else screen.title.lower()
        return "company settings" if section == "settings" else f"settings of {title}"
    if not key:
        return f"order of {screen.title.lower()}"
    (name, *more) = screen.section.key
    spelled = None if more else screen.section.fields[name].spelled
    return f"{screen.one} {spelled(key) if spelled is not None else key}"


def notices(difference: Difference, wishes: Sequence[Wish | Removal] = ()) -> list[tuple[str, str]]:
    """Return what to tell after saving as (kind, text): what was done, then what is doubtful."""
    told = tell(difference)
    if not told:
        return [("good", "Nothing was changed.")]
    if len(told) <= MANY:
        found = [("good", str(one)) for one in told]
    else:
        parts = [(action, sum(one.action == action for one in told)) for action in ("create", "change", "remove")]
        done = {"create": "created", "change": "changed", "remove": "removed"}
        found = [("good", sentence(", ".join(f"{count} {done[action]}" for action, count in parts if count)))]
    warnings = [problem_words(one, wishes) for one in difference.warnings]
    found += [("warning", text) for text in warnings[:MANY]]
    if len(warnings) > MANY:
        found.append(("warning", f"And {len(warnings) - MANY} more of this kind."))
    if difference.applied and (why := publish.trouble.get("switch")):
        text = _("It is saved, but the running system has not taken it yet: %(why)s.") % {"why": why}
        found.append(("warning", text))
    return found


_WANTED = re.compile(r"(\w+)\[(\d+)\](?:\.(.*))?", re.DOTALL)
_KEPT = re.compile(r"(\w+) (.*)\.(\w+)(?:\[\d+\])?", re.DOTALL)


def problem_words(problem: Problem, wishes: Iterable[Wish | Removal] = ()) -> str:
    """Return a problem as a sentence that names the thing and the field as the pages call them."""
    message = problem.message
    if found := _WANTED.fullmatch(problem.path):
        section, number, rest = found[1], int(found[2]), found[3] or ""
        wanted = [wish for wish in wishes if isinstance(wish, Wish) and wish.section == section]
        name = _name(wanted[number]) if number < len(wanted) else ""
        return _said(section, name, rest, message)
    if found := _KEPT.fullmatch(problem.path):
        return _said(found[1], found[2], found[3], message)
    section, _dot, rest = problem.path.partition(".")
    if section in SECTIONS:
        return _said(section, "", rest, message)
    return sentence(f"{problem.path}: {message}" if problem.path else message)


def _name(wish: Wish) -> str:
    if wish.about is not None:
        return key_text(wish.about)
    return " ".join(str(wish.values.get(part) or "") for part in SECTIONS[wish.section].key).strip()


def _said(section: str, name: str, path: str, message: str) -> str:
    if path.startswith("lines["):
        section_of_field, _dot, path = "lines", *path.partition(".")[1:]
    else:
        section_of_field = section
    field = re.split(r"[.\[]", path)[0]
    screen = SCREENS.get(section)
    known = bool(screen and screen.section.key)
    where = (thing(section, name) if name else screen.one) if known and screen else thing(section, "")
    label = f", {_words(section_of_field, field).label}" if field else ""
    return sentence(f"{where}{label}: {message}")
