"""The addresses of the API: one view for each path, behind the gate of its area, from the operations."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from typing import Any

from django.conf import settings as django_settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from jackfield.console.database import database_errors
from jackfield.console.declarative.difference import DocumentError
from jackfield.console.faults import ConsoleError, DatabaseAway
from jackfield.console.rest import (
    accounts,
    answers,
    audio,
    certificate,
    connecting,
    contacts,
    desk_phones,
    door,
    figures,
    firewall,
    guard,
    hours,
    in_call,
    keys,
    limits,
    local_networks,
    openapi,
    own,
    pages,
    past,
    plan,
    present,
    problems,
    reaching,
    several,
    sites,
    standing,
    tables,
    things,
    trials,
    webhooks,
    whole,
)
from jackfield.console.rest.operations import Asked, Operation, read_query
from jackfield.console.rest.problems import Refusal

__all__ = ["operations", "urls"]

log = logging.getLogger(__name__)

BASE = "api/v1/"
View = Callable[..., HttpResponse]


@functools.cache
def operations() -> tuple[Operation, ...]:
    """Return all that the API can do."""
    return (
        *desk_phones.operations(),  # as the next
        *webhooks.operations(),  # before what takes the rest of an address for a name
        *things.operations(),
        *past.operations(),
        *present.operations(),
        *limits.operations(),
        *sites.operations(),
        *in_call.operations(),
        *hours.operations(),
        *whole.operations(),
        *keys.operations(),
        *tables.operations(),
        *several.operations(),
        *plan.operations(),
        *connecting.operations(),
        *accounts.operations(),
        *contacts.operations(),
        *own.operations(),
        *figures.operations(),
        *audio.operations(),
        *trials.operations(),
        *certificate.operations(),
        *standing.operations(),
        *reaching.operations(),
        *local_networks.operations(),
        *firewall.operations(),
        *guard.operations(),
        Operation("openapi", "GET", "/openapi.json", "own", "This document", described, group="configuration",
                  answer={"type": "object"}, scoped=False),
    )  # fmt: skip


def described(asked: Asked) -> HttpResponse:
    """Answer with the OpenAPI document."""
    return answers.json(openapi.document(operations()))


def view(known: dict[str, Operation]) -> View:
    """Return the view of one path. `known`: its operations by method."""
    ((area, scoped),) = {(operation.area, operation.scoped) for operation in known.values()}

    write = "GET" in known and known["GET"].write

    @csrf_exempt
    def answer(request: HttpRequest, **path: Any) -> HttpResponse:
        method = "GET" if request.method == "HEAD" else request.method or ""

        def run() -> HttpResponse:
            operation = known.get(method)
            if operation is None:
                allowed = ", ".join(known)
                raise Refusal(405, f"{method} can't be done here; {allowed} can.", headers={"Allow": allowed})
            if any(isinstance(part, str) and "\0" in part for part in path.values()):
                raise Refusal(404, "There is nothing at this address.")
            return operation.run(Asked(request, path, read_query(request, operation.parameters)))

        return guarded(request, area, run, scoped=scoped, write=write)

    answer.area, answer.write = area, write
    return answer


def guarded(
    request: HttpRequest, area: str, run: Callable[[], HttpResponse], *, scoped: bool = True, write: bool = False
) -> HttpResponse:
    """Let the one who asks in, run, and tell whatever goes wrong as problem+json."""
    try:
        with database_errors(django_settings.JACKFIELD):
            door.enter(request, area, scoped=scoped, write=write)
            return run()
    except Refusal as refusal:
        return problems.answer(refusal)
    except DocumentError as problem:
        return problems.answer(problems.of_document(problem.problems))
    except DatabaseAway as problem:
        return problems.answer(Refusal(503, str(problem), headers={"Retry-After": "5"}))
    except ConsoleError as problem:
        return problems.answer(Refusal(422, str(problem)))
    except Exception:
        log.exception("a fault in the API: %s %s", request.method, request.path)
        return problems.answer(Refusal(500, "A fault in Jackfield stopped this: the log has the details."))


class Anything:
    """The rest of an address, whatever it is: with slashes, and with line ends, which Django's own leaves out."""

    regex = r"[\s\S]+"

    def to_python(self, value: str) -> str:
        """Return what stands in the address."""
        return value

    def to_url(self, value: str) -> str:
        """Return it for an address."""
        return value


@csrf_exempt
def unknown(request: HttpRequest, path: str) -> HttpResponse:
    """Say that there is nothing at this address."""

    def run() -> HttpResponse:
        raise Refusal(404, f"There is nothing at this address; /{BASE}openapi.json says what there is.")

    return guarded(request, "own", run, scoped=False)


unknown.area, unknown.write = "own", False


def urls() -> list[Any]:
    """Return the addresses of the API, and of the pages about it."""
    from django.urls import path, register_converter

    register_converter(Anything, "anything")
    by_route: dict[str, dict[str, Operation]] = {}
    for operation in operations():
        by_route.setdefault(operation.django_route, {})[operation.method] = operation
    return [
        *pages.urls(),
        *(path(BASE + route, view(known)) for route, known in by_route.items()),
        path(f"{BASE}<anything:path>", unknown),
    ]
