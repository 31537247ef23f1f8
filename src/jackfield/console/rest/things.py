"""What is configured, by the API: listed, made, changed, replaced, removed; one set of operations for all sections."""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Sequence
from typing import Any

from django.conf import settings as django_settings
from django.db.models import Q
from django.http import HttpResponse

from jackfield.console import change, welcome
from jackfield.console.change import Removal, Wish
from jackfield.console.declarative.difference import Difference
from jackfield.console.declarative.merging import plain
from jackfield.console.declarative.section import Field, Section
from jackfield.console.declarative.sections import SECTIONS
from jackfield.console.rest import answers, bodies, door, paging, problems, repeating, schemas
from jackfield.console.rest.operations import DRY_RUN, Asked, Operation, Parameter
from jackfield.console.rest.problems import Refusal
from jackfield.console.rest.who import author
from jackfield.console.web import uses
from jackfield.console.web.rights import WRITE
from jackfield.console.web.screens import SCREENS, Screen

__all__ = ["SECRETS", "Things", "area_of", "operations", "record_secrets"]

log = logging.getLogger(__name__)

NOTHING = "-"
"""In an address, a part of a key that is empty: any trunk, any language."""
WELCOME = Parameter(
    "welcome", "Send the new user an e-mail with a link to set a password, if e-mail is set up.",
    {"type": "boolean", "default": False},
)  # fmt: skip
SECRETS = Parameter(
    "secrets", "Show passwords too: for those who may write here, and it is recorded.",
    {"type": "boolean", "default": False},
)  # fmt: skip
FOLLOW = Parameter(
    "follow", "With another number or name: change it where others name it, too.",
    {"type": "boolean", "default": False},
)  # fmt: skip
INSTEAD = Parameter("instead", "What stands in its place where others name it.")
TAKE_OUT = Parameter(
    "take_out", "Take it out where others name it; else it stays there, or is refused where it can't.",
    {"type": "boolean", "default": False},
)  # fmt: skip
RESERVED = frozenset(("q", "sort", "secrets", *(parameter.name for parameter in paging.PARAMETERS)))


def area_of(section: str) -> str:
    """Return the area of the console in which a section is looked after."""
    return SCREENS[section].area if section in SCREENS else "system"


class Things:
    """The operations of one section."""

    def __init__(self, section: Section) -> None:
        self.section = section
        self.screen: Screen | None = SCREENS.get(section.name)
        self.filters = {
            name: known
            for name, known in section.fields.items()
            if _kind(known) and not known.secret and name not in RESERVED
        }

    # --- reading -----------------------------------------------------------------------------------------------------

    def rows(self) -> Any:
        """Return the rows, with what they refer to."""
        found = self.section.model().objects.all()
        if references := [name for name, known in self.section.fields.items() if known.reference]:
            found = found.select_related(*references)
        return found.prefetch_related("lines") if self.section.name == "extensions" else found

    def row(self, key: tuple[Any, ...]) -> Any:
        """Return the row of a key. Raises `Refusal` (404)."""
        if not self.section.key:
            return self.section.model().current()
        row = None if any("\0" in part for part in key) else self.rows().filter(self._with_key(key)).first()
        if row is None:
            raise problems.missing(f"{self.section.thing} {' '.join(filter(None, key)) or '(any)'}")
        return row

    def key(self, asked: Asked) -> tuple[Any, ...]:
        """Return the key that stands in the address."""
        text = asked.path.get("key", "")
        parts = text.rpartition("/")[::2] if len(self.section.key) == 2 else (text,) if self.section.key else ()
        return tuple("" if part == NOTHING else part for part in parts)

    def _with_key(self, key: tuple[Any, ...]) -> Q:
        found = Q()
        for name, part in zip(self.section.key, key, strict=True):
            found &= Q(**{self._column(self.section.fields[name]): part}) if part or not self._refers(name) else Q(
                **{f"{name}__isnull": True}
            )  # fmt: skip
        return found

    def _refers(self, name: str) -> bool:
        return bool(self.section.fields[name].reference)

    def _column(self, known: Field) -> str:
        if not known.reference:
            return known.name
        return f"{known.name}__{SECTIONS[known.reference].model().natural_key_field}"

    def show(
        self, row: Any, *, secrets: bool = False, fresh: frozenset[str] = frozenset(), new: bool = False
    ) -> dict[str, Any]:
        """Return a thing as the API tells it. `fresh`: SIP names of lines whose password may be seen this once.

        `new`: it was just made, and so were secrets that nobody gave: this once they are shown.
        """
        found = plain(self.section, row)
        for known in self.section.fields.values():
            if known.secret and not secrets and not (new and known.generate):
                del found[known.name]
        for line in found.get("lines", ()):
            if not secrets and line["sip_username"] not in fresh:
                del line["sip_password"]
        return found

    def listing(self, asked: Asked) -> HttpResponse:
        """Answer with a page of the list."""
        rows, sort = self.wanted(asked)
        secrets = self.secrets(asked, "the list")
        return paging.page(asked, rows, sort, lambda found: [self.show(row, secrets=secrets) for row in found])

    def wanted(self, asked: Asked) -> tuple[Any, str]:
        """Return the rows that are searched and filtered for, and by which column they are sorted."""
        rows = self.rows()
        if asked.query["q"] and self.screen is not None:
            wanted = Q()
            for lookup in self.screen.searched:
                wanted |= Q(**{f"{lookup}__icontains": asked.query["q"]})
            rows = rows.filter(wanted).distinct()
        for name, known in self.filters.items():
            if asked.query[name] is not None:
                rows = rows.filter(self._filter(known, asked.query[name]))
        sort = asked.query["sort"] or ("position" if self.section.ordered else self.section.key[0])
        name = sort.lstrip("-")
        column = self._column(self.section.fields[name]) if name in self.section.fields else name
        sort = sort.replace(name, column)
        return rows.order_by(sort, "pk"), sort

    def _filter(self, known: Field, value: Any) -> Q:
        if _kind(known) == "list":
            return Q(**{f"{known.name}__icontains": f'"{value}"'})
        if known.reference and not value:
            return Q(**{f"{known.name}__isnull": True})
        return Q(**{self._column(known): value})

    def get(self, asked: Asked) -> HttpResponse:
        """Answer with one thing."""
        row = self.row(self.key(asked))
        secrets = self.secrets(asked, str(row))
        mark = self.mark(row)
        if answers.unchanged(asked.request, mark):
            return HttpResponse(status=304, headers={"ETag": mark})
        return answers.json(self.show(row, secrets=secrets), headers={"ETag": mark})

    def mark(self, row: Any) -> str:
        """Return the mark of the version of a row."""
        return answers.etag(plain(self.section, row))

    def secrets(self, asked: Asked, what: str) -> bool:
        """Tell whether passwords are to be shown, and keep that they were. Raises `Refusal` for who may not write."""
        if not asked.query.get("secrets"):
            return False
        door.demand(asked.request, area_of(self.section.name), WRITE)
        record_secrets(asked, f"{self.section.name}: {what}")
        return True

    # --- changing ----------------------------------------------------------------------------------------------------

    def create(self, asked: Asked) -> HttpResponse:
        """Make a thing."""
        return repeating.once(asked, self._create)

    def _create(self, asked: Asked) -> HttpResponse:
        return self._made(asked, bodies.mapping(asked.request))

    def _made(self, asked: Asked, values: dict[str, Any]) -> HttpResponse:
        difference = self._save(asked, [Wish(self.section.name, values)])
        if not difference.applied:
            return answers.json(difference.to_dict())
        if asked.query.get("welcome"):
            welcome.welcome_created(difference)
        row = self.row(tuple(_text(values.get(name)) for name in self.section.key))
        response = self._answer(row, difference, new=True, status=201)
        response.headers["Location"] = f"{asked.request.path}" if "key" in asked.path else _location(asked, row, self)
        return response

    def change(self, asked: Asked) -> HttpResponse:
        """Change the fields that are given; null gives the default."""
        return self._changed(asked, bodies.mapping(asked.request))

    def replace(self, asked: Asked) -> HttpResponse:
        """Make a thing be what is given: what is not mentioned gets its default, but secrets stay."""
        given = bodies.mapping(asked.request)
        key = self.key(asked)
        keyed = dict(zip(self.section.key, key, strict=True)) | given
        alone = asked.request.headers.get("If-None-Match", "").strip() == "*"  # only a new one is wanted
        if self.section.key and not self.rows().filter(self._with_key(key)).exists():
            answers.demand_match(asked.request, None)
            for name, part in zip(self.section.key, key, strict=True):
                if _text(keyed[name]) != part:
                    text = f'Must be "{part}" as in the address: there is nothing yet that could be renamed.'
                    raise Refusal(422, text, [{"field": name, "message": text}])
            return self._made(asked, keyed)
        if alone:
            raise Refusal(412, "There is one already, and you want a new one only (If-None-Match: *).")
        kept = [known for known in self.section.fields.values() if known.secret or known.generate or known.required]
        defaults = {name: None for name in self.section.fields if name not in {known.name for known in kept}}
        return self._changed(asked, defaults | keyed)

    def _changed(self, asked: Asked, values: dict[str, Any]) -> HttpResponse:
        key = self.key(asked)
        row = self.row(key)
        before = _line_names(row)
        wishes: list[Wish | Removal] = [Wish(self.section.name, values, key)]
        if asked.query.get("follow"):
            wishes += self._instead(asked, row, str(values.get(self.section.key[0]) or key[0]), linked=False)
        difference = self._save(asked, wishes, key)
        if not difference.applied:
            return answers.json(difference.to_dict())
        renamed = tuple(_text(values[name]) if values.get(name) is not None else part
                        for name, part in zip(self.section.key, key, strict=True))  # fmt: skip
        row = self.row(renamed)
        return self._answer(row, difference, fresh=_line_names(row) - before)

    def remove(self, asked: Asked) -> HttpResponse:
        """Remove a thing, unless something refers to it."""
        key = self.key(asked)
        row = self.row(key)
        wishes: list[Wish | Removal] = [Removal(self.section.name, key)]
        if asked.query.get("instead") or asked.query.get("take_out"):
            wishes += self._instead(asked, row, asked.query.get("instead") or "", linked=True)
        return answers.json(self._save(asked, wishes, key).to_dict())

    def _instead(self, asked: Asked, row: Any, new: str, *, linked: bool) -> list[Wish]:
        """Return what puts `new` where the thing is named by others ("": takes it out there)."""
        found = [one for one in uses.uses(self.section.name, row) if linked or not one.linked]
        for section in {one.section for one in found}:
            door.demand(asked.request, area_of(section), WRITE)
        return uses.instead(found, str(self.section.key_of(row)[0]), new)

    def _save(self, asked: Asked, wishes: Sequence[Wish | Removal], key: tuple[Any, ...] | None = None) -> Difference:
        def guard() -> None:
            """Nobody else changes anything from here on: only now the version is certain."""
            if key is not None and "If-Match" in asked.request.headers:
                answers.demand_match(asked.request, self.mark(self.row(key)))

        return change.save(
            django_settings.JACKFIELD,
            wishes,
            author=author(asked.request),
            dry_run=asked.query["dry_run"],
            guard=guard,
        )

    def _answer(
        self,
        row: Any,
        difference: Difference,
        *,
        new: bool = False,
        fresh: frozenset[str] = frozenset(),
        status: int = 200,
    ) -> HttpResponse:
        content = self.show(row, fresh=_line_names(row) if new else fresh, new=new)
        if difference.warnings:
            content["warnings"] = problems.errors(difference.warnings)
        return answers.json(content, status, headers={"ETag": self.mark(row)})

    # --- description -------------------------------------------------------------------------------------------------

    def operations(self) -> list[Operation]:
        """Return all of them."""
        section, one = self.section, self.section.thing
        base, area = f"/{section.name}", area_of(section.name)
        item = base + "".join(f"/{{{name}}}" for name in section.key)
        route = f"{base}/<anything:key>" if section.key else base
        name = schemas.name_of(section)
        shown, changing = schemas.reference(name), schemas.reference(f"{name}Change")
        many = section.name.replace("_", " ")
        makes = "Make or replace" if section.key else "Replace"
        whom = f"{'an' if one[0] in 'aeiou' else 'a'} {one}" if section.key else f"the {many}"
        common: dict[str, Any] = {"area": area, "group": section.name}
        single = common | {"path": item, "route": route}
        used = section.name in uses.FIELDS
        found = [
            Operation(f"get_{section.name}", "GET", summary=f"Read {whom}", run=self.get, parameters=(SECRETS,),
                      answer=shown, **single),
            Operation(f"change_{section.name}", "PATCH", summary=f"Change {whom}", run=self.change,
                      parameters=(DRY_RUN, FOLLOW) if used else (DRY_RUN,), body=changing, answer=shown,
                      conditional=True,
                      about="Fields that are not given stay as they are; null gives the default.", **single),
            Operation(f"replace_{section.name}", "PUT", summary=f"{makes} {whom}",
                      run=self.replace, parameters=(DRY_RUN,), body=changing, answer=shown, conditional=True,
                      about="Fields that are not given get their defaults; secrets stay.", **single),
        ]  # fmt: skip
        if not section.key:
            return found
        about = 'A part of the key that is empty is written as "-".' if len(section.key) > 1 else ""
        listed, parameters = schemas.listed(shown), (*self.filtering(), *paging.PARAMETERS, SECRETS)
        return [
            Operation(f"list_{section.name}", "GET", base, summary=f"List the {many}", run=self.listing,
                      parameters=parameters, answer=listed, about=about, **common),
            Operation(f"create_{section.name}", "POST", base, summary=f"Make {whom}", run=self.create, status=201,
                      parameters=(DRY_RUN, *((WELCOME,) if section.name == "users" else ())),
                      body=schemas.reference(f"New{name}"), answer=shown, repeatable=True,
                      **common),
            *found,
            Operation(f"remove_{section.name}", "DELETE", summary=f"Remove {whom}", run=self.remove,
                      parameters=(DRY_RUN, INSTEAD, TAKE_OUT) if used else (DRY_RUN,),
                      answer=schemas.DIFFERENCE, conditional=True, **single),
        ]  # fmt: skip

    def filtering(self) -> tuple[Parameter, ...]:
        """Return the parameters by which the list is searched, sorted and filtered."""
        sorts = [name for name, known in self.filters.items() if _kind(known) != "list"]
        if self.section.ordered:
            sorts = ["position", *sorts]
        found = [
            Parameter("q", "Search: part of a name or number."),
            Parameter(
                "sort", 'By which field; "-" before it: downwards.',
                {"type": "string", "enum": [text for name in sorts for text in (name, f"-{name}")]},
            ),
        ]  # fmt: skip
        for name, known in self.filters.items():
            if name not in {parameter.name for parameter in found}:
                kind = _kind(known)
                about = (
                    f"Only those that have this in `{name}`." if kind == "list" else f"Only those with this `{name}`."
                )
                schema: Any = {"type": kind if kind != "list" else "string"}
                found.append(Parameter(name, about, schema))
        return tuple(found)


def record_secrets(asked: Asked, what: str) -> None:
    """Keep in the log and in the history who was shown passwords, and which."""
    from jackfield.history.models import Event

    who = author(asked.request)
    log.warning("%s was shown the passwords of %s, from %s", who.name, what, who.address)
    data = {"what": what, "user": asked.user.login, "author": who.name, "through": who.through, "address": who.address}
    Event.objects.create(id=uuid.uuid4().hex, kind="secrets_shown", at=time.time(), data=data)


def _kind(known: Field) -> str:
    """Return by which JSON type a field is filtered, "list" for a list of texts; "" for none."""
    found = schemas.of_type(known.type)
    kinds = found.get("type", "")
    kind = kinds if isinstance(kinds, str) else kinds[0]
    if kind == "array":
        return "list" if found["items"].get("type") == "string" else ""
    return kind if kind in ("string", "boolean", "integer", "number") else ""


def _line_names(row: Any) -> frozenset[str]:
    return frozenset(line.sip_username for line in row.lines.all()) if hasattr(row, "lines") else frozenset()


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _location(asked: Asked, row: Any, things: Things) -> str:
    from urllib.parse import quote

    parts = [quote(str(part), safe="") or NOTHING for part in things.section.key_of(row)]
    return f"{asked.request.path.rstrip('/')}/{'/'.join(parts)}"


def operations() -> list[Operation]:
    """Return the operations of all sections."""
    return [operation for section in SECTIONS.values() for operation in Things(section).operations()]
