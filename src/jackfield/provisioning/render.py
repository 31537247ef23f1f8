"""A phone's configuration becomes the file that its vendor reads.

What a template prints is made harmless for the format of its file on its way out (`finalize`), whatever the template's
author thought of: a name with quotes, angle brackets or a line break never becomes a setting. Templates run in Jinja's
sandbox, which a company's own ones need; loops and output have limits.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Any

import jinja2

from jackfield.provisioning import values
from jackfield.provisioning.catalogue import File, PhoneModel
from jackfield.provisioning.configuration import PhoneConfiguration
from jackfield.provisioning.sandbox import Sandbox, Scalar, TooMuch, limited
from jackfield.provisioning.zones import UnknownZone, zone

__all__ = ["Rendered", "TemplateProblem", "builtin", "check", "render"]

MOST_CHARACTERS = 512 * 1024  # a phone with 200 keys gets 40,000

_BAD_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_BREAKS = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]+")
_PLAIN = re.compile("[A-Za-z0-9_.:/@*+-]*")  # most values; nothing in it has to be made harmless
_XML = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&apos;"})


@dataclass(frozen=True, slots=True)
class Rendered:
    """A file as the phone gets it."""

    body: bytes
    content_type: str


class TemplateProblem(Exception):
    """A template that cannot be used. `line`: counted from 1; 0 where none can be named."""

    def __init__(self, template: str, line: int, message: str) -> None:
        self.template, self.line, self.message = template, line, message
        place = f"line {line} of {template}" if line else template
        super().__init__(f"{place}: {message}")


def _xml(value: Scalar) -> str:
    text = str(value)
    if _PLAIN.fullmatch(text):
        return text
    return _BAD_IN_XML.sub("", _BREAKS.sub(" ", text)).translate(_XML)


def _line(value: Scalar) -> str:
    text = str(value)
    return text if _PLAIN.fullmatch(text) else _BREAKS.sub(" ", text).strip()


_ESCAPES: Mapping[str, Callable[[Scalar], str]] = {"xml": _xml, "lines": _line, "text": _line, "json": json.dumps}
_environments = {form: Sandbox(escape) for form, escape in _ESCAPES.items()}


def render(
    model: PhoneModel, file: str, configuration: PhoneConfiguration, overrides: Mapping[str, str] | None = None
) -> Rendered:
    """Render one of the model's files (`File.name`) for a phone.

    `overrides`: a company's own text for templates, by their path ("yealink/phone.cfg"); it replaces ours.
    Raises KeyError for a file that the model does not have, TemplateProblem.
    """
    wanted = model.file(file)
    own = (overrides or {}).get(wanted.template)
    body = _render(wanted, own if own is not None else builtin(wanted.template), model, configuration)
    return Rendered(body.encode("utf-8", "replace"), wanted.content_type)


def builtin(template: str) -> str:
    """Return the text of a template as we ship it. Raises KeyError for one that there isn't."""
    folder, _, name = template.rpartition("/")
    place = resources.files(__package__).joinpath("templates", *folder.split("/"), f"{name}.jinja")
    if ".." in template or not place.is_file():
        raise KeyError(f"there is no template {template!r}")
    return _read(template)


@lru_cache(maxsize=256)
def _read(template: str) -> str:
    path = f"templates/{template}.jinja"
    return resources.files(__package__).joinpath(*path.split("/")).read_text("utf-8")


def check(model: PhoneModel, file: str, text: str, configuration: PhoneConfiguration) -> Rendered:
    """Try a template of one's own before it is kept, with an example of a phone. Raises TemplateProblem."""
    return render(model, file, configuration, {model.file(file).template: text})


def _render(file: File, text: str, model: PhoneModel, configuration: PhoneConfiguration) -> str:
    template = _compiled(file.template, file.format, text)
    try:
        context = {"phone": configuration, "model": model, "zone": zone(configuration.time_zone), **values.FUNCTIONS}
        with limited(len(text)):
            return _collected(file.template, template, context)
    except UnknownZone as problem:
        raise TemplateProblem(file.template, 0, str(problem)) from problem
    except jinja2.TemplateSyntaxError as problem:
        raise TemplateProblem(file.template, problem.lineno, problem.message or "cannot be read") from problem
    except TooMuch as problem:
        raise TemplateProblem(file.template, _line_of(problem, file.template), str(problem)) from problem
    except RecursionError as problem:
        raise TemplateProblem(file.template, 0, "a macro that calls itself without end") from problem
    except TemplateProblem:
        raise
    except Exception as problem:  # whatever a company's own template does, the phone gets its last good file
        said = str(problem) or type(problem).__name__
        raise TemplateProblem(file.template, _line_of(problem, file.template), said) from problem


def _collected(name: str, template: jinja2.Template, context: dict[str, Any]) -> str:
    parts, length = [], 0
    for part in template.generate(context):
        length += len(part)
        if length > MOST_CHARACTERS:
            raise TooMuch(f"makes more than {MOST_CHARACTERS} characters; no phone reads such a file")
        parts.append(part)
    return "".join(parts)


@lru_cache(maxsize=256)
def _compiled(name: str, form: str, text: str) -> jinja2.Template:
    environment = _environments[form]
    try:
        code = environment.compile(text, name, name)
    except jinja2.TemplateSyntaxError as problem:
        raise TemplateProblem(name, problem.lineno, problem.message or "cannot be read") from problem
    except (TooMuch, RecursionError) as problem:
        raise TemplateProblem(name, 0, str(problem)) from problem
    return jinja2.Template.from_code(environment, code, environment.make_globals(None))


def _line_of(problem: BaseException, name: str) -> int:
    """Return the last line of the template on the way to the problem: Jinja names it in the traceback."""
    line, at = 0, problem.__traceback__
    while at is not None:
        if at.tb_frame.f_code.co_filename == name:
            line = at.tb_lineno
        at = at.tb_next
    return line
