"""The installation's sounds: the shipped set put in place, files that the configuration names converted once.

What lies as `LANGUAGE/NAME.8000.wav` in the installation's folder of sounds (music below `music`) can be used by its
name without being configured; a sound in the configuration comes before a file of the same name.
"""

from __future__ import annotations

import hashlib
import importlib.util
import logging
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from jackfield.switch.snapshot import Sound

if TYPE_CHECKING:
    from jackfield.settings import Settings

__all__ = ["installed", "names", "provide", "resolved", "spoken", "wanting"]

log = logging.getLogger(__name__)

CONVERTED = "converted"  # folder of what was made from files that the configuration names
MUSIC = "music"  # folder of sounds without words
ENDING = ".8000.wav"


ALWAYS = "en"  # what is heard where a language has no prompts


def provide(settings: Settings, configured: Iterable[Sound], languages: Iterable[str] = ()) -> list[str]:
    """Install the shipped set where it is missing, and convert files that `configured` names. Cheap when all is there.

    Of the shipped prompts those of `languages` (BCP 47) are installed, and the English ones. Returns what is wrong with
    which sound, in words; they are in the log, too.
    """
    folder = settings.files.sounds
    problems = []
    wanted = {MUSIC} | _primary(languages)
    if any(not _is_there(folder / name) for name in _shipped() if name.partition("/")[0] in wanted):
        problems += _install(folder, wanted)
    for sound in configured:
        source = folder / sound.path
        target = Path(resolved(sound, folder).path)
        if not _is_there(target) and (problem := _convert(source, target)):
            problems.append(f'the sound "{sound.name}" can\'t be used: {problem}')
    for problem in problems:
        log.error("%s", problem)
    return problems


def spoken() -> set[str]:
    """Return the languages that have shipped prompts."""
    return {name.partition("/")[0] for name in _shipped()} - {MUSIC}


def wanting(settings: Settings, languages: Iterable[str]) -> bool:
    """Whether prompts of one of these languages come with Jackfield and are not in the installation yet."""
    missing = [one for one in _primary(languages) if not (settings.files.sounds / one).is_dir()]
    return bool(missing) and not spoken().isdisjoint(missing)


def _primary(languages: Iterable[str]) -> set[str]:
    return {ALWAYS} | {one.partition("-")[0].lower() for one in languages if one}


def resolved(sound: Sound, folder: Path) -> Sound:
    """Return the sound with the absolute path that the media process plays from.

    A path with the ending of an audio file means what was converted from it: again when the file was changed.
    """
    source = folder / sound.path
    if _is_there(source) or not source.is_file():
        return _with_path(sound, source)
    stamp = source.stat()
    digest = hashlib.sha256(f"{source} {stamp.st_mtime_ns} {stamp.st_size}".encode()).hexdigest()[:12]
    return _with_path(sound, folder / CONVERTED / f"{source.stem}-{digest}")


def installed(folder: Path) -> Iterator[Sound]:
    """Go through what lies in the folder, by name."""
    for file in sorted(folder.glob(f"*/**/*{ENDING}")):
        language, *rest = file.relative_to(folder).parts
        if language != CONVERTED:
            name = "/".join(rest).removesuffix(ENDING)
            yield Sound(name=name, path=str(file)[: -len(ENDING)], language="" if language == MUSIC else language)


def names(settings: Settings) -> set[str]:
    """Return what sounds are called that need no configuration: the shipped ones and those in the folder."""
    return {name.partition("/")[2] for name in _shipped()} | {one.name for one in installed(settings.files.sounds)}


def _shipped() -> list[str]:
    """Return the shipped sounds as paths below the folder. Does not import the module, which needs numpy."""
    spec = importlib.util.find_spec("jackfield.media.sounds")
    if spec is None or not spec.submodule_search_locations:
        return []
    root = Path(spec.submodule_search_locations[0])
    return [path.relative_to(root).with_suffix("").as_posix() for path in root.rglob("*.flac")]


def _is_there(path: Path) -> bool:
    return path.with_name(path.name + ENDING).is_file()


def _with_path(sound: Sound, path: Path) -> Sound:
    return Sound(name=sound.name, path=str(path), language=sound.language)


def _install(folder: Path, languages: set[str]) -> list[str]:
    from jackfield.media import sounds

    try:
        sounds.install(folder, languages)
    except sounds.BadSound as problem:
        return [f"the sounds that come with Jackfield can't be put into {folder}: {problem}"]
    return []


def _convert(source: Path, target: Path) -> str:
    from jackfield.media import sounds

    try:
        sounds.convert(source, target)
    except sounds.BadSound as problem:
        return str(problem)
    return ""
