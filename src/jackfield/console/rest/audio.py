"""Sounds as files: everything that can be played, files of one's own, and what they sound like."""

from __future__ import annotations

import secrets
import tempfile
from pathlib import Path
from typing import IO, Any

from django.conf import settings as django_settings
from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseBase
from django.http.request import RawPostDataException, UnreadablePostError

from jackfield.console import change
from jackfield.console.change import Wish
from jackfield.console.rest import answers, paging, problems, schemas
from jackfield.console.rest.operations import DRY_RUN, Asked, Operation, Parameter
from jackfield.console.rest.problems import Refusal
from jackfield.console.rest.who import author
from jackfield.console.web import audio
from jackfield.console.web.forms import sentence

__all__ = ["operations"]

CHUNK = 1 << 16
RATES = ("16000", "8000")


def listing(asked: Asked) -> HttpResponse:
    """Answer with everything that can be played."""
    search = (asked.query["q"] or "").casefold()
    items = [
        {"name": one.name, "language": one.language, "configured": row is not None, "playable": _file(one) is not None}
        for one, row in audio.playable()
        if search in one.name.casefold()
    ]
    return paging.page_of(asked, items)


def play(asked: Asked) -> HttpResponseBase:
    """Answer with a sound, as the switch plays it."""
    wanted = asked.path["name"], asked.query["language"] or ""
    one = next((one for one, _ in audio.playable() if (one.name, one.language) == wanted), None)
    file = None if one is None else _file(one)
    if file is None:
        raise problems.missing(f"sound {wanted[0][:80]} in this language that could be played")
    return FileResponse(file.open("rb"), content_type="audio/wav")


def _file(one: Any) -> Path | None:
    found = (Path(f"{one.path}.{rate}.wav") for rate in RATES)
    return next((file for file in found if file.is_file()), None)


def upload(asked: Asked) -> HttpResponse:
    """Take a file as a sound; one of the same name and language is replaced."""
    name, language = asked.path["name"], asked.query["language"] or ""
    folder = django_settings.JACKFIELD.files.sounds / audio.UPLOADS
    with tempfile.TemporaryFile() as file:
        _read(asked.request, file)
        try:
            ending = audio._ending(file)
        except ValueError as problem:
            raise Refusal(422, sentence(str(problem))) from None
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        target = folder / f"{secrets.token_hex(8)}{ending}"  # never by a name that somebody sent
        there = any((one.name, one.language) == (name, language) for one, row in audio.playable() if row is not None)
        values = {"name": name, "language": language, "path": f"{audio.UPLOADS}/{target.name}"}
        wish = Wish("sounds", values, (name, language) if there else None)
        file.seek(0)
        target.write_bytes(file.read())
    kept = False
    try:
        difference = change.save(
            django_settings.JACKFIELD, [wish], author=author(asked.request), dry_run=asked.query["dry_run"]
        )
        kept = difference.applied
    finally:
        if not kept:
            target.unlink()
    return answers.json(difference.to_dict())


def _read(request: HttpRequest, into: IO[bytes]) -> None:
    """Read the body without holding it in memory. Raises `Refusal`: 400, 413, 415."""
    left = audio.LARGEST
    try:
        while chunk := request.read(CHUNK):
            left -= len(chunk)
            if left < 0:
                raise Refusal(413, f"The file has more than {audio.LARGEST >> 20} MB, which is as much as is taken.")
            into.write(chunk)
    except RawPostDataException:
        raise Refusal(415, "Forms are not taken here: send the file itself as the content.") from None
    except UnreadablePostError:
        raise Refusal(400, "The request ended before all of it had come.") from None
    into.seek(0)


_SOUND = schemas.table({"name": "string", "language": "string", "configured": "boolean", "playable": "boolean"})


def operations() -> list[Operation]:
    """Return the operations on audio files."""
    common: dict[str, Any] = {"area": "system", "group": "audio"}
    one = common | {"path": "/audio/{name}", "route": "audio/<anything:name>"}
    language = Parameter("language", "Of the sound, such as en; empty for music and for any language.")
    return [
        Operation("list_audio", "GET", "/audio", summary="Everything that can be played", run=listing,
                  parameters=(Parameter("q", "Search: part of a name."), *paging.PARAMETERS),
                  answer=schemas.listed(_SOUND), **common),
        Operation("play_audio", "GET", summary="A sound as it is played", run=play, parameters=(language,),
                  answer={"type": "string", "format": "binary"}, answer_type="audio/wav", **one),
        Operation("upload_audio", "PUT", summary="Make a sound of a file", run=upload,
                  parameters=(language, DRY_RUN), body={"type": "string", "format": "binary"},
                  body_type="application/octet-stream", answer=schemas.DIFFERENCE,
                  about="WAV, FLAC, MP3 or OGG, up to 30 MB. One of the same name and language is replaced; "
                  "DELETE /sounds/NAME removes it.", **one),
    ]  # fmt: skip
