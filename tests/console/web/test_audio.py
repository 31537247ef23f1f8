"""Prompts and music: heard in the browser, and added from files."""

from __future__ import annotations

import io

import numpy
import pytest
import soundfile
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from jackfield.company.models import Sound
from jackfield.settings import Settings

from .conftest import As


def audio(kind: str = "WAV", seconds: float = 0.5) -> bytes:
    held = io.BytesIO()
    soundfile.write(held, numpy.sin(numpy.arange(int(16000 * seconds)) / 10) * 0.3, 16000, format=kind)
    return held.getvalue()


def send(browser: Client, content: bytes, name: str = "Our Greeting.wav", **more: str):
    return browser.post("/admin/audio/upload", {"file": SimpleUploadedFile(name, content), **more}, follow=True)


@pytest.mark.parametrize("kind", ["WAV", "FLAC", "OGG", "MP3"])
def test_a_file_becomes_a_sound_that_can_be_heard(admin: Client, company: Settings, kind: str):
    page = send(admin, audio(kind), language="en").content.decode()
    assert "“our-greeting” can be used now." in page
    row = Sound.objects.get(name="our-greeting")
    assert (row.language, row.path.startswith("uploads/")) == ("en", True)
    heard = admin.get("/admin/audio/play", {"name": "our-greeting", "language": "en"})
    assert heard.headers["Content-Type"] == "audio/wav"
    with soundfile.SoundFile(io.BytesIO(b"".join(heard))) as found:
        assert found.frames / found.samplerate == pytest.approx(0.5, abs=0.1)


def test_a_second_file_of_the_name_takes_the_first_ones_place(admin: Client):
    send(admin, audio(), name="a.wav")
    first = Sound.objects.get(name="a").path
    admin.post("/admin/audio/upload", {"file": SimpleUploadedFile("c.wav", audio(seconds=1)), "name": "a"})
    assert Sound.objects.get(name="a").path != first


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"MZ\x90\x00 a program", "This is no audio file that can be read"),
        (b"", "no audio file that can be read"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", "no audio file"),
        (audio(seconds=0), "nothing to be heard"),
    ],
)
def test_what_is_no_audio_is_refused_whatever_it_is_called(admin: Client, company: Settings, content, told):
    answer = send(admin, content)
    assert answer.status_code == 422
    assert told in answer.content.decode()
    assert not list(company.files.sounds.glob("uploads/*"))


def test_a_file_that_is_too_large_or_long_is_refused(admin: Client, monkeypatch):
    from jackfield.console.web import audio as page

    monkeypatch.setattr(page, "LARGEST", 1000)
    assert "are not taken" in send(admin, audio()).content.decode()
    monkeypatch.setattr(page, "LARGEST", 10**9)
    monkeypatch.setattr(page, "LONGEST", 0.1)
    assert "are not taken" in send(admin, audio()).content.decode()


def of_rate(rate: int, channels: int = 1, frames: int = 100) -> bytes:
    held = io.BytesIO()
    soundfile.write(
        held, numpy.zeros((frames, channels), dtype="int16"), rate, format="FLAC" if channels > 1 else "WAV"
    )
    return held.getvalue()


def test_a_file_that_is_made_to_take_long_is_refused(admin: Client, company: Settings):
    """Some kilobytes that unpack to hours of eight channels."""
    bomb = of_rate(192_000, channels=8, frames=192_000 * 120)
    assert len(bomb) < 1 << 20
    answer = send(admin, bomb, "bomb.flac")
    assert answer.status_code == 422
    assert "takes too long to convert" in answer.content.decode()
    for rate in (1, 4_000_000):
        answer = send(admin, of_rate(rate))
        assert answer.status_code == 422
        assert "sampling rate" in answer.content.decode()


def test_the_list_has_ours_and_theirs_and_says_who_uses_them(admin: Client):
    page = admin.get("/admin/audio/").content.decode()
    assert "music on hold" in page
    assert ">hello</a>" in page
    assert "welcome" in page
    assert admin.get("/admin/audio/play", {"name": "welcome", "language": "en"}).status_code == 200
    assert admin.get("/admin/audio/play", {"name": "../../secret", "language": ""}).status_code == 404
    assert admin.get("/admin/audio/upload").headers["Location"] == "/admin/audio/"


def test_a_reader_may_listen_but_not_upload(signed_in: As):
    browser = signed_in("reader")
    assert "New sound" not in browser.get("/admin/audio/").content.decode()
    assert send(browser, audio()).status_code == 403
