"""What somebody uploaded, kept between its preview and the decision: in a file that only this person gets back.

Not in the page, since it may have passwords in it. It is deleted once it was used, or after an hour.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import time
from pathlib import Path

from django.conf import settings as django_settings
from django.http import HttpRequest

__all__ = ["drop", "find", "keep"]

SECONDS = 3600.0
_TOKEN = re.compile(r"[0-9a-f]{32}")


def keep(request: HttpRequest, content: bytes) -> str:
    """Keep something for whoever asks. Returns the word by which he gets it back."""
    token = secrets.token_hex(16)
    path = _path(request, token)
    path.parent.mkdir(mode=0o700, exist_ok=True)
    for old in path.parent.iterdir():
        if time.time() - old.stat().st_mtime > SECONDS:
            old.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
    return token


def find(request: HttpRequest, token: str) -> bytes | None:
    """Return what the same person has kept; None when it is gone, too old, or somebody else's."""
    if not _TOKEN.fullmatch(token):
        return None
    path = _path(request, token)
    try:
        if time.time() - path.stat().st_mtime > SECONDS:
            return None
        return path.read_bytes()
    except OSError:
        return None


def drop(request: HttpRequest, token: str) -> None:
    """Delete what was kept."""
    if _TOKEN.fullmatch(token):
        _path(request, token).unlink(missing_ok=True)


def _path(request: HttpRequest, token: str) -> Path:
    """The name depends on the person, so that nobody else's word finds it."""
    name = hashlib.sha256(f"{request.user.pk}:{token}".encode()).hexdigest()
    return Path(django_settings.JACKFIELD.data_dir) / "uploads" / name
