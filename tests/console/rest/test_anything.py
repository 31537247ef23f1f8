"""Whatever is sent to the API, right or wrong by its own description, gets an answer that it describes; never a fault.

`JACKFIELD_EXAMPLES=200` sends more of it.
"""

from __future__ import annotations

import contextlib
import json
import os
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as run_with
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode

from jackfield.console.rest import addresses, openapi

from .conftest import Program

EXAMPLES = int(os.environ.get("JACKFIELD_EXAMPLES", "3"))
LEFT_OUT = {"events", "health"}  # one never ends, one asks other processes and waits for them
SENT = ("method", "url", "params", "headers", "json", "data")


@pytest.mark.timeout(600)
@pytest.mark.parametrize("group", sorted({one.group for one in addresses.operations()}))
def test_whatever_is_sent_gets_an_answer_that_is_described(api: Program, group: str):
    schema = schemathesis.openapi.from_dict(_described())
    for told in addresses.operations():
        if told.group == group and told.id not in LEFT_OUT:
            operation = schema.find_operation_by_id(told.id)
            for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
                _try(api, operation, mode)


def _described() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(json.dumps(openapi.document(addresses.operations())))
    del found["security"]  # the program sends its token by itself
    return found


def _try(api: Program, operation: Any, mode: GenerationMode) -> None:
    known = {int(status) for status in operation.definition.raw["responses"]} | {405}

    @given(case=operation.as_strategy(generation_mode=mode))
    @run_with(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.explicit, Phase.generate],
    )
    def send(case: Any) -> None:
        parts = case.as_transport_kwargs(base_url="http://testserver/api/v1")
        try:
            made = requests.Request(**{name: parts[name] for name in SENT if parts.get(name) is not None}).prepare()
        except (requests.RequestException, ValueError):
            return  # not even a request
        headers = {name: value for name, value in made.headers.items() if name != "Content-Length"} | api.headers
        body = made.body.encode() if isinstance(made.body, str) else made.body or b""
        answer = api.client.generic(
            made.method, made.path_url, body, made.headers.get("Content-Type", ""), headers=headers
        )
        content = b"".join(answer.streaming_content) if answer.streaming else answer.content
        what = f"{made.method} {made.path_url} {body[:300]!r} → {answer.status_code} {content[:300]!r}"
        assert answer.status_code in known, what
        assert answer.status_code < 500 or answer.status_code == 503, what
        if answer.status_code >= 400:
            assert answer.headers["Content-Type"] == "application/problem+json", what
            assert answer.json()["detail"], what

    if mode is GenerationMode.POSITIVE:
        send()
    else:
        with contextlib.suppress(Unsatisfiable):  # there may be nothing wrong that can be sent
            send()
