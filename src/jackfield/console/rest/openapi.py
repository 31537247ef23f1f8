"""The OpenAPI 3.1 document, from the operations."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from jackfield import __version__
from jackfield.console.rest import examples, messages, schemas
from jackfield.console.rest.operations import Operation, Parameter

__all__ = ["document"]

BASE = "/api/v1"
ABOUT = """Everything that the console does, for programs.

Send a token of System, API with each request: `Authorization: Bearer jf_…`. Answers that tell of a thing have an
`ETag`; send it as `If-Match` and nothing is changed that somebody else has changed meanwhile. Send an
`Idempotency-Key` with POST, and a request that comes twice is done once. `?dry_run=1` changes nothing and tells what
would be. What went wrong is told as problem+json with the field and the mend."""
REFUSED = {
    "400": "The request can't be read, or a parameter is not right.",
    "401": "No token, or one that does not count.",
    "403": "The role or the token does not reach so far.",
    "404": "There is no such thing.",
    "422": "Something is not right; `errors` names each field.",
    "429": "Too many requests, or too many attempts with tokens that do not count; `Retry-After` says when to go on.",
    "503": "The switch or the database is away.",
}


def document(operations: Sequence[Operation], base: str = BASE) -> dict[str, Any]:
    """Return the document."""
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation)
    groups = sorted({operation.group for operation in operations}, key=examples.place)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Jackfield", "version": __version__, "description": ABOUT},
        "servers": [{"url": base}],
        "tags": [
            {"name": group} | ({"description": examples.GROUPS[group]} if group in examples.GROUPS else {})
            for group in groups
        ],
        "security": [{"token": []}, {"session": []}],
        "paths": paths,
        "webhooks": messages.webhooks(),
        "components": {
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer"},
                "session": {"type": "apiKey", "in": "cookie", "name": "jackfield_session",
                            "description": "Of the console's pages. Changes need the header X-CSRFToken too."},
            },
            "schemas": {"Problem": schemas.PROBLEM | {"examples": [examples.PROBLEM]},
                        "Difference": schemas.DIFFERENCE, **schemas.components()},
            "responses": {status: _refused(about) for status, about in (REFUSED | MORE).items()},
        },
    }  # fmt: skip


MORE = {
    "405": "This can't be done here.",
    "409": "The first request with this Idempotency-Key is still at work, or things have moved on.",
    "412": "Somebody has changed it since it was read.",
    "413": "The request is too large.",
    "415": "The content is of another type.",
}


def _refused(about: str) -> dict[str, Any]:
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {"description": about, "content": content}


def _operation(operation: Operation) -> dict[str, Any]:
    found: dict[str, Any] = {
        "operationId": operation.id,
        "summary": operation.summary,
        "tags": [operation.group],
        "parameters": [*_in_path(operation), *(_parameter(one) for one in operation.parameters), *_headers(operation)],
        "responses": _responses(operation),
        "x-area": operation.area,
    }
    if operation.about:
        found["description"] = operation.about
    body = operation.body
    if body is not None:
        content: dict[str, Any] = {"schema": dict(body)}
        if example := examples.body(operation.id) or operation.sample:
            content["example"] = example
        found["requestBody"] = {"required": True, "content": {operation.body_type: content}}
    return found


def _in_path(operation: Operation) -> list[dict[str, Any]]:
    found = []
    for name in re.findall(r"\{(\w+)\}", operation.path):
        whole = f"<int:{name}>" in operation.route
        about, example = examples.PARTS.get(name, ("", ""))
        schema = {"type": "integer", "minimum": 0} if whole else {"type": "string", "minLength": 1}
        one: dict[str, Any] = {"name": name, "in": "path", "required": True, "schema": schema, "description": about}
        if example and not whole:
            one["example"] = example
        found.append(one)
    return found


def _parameter(parameter: Parameter) -> dict[str, Any]:
    return {
        "name": parameter.name,
        "in": "query",
        "description": parameter.about,
        "schema": dict(parameter.schema),
    }


def _headers(operation: Operation) -> list[dict[str, Any]]:
    found = []
    if operation.conditional:
        found.append(("If-Match", "Change it only if it is still this version (its ETag)."))
    if operation.repeatable:
        found.append(
            ("Idempotency-Key", "Any text of your own, another for each request: the same twice is done once.")
        )
    return [
        {"name": name, "in": "header", "description": about, "schema": {"type": "string", "maxLength": 255}}
        for name, about in found
    ]


def _responses(operation: Operation) -> dict[str, Any]:
    content: dict[str, Any] = {}
    answer = operation.answer
    if answer is not None:
        content = {"content": {operation.answer_type: {"schema": dict(answer)}}}
    if operation.conditional:
        content["headers"] = {"ETag": _header("The mark of this version, for If-Match.")}
    if operation.status == 201:
        content.setdefault("headers", {})["Location"] = _header("Where it is, if it can be read.")
    found: dict[str, Any] = {str(operation.status): {"description": "Done.", **content}}
    if any(parameter.name == "dry_run" for parameter in operation.parameters):
        shape: dict[str, Any] = {"$ref": "#/components/schemas/Difference"}
        if operation.trial is not None:
            shape = dict(operation.trial)
        elif operation.status == 200 and answer not in (None, schemas.DIFFERENCE):
            shape = {"anyOf": [dict(answer or {}), shape]}
        found["200"] = {
            **content,
            "description": "Done; of a dry run, what would change.",
            "content": {"application/json": {"schema": shape}},
        }
        if operation.method == "PUT" and operation.group != "configuration":
            found["201"] = {"description": "Made.", **content}
    extra = ["405", "413", "415"] if operation.body is not None else []
    extra += ["412"] if operation.conditional else []
    extra += ["409"] if operation.repeatable else []
    for status in sorted([*REFUSED, *extra]):
        found[status] = {"$ref": f"#/components/responses/{status}"}
    return found


def _header(about: str) -> dict[str, Any]:
    return {"description": about, "schema": {"type": "string"}}
