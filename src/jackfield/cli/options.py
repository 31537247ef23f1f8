"""Options that several commands share."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from jackfield.settings import Settings

__all__ = ["Config", "DataDir", "Json", "described", "settings", "settings_in_force"]

WHERE = "Which installation"

DataDir = Annotated[
    Path | None,
    typer.Option(
        "--data-dir",
        "-d",
        help="Folder of the installation (JACKFIELD_DATA_DIR). Default: ./data",
        rich_help_panel=WHERE,
    ),
]
Config = Annotated[
    Path | None,
    typer.Option(
        "--config", help="Settings file. Default: jackfield.yaml in the data directory", rich_help_panel=WHERE
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for programs")]


def described(command: Callable[..., object]) -> str:
    """Return a command's docstring with its paragraphs unwrapped: the terminal wraps them anew."""
    paragraphs = inspect.cleandoc(command.__doc__ or "").split("\n\n")
    return "\n\n".join(paragraph.replace("\n", " ") for paragraph in paragraphs)


def settings(data_dir: Path | None, config: Path | None = None, **flags: Any) -> Settings:
    """Load the settings with what the flags gave. Raises `SettingsError`."""
    from jackfield.settings import load

    return load(data_dir=data_dir, config=None if config is None else str(config), **flags)


def settings_in_force(data_dir: Path | None, config: Path | None = None) -> Settings:
    """Load the settings; where Jackfield runs in that data directory, those with which it was started.

    Otherwise a command would look for another database or port than the one that `run` was told by a flag.
    Raises `SettingsError`.
    """
    from jackfield.control import ControlError, ask_sync

    found = settings(data_dir, config)
    try:
        running = ask_sync(found.files.supervisor_socket, "settings", timeout=2.0)
    except ControlError:
        return found
    return found.replaced(**{name: value for name, value in running.items() if name not in ("data_dir", "config")})
