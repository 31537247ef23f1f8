"""The compiled modules: used when they fit the sources, never when they don't, and written so that they can be."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from jackfield import compiled, compiling

ROOT = Path(compiled.PACKAGE).parent
ASK = "import jackfield.sip.uri as m; print(m.__file__); print(m.Uri.parse('sip:101@192.0.2.1').user)"


def ask(library: Path, **environment: str) -> list[str]:
    """Where a new Python takes a hot module from, and what that reads out of a URI."""
    given = {"JACKFIELD_LIBRARY_DIR": str(library), "PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", **environment}
    return subprocess.run(
        [sys.executable, "-c", ASK], env=given, capture_output=True, text=True, check=True
    ).stdout.split()


@pytest.fixture
def library() -> Path:
    if not compiled.folder().is_dir():
        pytest.skip("the modules are not compiled here: python -m jackfield.compiling tells why")
    return compiled.folder().parent


def test_without_compiled_modules_the_sources_are_used(tmp_path: Path) -> None:
    file, user = ask(tmp_path)
    assert (Path(file).suffix, user) == (".py", "101")


def test_compiled_modules_take_the_place_of_the_sources(library: Path) -> None:
    file, user = ask(library)
    assert (Path(file).suffix, user) == (".so", "101")


def test_they_are_left_aside_on_request(library: Path) -> None:
    assert ask(library, JACKFIELD_PURE_PYTHON="1")[0].endswith(".py")
    assert ask(library, JACKFIELD_PURE_PYTHON="0")[0].endswith(".so")


def test_modules_compiled_from_other_sources_are_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sip").mkdir()
    (tmp_path / "sip" / "uri.py").write_text("one = 1\n")
    monkeypatch.setattr(compiled, "PACKAGE", tmp_path)
    monkeypatch.setenv("JACKFIELD_LIBRARY_DIR", str(tmp_path / "lib"))
    before = compiled.folder.__wrapped__()
    (tmp_path / "sip" / "uri.py").write_text("one = 2\n")
    assert compiled.folder.__wrapped__() != before


@pytest.mark.parametrize(
    ("output", "mend"),
    [
        ("ModuleNotFoundError: No module named 'mypyc'", "pip install mypy setuptools"),
        ("build/x.c:1:10: fatal error: Python.h: No such file or directory", "apt-get install libpython3"),
        ("error: command 'cc' failed: No such file or directory", "apt-get install gcc"),
        ("jackfield/sip/uri.py:3: error: it is wrong\nmore", "uri.py:3: error: it is wrong"),
    ],
)
def test_why_it_could_not_be_compiled_is_said_with_the_mend(output: str, mend: str) -> None:
    assert mend in compiling.reason(output)


def test_ctrl_c_while_it_compiles_is_no_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted() -> Path:
        raise KeyboardInterrupt

    monkeypatch.setattr(compiling, "build", interrupted)
    assert compiling.main() == 130, "so that make does not take it for done"


def test_exceptions_of_different_types_have_different_names_in_a_function() -> None:
    """mypyc gives a name one type in a function: a second `except ... as` of that name would raise TypeError."""
    for path in compiled.sources():
        for function in ast.walk(ast.parse(path.read_text())):
            if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                named: dict[str, str] = {}
                for handler in ast.walk(function):
                    if isinstance(handler, ast.ExceptHandler) and handler.name and handler.type:
                        text = ast.unparse(handler.type)
                        assert named.setdefault(handler.name, text) == text, f"{path}, {function.name}"
