"""Jinja for templates that others write: sandboxed, with a count of what one does, so that none runs for ever.

A clock would make the same template pass on one machine and fail on another. So steps are counted: rounds of loops and
calls. What could make much of one step (`"x" * 10**9`) is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, cast

import jinja2
from jinja2 import nodes
from jinja2.runtime import LoopContext
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.visitor import NodeTransformer
from markupsafe import Markup

from jackfield.provisioning import values
from jackfield.provisioning.catalogue import PhoneModel
from jackfield.provisioning.configuration import Account, Directory, Fetching, Key, PhoneConfiguration, Server
from jackfield.provisioning.zones import Change, Zone

__all__ = ["MOST_STEPS", "Sandbox", "Scalar", "TooMuch", "limited"]

MOST_STEPS = 20_000  # a phone with 100 keys takes 1,500
MOST_LENGTH = 50_000  # characters of one value
MOST_PRINTED = 2_000_000  # characters of all values together, those within macros counted each time
STEP = 4096  # characters of a template that one round of a loop repeats at the price of a single step

# "safe", "indent", "center", "format", "string" and their like are missing: they print what was not made harmless, or
# much of it.
_FILTERS = (
    "abs", "capitalize", "default", "d", "first", "float", "int", "last", "length", "count", "list", "lower", "map",
    "max", "min", "reject", "rejectattr", "reverse", "round", "select", "selectattr", "sort", "sum", "title", "trim",
    "truncate", "unique", "upper",
)  # fmt: skip
_OF_TEXT = {
    "capitalize", "count", "endswith", "find", "isalnum", "isalpha", "isdigit", "lower", "lstrip", "partition",
    "removeprefix", "removesuffix", "rpartition", "rsplit", "rstrip", "split", "startswith", "strip", "title", "upper",
}  # fmt: skip
Scalar = str | int | float | None
_SINGLE = frozenset({str, int, float, bool, type(None)})
# What is frozen and made to be seen by templates; Jinja's own look at each attribute takes half of the time.
_DATA = frozenset(
    {Account, Change, Directory, Fetching, Key, LoopContext, PhoneConfiguration, PhoneModel, Server, Zone}
)
_COUNTED, _JOINED = "each", "joined"


class TooMuch(Exception):
    """A template that does more than any phone's file needs."""


class _Budget:
    __slots__ = ("_price", "_printed", "_steps")

    def __init__(self, characters: int) -> None:
        self._steps, self._printed, self._price = MOST_STEPS, MOST_PRINTED, 1 + characters // STEP

    def step(self) -> None:
        self._steps -= self._price
        if self._steps < 0:
            raise TooMuch(f"takes more than {MOST_STEPS} steps: a loop without end?")

    def print(self, text: str) -> None:
        self._printed -= len(text)
        if self._printed < 0:
            raise TooMuch(f"prints more than {MOST_PRINTED} characters")


_budget: ContextVar[_Budget] = ContextVar("budget")


@contextmanager
def limited(characters: int) -> Iterator[None]:
    """Give what is rendered inside its number of steps. `characters`: of the template's text."""
    token = _budget.set(_Budget(characters))
    try:
        yield
    finally:
        _budget.reset(token)


def _each(value: Iterable[Any]) -> Iterator[Any]:
    budget = _budget.get()
    for one in value:
        budget.step()
        yield one


def _single(value: object) -> Scalar:
    """Return a value that can be printed; lists and the like cannot, and they could be of any size."""
    if type(value) in _SINGLE or isinstance(value, str):
        return cast(Scalar, value)
    if isinstance(value, jinja2.Undefined):
        return str(value)  # raises what is wrong with it
    raise TooMuch(f"prints a {type(value).__name__} as a whole; print its parts")


def _text(value: object) -> str:
    return str(_single(value))


def _joined(values: Iterable[Any], between: str = "", attribute: str | None = None) -> str:
    parts = [_text(one if attribute is None else getattr(one, attribute)) for one in values]
    if sum(map(len, parts)) + len(parts) * len(between) > MOST_LENGTH:
        raise TooMuch(f"makes a text of more than {MOST_LENGTH} characters")
    return between.join(parts)


def _replace(text: str, old: str, new: str) -> str:
    text = _text(text)
    if len(text) + text.count(old) * len(new) > MOST_LENGTH:
        raise TooMuch(f"makes a text of more than {MOST_LENGTH} characters")
    return text.replace(old, new)


class _Guarded(NodeTransformer):
    """Puts a count into each loop, and a limit into each `~`."""

    def visit_For(self, node: nodes.For) -> nodes.Node:
        self.generic_visit(node)
        node.iter = nodes.Filter(node.iter, _COUNTED, [], [], None, None, lineno=node.lineno)
        return node

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:
        self.generic_visit(node)
        parts = nodes.List(node.nodes, lineno=node.lineno)
        return nodes.Filter(parts, _JOINED, [], [], None, None, lineno=node.lineno)


class Sandbox(ImmutableSandboxedEnvironment):
    """An environment for one format of file: `escape` makes a value harmless in it."""

    intercepted_binops = frozenset({"*", "**", "%", "+"})

    def __init__(self, escape: Callable[[Scalar], str]) -> None:
        def finalize(value: object) -> Markup:
            text = value if type(value) is Markup else Markup(escape(_single(value)))  # noqa: S704 - made harmless
            budget = _budget.get(None)  # None: while a template is compiled, of what it prints as it stands
            if budget is not None:
                budget.print(text)
            return text

        # `autoescape` makes what a macro has printed Markup, so that nothing is made harmless twice.
        super().__init__(
            autoescape=True,
            finalize=finalize,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
        )
        self.filters = {name: self.filters[name] for name in _FILTERS} | values.FILTERS
        self.filters |= {_COUNTED: _each, _JOINED: _joined, "join": _joined, "replace": _replace}
        self.globals = {"range": self.globals["range"], "namespace": self.globals["namespace"]}

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        tree = _Guarded().visit(super()._parse(source, name, filename))
        tree.set_environment(self)
        return cast(nodes.Template, tree)

    def call(self, context: Any, obj: Any, /, *args: Any, **kwargs: Any) -> Any:
        """Call what a template calls, and count it."""
        _budget.get().step()
        return super().call(context, obj, *args, **kwargs)

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        """Reckon, with figures alone: `"x" * 10**9` is no figure, nor is `"%999999d" % 1`."""
        if operator == "+" and isinstance(left, str) and isinstance(right, str):
            return _joined((left, right))
        if not (isinstance(left, int | float) and isinstance(right, int | float)):
            raise TooMuch(f"{operator!r} is for numbers")
        if operator == "**" and (abs(right) > 64 or abs(left) > 1_000_000):
            raise TooMuch("a power of that size")
        return super().call_binop(context, operator, left, right)

    def wrap_str_format(self, value: Any) -> Any:
        """Leave `str.format` out, which Jinja would allow: `"{:999999999}"` is long."""
        return None

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """Allow what a template needs of text, and the data that it is given."""
        if type(obj) in _DATA:
            return not attr.startswith("_")
        if isinstance(obj, str):
            return attr in _OF_TEXT
        return super().is_safe_attribute(obj, attr, value)
