"""The whole configuration as the YAML that `apply` reads: stable in order, defaults left out, so that it diffs well."""

from __future__ import annotations

from typing import Any

import yaml
from django.db import transaction

from jackfield.console.declarative.merging import stored
from jackfield.console.declarative.reading import FIRST_LINE
from jackfield.console.declarative.section import Section
from jackfield.console.declarative.sections import LINES, SECTIONS
from jackfield.console.declarative.values import written
from jackfield.console.locking import configuration_lock
from jackfield.numbers.plan import number_order

__all__ = ["export"]

HEAD = "# The configuration of Jackfield. Change it and run: jackfield apply FILE\n"
WITHOUT_SECRETS = "# Passwords are left out: those that exist stay, new lines get random ones.\n"


class _Dumper(yaml.SafeDumper):
    """Short lists in one line, the rest one thing per line; lists indented, as people write them."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        """Indent lists inside mappings too."""
        super().increase_indent(flow, False)


def _short(dumper: yaml.SafeDumper, value: list[Any]) -> yaml.Node:
    flow = all(not isinstance(item, dict | list) for item in value)
    return dumper.represent_sequence("tag:yaml.org,2002:seq", value, flow_style=flow)


_Dumper.add_representer(list, _short)


def export(*, secrets: bool = False) -> str:
    """Return the document. `apply(export(secrets=True), prune=True)` changes nothing."""
    with transaction.atomic():
        configuration_lock()  # all sections as they are at one moment
        document = {section.name: _section(section, secrets) for section in SECTIONS.values()}
    parts = [HEAD if secrets else HEAD + WITHOUT_SECRETS]
    for name, content in document.items():
        if not content and not SECTIONS[name].key:
            continue  # all of it as it is by itself
        parts.append(yaml.dump({name: content}, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110))
    return "\n".join(parts)


def _section(section: Section, secrets: bool) -> Any:
    rows = stored(section)
    if not section.key:
        return _thing(section, rows[0], secrets)
    if not section.ordered:
        rows.sort(key=lambda row: [number_order(str(part)) for part in section.key_of(row)])
    return [_thing(section, row, secrets) for row in rows]


def _thing(section: Section, row: Any, secrets: bool) -> dict[str, Any]:
    found = {}
    for known in section.fields.values():
        value = known.of(row)
        if known.secret and not secrets:
            continue
        if known.required or known.shown or value != known.default:
            found[known.name] = None if value is None else written(value)
    if section.name == "extensions":
        found |= _lines(row, secrets)
    return found


def _lines(extension: Any, secrets: bool) -> dict[str, Any]:
    lines = [_thing(LINES, row, secrets) for row in extension.all_lines()]
    if not lines or not lines[0].keys() <= set(FIRST_LINE):
        return {"lines": lines}
    return lines[0] | ({"lines": lines[1:]} if lines[1:] else {})
