"""Prompts and music: everything that can be played, heard in the browser, and new ones from files of one's own."""

from __future__ import annotations

import re
import secrets
from pathlib import Path
from typing import Any

from django.conf import settings as django_settings
from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import path

from jackfield.console import change, sounds
from jackfield.console.change import Wish
from jackfield.console.declarative.difference import DocumentError
from jackfield.console.web import errors
from jackfield.console.web.forms import sentence
from jackfield.console.web.rights import gate
from jackfield.console.web.saving import notify
from jackfield.console.web.things import author
from jackfield.switch.snapshot import Sound

__all__ = ["audio", "play", "upload", "urls"]

LARGEST = 30 << 20  # bytes
LONGEST = 1800  # seconds
MOST_SAMPLES = LONGEST * 48_000 * 2
"""Of all channels: silence of hours fits into some kilobytes, and would be worked on for as long."""
UPLOADS = "uploads"  # folder of what came by the browser
ENDINGS = {"WAV": ".wav", "FLAC": ".flac", "MP3": ".mp3", "OGG": ".ogg", "AIFF": ".aiff"}


def playable() -> list[tuple[Sound, Any]]:
    """Return every sound as it can be played, with its row where somebody has configured it."""
    from jackfield.company.models import Sound as Row

    folder = django_settings.JACKFIELD.files.sounds
    found: dict[tuple[str, str], tuple[Sound, Any]] = {
        (one.name, one.language): (one, None) for one in sounds.installed(folder) if not _internal(one, folder)
    }
    for row in Row.objects.all():
        one = sounds.resolved(Sound(name=row.name, path=row.path, language=row.language), folder)
        found[row.name, row.language] = one, row
    return [found[key] for key in sorted(found)]


def _internal(one: Sound, folder: Path) -> bool:
    return Path(one.path).relative_to(folder).parts[0] == UPLOADS


@gate("system")
def audio(request: HttpRequest) -> HttpResponse:
    """List what can be played."""
    return _page(request)


def _page(request: HttpRequest, problem: str = "", status: int = 200) -> HttpResponse:
    from jackfield.company.models import General
    from jackfield.numbers.models import Service

    music = General.current().music
    used: dict[str, list[Any]] = {}
    for service in Service.objects.exclude(sound=""):
        used.setdefault(service.sound, []).append(service)
    rows = [(one, row, used.get(one.name, ()), one.name == music) for one, row in playable()]
    context = {"rows": rows, "problem": problem, "name": request.POST.get("name", ""),
               "language": request.POST.get("language", ""), "largest": LARGEST >> 20}  # fmt: skip
    return render(request, "audio.html", context, status=status)


@gate("system", write=True)
def upload(request: HttpRequest) -> HttpResponse:
    """Take a file, look whether it is audio, and make a sound of it; one of the same name and language is replaced."""
    if request.method != "POST":
        return redirect("/admin/audio/")
    file = request.FILES.get("file")
    if file is None:
        return _page(request, "Choose the file that is to be heard.", 422)
    if file.size > LARGEST:
        return _page(request, f"The file has {file.size >> 20} MB: more than {LARGEST >> 20} are not taken.", 422)
    name = request.POST.get("name", "").strip() or re.sub(r"[^\w-]+", "-", Path(file.name).stem).strip("-").lower()
    language = request.POST.get("language", "").strip()
    try:
        ending = _ending(file)
    except ValueError as problem:
        return _page(request, sentence(str(problem)), 422)
    folder = django_settings.JACKFIELD.files.sounds / UPLOADS
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    target = folder / f"{secrets.token_hex(8)}{ending}"  # never by the name that somebody sent
    with target.open("xb") as into:
        for chunk in file.chunks():
            into.write(chunk)
    there = any((one.name, one.language) == (name, language) for one, row in playable() if row is not None)
    values = {"name": name, "language": language, "path": f"{UPLOADS}/{target.name}"}
    try:
        wish = Wish("sounds", values, (name, language) if there else None)
        change.save(django_settings.JACKFIELD, [wish], author=author(request))
    except DocumentError as problem:
        target.unlink()
        return _page(request, " ".join(sentence(one.message) for one in problem.problems), 422)
    notify(request, [("good", f"“{name}” can be used now.")])
    return redirect("/admin/audio/")


def _ending(file: Any) -> str:
    """Return the ending that fits what the file holds. Raises `ValueError` with what is wrong."""
    import soundfile

    try:
        with soundfile.SoundFile(file) as found:
            kind, seconds = found.format, found.frames / found.samplerate
            rate, samples = found.samplerate, found.frames * found.channels
    except (soundfile.LibsndfileError, OSError, ValueError, ZeroDivisionError):
        raise ValueError("this is no audio file that can be read: take WAV, FLAC, MP3 or OGG") from None
    finally:
        file.seek(0)
    kind = {"MPEG": "MP3", "WAVEX": "WAV"}.get(kind, kind)
    if kind not in ENDINGS:
        raise ValueError(f"this is {kind}, which can't be read: take WAV, FLAC, MP3 or OGG")
    if seconds > LONGEST:
        raise ValueError(f"it lasts {int(seconds // 60)} minutes: more than {LONGEST // 60} are not taken")
    if not 4000 <= rate <= 384_000:
        raise ValueError(f"it has a sampling rate of {rate} Hz, which no sound has")
    if samples > MOST_SAMPLES:
        raise ValueError("it takes too long to convert: save it as WAV with one channel and 16,000 Hz")
    if seconds == 0:
        raise ValueError("there is nothing to be heard in it")
    return ENDINGS[kind]


@gate("system")
def play(request: HttpRequest) -> HttpResponseBase:
    """Answer with a sound, for the browser's player."""
    wanted = request.GET.get("name", ""), request.GET.get("language", "")
    one = next((one for one, _ in playable() if (one.name, one.language) == wanted), None)
    for rate in ("16000", "8000"):
        if one is not None and (file := Path(f"{one.path}.{rate}.wav")).is_file():
            return FileResponse(file.open("rb"), content_type="audio/wav")
    return errors.missing(request, "This sound has no file that could be played.")


def urls() -> list[Any]:
    """Return the addresses of these pages."""
    return [path("admin/audio/", audio), path("admin/audio/upload", upload), path("admin/audio/play", play)]
