"""What a phone needs to be connected: its server, its name and password, QR codes; and a new password for it.

A QR code and a link hold the password, so they are for those who may write, and it is recorded who had them.
"""

from __future__ import annotations

import time
from typing import Any

from django.conf import settings as django_settings
from django.http import HttpResponse

from jackfield.console import change
from jackfield.console.change import Wish
from jackfield.console.provisioning.house import desk_phones_of
from jackfield.console.rest import answers, door, problems, schemas
from jackfield.console.rest.operations import DRY_RUN, Asked, Operation, Parameter
from jackfield.console.rest.problems import Refusal
from jackfield.console.rest.things import SECRETS, record_secrets
from jackfield.console.rest.who import author
from jackfield.console.web.first_run import connecting
from jackfield.console.web.rights import WRITE
from jackfield.numbers.models import Line
from jackfield.numbers.schema import new_password
from jackfield.provisioning.softphones import APPS
from jackfield.softphones import links
from jackfield.softphones.models import SetupLink

__all__ = ["code_of", "facts", "operations"]

MOST = 100
CODES = {"page": "code", "linphone": "linphone"}
NOT_REACHED = "The console answers on this machine alone, so no phone could open what a code leads to."


def facts(request: Any, line: Any, *, secrets: bool) -> dict[str, Any]:
    """Return what is entered into a phone. With `secrets` the password, and the links that show it for a day."""
    found = {
        "extension": line.extension.number,
        "name": line.extension.name,
        "device": line.name,
        "server": connecting.server(),
        "sip_username": line.sip_username,
    }
    if secrets:
        link = connecting.card(request, line).link
        found["sip_password"] = line.sip_password
        found |= {"link": link} | {app.slug: f"{link}/{app.file}" if link else "" for app in APPS}
    return found


def code_of(request: Any, line: Any, kind: str) -> HttpResponse:
    """Answer with a QR code as SVG. Raises `Refusal` where a phone could not open what it leads to."""
    drawn = str(getattr(connecting.card(request, line), CODES[kind]))
    if not drawn:
        raise Refusal(422, NOT_REACHED)
    if "xmlns=" not in drawn:  # drawn to stand within a page
        drawn = drawn.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)
    return HttpResponse(drawn, content_type="image/svg+xml")


def connect(asked: Asked) -> HttpResponse:
    """Answer with what a phone is set up with."""
    line = _line(asked)
    secrets = asked.query["secrets"]
    if secrets:
        door.demand(asked.request, "people", WRITE)
        record_secrets(asked, f"phone {line.sip_username}")
    return answers.json(facts(asked.request, line, secrets=secrets))


def code(asked: Asked) -> HttpResponse:
    """Answer with a QR code by which a phone is set up."""
    line = _line(asked)
    answer = code_of(asked.request, line, asked.query["code"])
    record_secrets(asked, f"phone {line.sip_username}, as a QR code")
    return answer


def renew(asked: Asked) -> HttpResponse:
    """Give a phone a new password, and answer with it this once."""
    line = _line(asked)
    password = new_password()
    lines = [
        {"sip_username": one.sip_username} | ({"sip_password": password} if one.pk == line.pk else {})
        for one in line.extension.lines.all()
    ]
    wish = Wish("extensions", {"lines": lines}, (line.extension.number,))
    difference = change.save(
        django_settings.JACKFIELD, [wish], author=author(asked.request), dry_run=asked.query["dry_run"]
    )
    if not difference.applied:
        return answers.json(difference.to_dict())
    return answers.json(facts(asked.request, _line(asked), secrets=True))


def _line(asked: Asked) -> Line:
    name = asked.path["sip_username"]
    line: Line | None = Line.objects.select_related("extension").filter(sip_username=name).first()
    if line is None:
        raise problems.missing(f"phone {name[:80]}")
    return line


def list_links(asked: Asked) -> HttpResponse:
    """Answer with the links that set a phone up, the newest first, and how each stands; never with a link itself."""
    return links_of(_line(asked))


def links_of(line: Any) -> HttpResponse:
    """Answer with the links of a line."""
    now = time.time()
    return answers.json({"items": [_told(link, now) for link in line.setup_links.all()[:MOST]], "next": None})


def make_link(asked: Asked) -> HttpResponse:
    """Make a link that sets a phone up, and answer with it this once."""
    line = _line(asked)
    if line.pk in desk_phones_of([line.extension]):
        raise Refusal(409, "This is the line of a desk phone, which gets another password with each fetch.")
    where = connecting.base(asked.request)
    if not where:
        raise Refusal(422, NOT_REACHED)
    link = links.make(line, seconds=asked.query["days"] * links.DAY, by=author(asked.request).name)
    record_secrets(asked, f"phone {line.sip_username}, as a link")
    return answers.json(_told(link, time.time()) | {"link": f"{where}/phone/{links.token(link)}"}, 201)


def revoke_link(asked: Asked) -> HttpResponse:
    """Take a link back; one that was used or has ended stays as it is."""
    return taken_back(_line(asked), asked.path["id"])


def taken_back(line: Any, pk: int) -> HttpResponse:
    """Take back a link of a line, and answer with how it stands then."""
    link = line.setup_links.filter(pk=pk).first()
    if link is None:
        raise problems.missing(f"set-up link {pk}")
    links.revoke(link)
    link.refresh_from_db()
    return answers.json(_told(link, time.time()))


def _told(link: SetupLink, now: float) -> dict[str, Any]:
    return {
        "id": link.pk,
        "made": link.made,
        "made_by": link.made_by,
        "expires": link.expires,
        "state": str(links.state(link, now)),
        "used": link.used,
        "used_by": link.used_by,
        "used_from": link.used_from,
        "revoked": link.revoked,
    }


FACTS = schemas.table(dict.fromkeys(
    ("extension", "name", "device", "server", "sip_username", "sip_password", "link", *(app.slug for app in APPS)),
    "string",
))  # fmt: skip
LINK = schemas.table({
    "id": "integer", "made": "number", "made_by": "string", "expires": "number",
    "state": {"type": "string", "enum": [str(one) for one in links.State]}, "used": {"type": ["number", "null"]},
    "used_by": "string", "used_from": "string", "revoked": {"type": ["number", "null"]},
})  # fmt: skip
MADE = schemas.table({**LINK["properties"], "link": "string"})
DAYS = Parameter("days", "How long the link holds.", {"type": "integer", "minimum": 1, "maximum": 30, "default": 1})
CODE = Parameter(
    "code",
    "Where it leads: to a page that shows what to enter, or to the file that Linphone sets itself up by.",
    {"type": "string", "enum": list(CODES), "default": "page"},
)


def operations() -> list[Operation]:
    """Return the operations on single phones."""
    common: dict[str, Any] = {"area": "people", "group": "phones"}
    one = "/lines/{sip_username}"
    return [
        Operation("connect_phone", "GET", f"{one}/connect", summary="What a phone is set up with", run=connect,
                  parameters=(SECRETS,), answer=FACTS,
                  about="With secrets=1 its password, and the links that set it up within a day.", **common),
        Operation("phone_code", "GET", f"{one}/code", summary="The QR code that sets a phone up", run=code,
                  parameters=(CODE,), answer={"type": "string"}, answer_type="image/svg+xml",
                  about="It holds the password: for those who may write here, and it is recorded.", write=True,
                  **common),
        Operation("renew_phone_password", "POST", f"{one}/password", summary="Give a phone a new password",
                  run=renew, parameters=(DRY_RUN,), answer=FACTS, about="It is in this answer alone.", **common),
        Operation("list_setup_links", "GET", f"{one}/links", summary="The links that set a phone up", run=list_links,
                  answer=schemas.table({"items": {"type": "array", "items": LINK}}),
                  about="Of each, how it stands: open, used, expired, revoked, or ended by another password. Times are "
                  "seconds since 1970.", **common),
        Operation("make_setup_link", "POST", f"{one}/links", summary="Make a link that sets a phone up",
                  run=make_link, parameters=(DAYS,), answer=MADE, status=201,
                  about="It works once; it is in this answer alone. Behind it, /linphone.xml, /groundwire.xml and "
                  "/zoiper.xml are what those apps set themselves up by.", **common),
        Operation("revoke_setup_link", "POST", f"{one}/links/{{id}}/revoke", summary="Take a link back",
                  run=revoke_link, answer=LINK, route="lines/<str:sip_username>/links/<int:id>/revoke", **common),
    ]  # fmt: skip
