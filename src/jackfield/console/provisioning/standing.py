"""How each desk phone stands, in plain words: for the list, the phone's page and programs."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from django.db.models import prefetch_related_objects
from django.utils.translation import gettext as _

from jackfield import __version__
from jackfield.console.provisioning import giving
from jackfield.console.provisioning.asking import Request
from jackfield.console.provisioning.configuring import configuration, fingerprint, folder
from jackfield.console.provisioning.elsewhere import name_elsewhere, name_here
from jackfield.console.provisioning.house import House, lines_of, web_port
from jackfield.console.provisioning.links import open_link
from jackfield.control import ControlError, ask_sync
from jackfield.provisioning.catalogue import MODELS

if TYPE_CHECKING:
    from jackfield.provisioning.render import Rendered, TemplateProblem
    from jackfield.settings import Settings

__all__ = ["ByHand", "State", "address_of", "by_hand", "one_time_address", "preview", "states"]

MASK = "********"
ANSWER_SECONDS = 1.5
UNREAD_SECONDS = 3600.0  # after a fetch: phones register anew several times an hour, and with what they have then
Ask = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class State:
    """How one phone stands. `kind`: made, link (a one-time address waits), fetched, registered, off."""

    kind: str
    meaning: str  # of its chip: good, warning, bad, info, ""
    text: str
    older: bool = False  # something has changed since it fetched its configuration
    gone: tuple[str, ...] = ()  # extensions that it names and that are not there any more
    trouble: str = ""  # what went wrong since it last fetched
    unread: bool = (
        False  # it registers with the passwords of before: it has not taken the configuration that it fetched
    )


@dataclass(frozen=True, slots=True)
class ByHand:
    """What somebody types into a phone. `places`: the way there in its own pages."""

    model: str
    places: tuple[str, ...]
    address: str


def states(settings: Settings, phones: Sequence[Any], *, now: float | None = None, ask: Ask = ask_sync) -> list[State]:
    """Return how these phones stand, in their order."""
    if not phones:
        return []
    at = time.time() if now is None else now
    house, lines = House.read(settings), lines_of(phones)
    prefetch_related_objects(list(phones), "links", "standing", "site")
    try:
        rows = ask(settings.files.switch_socket, "registrations", timeout=ANSWER_SECONDS)
        registered = {row["sip_username"] for row in rows if row["reachable"]}
    except ControlError:
        registered = set()
    return [_state(house, phone, lines, registered, at) for phone in phones]


def _state(house: House, phone: Any, lines: dict[str, Any], registered: set[str], now: float) -> State:
    standing = getattr(phone, "standing", None)
    own = [lines[name] for name in phone.extensions if name in lines]
    gone = tuple(name for name in phone.extensions if name not in lines)
    fetched, older, settled = False, False, False
    if standing is not None and standing.last_fetch is not None:
        fetched, settled = True, standing.last_fetch < now - UNREAD_SECONDS
        older = standing.given != fingerprint(house, phone, lines, standing.address, __version__)
    trouble = ""
    if standing is not None and standing.trouble and (standing.trouble_at or 0) >= (standing.last_fetch or 0):
        trouble = f"{standing.get_trouble_display()}: {standing.trouble_detail}"
    if not phone.enabled:
        kind, meaning, text = "off", "", _("switched off")
    elif any(line.sip_username in registered for line in own):
        kind, meaning, text = "registered", "good", _("registered")
    elif fetched:
        kind, meaning, text = "fetched", "warning", _("has fetched, not registered")
    elif open_link(phone, now) is not None:
        kind, meaning, text = "link", "info", _("waits for its one-time address")
    else:
        kind, meaning, text = "made", "", _("has not asked yet")
    if trouble and kind != "registered":
        meaning = "bad"
    unread = settled and any(line.previous_password and line.sip_username in registered for line in own)
    return State(kind, meaning, text, bool(older), gone, trouble, unread)


def address_of(settings: Settings, host: str) -> str:
    """Return the address of the folder from which phones in the local networks fetch.

    `host`: by which an administrator reached us, where no name is set for phones.
    """
    house = House.read(settings)
    return _folder(house, name_here(house, host))


def one_time_address(settings: Settings, host: str, secret: str) -> str:
    """Return the address of a one-time `secret`: for a phone elsewhere, so not by a name of our network alone."""
    house = House.read(settings)
    return f"{_folder(house, name_elsewhere(house, host))}{secret}/"


def _folder(house: House, name: str) -> str:
    host = f"[{name}]" if ":" in name else name
    asked = Request(path="", way="https", address="", host=f"{host}:{web_port(house.settings)}")
    return folder(house, asked, "https", name)


def by_hand(phone: Any, address: str) -> ByHand:
    """Return what to type, and where, so that a phone fetches from an address."""
    model = MODELS.get(phone.model)
    if model is None:
        return ByHand(phone.model, (), address)
    # `{{mac}}` and the like are the vendor's own words, which the phone fills in
    form, bare = model.typed_url or model.provisioning_url or "{url}", address.partition("://")[2]
    typed = form.format(url=address, bare=bare, mac=phone.mac)
    return ByHand(f"{model.vendor_name} {model.name}", model.by_hand, typed)


def preview(settings: Settings, phone: Any, file: str, host: str) -> tuple[Rendered, TemplateProblem | None]:
    """Return a file as the phone would get it, secrets masked. Nothing changes by it.

    Raises KeyError for a file or a model that there is not, `TemplateProblem`.
    """
    house, model = House.read(settings), MODELS[phone.model]
    standing = getattr(phone, "standing", None)
    asked = Request(path="", way="https", address=standing.address if standing is not None else "", host=host)
    told = configuration(house, phone, lines_of([phone]), asked, local=False, password=MASK)
    secret = told.directory.ldap_password
    masked = replace(
        told,
        accounts=tuple(replace(account, password=MASK) for account in told.accounts),
        admin_password=MASK if told.admin_password else "",
        user_password=MASK if told.user_password else "",
        directory=replace(
            told.directory,
            ldap_password=MASK if secret else "",
            xml_url=told.directory.xml_url.replace(secret, MASK) if secret else told.directory.xml_url,
        ),
    )
    return giving.rendered(house, model, file, masked)
