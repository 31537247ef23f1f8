"""Styles, scripts, icons and fonts: read once, compressed once, under an address that changes when any of them does.

The address has a digest of them all: `/static/3f9c…/app.js`. So browsers keep each for ever, and modules and styles
name each other by plain relative paths, without anything having to be built or collected.
"""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from django.http import HttpRequest, HttpResponse

from jackfield.console.web.rights import public

__all__ = ["address", "serve"]

FOLDER = Path(__file__).parent.parent / "static"
TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".woff2": "font/woff2"}
WORTH = 0.95  # of the size: what does not become smaller is sent as it is
FOR_EVER = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class _Asset:
    content: bytes
    packed: bytes  # b"" where packing wins nothing
    type: str


@cache
def _all() -> tuple[str, dict[str, _Asset]]:
    found, digest = {}, hashlib.sha256()
    for path in sorted(FOLDER.rglob("*")):
        if path.is_file():
            name, content = path.relative_to(FOLDER).as_posix(), path.read_bytes()
            digest.update(f"{name} {len(content)} ".encode() + content)
            packed = gzip.compress(content, 9, mtime=0)
            kind = TYPES.get(path.suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"
            found[name] = _Asset(content, packed if len(packed) < WORTH * len(content) else b"", kind)
    return digest.hexdigest()[:12], found


def address(name: str) -> str:
    """Return the address of an asset. Raises `KeyError` for one that does not exist."""
    digest, found = _all()
    found[name]
    return f"/static/{digest}/{name}"


@public
def serve(request: HttpRequest, digest: str, name: str) -> HttpResponse:
    """Answer with an asset. An old digest gets the new content, which no one is to keep."""
    now, found = _all()
    asset = found.get(name)
    if asset is None:
        return HttpResponse("There is no such file.\n", status=404, content_type="text/plain")
    packed = bool(asset.packed) and "gzip" in request.headers.get("Accept-Encoding", "")
    headers = {"Cache-Control": FOR_EVER if digest == now else "no-store", "Vary": "Accept-Encoding"}
    if packed:
        headers["Content-Encoding"] = "gzip"
    return HttpResponse(asset.packed if packed else asset.content, content_type=asset.type, headers=headers)
