"""Jinja for templates that others write: sandboxed, with a count of what one does, so that none runs for ever.

A clock would make the same template pass on one machine and fail on another. So steps are counted: rounds of loops and
calls. What could make much of one step (`"x" * 10**9`) is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import jinja2
from jinja2 import nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup

from jackfield.provisioning import values

__all__ = ["MOST_STEPS", "Sandbox", "TooMuch", "limited"]

MOST_STEPS = 50_000
MOST_LENGTH = 100_000  # of a text that is repeated, of a number's digits

# "safe", "indent", "center", "format" and their like are missing: they print what was not made harmless, or much.
_FILTERS = (
    "abs", "capitalize", "default", "d", "first", "float", "int", "join", "last", "length", "count", "list", "lower",
    "map", "max", "min", "reject", "rejectattr", "replace", "reverse", "round", "select", "selectattr", "sort",
    "string", "sum", "title", "trim", "truncate", "unique", "upper",
)  # fmt: skip
_OF_TEXT = {
    "capitalize", "count", "endswith", "find", "isalnum", "isalpha", "isdigit", "lower", "lstrip", "partition",
    "removeprefix", "removesuffix", "replace", "rpartition", "rsplit", "rstrip", "split", "startswith", "strip",
    "title", "upper",
}  # fmt: skip
_COUNTED = "each"


class TooMuch(Exception):
    """A template that does more than any phone's file needs."""


class _Budget:
    __slots__ = ("left",)

    def __init__(self) -> None:
        self.left = MOST_STEPS

    def spend(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise TooMuch(f"takes more than {MOST_STEPS} steps: a loop without end?")


_budget: ContextVar[_Budget] = ContextVar("budget")


@contextmanager
def limited() -> Iterator[None]:
    """Give what is rendered inside its number of steps."""
    token = _budget.set(_Budget())
    try:
        yield
    finally:
        _budget.reset(token)


def _each(value: Iterable[Any]) -> Iterator[Any]:
    budget = _budget.get()
    for one in value:
        budget.spend()
        yield one


class Sandbox(ImmutableSandboxedEnvironment):
    """An environment for one format of file: `escape` makes a value harmless in it."""

    intercepted_binops = frozenset({"*", "**", "%"})

    def __init__(self, escape: Callable[[object], str]) -> None:
        def finalize(value: object) -> Markup:
            return value if isinstance(value, Markup) else Markup(escape(value))  # noqa: S704 - just made harmless

        # `autoescape` makes what a macro has printed Markup, so that nothing is made harmless twice.
        super().__init__(
            autoescape=True,
            finalize=finalize,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
        )
        self.filters = {name: self.filters[name] for name in _FILTERS} | values.FILTERS | {_COUNTED: _each}
        self.globals = {"range": self.globals["range"], "namespace": self.globals["namespace"]}

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        tree = super()._parse(source, name, filename)
        for loop in tree.find_all(nodes.For):
            loop.iter = nodes.Filter(loop.iter, _COUNTED, [], [], None, None, lineno=loop.lineno)
        tree.set_environment(self)
        return tree

    def call(self, context: Any, obj: Any, /, *args: Any, **kwargs: Any) -> Any:
        """Call what a template calls, and count it."""
        _budget.get().spend()
        return super().call(context, obj, *args, **kwargs)

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        """Reckon, with figures alone: `"x" * 10**9` is no figure, nor is `"%999999d" % 1`."""
        if not (isinstance(left, int | float) and isinstance(right, int | float)):
            raise TooMuch(f"{operator!r} is for numbers")
        if operator == "**" and (abs(right) > 64 or abs(left) > MOST_LENGTH):
            raise TooMuch("a power of that size")
        return super().call_binop(context, operator, left, right)

    def wrap_str_format(self, value: Any) -> Any:
        """Leave `str.format` out, which Jinja would allow: `"{:999999999}"` is long."""
        return None

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """Allow what a template needs of text, and the data that it is given."""
        if isinstance(obj, str):
            return attr in _OF_TEXT
        return super().is_safe_attribute(obj, attr, value)
