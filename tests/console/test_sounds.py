"""Sounds: those that come along, those that lie in the folder, those that the configuration names."""

from __future__ import annotations

import shutil
import wave
from pathlib import Path

import pytest

from jackfield.console import api
from jackfield.console.change import Author, Wish, save
from jackfield.settings import Settings
from jackfield.switch import snapshot


def tone(path: Path, seconds: float = 0.1) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 44100, 0, "NONE", ""))
        file.writeframes(b"\x10\x20" * int(44100 * seconds))
    return path


def sounds(settings: Settings) -> dict[tuple[str, str], str]:
    return {(sound.name, sound.language): sound.path for sound in snapshot.read(settings.files.snapshot).sounds}


def playable(path: str) -> bool:
    return Path(f"{path}.8000.wav").is_file() and Path(f"{path}.16000.wav").is_file()


def test_the_sounds_that_come_along_are_there_from_the_start(sqlite: Settings):
    api.publish(sqlite)
    found = sounds(sqlite)
    assert playable(found["welcome", "en"])
    assert playable(found["digits/7", "en"])
    assert playable(found["default", ""])


def test_a_language_s_prompts_are_there_as_soon_as_somebody_hears_it(sqlite: Settings):
    api.publish(sqlite)
    assert not any(language == "de" for _, language in sounds(sqlite))
    api.apply(sqlite, "settings: {language: de-AT}")
    assert playable(sounds(sqlite)["welcome", "de"])
    wish = Wish("extensions", {"number": "101", "language": "fr", "lines": []})
    save(sqlite, [wish], author=Author("Anna", "page"))
    assert playable(sounds(sqlite)["busy", "fr"])
    assert not any(language == "es" for _, language in sounds(sqlite))


def test_a_language_without_prompts_of_its_own_changes_nothing(sqlite: Settings):
    api.publish(sqlite)
    before = sounds(sqlite)
    api.apply(sqlite, "settings: {language: pt}")
    assert sounds(sqlite) == before


def test_a_file_in_the_folder_needs_no_configuration(sqlite: Settings):
    for rate in (8000, 16000):
        tone(sqlite.files.sounds / "cs" / "menu" / f"vitejte.{rate}.wav")
    api.publish(sqlite)
    assert playable(sounds(sqlite)["menu/vitejte", "cs"])


def test_a_file_that_is_named_is_converted_once_and_again_when_it_changes(sqlite: Settings, tmp_path: Path):
    source = tone(tmp_path / "hold.wav")
    api.apply(sqlite, f"sounds: [{{name: hold, path: {source}}}]")
    first = sounds(sqlite)["hold", ""]
    assert playable(first)
    stamp = Path(f"{first}.8000.wav").stat().st_mtime_ns
    api.publish(sqlite)
    assert Path(f"{first}.8000.wav").stat().st_mtime_ns == stamp
    tone(source, 0.2)
    api.publish(sqlite)
    again = sounds(sqlite)["hold", ""]
    assert again != first
    assert playable(again)


def test_a_configured_sound_comes_before_one_that_came_along(sqlite: Settings, tmp_path: Path):
    source = tone(tmp_path / "own.wav")
    api.apply(sqlite, f"sounds: [{{name: welcome, language: en, path: {source}}}]")
    assert "converted/own-" in sounds(sqlite)["welcome", "en"]


def test_a_file_that_is_no_sound_is_told_and_the_rest_is_published(sqlite: Settings, tmp_path: Path, caplog):
    (tmp_path / "text.wav").write_text("not audio at all")
    api.apply(
        sqlite,
        f"sounds: [{{name: bad, path: {tmp_path}/text.wav}}, {{name: gone, path: nowhere}}]\n"
        "extensions: [{number: 201}]",
    )
    assert 'the sound "bad" can\'t be used: text.wav is no audio file that can be read' in caplog.text
    assert 'the sound "gone" can\'t be used' in caplog.text
    assert snapshot.read(sqlite.files.snapshot).extensions[0].number == "201"


def test_a_folder_that_cant_be_written_is_told(sqlite: Settings, caplog):
    shutil.rmtree(sqlite.files.sounds / "en")
    (sqlite.files.sounds / "en").touch()
    api.publish(sqlite)
    assert "the sounds that come with Jackfield can't be put into" in caplog.text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("settings: {music: defualt}", 'settings.music: there is no sound "defualt"; did you mean "default"?'),
        (
            "services: [{number: 5, kind: announcement, sound: zzzzzz}]",
            'services[0].sound: there is no sound "zzzzzz"; add it under "sounds"',
        ),
        ("services: [{number: 5, kind: announcement, sound: welcome}]", ""),
        ("services: [{number: 5, kind: announcement, sound: 'tone:busy'}]", ""),
        ("services: [{number: 5, kind: announcement, sound: own}]\nsounds: [{name: own, path: x}]", ""),
    ],
)
def test_a_sound_that_is_not_there_is_a_warning(sqlite: Settings, text: str, words: str):
    warnings = [str(warning) for warning in api.apply(sqlite, text, dry_run=True).warnings]
    assert warnings == ([f"line 1: {words}"] if words else [])
