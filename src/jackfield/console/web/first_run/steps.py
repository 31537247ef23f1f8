"""The steps of the first run: what each asks, what it proposes, and how it reads what was typed."""

from __future__ import annotations

import ipaddress
import time
import zoneinfo
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from django.contrib.auth.hashers import make_password
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from jackfield.console.change import Wish
from jackfield.console.presets import presets
from jackfield.console.web import second_factor
from jackfield.console.web.csv_text import TableError, text_of
from jackfield.console.web.first_run.applying import MAIL, Present
from jackfield.console.web.first_run.draft import Draft
from jackfield.console.web.first_run.people_rows import FIELDS, read_pasted, read_rows
from jackfield.console.web.first_run.proposals import LANGUAGES, browser_place, countries, login_for, plans, zone_of
from jackfield.console.web.forms import FormField
from jackfield.console.web.passwords import weakness
from jackfield.notices.choices import Security

__all__ = ["STEPS", "Step", "app_secret"]

EMPTY_ROWS = 5
LONGEST = 8  # digits of the first number
TRUNK = ("hosts", "username", "auth_username", "password", "domain", "outbound_proxy", "caller_id")


@dataclass(slots=True)
class Form:
    """What a page needs: the draft, what is there, and the request that asks or brings something."""

    request: HttpRequest
    draft: Draft
    now: Present
    problems: dict[str, list[str]] = field(default_factory=dict)

    def refuse(self, name: str, text: str) -> None:
        """Say what is wrong with a field."""
        self.problems.setdefault(name, []).append(text)

    def text(self, name: str, longest: int = 254) -> str:
        """Return what was typed into a field, without blanks around it."""
        return " ".join(str(self.request.POST.get(name, "")).split())[:longest]


@dataclass(frozen=True, slots=True)
class Step:
    """One page. `propose` gives the values that it shows at first, `read` those that came, `show` the fields."""

    name: str
    title: Any  # a text that is put into the page's language when it is shown
    purpose: Any
    propose: Callable[[Form], dict[str, Any]]
    read: Callable[[Form], dict[str, Any]]
    show: Callable[[Form, dict[str, Any]], list[FormField]]

    def fields(self, form: Form, values: dict[str, Any]) -> list[FormField]:
        """Return the fields with what is wrong with each."""
        shown = self.show(form, values)
        for one in shown:
            one.problems += form.problems.get(one.name, [])
        return shown


# --- language and country


def _place(form: Form) -> dict[str, Any]:
    general = form.now.general
    language, country = browser_place(form.request.headers.get("Accept-Language", ""))
    here = general.time_zone not in ("UTC", "")  # then the country is that of the machine
    return {
        "language": language or general.language.partition("-")[0],
        "country": general.country if here or not country else country,
    }


def _read_place(form: Form) -> dict[str, Any]:
    return {"language": form.text("language", 35), "country": form.text("country", 2).upper()}


def _show_place(form: Form, values: dict[str, Any]) -> list[FormField]:
    languages = dict(LANGUAGES) | {values["language"]: LANGUAGES.get(values["language"], values["language"])}
    return [
        FormField(
            "language", _("Language"), "choice", values["language"], choices=tuple(languages.items()),
            help=_("Of these pages, messages and announcements. What is not recorded in it yet is said in English."),
        ),
        FormField(
            "country", _("Country"), "choice", values["country"], choices=countries(),
            help=_("How numbers are written, which tones callers hear, and the emergency numbers."),
        ),
    ]  # fmt: skip


# --- company and time zone


def _company(form: Form) -> dict[str, Any]:
    general = form.now.general
    country = form.draft.typed.get("place", {}).get("country", general.country)
    here = general.time_zone not in ("UTC", "")
    return {
        "company": general.company,
        "time_zone": general.time_zone if here else zone_of(country) or general.time_zone,
    }


def _read_company(form: Form) -> dict[str, Any]:
    return {"company": form.text("company", 100), "time_zone": form.text("time_zone", 64)}


def _show_company(form: Form, values: dict[str, Any]) -> list[FormField]:
    return [
        FormField("company", _("Company"), "text", values["company"], help=_("Shown at the top of the pages.")),
        FormField(
            "time_zone", _("Time zone"), "text", values["time_zone"], suggestions="time_zones",
            help=_("Such as Europe/Berlin: for opening hours and the times on these pages."),
        ),
    ]  # fmt: skip


def time_zones() -> list[tuple[str, str]]:
    """Return what the field of the time zone proposes."""
    return [(name, "") for name in sorted(zoneinfo.available_timezones()) if "/" in name and name[:4] != "Etc/"]


# --- numbers


def _numbers(form: Form) -> dict[str, Any]:
    return {"first": form.now.general.first_number}


def _read_numbers(form: Form) -> dict[str, Any]:
    first = form.text("first", 20)
    if first == "own":
        first = form.text("own", 20)
        if not first.isdecimal() or not 2 <= len(first) <= LONGEST:
            form.refuse("own", _("Give a number of two to eight digits, such as 20 or 300."))
            first = form.now.general.first_number  # what follows is worked out from one that can be
    return {"first": first}


def _show_numbers(form: Form, values: dict[str, Any]) -> list[FormField]:
    general = form.now.general
    country = form.draft.typed.get("place", {}).get("country", general.country)
    choices = [(plan.first, plan.told()) for plan in plans(country, general.outside_prefix)]
    if general.first_number not in dict(choices):
        there = form.now.untouched
        told = {"first": there[0], "last": there[-1]} if there else {}
        text = _("As it is: from %(first)s to %(last)s") % told if there else _("As it is")
        choices.insert(0, (general.first_number, text))
    value = values["first"] if values["first"] in dict(choices) and not form.problems.get("own") else "own"
    typed = form.text("own", 20) if form.problems.get("own") else values["first"]
    return [
        FormField("first", _("First number"), "radio", value, choices=[*choices, ("own", _("Another one:"))]),
        FormField("own", _("Another first number"), "text", typed if value == "own" else ""),
    ]


# --- administrator


def _administrator(form: Form) -> dict[str, Any]:
    return {"login": "", "name": "", "email": "", "hash": "", "app": None}


def app_secret(request: HttpRequest) -> str:
    """Return the secret that is shown as a QR code for the administrator's app: the same until the browser is done."""
    return str(request.session.setdefault("first_run_app", second_factor.new_secret()))


def _read_administrator(form: Form) -> dict[str, Any]:
    known = form.draft.typed.get("administrator", {})
    values = {name: form.text(name) for name in ("login", "name", "email")} | {"hash": known.get("hash", "")}
    values["app"] = known.get("app")  # the secret of an app, and the number of the 30 seconds whose code it showed
    if code := form.text("code", 10):
        secret = app_secret(form.request)
        at = second_factor.matching_step(secret, code, time.time())
        values["app"] = [secret, at] if at else None
        if not at:
            form.refuse("code", _("These are not the digits that the app shows now. Look at its clock, and try again."))
    values["made"] = not values["login"]  # made anew from what is typed the next time, if that was wrong
    values["login"] = values["login"] or login_for(values["name"], values["email"], ())
    password = str(form.request.POST.get("password", ""))
    company = form.draft.typed.get("company", {}).get("company", "") or form.now.general.company
    if password or not values["hash"]:
        why = weakness(password, None, values["login"], values["name"], values["email"], company)
        if why:
            form.refuse("password", why)
        elif password != form.request.POST.get("again", ""):
            form.refuse("again", _("The two are not the same: type the password once more."))
        else:
            values["hash"] = make_password(password)
    return values


def _show_administrator(form: Form, values: dict[str, Any]) -> list[FormField]:
    kept = (
        _("Empty: the one typed before.") if values["hash"] else _("Four words that have nothing in common are good.")
    )
    return [
        FormField("name", _("Your name"), "text", values["name"]),
        FormField("email", _("Your e-mail"), "text", values["email"], help=_("For alerts, and a new password.")),
        FormField(
            "login",
            _("Name to sign in with"),
            "text",
            "" if values.get("made") else values["login"],
            help=_("Empty: made from your e-mail address or your name."),
        ),
        FormField("password", _("Password"), "password", "", required=not values["hash"], help=kept),
        FormField("again", _("Once more"), "password", "", required=not values["hash"]),
        FormField("code", _("Six digits"), "text", ""),
    ]


# --- public address


def _network(form: Form) -> dict[str, Any]:
    from jackfield.console.web.first_run.connecting import public_addresses

    asked = form.request.GET.get("address", "")  # what a provider saw when the trunk was tried
    by_browser = [host] if _is_global(host := form.request.get_host().rpartition(":")[0].strip("[]")) else []
    found = [*([asked] if _is_global(asked) else []), *([known] if (known := form.now.general.public_address) else [])]
    return {"public_address": [*found, *public_addresses(), *by_browser, ""][0]}


def _is_global(text: str) -> bool:
    try:
        return ipaddress.ip_address(text).is_global
    except ValueError:
        return False


def _read_network(form: Form) -> dict[str, Any]:
    return {"public_address": form.text("public_address", 253)}


def _show_network(form: Form, values: dict[str, Any]) -> list[FormField]:
    text = _(
        "An address or a name. Empty, where all phones and trunks are in the same network, or no router is between. "
        "The test of a trunk tells which address the provider sees."
    )
    return [FormField("public_address", _("Public address"), "text", values["public_address"], help=text)]


# --- e-mail


def _mail(form: Form) -> dict[str, Any]:
    from jackfield.console.web.first_run.connecting import base
    from jackfield.notices.models import Mail

    mail = Mail.current()
    values = {name: getattr(mail, name) for name in MAIL} | {"password": ""}
    return values | {"links": mail.links or base(form.request)}


def _read_mail(form: Form) -> dict[str, Any]:
    values: dict[str, Any] = {name: form.text(name) for name in MAIL if name != "password"}
    values["port"] = int(values["port"]) if values["port"].isdecimal() else 587
    values["password"] = str(form.request.POST.get("password", "")) or form.draft.typed.get("mail", {}).get(
        "password", ""
    )
    if not values["sender"] and "@" in values["username"]:
        values["sender"] = values["username"]
    return values


def _show_mail(form: Form, values: dict[str, Any]) -> list[FormField]:
    security = tuple(Security.choices)
    return [
        FormField(
            "host", _("Server"), "text", values["host"], help=_("Such as smtp.example.com. Empty: no e-mail is sent.")
        ),
        FormField("port", _("Port"), "number", values["port"]),
        FormField("security", _("Encryption"), "choice", values["security"], choices=security),
        FormField(
            "username", _("User name"), "text", values["username"], help=_("Empty, where the server asks for none.")
        ),
        FormField(
            "password", _("Password"), "password", "", help=_("Empty: as typed before.") if values["password"] else ""
        ),
        FormField(
            "sender", _("Messages come from"), "text", values["sender"],
            help=_("An e-mail address. Empty: the user name, where that is one."),
        ),
        FormField(
            "links", _("Address in links"), "text", values.get("links", ""),
            help=_("Where people reach their own pages, such as https://phone.example.com: messages lead there."),
        ),
    ]  # fmt: skip


# --- trunk


def _trunk(form: Form) -> dict[str, Any]:
    key = form.request.GET.get("provider", "")
    return {"provider": key if key in presets() else "", "trunk": {}, "target": form.now.group}


def _read_trunk(form: Form) -> dict[str, Any]:
    key = form.text("provider", 60)
    preset = presets().get(key, presets()["other"])
    trunk: dict[str, Any] = dict(preset.trunk or {})
    for name in TRUNK:
        if name in form.request.POST and name != "password":
            trunk[name] = form.text(name)
    trunk["hosts"] = [part for part in str(form.text("hosts")).replace(",", " ").split() if part]
    before = form.draft.typed.get("trunk", {}).get("trunk", {}).get("password", "")
    trunk["password"] = str(form.request.POST.get("password", "")) or before
    if form.text("transport"):
        trunk["transport"] = form.text("transport", 10)
    trunk["name"] = form.text("name", 60) or preset.name
    if trunk.get("kind", "register") == "register" and not trunk.get("username"):
        form.refuse("username", _("Give the user name that you got from the provider."))
    if any(host.startswith("my-trunk.") for host in trunk["hosts"]):
        form.refuse("hosts", _("Put your trunk's own name in place of my-trunk."))
    if set(str(trunk.get("outbound_proxy", "")).partition(".")[0]) == {"0"}:
        form.refuse("outbound_proxy", _("Put your own digits in place of the zeros."))
    return {"provider": key, "trunk": trunk, "target": form.text("target", 31)}


def _show_trunk(form: Form, values: dict[str, Any]) -> list[FormField]:
    preset = presets().get(values["provider"])
    if preset is None:
        return []
    trunk = dict(preset.trunk or {}) | {name: value for name, value in values["trunk"].items() if value}
    password = _("Empty: as typed before.") if values["trunk"].get("password") else ""
    shown = [
        FormField("name", _("Name"), "text", trunk.get("name", preset.name), help=_("As you want to call it here.")),
        FormField("hosts", _("Provider's address"), "list", trunk.get("hosts", []), required=True),
        FormField(
            "username",
            _("User name"),
            "text",
            trunk.get("username", ""),
            help=_(preset.username) if preset.username else "",
        ),
    ]
    asked = {
        "auth_username": _("Authentication name"),
        "domain": _("SIP domain"),
        "outbound_proxy": _("Outbound proxy"),
    }
    helps = {"auth_username": _("Where the provider gave one beside the user name.")}
    shown += [
        FormField(name, asked[name], "text", trunk.get(name, ""), help=helps.get(name, ""))
        for name in preset.ask
        if name in asked
    ]
    shown.insert(
        next(index for index, one in enumerate(shown) if one.name == "username") + 1,
        FormField("password", _("Password"), "password", "", help=password),
    )
    transports = (("", _("As its DNS says")), ("udp", "UDP"), ("tcp", "TCP"), ("tls", "TLS"))
    shown += [
        FormField("transport", _("Transport"), "choice", trunk.get("transport", ""), choices=transports),
        FormField("caller_id", _("Number shown to those you call"), "text", trunk.get("caller_id", "")),
    ]
    targets = [(form.now.group, _("Everybody: all phones ring"))] if form.now.group else []
    targets += [("", _("Nobody yet"))]
    shown.append(FormField("target", _("Calls from outside go to"), "choice", values["target"], choices=targets))
    return shown


# --- people


def _people(form: Form) -> dict[str, Any]:
    rows = []
    typed = form.draft.typed.get("administrator")
    if typed and form.draft.counts("administrator"):
        rows = [{"name": typed["name"], "email": typed["email"], "login": typed["login"], "number": ""}]
    return {"rows": _proposed(form, rows)}


def _read_people(form: Form) -> dict[str, Any]:
    rows = read_rows(form.request.POST)
    texts = [str(form.request.POST.get("pasted", ""))]
    upload: Any = form.request.FILES.get("table")
    if upload is not None:
        try:
            texts.append(text_of(upload.read(1 << 20)))
        except TableError as problem:
            form.refuse("table", str(problem))
    for text in texts:
        rows += read_pasted(text)
    rows = _proposed(form, rows)
    for index, row in enumerate(rows):
        for name in ("number", "login"):
            same = [at for at, other in enumerate(rows) if row[name] and other[name] == row[name]]
            if same[:1] and same[0] != index:
                form.refuse(
                    f"rows.{index}.{name}",
                    _("%(what)s is in row %(row)s already.") % {"what": row[name], "row": same[0] + 1},
                )
    return {"rows": rows}


def _proposed(form: Form, rows: list[dict[str, str]]) -> list[dict[str, str]]:
    """Fill in what was left empty: the next free number, and a name to sign in with."""
    from jackfield.console.web.first_run.applying import wanted

    draft, now = form.draft, form.now
    start = str(draft.typed["numbers"]["first"]) if draft.counts("numbers") else now.general.first_number
    typed = {name: value for name, value in draft.typed.items() if name != "people"}
    rest = Draft(form.request)
    rest.typed = typed
    planned = [
        str(wish.values.get("number", ""))
        for wish in wanted(rest, now).wishes
        if isinstance(wish, Wish) and wish.section == "extensions"
    ]
    free = planned or list(now.untouched)
    taken = set(now.numbers) - set(now.untouched) | {row["number"] for row in rows}
    logins = {row["login"] for row in rows} | set(now.logins)
    number = int(start) if start.isdecimal() else 101
    filled = []
    for row in rows:
        row = dict(row)
        if not row["number"]:
            row["number"] = next((one for one in free if one not in taken), "")
            while not row["number"] or (row["number"] in taken):
                row["number"] = f"{number:0{len(start)}d}"
                number += 1
            taken.add(row["number"])
        if not row["login"] and row["name"]:
            row["login"] = login_for(row["name"], row["email"], logins)
            logins.add(row["login"])
        filled.append(row)
    return filled


def _show_people(form: Form, values: dict[str, Any]) -> list[FormField]:
    labels = {"name": _("Name"), "email": _("E-mail"), "number": _("Number"), "login": _("Signs in as")}
    rows = [*values["rows"], *(dict.fromkeys(FIELDS, "") for _row in range(EMPTY_ROWS))]
    shown = []
    for index, row in enumerate(rows):
        for name in FIELDS:
            label = _("%(field)s, row %(row)s") % {"field": labels[name], "row": index + 1}
            shown.append(FormField(f"rows.{index}.{name}", label, "cell", row[name]))
    return shown


STEPS = (
    Step("place", gettext_lazy("Language and country"),
         gettext_lazy("So that announcements, tones and numbers are those of where you are."),
         _place, _read_place, _show_place),
    Step("company", gettext_lazy("Company"), gettext_lazy("Who this phone system is for."),
         _company, _read_company, _show_company),
    Step("numbers", gettext_lazy("Numbers inside"), gettext_lazy("With which number the extensions begin."),
         _numbers, _read_numbers, _show_numbers),
    Step("administrator", gettext_lazy("Administrator"),
         gettext_lazy("Your account on these pages. With it, you sign in from now on."),
         _administrator, _read_administrator, _show_administrator),
    Step("network", gettext_lazy("Public address"),
         gettext_lazy("What phones and providers outside reach this system at, if a router is between."),
         _network, _read_network, _show_network),
    Step("mail", gettext_lazy("E-mail"),
         gettext_lazy("So that Jackfield can invite people, and tell of missed calls and troubles."),
         _mail, _read_mail, _show_mail),
    Step("trunk", gettext_lazy("Trunk"), gettext_lazy("The line to the outside: your provider."),
         _trunk, _read_trunk, _show_trunk),
    Step("people", gettext_lazy("People"), gettext_lazy("Who has a phone. Each gets a number, and pages of their own."),
         _people, _read_people, _show_people),
)  # fmt: skip
