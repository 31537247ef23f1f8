"""The pages of the first run: the door with the token, one page for each step, the end, and the first phones."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from django.conf import settings as django_settings
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters

from jackfield.console import change, first_run, languages, links, validation, welcome
from jackfield.console.change import Author, Wish
from jackfield.console.declarative.difference import DocumentError, Problem
from jackfield.console.presets import presets, sorted_for
from jackfield.console.web import changes, errors, second_factor
from jackfield.console.web.first_run import connecting
from jackfield.console.web.first_run.applying import Present, Wanted, present, wanted
from jackfield.console.web.first_run.draft import Draft, admit, admitted
from jackfield.console.web.first_run.steps import STEPS, Form, Step, app_secret, time_zones
from jackfield.console.web.first_run.summary import summary
from jackfield.console.web.forms import sentence
from jackfield.console.web.rights import public

__all__ = ["enter", "finish", "judge", "phones", "step"]

TRIES = 10
PAUSE = 900.0
SHOWN_UNTIL = "first_phones_until"
SHOWN = "first_phones"
SHOWN_SECONDS = 3600
"""Passwords of phones are shown to whoever has just set them up, and not to whoever comes to the page later."""
View = Callable[..., HttpResponse]
NAMES = [one.name for one in STEPS]


@public
def enter(request: HttpRequest) -> HttpResponse:
    """Let in whoever shows the token of this start; lead on who is in already."""
    token = request.GET.get("token", "")
    if not token or (request.user.is_authenticated and admitted(request)):
        return redirect(f"/first-run/{NAMES[0]}") if admitted(request) else _locked(request)
    address = f"first run:{request.META.get('REMOTE_ADDR', '')}"
    if _tries(address) >= TRIES:
        return _locked(
            request, _("Too many wrong tokens came from your address. Try again in a quarter of an hour."), 429
        )
    if not first_run.fits(token):
        _count(address)
        return _locked(request, _("This address is not the newest: each start of Jackfield prints another one."))
    admit(request)
    return redirect(f"/first-run/{NAMES[0]}")


def _tries(who: str) -> int:
    from jackfield.people.models import Failure

    row = Failure.objects.filter(who=who, last__gt=time.time() - PAUSE).first()
    return row.count if row else 0


def _count(who: str) -> None:
    from django.db.models import F

    from jackfield.people.models import Failure

    Failure.objects.filter(who=who, last__lte=time.time() - PAUSE).delete()
    Failure.objects.get_or_create(who=who)
    Failure.objects.filter(who=who).update(count=F("count") + 1, last=time.time())


def _locked(request: HttpRequest, text: str = "", status: int = 403) -> HttpResponse:
    if first_run.administrator_exists():
        return redirect("/sign-in")
    return render(request, "first_run/locked.html", {"text": text}, status=status)


def inside(view: View) -> View:
    """Keep those out for whom the pages are not."""

    @public
    def guarded(request: HttpRequest, *arguments: Any, **named: Any) -> HttpResponse:
        return view(request, *arguments, **named) if admitted(request) else _locked(request)

    return guarded


@sensitive_post_parameters("password", "again")
@inside
def step(request: HttpRequest, name: str) -> HttpResponse:
    """Show a step; take what was typed, or skip it."""
    found = next((one for one in STEPS if one.name == name), None)
    if found is None:
        return errors.missing(request, _("There is no such step."))
    draft = Draft(request)
    form = Form(request, draft, present())
    if request.method != "POST":
        values = draft.typed.get(name) or found.propose(form)
        if name == "trunk" and "provider" in request.GET and request.GET["provider"] != values.get("provider"):
            values = found.propose(form)
        return _page(form, found, values)
    if "skip" in request.POST:
        draft.skip(name)
        return redirect(_after(name))
    values = found.read(form)
    draft.take(name, values)
    rest = _check(form, found)
    draft.judge(name, right=not (form.problems or rest))
    if form.problems or rest:
        return _page(form, found, values, rest=rest, status=422)
    if "try" in request.POST:
        return _page(form, found, values, outcome=TRIED[name](request, values))
    if "read" in request.POST:
        return redirect(f"/first-run/{name}")
    return _spoken(request, redirect(_after(name)), values.get("language", ""))


def _spoken(request: HttpRequest, answer: HttpResponse, language: str) -> HttpResponse:
    """Go on in the language that was chosen; whoever has an account has chosen his there."""
    if (wanted := languages.supported(language)) and not request.user.is_authenticated:
        answer.set_cookie(languages.COOKIE, wanted, secure=True, httponly=True, samesite="Lax")
    return answer


def _after(name: str) -> str:
    place = NAMES.index(name) + 1
    return f"/first-run/{NAMES[place] if place < len(NAMES) else 'finish'}"


def _check(form: Form, at: Step) -> list[str]:
    """Note what is wrong in this step at its fields; return what belongs to none of them."""
    plan = wanted(form.draft, form.now)
    try:
        change.save(django_settings.JACKFIELD, plan.wishes, author=_author(form.request), dry_run=True)
    except DocumentError as problem:
        here = [(one, *plan.origin(one.path)) for one in problem.problems]
        rest = []
        for one, step_name, name in here:
            if step_name != at.name:
                continue
            if name in form.problems:
                continue  # one thing at a time; what is said of the step itself is the plainer
            if any(field.name == name for field in at.fields(form, form.draft.typed[at.name])):
                form.refuse(name, sentence(one.message))
            else:
                rest.append(sentence(one.message))
        return rest
    return []


def _page(
    form: Form,
    at: Step,
    values: dict[str, Any],
    *,
    rest: list[str] | None = None,
    outcome: Any = None,
    status: int = 200,
) -> HttpResponse:
    fields = at.fields(form, values)
    context = {
        "step": at,
        "fields": fields,
        "by_name": {field.name: field for field in fields},
        "values": values,
        "rest": rest or [],
        "wrong": [field for field in fields if field.problems],
        "outcome": outcome,
        "steps": _progress(form.draft),
        "before": NAMES[NAMES.index(at.name) - 1] if at.name != NAMES[0] else "",
        "zones": time_zones() if at.name == "company" else [],
        "table_problems": form.problems.get("table", []),
    }
    if at.name == "administrator":
        secret = app_secret(form.request)
        about = SimpleNamespace(login=values["login"] or "administrator")
        company = form.draft.typed.get("company", {}).get("company", "") or form.now.general.company
        context["app"] = {
            "secret": secret,
            "picture": second_factor.qr(second_factor.uri(secret, about, company)),
            "taken": bool(values.get("app")),
        }
    if at.name == "mail":
        mine = form.draft.typed.get("administrator", {}).get("email", "") or getattr(form.request.user, "email", "")
        context["recipient"] = form.request.POST.get("recipient", mine)
    if at.name == "trunk":
        country = form.draft.typed.get("place", {}).get("country", form.now.general.country)
        context |= {"providers": sorted_for(country), "preset": presets().get(values["provider"])}
    return render(form.request, "first_run/step.html", context, status=status)


def _progress(draft: Draft) -> list[tuple[str, str, str]]:
    return [(one.name, one.title, draft.state(one.name)) for one in STEPS]


def _try_trunk(request: HttpRequest, values: dict[str, Any]) -> Any:
    from jackfield.console.trunk_test import try_trunk

    return try_trunk(values["trunk"])


def _try_mail(request: HttpRequest, values: dict[str, Any]) -> Any:
    from jackfield.console import postman
    from jackfield.console.trunk_test import Outcome
    from jackfield.console.web.first_run.applying import MAIL
    from jackfield.notices.models import Mail

    recipient = request.POST.get("recipient", "").strip()
    try:
        validation.email(recipient)
        mail = Mail(**{name: values[name] for name in MAIL})
        postman.send(mail, recipient, postman.trial())
    except ValidationError as problem:
        return Outcome(False, _("%(problem)s: say to whom the test message goes.") % {"problem": problem.messages[0]})
    except postman.Undeliverable as problem:
        return Outcome(False, _("The test message did not get away: %(problem)s.") % {"problem": problem})
    return Outcome(
        True,
        _("The server took the test message for %(recipient)s. Look into that mailbox.") % {"recipient": recipient},
    )


TRIED: dict[str, Callable[[HttpRequest, dict[str, Any]], Any]] = {"trunk": _try_trunk, "mail": _try_mail}


def _author(request: HttpRequest) -> Author:
    user: Any = request.user
    address = request.META.get("REMOTE_ADDR", "")
    if user.is_authenticated:
        return Author(user.shown_name, "page", user, address)
    return Author("first run", "first run", None, address)


@sensitive_post_parameters("password", "again")
@inside
def judge(request: HttpRequest) -> HttpResponse:
    """Say how strong a password is, while it is typed."""
    from jackfield.console.strength import strength

    about = [request.POST.get(name, "")[:100] for name in ("login", "name", "email")]
    found = strength(request.POST.get("password", "")[:200], about=[text for text in about if text])
    return JsonResponse({"score": found.score, "word": found.word, "problem": found.problem})


@inside
def finish(request: HttpRequest) -> HttpResponse:
    """Show what will be done; do it, and sign the new administrator in."""
    draft, now = Draft(request), present()
    shown = [(one.name, one.title, draft.state(one.name), summary(one.name, draft)) for one in STEPS]
    context: dict[str, Any] = {"shown": shown, "steps": _progress(draft), "problems": []}
    context["welcome"] = _can_welcome(draft)
    if request.method != "POST":
        context["nobody"] = not draft.counts("administrator") and not first_run.administrator_exists()
        return render(request, "first_run/finish.html", context)
    plan = wanted(draft, now)
    try:
        difference = change.save(django_settings.JACKFIELD, plan.wishes, author=_author(request))
    except DocumentError as problem:
        context["problems"] = [(_step_of(plan, one), sentence(one.message)) for one in problem.problems]
        context["nobody"] = False
        return render(request, "first_run/finish.html", context, status=422)
    warnings = [sentence(one.message) for one in difference.warnings]
    welcomed = welcome.welcome_created(difference) if "welcome" in request.POST else []
    if draft.counts("administrator"):
        _sign_in(request, draft.typed["administrator"])
    draft.forget()
    request.session.pop("first_run_app", None)
    notices = [["good", _("All of it is set up.")], *map(list, welcomed), *(["warning", text] for text in warnings[:5])]
    request.session["notices"] = notices
    fresh = _fresh(plan, now)
    request.session[SHOWN_UNTIL] = time.time() + SHOWN_SECONDS
    request.session[SHOWN] = fresh
    if fresh and request.user.is_authenticated:
        changes.record(request, f"Showed how to connect the phones of {', '.join(fresh[:20])}, with their passwords.")
    return redirect("/first-run/phones")


def _can_welcome(draft: Draft) -> bool:
    """Tell whether the new people can be sent links: with what was typed here, or what is set already."""
    typed = draft.typed["mail"] if draft.counts("mail") else None
    ready = bool(typed["host"] and typed.get("links")) if typed is not None else not links.hindrance()
    return ready and draft.counts("people") and any(row["email"] for row in draft.typed["people"]["rows"])


def _fresh(plan: Wanted, now: Present) -> list[str]:
    """Return the extensions whose phones nobody has connected yet: the new ones, and the first ones."""
    wishes = [wish for wish in plan.wishes if isinstance(wish, Wish) and wish.section == "extensions"]
    moved = {wish.about[0]: str(wish.values.get("number", wish.about[0])) for wish in wishes if wish.about}
    made = [str(wish.values["number"]) for wish in wishes if wish.about is None]
    return [moved.get(number, number) for number in now.untouched] + made


def _step_of(plan: Any, problem: Problem) -> str:
    return str(plan.origin(problem.path)[0])


def _sign_in(request: HttpRequest, typed: dict[str, Any]) -> None:
    from jackfield.console.web.signing_in import begin
    from jackfield.people.models import User

    user = User.objects.get(login=typed["login"])
    user.password = typed["hash"]
    user.save(update_fields=["password"])
    if typed.get("app"):
        second_factor.add(user, *typed["app"])
    if not request.user.is_authenticated:
        begin(request, user)


@inside
def phones(request: HttpRequest) -> HttpResponse:
    """Show what to enter into the first phones; place a test call."""
    outcome = connecting.test_call() if request.method == "POST" else None
    fresh = request.session.get(SHOWN_UNTIL, 0) > time.time()
    context = {
        "cards": connecting.cards(request, request.session.get(SHOWN, ())) if fresh else [],
        "outcome": outcome,
        "reachable": bool(connecting.base(request)),
        "echo": _echo(),
        "signed_in": request.user.is_authenticated,
    }
    return render(request, "first_run/phones.html", context)


def _echo() -> str:
    """Return the number of the echo test; "" where there is none."""
    from jackfield.numbers.models import Service

    return str(Service.objects.filter(kind="echo").values_list("number", flat=True).first() or "")
