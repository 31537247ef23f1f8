"""Audio proof: does a phone hear, and is it heard? Found out in its first call from a network, or by a test.

A call's first seconds tell whether packets come; reports of the phone (RTCP) tell whether ours arrive. The verdict is
kept beside the registrations (`experience`) and is renewed once a day, or sooner while something is wrong.

A test rings one phone, which answers by itself where it knows how: Call-Info with answer-after (Yealink, Snom,
Grandstream, Cisco SPA), Alert-Info with info=alert-autoanswer (Snom, Polycom, Fanvil), Answer-Mode (RFC 5373). It is
played a spoken "one", and whoever presses 1 proves that it hears, where the phone reports nothing. In the end the audio
is moved to another port of ours: a NAT that gives the phone another port then is a symmetric one.

A softphone tests itself by a call to the echo service with `Recv-Info: jackfield-proof` (RFC 6086); each finding comes
in an INFO of that package, as JSON. See docs/nat.md.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import msgspec

from jackfield.control import ControlError
from jackfield.media.client import MediaLost, NoPort, Statistics
from jackfield.switch import filtering
from jackfield.switch import verdict as verdicts
from jackfield.switch.dial import PhoneDial
from jackfield.switch.events import HangUp
from jackfield.switch.filtering import Door, Probe
from jackfield.switch.gateway import BAITS
from jackfield.switch.leg import IncomingLeg, Leg
from jackfield.switch.nat import same_address
from jackfield.switch.origination import OriginatedCall
from jackfield.switch.outgoing import OutgoingLeg
from jackfield.switch.party import Party
from jackfield.switch.plan import FromExtension, Plan, RouteRequest
from jackfield.switch.sites import site_of_phone
from jackfield.switch.verdict import Mapping, Verdict

if TYPE_CHECKING:
    from jackfield.media.client import StreamStats
    from jackfield.sip.message import Message
    from jackfield.sip.session import Session
    from jackfield.switch.contact import Contact
    from jackfield.switch.snapshot import Extension
    from jackfield.switch.switch import Switch

__all__ = ["INFO_PACKAGE", "Proofs", "Watch"]

log = logging.getLogger("jackfield.proof")

INFO_PACKAGE = "jackfield-proof"
FIRST_LOOK = 3.0
"""Seconds after the answer: audio comes by then, or never."""
LATER_LOOKS = 5.0
"""Seconds between the looks after it: phones report every five (RFC 3550 section 6.2)."""
LOOKS = 3
FRESH = 86400.0
"""Seconds for which a good verdict is believed."""
ENOUGH = 50
"""Packets that must have gone out before a phone that reports, but not on us, is said to hear nothing."""
KEY_PATIENCE = 6.0
"""Seconds for the key."""
SETTLING = 1.5
"""Seconds until audio has come to the second port."""
AUTO_ANSWER = (
    ("Call-Info", "<sip:jackfield>;answer-after=0"),
    ("Alert-Info", "<sip:jackfield>;info=alert-autoanswer;delay=0"),
    ("Answer-Mode", "Auto"),
)


class Watch:
    """Looks at the audio of one leg until it knows enough."""

    def __init__(self, switch: Switch, leg: Leg, contact: Contact, *, test: bool = False, tells: bool = False) -> None:
        self.leg, self.contact = leg, contact
        self.pressed = False
        """Somebody pressed a key when asked whether the phone hears."""
        self.mapping: Mapping = ""
        self.door: Door = ""
        self.door_known = asyncio.Event()
        """Set while it is not being found out whom its NAT lets in."""
        self.door_known.set()
        self.stats: StreamStats | None = None
        self._switch = switch
        self._test = test
        self._tells = tells
        self._looks = 0
        self._made: Verdict | None = None
        self._answered = switch.now()
        self._timer: asyncio.TimerHandle | None = asyncio.get_running_loop().call_later(FIRST_LOOK, self._look)

    @property
    def looking(self) -> bool:
        """True while it is still open whether the phone hears and is heard, for which its audio must come to us."""
        return self._timer is not None and not (self._made is not None and self._made.hears and self._made.is_heard)

    def forget(self) -> None:
        """Forget the figures, so that it shows when others have come."""
        self.stats = None

    def stop(self) -> None:
        """Look no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        self._timer = None
        leg = self.leg
        if leg.ended or leg.audio.stream is None:
            leg.proof = None
            return
        self._looks += 1
        if self._looks == 1:
            self.look_at_door()
        if not leg.held:
            leg.audio.stream.ask_statistics()
        if self._looks < LOOKS:
            self._timer = asyncio.get_running_loop().call_later(LATER_LOOKS, self._look)

    def look_at_door(self) -> None:
        """Find out whom its NAT lets in, unless that is known."""
        contact, known = self.contact, self._switch.registrar.experience.verdict(self.contact)
        if contact.behind_nat and contact.transport == "UDP" and not (known is not None and known.door):
            self.door_known.clear()
            self.leg.call.spawn(self._find_door())

    async def _find_door(self) -> None:
        proofs, flow = self._switch.proofs, self.contact.link
        if proofs.probe is not None and flow is not None:
            phone = self.contact.source
            ours = flow.local[0] if flow.local[0] in proofs.hosts else self._switch.addresses.towards(phone[0])
            self.door = await filtering.door(ours, proofs.hosts, phone, proofs.probe)
            self.judge()
        self.door_known.set()

    def take(self, event: Statistics) -> None:
        """Figures of the leg's stream have come."""
        stream = self.leg.audio.stream
        if stream is not None and event.stream != stream.id:
            return
        self.stats = event.stats
        if event.final:
            self.stop()
            self.leg.proof = None  # no circle, which the collector would have to find
            if self._switch.now() - self._answered < FIRST_LOOK:
                return
        remote = stream.remote if stream is not None else None
        if remote is not None and (remote.elsewhere or not (remote.sends or event.stats.packets_in)):
            return  # its audio goes to the other phone, or it holds: nothing can be said
        self.judge()

    def judge(self) -> Verdict | None:
        """Make a verdict of what is known, and keep it."""
        if self.stats is None:
            return None
        experience = self._switch.registrar.experience
        before = experience.verdict(self.contact)
        made = self._verdict(self.stats)
        if before is not None:
            # What a test found out holds, and what a call could not tell this time.
            hears = before.hears if made.hears is None and made.is_heard is before.is_heard else made.hears
            moved = before.transport == "tls" and self.contact.transport in verdicts.SECURE
            door = made.door or before.door
            made = msgspec.structs.replace(made, hears=hears, nat=made.nat or before.nat, moved=moved, door=door)
            if before.nat == "symmetric" and made.nat == "changes ports":
                made = msgspec.structs.replace(made, nat="symmetric")
        experience.judge(self.contact, made)
        self._made = made
        if not made.good and (before is None or before.good):
            log.warning("%s", self._switch.proofs.sentence(self.contact))
        self._switch.registrar.changed(self.contact)
        if self._tells and not self.leg.ended:
            self._tell(made)
        return made

    def _verdict(self, stats: StreamStats) -> Verdict:
        contact, leg = self.contact, self.leg
        latency = None if contact.latency is None else contact.latency * 1000
        expected = stats.packets_in + stats.lost
        return Verdict(
            at=self._switch.now(),
            how="test" if self._test else "call",
            network=contact.source[0],
            is_heard=stats.packets_in > 0,
            hears=self._hears(stats),
            nat=self.mapping or self._mapping(stats),
            gateway=contact.gateway or self._switch.registrar.experience.changes_sip(contact.source[0]),
            delay_ms=round(stats.rtt_ms, 1) if stats.rtt_ms >= 0 else latency,
            lost_in=round(stats.lost / expected, 4) if expected else None,
            lost_out=round(min(1.0, stats.lost_out / stats.packets_out), 4)
            if stats.lost_out >= 0 and stats.packets_out
            else None,
            codec=leg.audio.codec,
            refused=stats.dropped_source,
            signalling=contact.transport,
            silent=not stats.packets_in and not stats.reports,
            relayed=self._is_relayed(stats),
            second=bool(contact.transport == "TLS" and contact.local[1] == self._switch.proofs.tls_second),
            door=self.door,
        )

    def _is_relayed(self, stats: StreamStats) -> bool:
        """Say if its audio comes from an address of ours, though the phone is elsewhere: TURN relays from there."""
        host, stream = stats.remote.rpartition(":")[0].strip("[]"), self.leg.audio.stream
        ours = (self.contact.local[0], stream.address if stream is not None else "")
        return (
            bool(host)
            and not same_address(host, self.contact.source[0])
            and any(same_address(host, one) for one in ours)
        )

    def _hears(self, stats: StreamStats) -> bool | None:
        if self.pressed:
            return True
        if stats.lost_out >= 0:
            return stats.lost_out * 2 < stats.packets_out
        if stats.packets_in and stats.reports > 1 and stats.packets_out >= ENOUGH:
            return False  # it reports, but never on what we send
        return False if not stats.packets_in and not stats.reports and stats.packets_out >= ENOUGH else None

    def _mapping(self, stats: StreamStats) -> Mapping:
        """Tell the kind of NAT from where the audio came and where the phone said that it would come from."""
        signalled = self.leg.audio.remote
        if signalled is None or not stats.remote or self.contact.gateway or self._is_relayed(stats):
            return ""
        host, _, port = stats.remote.rpartition(":")
        if same_address(signalled.address, host.strip("[]")):
            return "none" if int(port) == signalled.port else "changes ports"
        return "keeps ports" if int(port) == signalled.port else "changes ports"

    def _tell(self, made: Verdict) -> None:
        session = self.leg.session
        if session is not None:
            body = msgspec.json.encode({**verdicts.summary(made), "says": self._switch.proofs.sentence(self.contact)})
            self.leg.call.spawn(_inform(session, body))


async def _inform(session: Session, body: bytes) -> None:
    """Send what was found; whatever is answered, nothing hangs on it."""
    headers = [("Info-Package", INFO_PACKAGE), ("Content-Disposition", "Info-Package")]
    await session.request("INFO", body=body, content_type="application/json", headers=headers)


class Proofs:
    """Decides whose audio is looked at, and rings phones for a test."""

    def __init__(self, switch: Switch, rtp_ports: str = "") -> None:
        self._switch = switch
        self._rtp_ports = rtp_ports
        self.tls = 0
        """The port at which phones can come by TLS; 0: at none."""
        self.tls_second = 0
        """Another port for the same; 0: none."""
        self.probe: Probe | None = None
        """Asks phones from elsewhere, to tell what their NATs let in; None: nobody does."""
        self.hosts: tuple[str, ...] = ()
        """Our addresses, from which it may ask."""

    # --- calls

    def answered(self, leg: Leg) -> None:
        """A leg is answered: look at its audio, unless all is known of its phone in this network."""
        contact, tells = self._phone(leg)
        if contact is None or leg.proof is not None:
            return
        known = self._switch.registrar.experience.verdict(contact)
        if tells or known is None or not known.good or known.is_heard is None or self._switch.now() - known.at > FRESH:
            leg.proof = Watch(self._switch, leg, contact, tells=tells)

    def _phone(self, leg: Leg) -> tuple[Contact | None, bool]:
        """Return the registered phone of a leg, and whether it wants to be told what is found."""
        if isinstance(leg, OutgoingLeg):
            return (leg.dial.contact if isinstance(leg.dial, PhoneDial) else None), False
        if not isinstance(leg, IncomingLeg) or leg.flow is None or not leg.record.line:
            return None, False
        return self._switch.registrar.on_flow(leg.record.line, leg.flow), wants_proof(leg.incoming.request)

    # --- what pages and commands ask

    def sentence(self, contact: Contact) -> str:
        """Return the most useful sentence about a phone."""
        name, line = self._called(contact), self._switch.snapshot.lines.get(contact.username)
        verdict = self._switch.registrar.experience.verdict(contact)
        return verdicts.says(
            verdict, phone=name, rtp_ports=self._rtp_ports, gateway=self.changes_sip(contact),
            network=self._place(contact), signalling=contact.transport,
            provisioned=line is not None and line[1].provisioned, tls=self._tls(contact, verdict),
            turn=self._switch.snapshot.general.turn,
        )  # fmt: skip

    def _tls(self, contact: Contact, verdict: Verdict | None) -> str:
        """Return TLS as people call it, with the port that this phone has or had better use; "" where there is none."""
        second = self.tls_second if verdict is not None and verdict.needs_second else 0
        port = contact.local[1] if contact.transport == "TLS" else second or self.tls
        return f"TLS on port {port}" if port else ""

    def _called(self, contact: Contact) -> str:
        """Return what people call a phone: "103's desk phone"."""
        found = self._switch.snapshot.lines.get(contact.username)
        return "phone" if found is None else f"{found[0].number}'s {found[1].name or 'phone'}"

    def changes_sip(self, contact: Contact) -> bool:
        """Say if a router changes what this phone says: it was seen, or is likely where another one's was changed."""
        if contact.gateway or contact.transport not in ("UDP", "TCP") or contact.baited >= BAITS:
            return contact.gateway
        return self._switch.registrar.experience.changes_sip(contact.source[0])

    def _place(self, contact: Contact) -> str:
        """Return where a phone is, as people call it, and the address of its router."""
        site = site_of_phone(self._switch.snapshot, contact)
        return contact.source[0] if site is None else f"site {site.name} ({contact.source[0]})"

    def row(self, contact: Contact) -> dict[str, Any]:
        """Return what stands beside a phone: the sentence, the verdict, its keep-alive."""
        registrar = self._switch.registrar
        verdict = registrar.experience.verdict(contact)
        pinhole = registrar.experience.pinhole(contact) if contact.behind_nat else None
        return {
            "says": self.sentence(contact),
            "sip_alg": self.changes_sip(contact),
            "keep_alive": round(self._switch.qualifier.interval(contact)) if contact.behind_nat else None,
            "pinhole": round(pinhole.good) if pinhole is not None and pinhole.good else None,
            "verdict": None if verdict is None else verdicts.summary(verdict),
        }

    async def routers(self, request: dict[str, Any]) -> list[dict[str, Any]]:
        """Return the routers that stand in the way of registered phones, once each, whatever their phones are.

        Rows: `address`, `site` ("" for none), `kind` ("changes sip" or "blocks audio"), `phones` (as people call them),
        `ports` (those of audio) and `tls` (the port; 0: none).
        """
        found: dict[tuple[str, str], dict[str, Any]] = {}
        for contact in self._switch.registrar:
            verdict = self._switch.registrar.experience.verdict(contact)
            blocked = verdict is not None and verdict.blocked
            for kind, wrong in (("changes sip", self.changes_sip(contact)), ("blocks audio", blocked)):
                if wrong:
                    site = site_of_phone(self._switch.snapshot, contact)
                    row = {
                        "address": contact.source[0], "site": "" if site is None else site.name, "kind": kind,
                        "phones": [], "ports": self._rtp_ports, "tls": self.tls,
                    }  # fmt: skip
                    phones = found.setdefault((kind, contact.source[0]), row)["phones"]
                    if (name := self._called(contact)) not in phones:
                        phones.append(name)
        return [row | {"phones": sorted(row["phones"])} for row in found.values()]

    async def transports(self, request: dict[str, Any]) -> dict[str, str]:
        """Return the transport that lines had better be given, by SIP name: what provisioning asks for."""
        found = self._switch.registrar.experience.transports()
        return found if self.tls_second else dict.fromkeys(found, "tls")

    async def to_be_moved(self, request: dict[str, Any]) -> list[str]:
        """Return the SIP names of lines whose phones fetch their settings, need TLS, use none, and are in no call."""
        switch, found = self._switch, set()
        experience = switch.registrar.experience
        for contact in switch.registrar if self.tls else ():
            line = switch.snapshot.lines.get(contact.username)
            if line is None or not line[1].provisioned or contact.transport not in ("UDP", "TCP"):
                continue
            if self.changes_sip(contact):
                experience.changed(contact, True)  # its router was found out by another phone
            verdict = experience.verdict(contact)
            if verdict is not None and verdict.transport == "tls" and not switch.calls_of(line[0].number):
                found.add(contact.username)
        return sorted(found)

    async def prove(self, request: dict[str, Any]) -> dict[str, Any]:
        """Ring one phone and find out whether it hears and is heard. Returns the call's id at once.

        `extension`; `line` (SIP name) and `address` ("192.0.2.7:5060") where it has several phones; `by`: who asks,
        for the journal. What comes of it stands beside the phone ("registrations"). Raises `ControlError`.
        """
        switch, number = self._switch, str(request.get("extension", ""))
        extension = next((one for one in switch.snapshot.extensions if one.number == number), None)
        if extension is None:
            raise ControlError(f"there is no extension {number}")
        if switch.draining:
            raise ControlError("the system is stopping and takes no new calls")
        line, address = str(request.get("line", "")), str(request.get("address", ""))
        phones = [
            PhoneDial(extension, one, contact)
            for one in extension.lines
            for contact in switch.registrar.contacts(one)
            if line in ("", one.sip_username) and address in ("", contact.address)
        ]
        if not phones:
            which = f"phone at {address}" if address else "phone"
            raise ControlError(f"no {which} of extension {number} is connected: there is nothing to test")
        if switch.calls_of(number):
            raise ControlError(f"extension {number} is in a call: test its phone when that is over")
        call = ProofCall.of(switch, extension, phones[0])
        call.note(f"{request.get('by') or 'the administrator'} asks whether the phone hears and is heard")
        switch.calls[call.id] = call
        switch.counters["audio_proofs"] += 1
        switch.emit("call_started", call.id, call.record.beginning())
        call.start()
        return {"id": call.id, "phone": phones[0].contact.address, "sip_username": phones[0].line.sip_username}


def wants_proof(invite: Message) -> bool:
    """Say if a caller asks to be told what is found out about its audio (RFC 6086 section 5.2.1)."""
    named = ",".join(invite.all("Recv-Info")) if "Recv-Info" in invite else ""
    return INFO_PACKAGE in (name.partition(";")[0].strip().lower() for name in named.split(","))


class ProofCall(OriginatedCall):
    """A call of ours to one phone, with nobody at the other end."""

    @classmethod
    def of(cls, switch: Switch, extension: Extension, dial: PhoneDial) -> ProofCall:
        """Make one for this phone."""
        language = extension.language or switch.snapshot.general.language
        caller = Party(number=extension.number, name=extension.name, extension=extension.number, language=language)
        plan = Plan(RouteRequest("", FromExtension(extension.number)), "", caller, None, None, ())
        target = Party(number="", name="Audio test: press 1")
        call = cls(switch, switch.agent.tokens.tag()[:10], plan, phones=[dial], target=target, user=extension.number)
        call.record.called = replace(target, name="Audio test")
        call.extra_headers = AUTO_ANSWER
        return call

    async def follow(self, plan: Plan) -> None:
        """Ring it, look, listen, move its audio, and hang up."""
        await self._ring_own_phones(plan)
        leg, contact = self.anchor, self.phones[0].contact
        self.picked_up = True
        self.record.answered = self.now()
        if leg.proof is not None:
            leg.proof.stop()
        watch = leg.proof = Watch(self.switch, leg, contact, test=True)
        watch.look_at_door()
        try:
            await self._ask_for_key(watch)
            await self._move(watch)
            await watch.door_known.wait()
            watch.judge()
        finally:
            watch.stop()
        self.note(f"found: {self.switch.proofs.sentence(contact)}")
        raise HangUp(200, "the test is over")

    async def _ask_for_key(self, watch: Watch) -> None:
        prompt = ("digits/1", "digits/1") if self.can_say("digits/1") else ("tone:busy",)
        for _ in range(2):
            key = await self.collect(prompt=prompt, timeout=KEY_PATIENCE, end="")
            watch.pressed = watch.pressed or key == "1"
            await self._figures(watch)
            if watch.pressed or (watch.stats is not None and (watch.stats.lost_out >= 0 or not watch.stats.packets_in)):
                break
        watch.judge()

    async def _figures(self, watch: Watch) -> None:
        """Have fresh figures."""
        stream = self.anchor.audio.stream
        watch.forget()  # as a call: where None is assigned here, machine code takes it to stay so
        if stream is not None:
            stream.ask_statistics()
        for _ in range(20):
            if watch.stats is not None:
                return
            await asyncio.sleep(0.05)

    async def _move(self, watch: Watch) -> None:
        """Move the audio to another port of ours: does the phone's port, as we see it, move along?"""
        leg, before = self.anchor, watch.stats
        signalled = leg.audio.remote
        if before is None or not before.remote or signalled is None or not watch.contact.behind_nat:
            return
        first = watch._mapping(before)
        try:
            if not await self.switch.media.elsewhere(self, leg):
                return
        except (MediaLost, NoPort) as problem:
            self.note(f"the kind of NAT can't be told: {problem}")
            return
        self.listener.tone("hold", self.snapshot.general.country)
        await asyncio.sleep(SETTLING)
        await self._figures(watch)
        now = leg.audio.remote
        after = watch.stats
        if after is None or not after.remote or now is None or now.port != signalled.port:
            watch.stats = after if after is not None and after.remote else before
            return
        watch.mapping = first if after.remote == before.remote else "symmetric"
        watch.stats = before
        watch.judge()
