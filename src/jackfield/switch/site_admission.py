"""Calls that a site's line carries: counted from what they really use, and no more let in than fit.

Each phone of a site that takes part in a call takes its codec's bandwidth of the site's line, up and down; so two
phones of one site in one call take it twice while their audio comes to us and goes back, and nothing while it goes
directly between them (see `direct`). What is used is never added up in a counter: it is told anew from the legs that
are there, so that nothing can leak, and hold, transfer and another codec need no care.

Before a phone is rung, or a caller's offer answered, its codecs are cut down to those that fit into what is left. A
phone that rings, and a caller not yet answered, count with the largest of theirs. When none fits the call is refused;
emergency calls never are, but take their part of the line all the same.

Two phones of the site that will talk directly need the line for a moment only, before they do. So where it has too
little left for both, they are let in all the same, with the codecs that they have, and only phones at the site are
rung. Their parts are *lent*: other calls are let in as if they took nothing. If they can't talk directly after all, or
come back (hold, transfer), they get smaller codecs where the line has no room; two that could not are refused later.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING

from jackfield.network.bandwidth import OPUS_RATE, BandwidthProblem, Security, kbits
from jackfield.switch.audio import Profile
from jackfield.switch.codec_choice import TRANSCODABLE
from jackfield.switch.dial import PhoneDial
from jackfield.switch.outgoing import OutgoingLeg
from jackfield.switch.route import EmergencyPlan
from jackfield.switch.sites import codecs_at, inside, site_of, site_of_phone
from jackfield.switch.snapshot import Extension, Site

if TYPE_CHECKING:
    from jackfield.switch.call_base import CallBase
    from jackfield.switch.leg import Leg

__all__ = ["OPUS_LOW", "SiteAdmission", "Use", "ip_of", "security_of"]

OPUS_LOW = 12_000
"""Bit/s of Opus where little is left: still better to hear than GSM, and smaller (RFC 7587 section 3.1.1)."""


@dataclass(slots=True)
class _Share:
    """What is remembered of a leg at a site."""

    site: Site
    profile: Profile
    """As it was before any cut."""
    reserved: float = 0.0
    """kbit/s, until its codec is agreed."""
    lent: bool = False
    """Let in since its audio will go directly in a moment."""


@dataclass(frozen=True, slots=True)
class Use:
    """What a site's line carries now: kbit/s each way, phones in calls by codec."""

    up: float
    down: float
    calls: int
    direct: int
    """Phones whose audio goes directly, and takes nothing."""
    codecs: dict[str, int]


@dataclass(slots=True)
class _Day:
    day: date
    refused: int = 0
    smaller: int = 0


class SiteAdmission:
    """The legs of phones at sites, by site."""

    def __init__(self, today: Callable[[], date]) -> None:
        self._legs: dict[str, dict[Leg, _Share]] = {}
        self._site_of: dict[Leg, str] = {}
        self._days: dict[str, _Day] = {}
        self._today = today

    def __len__(self) -> int:
        """How many phones at sites are in calls."""
        return len(self._site_of)

    # --- who is there ------------------------------------------------------------------------------------------------

    def begins(self, leg: Leg) -> None:
        """A leg takes part in a call: find its site, and put its codecs in the site's order."""
        if not leg.call.snapshot.sites or leg in self._site_of or leg.ended:
            return
        site = _site_of(leg)
        if site is None:
            return
        profile = leg.audio.profile
        # Phones send Opus at up to 96 kbit/s unless they are told. What is told is what a line without room is spared.
        rate = profile.opus_rate or (OPUS_RATE if _limited(site) else 0)
        leg.audio.profile = profile = replace(profile, codecs=codecs_at(site, profile.codecs), opus_rate=rate)
        self._legs.setdefault(site.name, {})[leg] = _Share(site, profile)
        self._site_of[leg] = site.name

    def ends(self, leg: Leg) -> None:
        """It does no more."""
        name = self._site_of.pop(leg, None) if self._site_of else None
        if name is not None:
            legs = self._legs[name]
            del legs[leg]
            if not legs:
                del self._legs[name]

    def site(self, leg: Leg) -> Site | None:
        """Return the site of a leg's phone, as it was when the leg began."""
        share = self._share(leg)
        return None if share is None else share.site

    def _share(self, leg: Leg) -> _Share | None:
        name = self._site_of.get(leg)
        return None if name is None else self._legs[name][leg]

    # --- what is used ------------------------------------------------------------------------------------------------

    def used(self, name: str, besides: Iterable[Leg] = (), *, lent: bool = True) -> float:
        """Return what the calls of a site take of its line, in kbit/s each way; `besides`: legs not to be counted.

        `lent`: with those that need the line for a moment only. Of several phones that one call rings only the largest
        counts, since only one of them is answered.
        """
        left_out = set(besides)
        total = 0.0
        ringing: dict[str, float] = {}
        for leg, share in self._legs.get(name, {}).items():
            if leg in left_out or (not lent and (share.lent or self._talks_with_lent(leg))):
                continue
            size = _size(leg, share)
            if isinstance(leg, OutgoingLeg) and not leg.answered:
                ringing[leg.call.id] = max(size, ringing.get(leg.call.id, 0.0))
            else:
                total += size
        return round(total + sum(ringing.values()), 2)

    def _talks_with_lent(self, leg: Leg) -> bool:
        other = leg.call.other(leg)
        return other is not None and self.lent(other)

    def use(self, name: str) -> Use:
        """Return what a site uses now, for its page."""
        legs = self._legs.get(name, {})
        codecs = Counter(leg.audio.codec for leg in legs if leg.audio.codec and not leg.audio.elsewhere)
        kbit = self.used(name)
        calls = len({leg.call.id for leg in legs if not leg.leaving})
        return Use(kbit, kbit, calls, sum(leg.audio.elsewhere for leg in legs), dict(codecs))

    def talking(self, name: str) -> list[Leg]:
        """Return the phones of a site whose audio comes to us now."""
        return [leg for leg in self._legs.get(name, {}) if leg.audio.remote is not None and not leg.audio.elsewhere]

    def today(self, name: str) -> tuple[int, int]:
        """Return how many calls were refused today because a site's line was full, and how many got a smaller codec."""
        day = self._days.get(name)
        return (day.refused, day.smaller) if day is not None and day.day == self._today() else (0, 0)

    def outlook(self, site: Site) -> str:
        """Say what is left of a site's line, for who asks what would happen if somebody dialled; "" without a limit."""
        left = self._left(site, besides=())
        if left is None:
            return ""
        limit = min(size for size in (site.bandwidth_up, site.bandwidth_down) if size)
        text = f'the line of site "{site.name}" has {max(left, 0):g} of {limit} kbit/s left'
        smallest = min(_kbits(name, 20, site, "off", 4, OPUS_LOW) for name in site.codecs or sorted(_KNOWN))
        if smallest <= left:
            return text
        which = "a call to another place" if site.direct_media else "the call"
        return f"{text}: now {which} would be refused (503)"

    # --- what is let in ----------------------------------------------------------------------------------------------

    def refuses_caller(self, leg: Leg) -> str:
        """Cut the codecs of a caller down to those that fit; why its call is refused when none does, else ""."""
        share = self._share(leg)
        if share is None:
            return ""
        offered = leg.audio.can_use() or list(share.profile.codecs)
        refusal = leg.call.plan.refusal
        if refusal is not None and not refusal.prompt:
            return ""  # by what is wrong with the number, without a word
        if isinstance(leg.call.plan.entry, EmergencyPlan):
            share.reserved = max(_sizes(leg, share.site, offered).values(), default=0.0)
            return ""
        if leg is leg.call.anchor and not self._fits(leg, share, offered) and self._calls_within(leg, share.site):
            self._lend(leg, share)
            return ""
        return self._cut(leg, share, offered, low=True)

    def answers_itself(self, leg: Leg) -> str:
        """A caller is about to hear us, and nobody at its site: why that can't be when its part was lent, else ""."""
        share = self._share(leg)
        if share is None or not share.lent:
            return ""
        share.lent = False
        return self._cut(leg, share, leg.audio.can_use() or list(share.profile.codecs), low=True)

    def lent(self, leg: Leg) -> bool:
        """Say whether a leg was let in since its audio will go directly."""
        share = self._share(leg)
        return share is not None and share.lent

    def comes_back(self, leg: Leg, among: int) -> list[str]:
        """The audio of a leg goes directly no more: return smaller codecs, when its line has no room for its own.

        `among`: how many come back and share what is left. Empty when it may keep its codec, or nothing fits.
        """
        share = self._share(leg)
        if share is None:
            return []
        share.lent = False
        sizes = _sizes(leg, share.site, share.profile.codecs)
        left, now = self._left(share.site, besides=(leg,)), leg.audio.codec
        if left is None or sizes.get(now, 0.0) <= left / among:
            return []
        order = share.site.codecs or share.profile.codecs
        found = [n for n in share.profile.codecs if n in order and n in TRANSCODABLE and sizes[n] <= left / among]
        name = share.site.name
        if found:
            text = f'the line of site "{name}" has {left:g} kbit/s left: {leg} is asked for {", ".join(found)}'
        else:
            text = f'the line of site "{name}" is full: {leg} keeps {now}, since it is talking'
        leg.call.note(text, f"sites/{name}")
        return found

    def came_back_smaller(self, leg: Leg) -> None:
        """It has agreed to one of those."""
        share = self._share(leg)
        if share is not None:
            self._day(share.site.name).smaller += 1

    def cut_offer(
        self, leg: OutgoingLeg, codecs: Sequence[str], more: Sequence[str]
    ) -> tuple[Sequence[str], Sequence[str], str]:
        """Return which codecs a phone that is to be rung is offered, and at a second try; or why it can't be rung.

        `codecs`, `more`: as `codec_choice.to_offer` has them.
        """
        anchor = leg.call.anchor
        _same_opus(leg, anchor)
        share, caller = self._share(leg), self._share(anchor)
        if caller is not None and caller.lent and (share is None or not self._goes_directly(leg, caller.site)):
            return (), (), f'the line of site "{caller.site.name}" is full: only its own phones can be called'
        if share is None:
            return codecs, more, ""
        wanted = [*codecs, *more]
        if (caller is not None and caller.lent) or (
            not self._fits(leg, share, wanted) and caller is not None and self._goes_directly(leg, caller.site)
        ):
            self._lend(leg, share)
            _same_opus(leg, anchor)
            return codecs, more, ""
        others = [one for one in leg.call.legs if one is not leg and isinstance(one, OutgoingLeg) and not one.answered]
        low = not (anchor.told and anchor.audio.codec == "opus")  # who sends at a high rate can't be told any more
        problem = self._cut(leg, share, [*codecs, *more], low=low, besides=others)
        if problem:
            return (), (), problem
        _same_opus(leg, anchor)
        fitting = leg.audio.profile.codecs
        first = [name for name in codecs if name in fitting]
        second = [name for name in more if name in fitting]
        return (first, second, "") if first else (second, (), "")

    def allow(self, leg: Leg) -> None:
        """A party is about to change its codec: let it have what fits now, and what it has in any case.

        One whose audio went directly has nothing of the line yet, and brings the other one with it: so it keeps what it
        has only when its open offer has nothing that fits twice.
        """
        share = self._share(leg)
        if share is None or not _limited(share.site):
            return
        left = self._left(share.site, besides=(leg,)) or 0.0
        sizes, now, offered = _sizes(leg, share.site, share.profile.codecs), leg.audio.codec, leg.audio.offered
        if leg.audio.elsewhere and offered is not None and offered.audio is not None:
            names = {codec.name for codec in offered.audio.codecs} & TRANSCODABLE
            if small := tuple(name for name in share.profile.codecs if sizes.get(name, 0.0) <= left / 2):
                leg.audio.profile = replace(
                    leg.audio.profile, codecs=small if names.intersection(small) else (*small, now)
                )
                return
        codecs = tuple(name for name in share.profile.codecs if name == now or sizes.get(name, 0.0) <= left)
        leg.audio.profile = replace(leg.audio.profile, codecs=codecs or share.profile.codecs)

    def _fits(self, leg: Leg, share: _Share, wanted: Sequence[str]) -> bool:
        left = self._left(share.site, besides=(leg,))
        return left is None or all(size <= left for size in _sizes(leg, share.site, wanted).values())

    def _lend(self, leg: Leg, share: _Share) -> None:
        share.lent = True
        if leg is not leg.call.anchor:  # said once, when it is known who is called
            text = f'both phones need the line of site "{share.site.name}" for a moment only, until they talk directly'
            leg.call.note(text, f"sites/{share.site.name}")

    def _calls_within(self, leg: Leg, site: Site) -> bool:
        """Say whether a caller calls an extension that has a phone at its own site, to talk with it directly."""
        call, entry = leg.call, leg.call.plan.entry
        offered = leg.audio.offered.audio if leg.audio.offered is not None else None
        if not isinstance(entry, Extension) or not site.direct_media or leg.audio.webrtc or offered is None:
            return False
        if not inside(offered.address, site) or call.switch.direct_memory.doubts(leg.party.extension, entry.number):
            return False
        registrar = call.switch.registrar
        found = (contact for line in entry.lines if line.kind == "phone" for contact in registrar.contacts(line))
        return any(site_of_phone(call.snapshot, one) is site and inside(one.host, site) for one in found)

    def _goes_directly(self, leg: OutgoingLeg, site: Site) -> bool:
        """Say whether a phone that is to be rung will talk directly with a caller at this site."""
        caller, share, dial = leg.call.anchor, self._share(leg), leg.dial
        if share is None or share.site is not site or not site.direct_media or not isinstance(dial, PhoneDial):
            return False
        if leg.audio.profile.webrtc or caller.audio.webrtc or not inside(dial.contact.host, site):
            return False
        return not leg.call.switch.direct_memory.doubts(caller.party.extension, leg.party.extension)

    def _cut(self, leg: Leg, share: _Share, wanted: Sequence[str], *, low: bool, besides: Iterable[Leg] = ()) -> str:
        site, call = share.site, leg.call
        sizes = _sizes(leg, site, wanted)
        left = self._left(site, besides=(leg, *besides))
        if left is None or all(size <= left for size in sizes.values()):
            share.reserved = max(sizes.values(), default=0.0)
            return ""
        among = [name for name in wanted if name in site.codecs] if site.codecs else list(wanted)
        fitting = [name for name in among if sizes.get(name, 0.0) <= left]
        rate = 0
        if low and "opus" in among and "opus" not in fitting and _opus(leg, site, OPUS_LOW) <= left:
            fitting = [name for name in among if name == "opus" or name in fitting]
            rate = OPUS_LOW
        if not fitting:
            return self._refused(call, site, left, min((sizes[n], n) for n in sizes) if sizes else (0.0, "any codec"))
        leg.audio.profile = replace(share.profile, codecs=tuple(fitting), opus_rate=rate or share.profile.opus_rate)
        chosen = {name: _opus(leg, site, rate) if rate and name == "opus" else sizes[name] for name in fitting}
        share.reserved = max(chosen.values())
        named = ", ".join(f"{n} at {rate // 1000} kbit/s" if rate and n == "opus" else n for n in fitting)
        call.note(f'the line of site "{site.name}" has {left:g} kbit/s left: {leg} gets {named}', f"sites/{site.name}")
        self._day(site.name).smaller += 1
        return ""

    def _refused(self, call: CallBase, site: Site, left: float, smallest: tuple[float, str]) -> str:
        self._day(site.name).refused += 1
        limit = min(size for size in (site.bandwidth_up, site.bandwidth_down) if size)
        text = (
            f'the line of site "{site.name}" is full: of {limit} kbit/s {max(left, 0):g} are left, and '
            f"{smallest[1]} needs {smallest[0]:g} - give it more at Sites > {site.name}, or smaller codecs"
        )
        call.note(f"refused: {text}", f"sites/{site.name}")
        return text

    def _left(self, site: Site, besides: Iterable[Leg]) -> float | None:
        """Return what is left of a line, in kbit/s; None where it has no limit."""
        if not _limited(site):
            return None
        used = self.used(site.name, besides, lent=False)
        return round(min(size - used for size in (site.bandwidth_up, site.bandwidth_down) if size), 2)

    def _day(self, name: str) -> _Day:
        today = self._today()
        found = self._days.get(name)
        if found is None or found.day != today:
            found = self._days[name] = _Day(today)
        return found


def _limited(site: Site) -> bool:
    return bool(site.bandwidth_up or site.bandwidth_down)


def _site_of(leg: Leg) -> Site | None:
    call = leg.call
    if isinstance(leg, OutgoingLeg):
        return site_of_phone(call.snapshot, leg.dial.contact) if isinstance(leg.dial, PhoneDial) else None
    if not leg.record.line or leg.flow is None:
        return None
    contact = call.switch.registrar.on_flow(leg.record.line, leg.flow)
    if contact is not None:
        return site_of_phone(call.snapshot, contact)
    return site_of(call.snapshot, leg.record.line, leg.flow.remote[0])


def _size(leg: Leg, share: _Share) -> float:
    """Return what a leg takes of its site's line now, in kbit/s each way."""
    if leg.ended or leg.leaving or leg.audio.elsewhere:
        return 0.0
    remote = leg.audio.remote
    if remote is None:
        return share.reserved
    rate = leg.audio.profile.opus_rate or OPUS_RATE
    return _kbits(remote.codec.name, _ptime(leg, remote.ptime), share.site, security_of(leg), ip_of(leg), rate)


def _ptime(leg: Leg, wanted: int) -> int:
    """Return the milliseconds in a packet. The other party need not do what this one asks for: the shorter count."""
    other = leg.call.other(leg)
    remote = other.audio.remote if other is not None else None
    return wanted if remote is None else min(wanted, remote.ptime)


def _sizes(leg: Leg, site: Site, codecs: Iterable[str]) -> dict[str, float]:
    security, ip = _expected(leg), ip_of(leg)
    rate = leg.audio.profile.opus_rate or OPUS_RATE
    return {name: _kbits(name, 20, site, security, ip, rate) for name in codecs}


def _same_opus(leg: Leg, anchor: Leg) -> None:
    """Let both parties keep to the lower limit of Opus, since it passes untouched (RFC 7587 section 6.1)."""
    rates = [one.audio.profile.opus_rate for one in (leg, anchor) if one.audio.profile.opus_rate]
    if not rates:
        return
    leg.audio.profile = replace(leg.audio.profile, opus_rate=min(rates))
    if not anchor.told:
        anchor.audio.profile = replace(anchor.audio.profile, opus_rate=min(rates))


def _opus(leg: Leg, site: Site, rate: int) -> float:
    return _kbits("opus", 20, site, _expected(leg), ip_of(leg), rate)


def _kbits(codec: str, ptime: int, site: Site, security: Security, ip: int, rate: int) -> float:
    try:
        return kbits(codec, ptime, site.layer, security, ip, rate)
    except BandwidthProblem:  # a packet time that does not fit the codec: as with the usual one
        return kbits(codec, 20, site.layer, security, ip, rate) if codec in _KNOWN else 0.0


_KNOWN = frozenset(("pcma", "pcmu", "g722", "opus", "g726-32", "gsm", "ilbc", "speex", "g729"))


def security_of(leg: Leg) -> Security:
    """Return how a leg's audio is encrypted."""
    audio = leg.audio
    if not audio.secure:
        return "off"
    crypto = audio.remote.crypto if audio.remote is not None else None
    suite = crypto.suite if crypto is not None else ""
    return "gcm" if "GCM" in suite else "32" if suite.endswith("_32") else "80"


def _expected(leg: Leg) -> Security:
    """Return how a leg's audio will be encrypted, at most."""
    audio = leg.audio
    if audio.webrtc:
        return "80"
    offered = audio.offered.audio if audio.offered is not None else None
    if offered is not None:
        return "80" if offered.crypto and audio.profile.srtp != "off" else "off"
    wanted = audio.profile.srtp == "required" or (audio.profile.srtp == "offered" and audio.secure_signalling)
    return "80" if wanted else "off"


def ip_of(leg: Leg) -> int:
    """Return the version of the Internet protocol that carries a leg's audio."""
    remote = leg.audio.remote
    host = remote.address if remote is not None else leg.flow.remote[0] if leg.flow is not None else ""
    return 6 if ":" in host else 4
