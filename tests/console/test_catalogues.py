"""The catalogues of the translators: nothing lost, nothing stale, no placeholder broken, users' pages complete."""

from __future__ import annotations

import importlib.machinery
import importlib.util
from pathlib import Path
from types import ModuleType

import pytest
from django.utils import translation

from jackfield.console.languages import LANGUAGES

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    loader = importlib.machinery.SourceFileLoader("make_catalogues", str(ROOT / "tools" / "make-catalogues"))
    spec = importlib.util.spec_from_loader(loader.name, loader)
    assert spec is not None
    found = importlib.util.module_from_spec(spec)
    loader.exec_module(found)
    return found


def test_every_language_of_the_pages_has_a_catalogue(tool: ModuleType):
    assert set(tool.LANGUAGES) == set(LANGUAGES) - {"en"}


def test_what_is_marked_is_in_the_catalogues_and_they_are_compiled(tool: ModuleType):
    stale = [path.name for path, content in tool.wanted().items() if path.read_bytes() != content]
    assert not stale, "run tools/make-catalogues"


@pytest.mark.parametrize("language", [name for name in LANGUAGES if name != "en"])
def test_what_users_see_is_translated_and_keeps_its_placeholders(tool: ModuleType, language: str):
    catalog = [one for one in tool.stored(language) if one.id]
    assert not [fault for one in catalog for fault in tool.faults(one)]
    assert not [one.id for one in tool.missing(language)]
    assert sum(map(tool.for_users, catalog)) > 400


def test_placeholders_that_differ_are_found(tool: ModuleType):
    from babel.messages.catalog import Message

    assert tool.faults(Message("%(name)s rings", "%(nom)s sonne"))
    assert tool.faults(Message("%(name)s rings", "sonne"))
    assert tool.faults(Message("rings", "%(nom)s sonne"))
    assert tool.faults(Message("rings", " sonne"))
    assert not tool.faults(Message("%(name)s rings", "%(name)s sonne"))
    assert not tool.faults(Message("rings", ""))
    assert not tool.faults(Message(("one", "%(n)s calls"), ("ein Anruf", "%(n)s Anrufe")))


def test_czech_has_three_plurals():
    with translation.override("cs"):
        forms = [
            translation.ngettext("%(num)s passkey", "%(num)s passkeys", count) % {"num": count} for count in (1, 3, 5)
        ]
    assert forms == ["1 přístupový klíč", "3 přístupové klíče", "5 přístupových klíčů"]


def test_what_nobody_has_translated_stays_english():
    with translation.override("de"):
        assert translation.gettext("A text that no catalogue has") == "A text that no catalogue has"
