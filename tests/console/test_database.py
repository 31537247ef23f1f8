"""Finding the database, making its tables, and what is said when it is away."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest
from django.db import connections

from jackfield.console import api, database
from jackfield.console.settings import database as describe
from jackfield.settings import Settings, load


def test_a_url_says_where_sqlite_lies():
    found = describe("sqlite:////var/lib/jackfield/a%20b.sqlite3")
    assert found["ENGINE"] == "django.db.backends.sqlite3"
    assert found["NAME"] == Path("/var/lib/jackfield/a b.sqlite3")
    assert "journal_mode=WAL" in found["OPTIONS"]["init_command"]


def test_a_url_says_where_postgresql_runs():
    found = describe("postgresql://jf:p%40ss@db.example.com:5433/pbx?sslmode=require")
    assert (found["USER"], found["PASSWORD"], found["HOST"], found["PORT"], found["NAME"]) == (
        "jf", "p@ss", "db.example.com", "5433", "pbx",
    )  # fmt: skip
    assert found["OPTIONS"]["sslmode"] == "require"
    assert describe("postgres:///pbx?host=/run/postgresql")["HOST"] == "/run/postgresql"


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("mysql://a/b", '"mysql" is no kind of database'),
        ("sqlite://", "must have a path"),
        ("sqlite://host/path", "must have a path"),
        ("postgresql://host", "must name the database"),
    ],
)
def test_a_url_that_makes_no_sense_is_refused_with_an_example(url: str, words: str):
    with pytest.raises(ValueError, match=words):
        describe(url)


def test_a_wrong_url_is_a_console_error(tmp_path: Path):
    settings = load(data_dir=tmp_path, database_url="postgresql://host")
    with pytest.raises(api.ConsoleError, match="database_url: the database URL must name the database"):
        api.prepare(settings)


def test_tables_are_made_once_and_only_looked_at_after_that(tmp_path: Path):
    settings = load(data_dir=tmp_path / "data")
    said: list[str] = []
    assert api.prepare(settings, progress=said.append)
    assert said == ["Bringing the tables of the database up to date"]
    assert not api.prepare(settings, progress=said.append)
    assert len(said) == 1
    assert api.calls(settings) == []


def test_several_who_prepare_at_once_make_the_tables_once(tmp_path: Path):
    settings = load(data_dir=tmp_path / "data")
    database.setup(settings)
    done: list[bool] = []

    def work() -> None:
        done.append(api.prepare(settings))
        connections.close_all()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(done) == [False, False, False, True]


def test_the_database_file_is_for_its_owner_alone(tmp_path: Path):
    settings = load(data_dir=tmp_path / "data")
    settings.files.prepare()
    settings.files.database.touch(0o644)
    api.initialise(settings, country="US", time_zone="UTC")
    for path in tmp_path.glob("data/jackfield.sqlite3*"):
        assert path.stat().st_mode & 0o077 == 0, path


def test_two_installations_in_one_process_are_kept_apart(tmp_path: Path):
    first, second = (load(data_dir=tmp_path / name) for name in ("first", "second"))
    api.apply(first, "extensions: [{number: 201, name: First}]")
    api.apply(second, "extensions: [{number: 201, name: Second}]")
    assert "First" in api.export(first)
    assert "Second" in api.export(second)


def test_a_folder_that_cant_be_written_is_told_with_the_mend(tmp_path: Path):
    (tmp_path / "file").touch()
    settings = load(data_dir=tmp_path / "data", database_url=f"sqlite:///{tmp_path}/file/x.sqlite3")
    with pytest.raises(api.DatabaseAway, match="Run Jackfield as the user who owns the data directory"):
        api.prepare(settings)


def test_a_file_that_is_no_database_is_told(tmp_path: Path):
    settings = load(data_dir=tmp_path / "data")
    settings.files.prepare()
    settings.files.database.write_bytes(b"nonsense" * 1000)
    with pytest.raises(api.DatabaseAway, match=r"file is not a database\. See that the file is whole"):
        api.prepare(settings)


def test_a_postgresql_that_is_away_is_told_without_its_password(tmp_path: Path):
    url = f"postgresql://jf:topsecret@/pbx?host={tmp_path}"
    settings = load(data_dir=tmp_path / "data", database_url=url)
    with pytest.raises(api.DatabaseAway) as away:
        api.prepare(settings)
    assert "the database postgresql://jf@/pbx can't be used" in str(away.value)
    assert "See that PostgreSQL runs there" in str(away.value)
    assert "?" not in str(away.value)  # the library asks back; what is to be done stands in our own words
    assert "topsecret" not in str(away.value)


def test_a_full_disk_asks_for_room(sqlite: Settings):
    from django.db import OperationalError

    with pytest.raises(api.DatabaseAway, match="Make room on the disk"), database.database_errors(sqlite):
        raise OperationalError("database or disk is full")


def test_django_admin_finds_its_settings_in_the_environment(tmp_path: Path):
    done = subprocess.run(
        [sys.executable, "-m", "django", "check"],
        env={"DJANGO_SETTINGS_MODULE": "jackfield.console.settings", "JACKFIELD_DATA_DIR": str(tmp_path)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "no issues" in done.stdout + done.stderr
