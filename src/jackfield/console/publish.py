"""From the database to the snapshot file, and a word to the running switch."""

from __future__ import annotations

import dataclasses
import hashlib
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from jackfield.console import sounds
from jackfield.console.faults import ConsoleError
from jackfield.console.numbering import numbering, world
from jackfield.control import ControlError, NotRunning, ask_sync
from jackfield.sip.digest import ha1
from jackfield.switch import snapshot as snapshots
from jackfield.switch.snapshot import Line, Snapshot, Sound

if TYPE_CHECKING:
    from jackfield.console.declarative.section import Section
    from jackfield.settings import Settings

__all__ = ["build", "publish", "put", "stored", "tell"]

log = logging.getLogger(__name__)

RELOAD_SECONDS = 5.0
trouble: dict[str, str] = {}
"""Why the configuration of last time is not in force: empty while all is well."""
THINGS = ("address_groups", "vpn_devices", "trunks", "inbound", "outbound", "ring_groups", "services", "speed_dials",
          "emergency_numbers", "holidays", "time_ranges", "permissions", "sites", "call_limits")  # fmt: skip
PUBLISHED = ("settings", "firewall", "guard", "extensions", "sounds", *THINGS)
"""Sections that the switch needs."""


Rows = Mapping[str, Sequence[Any]]


def stored() -> Rows:
    """Return the rows of each section, as the database has them."""
    from jackfield.console.declarative import merging
    from jackfield.console.declarative.sections import SECTIONS

    return {name: merging.stored(SECTIONS[name]) for name in (*PUBLISHED, "desk_phones")}


def build(settings: Settings, rows: Rows | None = None) -> Snapshot:
    """Return the snapshot of what the database holds, with version 0: `put` gives it its number."""
    from jackfield.console.browser_phones.lines import browser_lines
    from jackfield.console.declarative.sections import LINES, SECTIONS

    if rows is None:
        rows = stored()
    copied = {name: _copier(SECTIONS[name]) for name in PUBLISHED}
    general = copied["settings"](rows["settings"][0])
    things: dict[str, Any] = {name: tuple(map(copied[name], rows[name])) for name in THINGS}
    extension, line, browsers = copied["extensions"], _copier(LINES), browser_lines()
    fetched = {name for phone in rows["desk_phones"] if phone.enabled for name in phone.extensions}

    def lines(row: Any) -> Iterator[Line]:
        for place, one in enumerate(row.all_lines()):  # the number alone stands for its first line
            provisioned = one.sip_username in fetched or (not place and row.number in fetched)
            yield _line(line, one, general.realm, provisioned=provisioned)

    extensions = tuple(extension(row, lines=(*lines(row), *browsers.get(row.number, ()))) for row in rows["extensions"])
    configured = list(map(copied["sounds"], rows["sounds"]))
    found = {(sound.name, sound.language): sound for sound in sounds.installed(settings.files.sounds)}
    found |= {(one.name, one.language): sounds.resolved(one, settings.files.sounds) for one in configured}
    if things["permissions"] or things["call_limits"]:
        things["numbering"] = numbering(general.country)
    if things["call_limits"]:
        things["world"] = world()
    things |= {name: copied[name](rows[name][0]) for name in ("firewall", "guard")}
    return Snapshot(general=general, extensions=extensions, sounds=tuple(found.values()), **things)


def languages(rows: Rows) -> set[str]:
    """Return the languages that callers hear: the company's, and those of extensions with one of their own."""
    return {row.language for name in ("settings", "extensions") for row in rows[name]}


def publish(settings: Settings) -> Snapshot:
    """Write the snapshot when it differs from the published one, and have a running switch read it.

    Versions only ever grow. Raises `ConsoleError` when the file can't be written; a switch that does not answer is a
    line in the log, since it reads the file when it starts.
    """
    from django.db import transaction

    from jackfield.console.database import database_errors
    from jackfield.console.locking import configuration_lock

    with database_errors(settings):
        sounds.provide(settings, _configured_sounds(), _languages())
    with database_errors(settings), transaction.atomic():
        configuration_lock()
        found, written = put(settings, stored())
    if written:
        tell(settings, found.version)
    return found


def put(settings: Settings, rows: Rows) -> tuple[Snapshot, bool]:
    """Write the snapshot of `rows` when it differs from the published one; return it, and whether it was written.

    To be called while nobody else may change the configuration. Raises `ConsoleError` when the file can't be written.
    """
    from jackfield.company.models import State

    found = build(settings, rows)
    state, _ = State.objects.get_or_create(key="published", defaults={"value": {"version": 0, "digest": ""}})
    digest = hashlib.sha256(msgspec.json.encode(found)).hexdigest()
    path = settings.files.snapshot
    version, there = state.value["version"], _version(path)
    if digest == state.value["digest"] and there == version:
        return dataclasses.replace(found, version=version), False
    if digest != state.value["digest"] or there > version:  # a file from the future: the database was restored
        version = max(version, there) + 1
    found = dataclasses.replace(found, version=version)
    _write(found, path)
    settings.files.line_secrets.unlink(missing_ok=True)  # those passwords are within it now
    state.value = {"version": version, "digest": digest}
    state.save()
    log.info("configuration %d is published", version)
    return found, True


def _write(found: Snapshot, path: Path) -> None:
    try:
        snapshots.write(found, path)
    except OSError as error:
        why = (
            f"the configuration can't be written to {path}: {error.strerror}. "
            "Make room on the disk, and see that the data directory belongs to the user who runs Jackfield"
        )
        trouble["file"] = why
        raise ConsoleError(why) from None
    trouble.pop("file", None)


def _version(path: Path) -> int:
    """Return the version of the snapshot file; -1 when there is none that can be read."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=_Version).version
    except (OSError, msgspec.DecodeError):
        return -1


class _Version(msgspec.Struct):
    version: int = 0


def tell(settings: Settings, version: int) -> None:
    """Have a running switch read the snapshot file."""
    trouble.clear()
    try:
        ask_sync(settings.files.switch_socket, "reload", timeout=RELOAD_SECONDS)
    except NotRunning:
        pass
    except ControlError as error:
        log.error("the switch did not take configuration %d: %s", version, error)
        trouble["switch"] = f"the switch did not take configuration {version}: {error}"


def _copier(section: Section) -> Callable[..., Any]:
    """Return what makes the snapshot's data of a row of this section."""
    names = {field.name for field in dataclasses.fields(section.data)}
    fields = [field for name, field in section.fields.items() if name in names]

    def copy(row: Any, **more: Any) -> Any:
        return section.data(**{field.name: field.of(row) for field in fields}, **more)

    return copy


def _line(copy: Callable[..., Any], row: Any, realm: str, **more: Any) -> Line:
    who = row.sip_username, realm, row.sip_password
    if row.previous_password:
        before = row.sip_username, realm, row.previous_password
        more |= {"previous_md5": ha1(*before, "MD5"), "previous_sha256": ha1(*before, "SHA-256")}
    found: Line = copy(row, ha1_md5=ha1(*who, "MD5"), ha1_sha256=ha1(*who, "SHA-256"), **more)
    return found


def _languages() -> set[str]:
    from jackfield.company.models import General
    from jackfield.numbers.models import Extension

    own = set(Extension.objects.exclude(language="").values_list("language", flat=True).distinct())
    return own | {General.current().language}


def _configured_sounds() -> list[Sound]:
    from jackfield.console.declarative import merging
    from jackfield.console.declarative.sections import SECTIONS

    return list(map(_copier(SECTIONS["sounds"]), merging.stored(SECTIONS["sounds"])))
