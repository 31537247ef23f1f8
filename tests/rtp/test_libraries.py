"""Where the codecs' C libraries are looked for, also when they lie unpacked in a folder with what they need in turn."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from jackfield.rtp.codecs.libraries import Library, LibraryMissing, load, present

COMPILER = shutil.which("cc") or shutil.which("gcc")


def library(file: str, name: str) -> Library:
    return Library(file=file, declarations=f"int {name}(void);", package=f"lib{name}1", purpose=name)


def build(folder: Path, file: str, source: str, *needs: str) -> None:
    """Compile a shared library that the loader knows by its file name, as Debian's are."""
    assert COMPILER is not None
    (folder / "source.c").write_text(source)
    subprocess.run(
        [COMPILER, "-shared", "-fPIC", f"-Wl,-soname,{file}", "-o", str(folder / file), str(folder / "source.c"),
         *(str(folder / need) for need in needs)],
        check=True,
    )  # fmt: skip
    (folder / "source.c").unlink()


@pytest.mark.skipif(COMPILER is None, reason="needs a C compiler")
def test_a_library_is_found_with_those_that_lie_beside_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As where a user without root unpacked libspandsp2, which needs libtiff, which needs more."""
    build(tmp_path, "libjftdeep.so.1", "int jft_deep(void) { return 40; }")
    build(tmp_path, "libjftmiddle.so.1", "int jft_deep(void); int jft_middle(void) { return jft_deep() + 1; }",
          "libjftdeep.so.1")  # fmt: skip
    build(tmp_path, "libjfttop.so.1", "int jft_middle(void); int jft_top(void) { return jft_middle() + 1; }",
          "libjftmiddle.so.1")  # fmt: skip
    (tmp_path / "libjftdamaged.so.1").write_text("no library")
    monkeypatch.setenv("JACKFIELD_LIBRARY_DIR", str(tmp_path))
    assert load(library("libjfttop.so.1", "jft_top")).jft_top() == 42


def test_a_library_that_cannot_be_opened_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "libjftbroken.so.1").write_text("no library")
    monkeypatch.setenv("JACKFIELD_LIBRARY_DIR", str(tmp_path))
    broken = library("libjftbroken.so.1", "jft_broken")
    assert not present(broken)
    with pytest.raises(LibraryMissing, match="install the package libjft_broken1"):
        load(broken)
