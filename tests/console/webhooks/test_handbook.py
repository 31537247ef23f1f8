"""The receiver that docs/api.md shows, against what we really send."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jackfield.console.webhooks.courier import try_out
from jackfield.webhooks import kinds, signing
from jackfield.webhooks.models import Webhook

from .conftest import hook

TEXT = (Path(__file__).parents[3] / "docs" / "api.md").read_text()


@pytest.fixture
def shown() -> Iterator[tuple[str, str]]:
    """Run what stands in the handbook, with a secret; return its address and the secret."""
    (program,) = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    assert sum(map(bool, program.splitlines())) <= 12  # it is to be read
    secret, there = signing.new_secret(), {}
    program = program.replace("whsec_…", secret).replace("8080", "0").replace(".serve_forever()", "")
    program = program.replace("http.server.HTTPServer(", "server = http.server.HTTPServer(")
    exec(program, there)
    there["Receiver"].log_message = lambda *arguments: None
    server: Any = there["server"]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/", secret
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_receiver_of_the_handbook_takes_what_is_ours_and_nothing_else(sqlite, shown):
    address, secret = shown
    made = hook(address)
    assert try_out(made, time.time()).status == 401, "signed with another secret"
    made.secret = secret
    made.save()
    assert try_out(made, time.time()).status == 204
    assert try_out(made, time.time() - 3600).status == 401, "too old"
    made.secret = signing.new_secret()
    made.save()
    assert try_out(Webhook.objects.get(), time.time()).status == 204, "the secret of before signs too"


def test_the_handbook_tells_of_every_kind():
    for kind in (*kinds.KINDS, kinds.TEST):
        assert f"`{kind}`" in TEXT, kind
