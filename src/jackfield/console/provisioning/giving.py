"""Making the file that a phone may have: new passwords first, then its template; and noting that it was given."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import connection

from jackfield import __version__
from jackfield.console.provisioning import proofs
from jackfield.console.provisioning.asking import Answer
from jackfield.console.provisioning.configuring import configuration, fingerprint, folder, of_model
from jackfield.console.provisioning.rotation import Rotated, in_use, rotate
from jackfield.console.provisioning.troubles import Happened
from jackfield.provisioning.configuration import Fetching, PhoneConfiguration
from jackfield.provisioning.render import Rendered, TemplateProblem, render
from jackfield.webhooks import outbox
from jackfield.webhooks.outbox import Happening

if TYPE_CHECKING:
    from jackfield.console.provisioning.house import House
    from jackfield.console.provisioning.judging import Judging, Question, Verdict

__all__ = ["Giving", "rendered"]

STANDING = (
    "password", "password_before", "first_fetch", "last_fetch", "fetches", "address", "way", "file", "user_agent",
    "firmware", "given",
)  # fmt: skip


class Giving:
    """Makes the files of a batch, and writes what has become of each phone."""

    def __init__(self, house: House, judging: Judging, now: float) -> None:
        self.house, self.judging, self.now = house, judging, now
        self.rotated: list[Rotated] = []
        self._standings: dict[int, Any] = {}
        self._links: list[Any] = []
        self._used: frozenset[str] | None = None

    def give(self, question: Question, verdict: Verdict) -> Answer:
        """Return the file. What a template does wrong is told, and the last one that was right is taken instead."""
        request = question.request
        if request.method == "HEAD":
            return Answer(status=200, content_type=verdict.file.content_type, why="only asked whether it is there")
        if request.way == "pnp":
            return Answer(status=200, body=folder(self.house, request, "http").encode(), why="where its files are")
        if verdict.phone is None or verdict.file.kind != "phone":
            told: PhoneConfiguration = self._common(verdict, question)
            made = self._rendered(verdict, told, question)
            return made if isinstance(made, Answer) else _file(made)
        standing = getattr(verdict.phone, "standing", None) or self._new(verdict.phone)
        lines = self.judging.lines
        own = [lines[name] for name in verdict.phone.extensions if name in lines]
        before = [(line, line.sip_password, line.previous_password) for line in own]
        rotated = [rotate(line, self.house.general.realm, self._in_use()) for line in own]
        password = proofs.new_password() if request.way == "https" else ""
        if not self.house.rules.phone_password:  # nobody has saved the rules; vendors' passwords are known to all
            self.house.rules.phone_password = type(self.house.rules).with_password().phone_password
        told = configuration(
            self.house, verdict.phone, lines, request, local=verdict.local, password=password, now=self.now
        )
        made = self._rendered(verdict, told, question)
        # A phone that gets nothing, or a file without accounts such as a directory, goes on with the passwords it has.
        body = b"" if isinstance(made, Answer) else made.body
        for line, now, previous in before:
            if line.sip_password.encode() not in body:
                line.sip_password, line.previous_password = now, previous
        if isinstance(made, Answer):
            return made
        self.rotated += [one for one in rotated if one.password.encode() in body]
        self._note(standing, question, verdict, password if password.encode() in body else "")
        return _file(made)

    def _in_use(self) -> frozenset[str]:
        """Return which new passwords of the lines of this batch were used already; the switch is asked once for all."""
        if self._used is None:
            doubtful = {line.sip_username for line in self.judging.lines.values() if line.previous_password}
            self._used = in_use(self.house.settings, sorted(doubtful))
        return self._used

    def _new(self, phone: Any) -> Any:
        from jackfield.desk_phones.models import Standing

        phone.standing = Standing(phone=phone)
        return phone.standing

    def _common(self, verdict: Verdict, question: Question) -> PhoneConfiguration:
        """Return what a file without secrets is made of: no account, no password."""
        request = question.request
        mac = verdict.phone.mac if verdict.phone is not None else "0" * 12
        general = self.house.general
        url = folder(self.house, request, "https" if request.way == "https" else "http")
        return PhoneConfiguration(
            mac=mac,
            accounts=(),
            fetching=Fetching(url=url, interval=self.house.rules.interval * 60),
            time_zone=general.time_zone,
            country=general.country.lower(),
            language=general.language.partition("-")[0],
            firmware_url=of_model(self.house.rules.firmware, verdict.model.slug),
        )

    def _rendered(self, verdict: Verdict, told: PhoneConfiguration, question: Question) -> Rendered | Answer:
        try:
            made, problem = rendered(self.house, verdict.model, verdict.file.name, told)
        except TemplateProblem as fault:
            self._trouble(question, verdict, str(fault))
            return Answer(status=500, body=b"This file can't be made now.\n", why=str(fault))
        if problem is not None:
            self._trouble(question, verdict, f"{problem}; it got the file of the last good template")
        return made

    def _trouble(self, question: Question, verdict: Verdict, detail: str) -> None:
        request, mac = question.request, verdict.phone.mac if verdict.phone is not None else ""
        happened = Happened("template", mac, request.address, request.way, detail, verdict.phone)
        self.judging.happened.append(happened)

    def _note(self, standing: Any, question: Question, verdict: Verdict, password: str) -> None:
        request, phone, asked = question.request, verdict.phone, question.asked
        if password:
            # What it has now goes on counting until it comes with the new one: it may not have read its file.
            if standing.password and (verdict.newest or not standing.password_before):
                standing.password_before = standing.password
            standing.password = proofs.stored(phone.mac, password)
        standing.first_fetch = standing.first_fetch or self.now
        standing.last_fetch, standing.fetches = self.now, standing.fetches + 1
        standing.address, standing.way = request.address, request.way
        standing.file, standing.user_agent = request.path.rpartition("/")[2][:200], request.user_agent[:200]
        standing.firmware = (asked.firmware if asked is not None else "") or standing.firmware
        standing.given = fingerprint(self.house, phone, self.judging.lines, request.address, __version__)
        self._standings[phone.pk] = standing
        if (link := verdict.link) is not None:
            link.used = link.used or self.now
            link.used_by, link.files = request.address, (*link.files, verdict.file.name)
            self._links.append(link)

    def _tell_programs(self) -> None:
        if hooks := outbox.wanting("phone.provisioned"):
            lines = self.judging.lines
            told = [_happening(one.phone, one, lines) for one in self._standings.values()]
            outbox.add(told, self.now, hooks)

    def write(self) -> None:
        """Write it all: a statement for each kind, however many phones there are."""
        from jackfield.desk_phones.models import CheckSyncPhone, Link, Standing
        from jackfield.numbers.models import Line

        if self.rotated:
            table = connection.ops.quote_name(Line._meta.db_table)
            with connection.cursor() as cursor:
                cursor.executemany(
                    f"UPDATE {table} SET sip_password = %s, previous_password = %s WHERE id = %s",  # noqa: S608 - a name of ours
                    [(one.password, one.previous, one.pk) for one in self.rotated],
                )
        if self.judging.settled:
            Standing.objects.filter(pk__in=self.judging.settled).update(password_before="")
        if self._standings:
            Standing.objects.bulk_create(
                self._standings.values(), update_conflicts=True, unique_fields=["phone"], update_fields=STANDING
            )
            macs = [one.phone.mac for one in self._standings.values()]
            self._tell_programs()
            # Whoever could not be told, or refused, may come by itself later: then it has the new one all the same.
            told = CheckSyncPhone.objects.filter(mac__in=macs, round__begun__isnull=False)
            told.exclude(answered="fetched").update(answered="fetched", at=self.now)
        for link in self.judging.spent:
            Link.objects.filter(pk=link.pk, used=None).update(until=link.until)
        for link in self._links:
            Link.objects.filter(pk=link.pk).update(used=link.used, used_by=link.used_by, files=link.files)


def _happening(phone: Any, standing: Any, lines: dict[str, Any]) -> Happening:
    numbers = [lines[name].extension.number for name in phone.extensions if name in lines]
    data = {"mac": phone.mac, "name": phone.name, "model": phone.model, "extensions": numbers,
            "address": standing.address, "way": standing.way, "firmware": standing.firmware}  # fmt: skip
    unique = f"{phone.mac} {standing.fetches} {standing.last_fetch}"
    return Happening("phone.provisioned", standing.last_fetch, data, phone.mac, numbers, unique)


def _file(made: Rendered) -> Answer:
    return Answer(status=200, body=made.body, content_type=made.content_type, why="given")


def rendered(house: House, model: Any, file: str, told: PhoneConfiguration) -> tuple[Rendered, TemplateProblem | None]:
    """Render a file with the company's templates; where one has an error, with its last good text, else with ours.

    Returns the problem besides. Raises `TemplateProblem` when our own has one.
    """
    own = {name: row.text for name, row in house.templates.items()}
    name = model.file(file).template
    try:
        made = render(model, file, told, own)
    except TemplateProblem as problem:
        if name not in own:
            raise
        good = house.templates[name].good
        if good and good != own[name]:
            try:
                return render(model, file, told, own | {name: good}), problem
            except TemplateProblem:
                pass
        return render(model, file, told, {key: text for key, text in own.items() if key != name}), problem
    row = house.templates.get(name)
    if row is not None and row.good != row.text:
        row.good = row.text
        row.save(update_fields=["good"])
    return made, None
