"""The whole configuration as one YAML document, read and applied; and the description of the API itself."""

from __future__ import annotations

from typing import Any

from django.conf import settings as django_settings
from django.http import HttpResponse

from jackfield.changes.models import Revision
from jackfield.console import api, publish, sounds
from jackfield.console.database import database_errors
from jackfield.console.declarative import apply as applying
from jackfield.console.declarative.difference import DocumentError
from jackfield.console.declarative.sections import SECTIONS
from jackfield.console.rest import answers, bodies, door, schemas
from jackfield.console.rest.operations import DRY_RUN, Asked, Operation, Parameter
from jackfield.console.rest.problems import Refusal
from jackfield.console.rest.things import SECRETS, area_of, record_secrets
from jackfield.console.rest.who import author
from jackfield.console.web.forms import sentence
from jackfield.console.web.rights import READ, WRITE, Level

__all__ = ["operations"]

MOST_BYTES = 10 << 20


def read(asked: Asked) -> HttpResponse:
    """Answer with the document."""
    secrets = asked.query["secrets"]
    _demand(asked, WRITE if secrets else READ)
    if secrets:
        record_secrets(asked, "the whole configuration")
    mark = _mark()
    if answers.unchanged(asked.request, mark):
        return HttpResponse(status=304, headers={"ETag": mark})
    text = api.export(django_settings.JACKFIELD, secrets=secrets)
    return HttpResponse(text, content_type="application/yaml", headers={"ETag": mark})


def write(asked: Asked) -> HttpResponse:
    """Make the configuration be what the document says."""
    _demand(asked, WRITE)
    text = bodies.text(asked.request, MOST_BYTES)
    settings, dry_run = django_settings.JACKFIELD, asked.query["dry_run"]

    def guard() -> None:
        """Nobody else changes anything from here on: only now the version is certain."""
        if "If-Match" in asked.request.headers:
            answers.demand_match(asked.request, _mark())

    try:
        with database_errors(settings):
            difference = applying.apply(
                text,
                prune=asked.query["prune"],
                dry_run=dry_run,
                sounds=sounds.names(settings),
                author=author(asked.request),
                guard=guard,
            )
    except DocumentError as error:
        raise _refused(error) from None
    if not dry_run:
        publish.publish(settings)
    return answers.json(difference.to_dict())


def _refused(error: DocumentError) -> Refusal:
    """Return the refusal with the whole path of each problem, and its line in the document."""
    wrong: list[dict[str, Any]] = [
        {"field": one.path, "message": sentence(one.message)} | ({"line": one.line} if one.line else {})
        for one in error.problems
    ]
    if len(wrong) > 1:
        return Refusal(422, f"{len(wrong)} things are not right; nothing was changed.", wrong)
    where = ": ".join(part for part in (f"line {error.problems[0].line}" if error.problems[0].line else "",
                                        error.problems[0].path) if part)  # fmt: skip
    return Refusal(422, f"{where}: {wrong[0]['message']}" if where else wrong[0]["message"], wrong)


def _mark() -> str:
    """Return the mark of the whole: every change of it is a revision, and a restored backup has another time.

    That somebody has seen passwords is kept there too, and changes nothing.
    """
    newest = Revision.objects.filter(items__isnull=False).first()
    return answers.etag([newest.pk, newest.at] if newest is not None else [])


def _demand(asked: Asked, least: Level) -> None:
    """See that the one who asks may do so in every area that the document reaches."""
    for area in sorted({area_of(section) for section in SECTIONS}):
        door.demand(asked.request, area, least)


def operations() -> list[Operation]:
    """Return the operations on the whole."""
    prune = Parameter(
        "prune", "Remove what the sections of the document do not name.", {"type": "boolean", "default": False}
    )
    yaml = "application/yaml"
    return [
        Operation("get_configuration", "GET", "/configuration", "system", "The whole configuration as YAML", read,
                  group="configuration", parameters=(SECRETS,), answer={"type": "string"}, answer_type=yaml),
        Operation("apply_configuration", "PUT", "/configuration", "system", "Apply a YAML document", write,
                  group="configuration", parameters=(DRY_RUN, prune), body={"type": "string"}, body_type=yaml,
                  sample="settings:\n  company: Bell & Sons\n",
                  answer=schemas.DIFFERENCE, conditional=True,
                  about="All of it or nothing. `errors` name the path of each problem, and its `line`."),
    ]  # fmt: skip
