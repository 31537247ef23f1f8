"""The operations as the page shows them on which they are tried."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from jackfield.console.rest import examples
from jackfield.console.rest.openapi import BASE
from jackfield.console.rest.operations import Operation

__all__ = ["Shown"]


class Shown:
    """One operation with all that its form needs."""

    def __init__(self, operation: Operation, components: Mapping[str, Any]) -> None:
        self.operation = operation
        self.address = BASE + operation.path
        self.in_path = re.findall(r"\{(\w+)\}", operation.path)
        self.headers = [
            name
            for name, has in (("If-Match", operation.conditional), ("Idempotency-Key", operation.repeatable))
            if has
        ]
        self.body = None if operation.body is None else _body(operation, components)
        self.file = operation.body is not None and operation.body_type != "application/json" and not operation.sample
        self.writes = operation.method != "GET"


def _body(operation: Operation, components: Mapping[str, Any]) -> str:
    if operation.body_type != "application/json":
        return operation.sample
    if (example := examples.body(operation.id)) is not None:
        return json.dumps(example, indent=2, ensure_ascii=False)
    body = operation.body or {}
    if "$ref" in body:
        body = components[str(body["$ref"]).rpartition("/")[2]]
    names = body.get("required") or list(body.get("properties", {}))[:1]
    return json.dumps({name: _example(body["properties"][name]) for name in names}, indent=2, ensure_ascii=False)


def _example(schema: Mapping[str, Any]) -> Any:
    if "default" in schema:
        return schema["default"]
    if schema.get("enum"):
        return schema["enum"][0]
    kind = schema.get("type", "string")
    kind = kind if isinstance(kind, str) else kind[0]
    return {"string": "", "integer": 0, "number": 0, "boolean": False, "array": [], "object": {}}.get(kind)
