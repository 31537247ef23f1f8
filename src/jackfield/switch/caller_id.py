"""Caller id: how a caller is shown to our phones, and what number of ours is shown outside."""

from __future__ import annotations

from dataclasses import dataclass

from jackfield.switch.numbers import callable_back, clean, rewrite
from jackfield.switch.party import Party
from jackfield.switch.snapshot import Extension, Outbound, Rewrite, Site, Snapshot, Trunk

__all__ = ["Outside", "from_extension", "from_stranger", "from_trunk", "outside"]

_DIGITS = frozenset("0123456789+")


def from_extension(snapshot: Snapshot, extension: Extension, site: Site | None = None) -> Party:
    """Return a colleague as colleagues see it. Hiding the number is for the outside only. `site`: of the phone."""
    return Party(
        extension.number,
        extension.name,
        extension=extension.number,
        language=extension.language or (site.language if site is not None else "") or snapshot.general.language,
    )


def from_trunk(
    snapshot: Snapshot,
    trunk: Trunk,
    number: str,
    name: str = "",
    *,
    anonymous: bool = False,
    rule: Rewrite | None = None,
) -> Party:
    """Return an outside caller so that it can be called back from the list of missed calls.

    `rule`: of the incoming rule, instead of the trunk's `in_calling`. Without either the number is written as it is
    dialled in the company's country, and the outside-line prefix goes before it.
    """
    number = came = clean(number)
    change = rule or trunk.in_calling
    if change is not None:
        number = rewrite(number, change)
    elif number and _DIGITS.issuperset(number):
        number = snapshot.general.outside_prefix + callable_back(number, snapshot.general.country)
    if name and clean(name).lstrip("+") in (came.lstrip("+"), number.lstrip("+")):
        name = ""  # carriers without a name send the number again
    return Party(number, name, trunk=trunk.name, anonymous=anonymous, language=snapshot.general.language)


def from_stranger(snapshot: Snapshot, address: str, name: str = "", *, anonymous: bool = False) -> Party:
    """Return a caller that nobody vouches for. `address` is "user@host", so that it can't pass for a colleague."""
    return Party(address, name, anonymous=anonymous, language=snapshot.general.language)


@dataclass(frozen=True, slots=True)
class Outside:
    """A caller as the outside sees it."""

    number: str
    name: str
    anonymous: bool
    why: str
    """Whose setting it is, in plain words."""


def outside(
    trunk: Trunk,
    route: Outbound | None,
    extension: Extension | None,
    caller: Party,
    calling_number: str = "",
    *,
    site: Site | None = None,
    emergency: bool = False,
) -> Outside:
    """Return what a trunk is told about the caller.

    `extension`: whose caller id it is, None for a call that only passes through; `calling_number`: what such a call
    brought. The route's caller id comes first, then the extension's, then its `site`'s, then the trunk's. Another PBX
    (`peer`) gets the extension's number, which its people know. With nothing set, a provider that we register with gets
    the account's name. In an emergency nothing is hidden, and the number of the site comes first, then the extension's
    own: it says where help is needed.
    """
    own = extension.caller_id if extension else ""
    here = (site.caller_id, f'site "{site.name}"') if site is not None else ("", "")
    from_route = (route.caller_id, "route") if route else ("", "")
    from_trunk_ = (trunk.caller_id, f'trunk "{trunk.name}"')
    if emergency:
        order = [here, (own, "extension"), from_trunk_]
    elif trunk.kind == "peer" and extension:
        order = [from_route, from_trunk_, (extension.number, "extension's number")]
    else:
        order = [from_route, (own, "extension"), here, from_trunk_]
    if trunk.kind == "register":
        order.append((trunk.username, f'account of trunk "{trunk.name}"'))
    order.append((extension.number if extension else clean(calling_number), "caller"))
    number, why = next(((n, w) for n, w in order if n), ("", "nobody"))
    name = (extension.caller_id_name or extension.name) if extension else caller.name
    hidden = not emergency and (caller.anonymous or bool(extension and extension.anonymous))
    return Outside(rewrite(number, trunk.out_calling), name, hidden, why)
