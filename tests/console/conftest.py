"""Every test that asks for `settings` runs on SQLite and on PostgreSQL, each time with an empty installation."""

from __future__ import annotations

import itertools
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connections

from jackfield.console import api, database, sounds
from jackfield.settings import Settings, load

from . import postgresql

_nowhere = tempfile.TemporaryDirectory()
database.setup(load(data_dir=_nowhere.name))  # models can be imported only once Django is set up
_number = itertools.count(1)


@pytest.fixture(autouse=True)
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let tests ask as often as they like: they do so faster than anybody."""
    from jackfield.console.web import pace

    for one in (pace.TOKENS, pace.SESSIONS, pace.STRANGERS):
        monkeypatch.setattr(one, "rate", 1e9)
    pace.forget()


@pytest.fixture(scope="session")
def server() -> Iterator[postgresql.Server | str]:
    """The run's own PostgreSQL, with a template database that has the tables; or why there is none."""
    try:
        with postgresql.server() as running:
            running.sql("CREATE DATABASE made")
            yield running
    except postgresql.NotToBeHad as reason:
        yield str(reason)


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Settings]:
    """Installations whose tables were made once, to be copied."""
    return {}


def _template(made: dict[str, Settings], folder: Path, url: str) -> Settings:
    if url not in made:
        made[url] = load(data_dir=folder / "made", database_url=url)
        api.prepare(made[url])
        sounds.provide(made[url], ())
        connections.close_all()
    return made[url]


@pytest.fixture
def sqlite(made: dict[str, Settings], tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """An empty installation on SQLite."""
    template = _template(made, tmp_path_factory.getbasetemp(), "")
    settings = load(data_dir=tmp_path / "data")
    settings.files.prepare()
    shutil.copy(template.files.database, settings.files.database)
    _link_sounds(template, settings)
    api.prepare(settings)
    yield settings
    connections.close_all()


def _link_sounds(template: Settings, settings: Settings) -> None:
    """Spare each test the conversion of the shipped sounds."""
    shutil.copytree(template.files.sounds, settings.files.sounds, copy_function=os.link, dirs_exist_ok=True)


@pytest.fixture
def postgres(
    made: dict[str, Settings],
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    server: postgresql.Server | str,
) -> Iterator[Settings]:
    """An empty installation on PostgreSQL."""
    if isinstance(server, str):
        pytest.skip(server)
    template = _template(made, tmp_path_factory.getbasetemp() / "postgresql", server.url("made"))
    name = f"test{next(_number)}"
    connections.close_all()
    server.sql(f"CREATE DATABASE {name} TEMPLATE made")
    settings = load(data_dir=tmp_path / "data", database_url=server.url(name))
    settings.files.prepare()
    _link_sounds(template, settings)
    api.prepare(settings)
    yield settings
    connections.close_all()
    server.sql(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(params=["sqlite", "postgres"])
def settings(request: pytest.FixtureRequest) -> Settings:
    """An empty installation, on each database in turn; Django is ready for it."""
    found: Settings = request.getfixturevalue(request.param)
    return found
