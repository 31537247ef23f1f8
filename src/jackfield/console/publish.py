"""From the database to the snapshot file, and a word to the running switch."""

from __future__ import annotations

import dataclasses
import hashlib
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from jackfield.console import sounds
from jackfield.console.api import ConsoleError
from jackfield.control import ControlError, NotRunning, ask_sync
from jackfield.sip.digest import ha1
from jackfield.switch import snapshot as snapshots
from jackfield.switch.snapshot import Extension, Line, Snapshot, Sound

if TYPE_CHECKING:
    from jackfield.console.declarative.section import Section
    from jackfield.settings import Settings

__all__ = ["build", "publish"]

log = logging.getLogger(__name__)

RELOAD_SECONDS = 5.0


def build(settings: Settings) -> Snapshot:
    """Return the snapshot of what the database holds, with version 0: `publish` gives it its number."""
    from jackfield.console.declarative.merging import stored
    from jackfield.console.declarative.sections import SECTIONS

    rows = {name: stored(section) for name, section in SECTIONS.items() if name not in ("users", "sounds")}
    general = _data(SECTIONS["settings"], rows["settings"][0])
    things: dict[str, Any] = {
        name: tuple(_data(SECTIONS[name], row) for row in rows[name])
        for name in ("trunks", "inbound", "outbound", "ring_groups", "services", "emergency_numbers")
    }
    extensions = tuple(_extension(SECTIONS["extensions"], row, general.realm) for row in rows["extensions"])
    configured = _configured_sounds()
    found = {(sound.name, sound.language): sound for sound in sounds.installed(settings.files.sounds)}
    found |= {(one.name, one.language): sounds.resolved(one, settings.files.sounds) for one in configured}
    return Snapshot(general=general, extensions=extensions, sounds=tuple(found.values()), **things)


def publish(settings: Settings) -> Snapshot:
    """Write the snapshot when it differs from the published one, and have a running switch read it.

    Versions only ever grow. Raises `ConsoleError` when the file can't be written; a switch that does not answer is a
    line in the log, since it reads the file when it starts.
    """
    from django.db import transaction

    from jackfield.company.models import State
    from jackfield.console.database import database_errors
    from jackfield.console.locking import configuration_lock

    with database_errors(settings):
        sounds.provide(settings, _configured_sounds())
    with database_errors(settings), transaction.atomic():
        configuration_lock()
        found = build(settings)
        state, _ = State.objects.get_or_create(key="published", defaults={"value": {"version": 0, "digest": ""}})
        digest = hashlib.sha256(msgspec.json.encode(found)).hexdigest()
        path = settings.files.snapshot
        version, there = state.value["version"], _version(path)
        if digest == state.value["digest"] and there == version:
            return dataclasses.replace(found, version=version)
        if digest != state.value["digest"] or there > version:  # a file from the future: the database was restored
            version = max(version, there) + 1
        found = dataclasses.replace(found, version=version)
        _write(found, path)
        state.value = {"version": version, "digest": digest}
        state.save()
    log.info("configuration %d is published", version)
    _tell(settings, version)
    return found


def _write(found: Snapshot, path: Path) -> None:
    try:
        snapshots.write(found, path)
    except OSError as error:
        raise ConsoleError(
            f"the configuration can't be written to {path}: {error.strerror}. "
            "Make room on the disk, and see that the data directory belongs to the user who runs Jackfield"
        ) from None


def _version(path: Path) -> int:
    """Return the version of the snapshot file; -1 when there is none that can be read."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=_Version).version
    except (OSError, msgspec.DecodeError):
        return -1


class _Version(msgspec.Struct):
    version: int = 0


def _tell(settings: Settings, version: int) -> None:
    try:
        ask_sync(settings.files.switch_socket, "reload", timeout=RELOAD_SECONDS)
    except NotRunning:
        pass
    except ControlError as error:
        log.error("the switch did not take configuration %d: %s", version, error)


def _data(section: Section, row: Any, **more: Any) -> Any:
    names = {field.name for field in dataclasses.fields(section.data)}
    return section.data(**{name: field.of(row) for name, field in section.fields.items() if name in names}, **more)


def _extension(section: Section, row: Any, realm: str) -> Extension:
    from jackfield.console.declarative.sections import LINES

    lines: list[Line] = []
    for line in row.lines.all():
        who = line.sip_username, realm, line.sip_password
        lines.append(_data(LINES, line, ha1_md5=ha1(*who, "MD5"), ha1_sha256=ha1(*who, "SHA-256")))
    extension: Extension = _data(section, row, lines=tuple(lines))
    return extension


def _configured_sounds() -> list[Sound]:
    from jackfield.console.declarative.merging import stored
    from jackfield.console.declarative.sections import SECTIONS

    return [_data(SECTIONS["sounds"], row) for row in stored(SECTIONS["sounds"])]
