"""Compiles the hot modules (see `jackfield.compiled`) with mypyc and the machine's C compiler, once.

    python -m jackfield.compiling

It is no error if it cannot be done: Jackfield then runs as plain Python.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from jackfield.compiled import PACKAGE, below, folder, sources

_MINUTES = 15


class NotCompiled(Exception):
    """The modules could not be compiled; the text says why and what mends it."""


def build() -> Path:
    """Compile, unless it is done already, and return the folder. Takes a minute or two. Raises NotCompiled."""
    place = folder()
    if place.is_dir():
        return place
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=place.parent, prefix="compiling-") as work:
        # A copy, since mypy takes no files out of an installed package, and leaves its own beside them.
        copy = Path(work) / PACKAGE.name
        shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__", "migrations", "*.so"))
        names = [str(Path(PACKAGE.name) / below(path)) for path in sources()]
        done = subprocess.run(
            [sys.executable, "-c", _BUILD, *names],
            cwd=work,
            env={**os.environ, "CFLAGS": f"{os.environ.get('CFLAGS', '')} -g0", "JACKFIELD_PURE_PYTHON": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_MINUTES * 60,
            check=False,
        )
        made = Path(work) / "compiled"
        if done.returncode or not made.is_dir():
            raise NotCompiled(reason(done.stdout))
        for older in place.parent.glob("compiled-*"):
            shutil.rmtree(older, ignore_errors=True)
        made.rename(place)
    return place


_BUILD = """
import os
import sys
from concurrent.futures import ThreadPoolExecutor

from mypyc.build import mypycify
from setuptools import setup
from setuptools.command.build_ext import build_ext


class ManyAtOnce(build_ext):
    def build_extensions(self):
        one = self.compiler.compile
        with ThreadPoolExecutor(os.cpu_count()) as pool:

            def all_of_them(sources, **settings):
                made = pool.map(lambda source: one([source], **settings), sources)
                return [name for names in made for name in names]

            self.compiler.compile = all_of_them
            super().build_extensions()


modules = mypycify(
    ["--ignore-missing-imports", "--cache-dir=cache", *sys.argv[1:]],
    opt_level="2",  # what gcc then puts aside as unlikely is a tenth of what a call costs where caches are cold
    multi_file=True,
    group_name="jackfield",
)
setup(
    name="jackfield", packages=[], py_modules=[], ext_modules=modules, cmdclass={"build_ext": ManyAtOnce},
    script_args=["-q", "build_ext", "--build-lib", "compiled", "--build-temp", "objects"],
)
"""
"""The set-up script that a Python of its own runs: one C file for each module, as many at once as there are cores."""


def reason(output: str) -> str:
    """What a failed compilation says, as a reason with its mend."""
    if "No module named 'mypyc'" in output or "No module named 'setuptools'" in output:
        return "mypy and setuptools are needed for it: pip install mypy setuptools"
    if "Python.h" in output:
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        return f"the headers of Python {version} are missing: apt-get install libpython{version}-dev"
    if "command '" in output and "failed: No such file" in output:
        return "there is no C compiler: apt-get install gcc libc6-dev"
    wrong = [line for line in output.splitlines() if "error" in line.lower()] or output.splitlines()
    return wrong[-1].strip() if wrong else "the compiler said nothing"


def main() -> int:
    """Build, and say what became of it. It is no error if it cannot be done: all runs without."""
    try:
        build()
    except (NotCompiled, OSError, subprocess.TimeoutExpired) as why:
        print(f"Jackfield will run as plain Python, at half the speed, because {why}", file=sys.stderr)
    except KeyboardInterrupt:
        return 130  # make says it; what was begun is removed
    return 0


if __name__ == "__main__":
    sys.exit(main())
