"""Who may have which file: the rules of `door`, one after the other, on what the database says."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jackfield.console.access import is_local
from jackfield.console.provisioning import names, proofs, strangers
from jackfield.console.provisioning.asking import Answer
from jackfield.console.provisioning.house import House, lines_of
from jackfield.console.provisioning.pace import Pace
from jackfield.console.provisioning.troubles import Happened
from jackfield.provisioning.catalogue import MODELS, VENDORS
from jackfield.provisioning.requests import file_for, recognise, spelled_mac

if TYPE_CHECKING:
    from jackfield.console.provisioning.asking import Request
    from jackfield.provisioning.catalogue import File, PhoneModel
    from jackfield.provisioning.requests import Asked
    from jackfield.settings import Settings

__all__ = ["Judging", "Question", "Verdict", "asking", "fetching", "guessing"]

SAME_VISIT = 600.0
"""Seconds after its first use that a one-time address gives the other files of the same phone to the same address."""
AT_ONCE = 120.0
"""Two questions for one MAC within so many seconds that can't be one phone's are two phones'."""
fetching = Pace(8, 60.0)
"""By MAC and file: a phone that starts fetches each of its files once or twice."""
guessing = Pace(30, 60.0)
"""By address: what is wrong."""
asking = Pace(1200, 60.0)
"""By address: questions without credentials, the same for phones of ours and for MAC addresses that somebody makes up,
so that nobody learns from it which are ours. All phones of a large site may be one address."""

_SECRET = re.compile(r"[A-Za-z0-9_-]{22,}")  # where a path is told, what may be a one-time secret is left out

TEXTS = {
    "used": "This address was used already, and works once.\n",
    "expired": "This address has expired.\n",
    "outside": "Phones are configured by HTTPS from here.\n",
    "off": "Provisioning is switched off.\n",
    "slow": "Too many requests: wait.\n",
    "password": "The phone's own user name and password are needed.\n",
    "missing": "There is no such file here.\n",
    "two": "Another phone has asked with this MAC address just now.\n",
    "name": "This is not a name of this system.\n",
}


@dataclass(slots=True)
class Question:
    """A request with what its path means."""

    request: Request
    asked: Asked | None
    refused: str = ""  # why its path is none of a phone

    @property
    def mac(self) -> str:
        """Whom it is about, as it says itself: by its path, its User-Agent, its credentials or its certificate."""
        named = self.asked.mac if self.asked is not None else ""
        by_certificate = proofs.mac_of_certificate(self.request.certificate) if self.request.certificate else ""
        return by_certificate or proofs.claimed(self.request.authorization) or named


@dataclass(frozen=True, slots=True)
class Verdict:
    """A file may be given. `phone`: whose; None for a common file that holds nothing of one phone."""

    phone: Any
    model: PhoneModel
    file: File
    local: bool
    link: Any = None  # the one-time address by which it came
    newest: bool = False  # it has proved itself by its newest password


class Judging:
    """Judges a batch. `happened` is what the page and the log are to be told."""

    def __init__(self, settings: Settings, now: float) -> None:
        self.settings, self.now = settings, now
        self.happened: list[Happened] = []
        self.phones: dict[str, Any] = {}
        self.links: dict[str, Any] = {}
        self.lines: dict[str, Any] = {}
        self.settled: list[int] = []  # phones that have used their newest password for fetching
        self.spent: list[Any] = []  # one-time addresses that others could read
        self.unknown: list[tuple[Asked, Request]] = []  # MAC addresses from outside that are nobody's

    def read(self, questions: Sequence[Question]) -> None:
        """Read what these questions need."""
        from jackfield.desk_phones.models import DeskPhone, Link

        self.house = House.read(self.settings)
        self.by_mac = self.house.by_mac
        secrets = {proofs.digest_of(secret) for one in questions if (secret := proofs.secret_in(one.request.path))}
        if secrets:
            self.links = {row.digest: row for row in Link.objects.filter(digest__in=secrets)}
        rows = DeskPhone.objects.select_related("standing", "site")
        macs = {one.mac for one in questions} - {""}
        owners = {row.phone_id for row in self.links.values()}
        found = [*rows.filter(mac__in=macs)] if macs else []
        if more := owners - {row.pk for row in found}:
            found += rows.filter(pk__in=more)
        self.phones = {row.mac: row for row in found}
        self.lines = lines_of(found)

    def judge(self, question: Question) -> Answer | Verdict:
        """Decide about one question."""
        request, rules = question.request, self.house.rules
        if wait := guessing.over(request.address, self.now):
            return _slow(wait, "too much that was wrong from this address")
        local = is_local(self.settings, request.address) and not request.relayed
        if question.refused:
            shown = "".join(sign if sign.isprintable() else "?" for sign in _SECRET.sub("…", request.path)[:60])
            return self._no(404, "missing", "trick", question, f"{question.refused}: “{shown}”")
        if not local and request.way != "https":
            return self._no(403, "outside", "outside", question, self._in_the_clear(request))
        if rules.enabled == "off":
            return self._no(403, "off", "switched_off", question, "provisioning is switched off")
        if secret := proofs.secret_in(request.path):
            return self._by_link(question, secret, local)
        if request.certificate and rules.client_certificates:
            return self._by_certificate(question, local)
        if request.authorization:
            return self._by_password(question, local)
        if local and self.by_mac:
            return self._by_mac(question)
        if local and request.way != "https":
            detail = "provisioning by MAC address alone is off while this machine has a public address"
            return self._no(403, "off", "switched_off", question, detail)
        return self._ask(question)

    # --- by what it proves itself ------------------------------------------------------------------------------------

    def _by_link(self, question: Question, secret: str, local: bool) -> Answer | Verdict:
        link = self.links.get(proofs.digest_of(secret))
        if link is None:
            detail = "mistyped, of a phone that was removed, or guessed: a new one can be made on the phone's page"
            return self._no(404, "missing", "unknown_secret", question, detail)
        phone = next((row for row in self.phones.values() if row.pk == link.phone_id), None)
        if phone is None or not phone.enabled:
            return self._no(404, "missing", "switched_off", question, "the phone is switched off here", phone)
        self._as_it_says(question, phone)
        found = self._file(question, phone, local)
        if isinstance(found, Answer):
            return found
        if question.asked is not None and question.asked.mac not in ("", phone.mac):
            detail = (
                f"that of {spelled_mac(phone.mac)} was used by {spelled_mac(question.asked.mac)}, and goes on waiting"
            )
            return self._no(403, "missing", "stolen", question, detail, phone)
        again = link.used is not None and not (
            self.now - link.used < SAME_VISIT
            and link.used_by == question.request.address
            and found.file.name not in link.files
        )
        if again:
            by = "the same address" if link.used_by == question.request.address else link.used_by
            detail = (
                f"it had been used by {by}: if that was not the phone, make a new one, which ends the passwords given"
            )
            return self._no(410, "used", "used", question, detail, phone)
        if link.used is None and link.until < self.now:
            return self._no(410, "expired", "expired", question, "make a new one for this phone", phone)
        return self._once(question, phone, Verdict(phone, found.model, found.file, local, link), proved=True)

    def _by_certificate(self, question: Question, local: bool) -> Answer | Verdict:
        phone = self.phones.get(proofs.mac_of_certificate(question.request.certificate))
        if phone is None or not phone.enabled or not self._of_its_maker(phone, question.request):
            detail = f"the certificate “{question.request.certificate[:80]}” is no desk phone's of ours"
            return self._no(403, "missing", "credentials", question, detail)
        if question.asked is not None and question.asked.mac not in ("", phone.mac):
            detail = f"the certificate of {spelled_mac(phone.mac)} asked for {spelled_mac(question.asked.mac)}"
            return self._no(403, "missing", "credentials", question, detail, phone)
        found = self._file(question, phone, local)
        return self._once(question, phone, found)

    def _once(
        self, question: Question, phone: Any, found: Answer | Verdict, *, proved: bool = False
    ) -> Answer | Verdict:
        """Refuse a phone's own file where it asks over and over, or where another had it by the same MAC just now.

        `proved`: it is the one that had it last, wherever it is now.
        """
        if not isinstance(found, Verdict) or found.file.kind != "phone":
            return found
        if wait := fetching.wait(f"{phone.mac} {found.file.name}", self.now):
            detail = f"it fetches its configuration over and over: it is told to wait {wait} s"
            self._happened("loop", question, detail, phone)
            return _slow(wait, detail)
        if not proved and (why := self._another(question, phone)):
            return self._no(409, "two", "two_places", question, why, phone)
        return found

    def _of_its_maker(self, phone: Any, request: Request) -> bool:
        """Whether a model has certificates of its maker at all."""
        model = MODELS.get(phone.model)
        return model is not None and bool(model.client_certificate)

    def _by_password(self, question: Question, local: bool) -> Answer | Verdict:
        request = question.request
        phone = self.phones.get(proofs.claimed(request.authorization))
        basic_in_the_clear = request.way != "https" and request.authorization[:6].lower() == "basic "
        standing = getattr(phone, "standing", None) if phone is not None else None
        ok, newest, stale = proofs.verify(
            self.settings, request.authorization, request.method, request.path, request.address, self.now, standing
        )
        if stale:
            return self._ask(question, stale=True)
        if not ok or phone is None or not phone.enabled or basic_in_the_clear:
            guessing.wait(request.address, self.now)
            detail = "after a reset it needs a new one-time address"
            if phone is not None and not phone.enabled:
                detail = "it is switched off here"
            elif basic_in_the_clear:
                detail = "it sent its password by plain HTTP, where others can read it: type https:// into it"
            self._happened("credentials", question, detail, phone)
            return self._ask(question)
        if newest and standing is not None and standing.password_before:
            standing.password_before = ""  # it has its new one
            self.settled.append(phone.pk)
        if question.asked is not None and question.asked.mac not in ("", phone.mac):
            detail = f"the password of {spelled_mac(phone.mac)} asked for {spelled_mac(question.asked.mac)}"
            return self._no(403, "missing", "credentials", question, detail, phone)
        found = self._file(question, phone, local)
        if isinstance(found, Answer):
            return found
        if isinstance(refused := self._once(question, phone, found, proved=newest), Answer):
            return refused
        if not newest and standing is not None and standing.address not in ("", request.address):
            detail = (
                f"it came with its password of before from {request.address}; the newest was given to "
                f"{standing.address}: two phones, a copy of its password, or it did not take its last configuration"
            )
            self._happened("two_places", question, detail, phone)
        return Verdict(phone, found.model, found.file, local, newest=newest)

    def _by_mac(self, question: Question) -> Answer | Verdict:
        asked = question.asked
        if asked is None or asked.kind == "nothing":
            return Answer(status=404, body=TEXTS["missing"].encode(), why="no file of ours")
        if name := names.strange(self.house, question.request.host):
            detail = (
                f"“{name}” is not known here: if it is this system's, write it into Provisioning > Our name or address"
            )
            return self._no(403, "name", "name", question, detail)
        phone = self.phones.get(asked.mac) if asked.mac else None
        if phone is None:
            if not asked.mac:
                return self._common(question)
            if (phone := self._stranger(question)) is None:
                return Answer(status=404, body=TEXTS["missing"].encode(), why="nobody's MAC address")
        if not phone.enabled:
            return self._no(403, "off", "switched_off", question, "the phone is switched off here", phone)
        self._as_it_says(question, phone)
        return self._once(question, phone, self._file(question, phone, True))

    def _as_it_says(self, question: Question, phone: Any) -> None:
        """Enter a phone that has never fetched as the model that it says it is: a MAC tells no more than its maker."""
        from jackfield.console.change import Wish, save
        from jackfield.console.declarative.apply import Author
        from jackfield.console.declarative.difference import DocumentError

        asked, standing = question.asked, getattr(phone, "standing", None)
        if asked is None or asked.model in ("", phone.model) or asked.mac not in ("", phone.mac):
            return
        known = MODELS.get(phone.model)
        if known is None or known.vendor != asked.vendor or (standing is not None and standing.first_fetch is not None):
            return
        author = Author("provisioning", "phone", address=question.request.address)
        try:
            save(self.settings, [Wish("desk_phones", {"model": asked.model}, (phone.mac,))], author=author)
        except DocumentError:
            return  # its keys do not fit that model, or the like: the page says that it is another one
        phone.model = asked.model

    # --- what it asks for --------------------------------------------------------------------------------------------

    def _file(self, question: Question, phone: Any, local: bool) -> Answer | Verdict:
        """Return which of its model's files a phone asks for. Phones ask for files by habit that there are not."""
        model, path = MODELS.get(phone.model), question.request.path.partition("?")[0]
        if model is None:
            return self._no(404, "missing", "nothing", question, f"there is no model {phone.model}", phone)
        file = file_for(model, path)
        if file is None or file.kind == "nothing":
            if file is None and question.asked is not None and question.asked.kind == "phone":
                name, whole = path.rpartition("/")[2][:80], f"{model.vendor_name} {model.name}"
                detail = f"it asks for “{name}” as another model than {whole} would"
                return self._no(404, "missing", "nothing", question, detail, phone)
            return Answer(status=404, body=TEXTS["missing"].encode(), why="a file that there is not")
        return Verdict(phone, model, file, local)

    def _common(self, question: Question) -> Answer | Verdict:
        """Give what all phones of a model share to one that does not say who it is."""
        assert question.asked is not None
        model = MODELS.get(strangers.model_of(question.asked))
        if model is None or question.asked.kind != "common":
            return Answer(status=404, body=TEXTS["missing"].encode(), why="no MAC address in the question")
        return Verdict(None, model, model.file(question.asked.file), True)

    def _stranger(self, question: Question) -> Any:
        """Count a MAC address that is nobody's; return the phone where it becomes one of ours by itself."""
        from jackfield.console.declarative.apply import Author
        from jackfield.console.declarative.difference import DocumentError

        asked, request = question.asked, question.request
        assert asked is not None
        strangers.count(asked, request, local=True, now=self.now)
        model = strangers.model_of(asked)
        if self.house.rules.new_extensions != "local" or asked.kind != "phone" or not model:
            return None
        if strangers.new_ones.wait("", self.now):
            return None
        try:
            phone = strangers.adopt(
                self.settings, asked.mac, model, author=Author("provisioning", "phone", address=request.address)
            )
        except DocumentError:
            return None  # it stays listed among those that ask
        self.phones[phone.mac] = phone
        self.lines |= lines_of([phone])
        return phone

    def _another(self, question: Question, phone: Any) -> str:
        """Say why a question can't be of the phone that fetched a moment ago with the same MAC; "" when it can."""
        standing, request = getattr(phone, "standing", None), question.request
        if standing is None or standing.last_fetch is None or self.now - standing.last_fetch > AT_ONCE:
            return ""
        if standing.address != request.address:
            ago = round(self.now - standing.last_fetch)
            return f"it asks from {request.address}, and from {standing.address} {ago} s before: two phones?"
        before = recognise(standing.file, standing.user_agent) if standing.user_agent else None
        now = question.asked
        if before is not None and now is not None and before.model and now.model and before.model != now.model:
            return f"it says that it is a {now.model}, and a moment before that it was a {before.model}: two phones?"
        return ""

    # --- answers -----------------------------------------------------------------------------------------------------

    def _ask(self, question: Question, *, stale: bool = False) -> Answer:
        """Ask for the phone's credentials. Whether there is such a phone is nobody's business."""
        asked, request = question.asked, question.request
        if wait := asking.wait(request.address, self.now):
            return _slow(wait, "too many questions without credentials from this address")
        if asked is not None and asked.mac and asked.mac not in self.phones and not stale:
            self.unknown.append((asked, request))
        if request.relayed and is_local(self.settings, request.address):
            self._happened("outside", question, self._by_proxy(request))
        basic = asked is None or not any(model.digest_only for model in VENDORS[asked.vendor].models)
        headers = proofs.challenges(self.settings, request.address, self.now, stale=stale, basic=basic)
        return Answer(status=401, body=TEXTS["password"].encode(), headers=headers, why="no credentials yet")

    def _in_the_clear(self, request: Request) -> str:
        """Say what to do about a question by HTTP or TFTP from outside; what secret was in it, is none any more."""
        if request.relayed:
            return self._by_proxy(request)
        link = self.links.get(proofs.digest_of(proofs.secret_in(request.path)))
        if link is None or link.used is not None or link.until < self.now:
            return f"{request.way.upper()} can be read on the way: from outside the address begins with https://"
        link.until = self.now - 1
        self.spent.append(link)
        return "its one-time address was sent by plain HTTP, where others can read it, and has ended: make a new one"

    def _by_proxy(self, request: Request) -> str:
        return f"a proxy at {request.address} brought it that does not say for whom, or is no trusted proxy (settings)"

    def _no(self, status: int, text: str, kind: str, question: Question, detail: str, phone: Any = None) -> Answer:
        guessing.wait(question.request.address, self.now)
        self._happened(kind, question, detail, phone)
        return Answer(status=status, body=TEXTS[text].encode(), why=detail)

    def _happened(self, kind: str, question: Question, detail: str, phone: Any = None) -> None:
        request = question.request
        phone = phone if phone is not None else self.phones.get(question.mac)
        mac = phone.mac if phone is not None else question.mac
        self.happened.append(Happened(kind, mac, request.address, request.way, detail, phone))


def _slow(wait: int, why: str) -> Answer:
    return Answer(status=429, body=TEXTS["slow"].encode(), headers=(("Retry-After", str(wait)),), why=why)
