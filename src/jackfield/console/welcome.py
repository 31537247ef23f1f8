"""Messages with a link by which somebody sets a password: welcome to new users, and help for those who forgot theirs.

Such a link is as good as the password itself. So it is made while the message is sent and kept nowhere: the list of
messages, which many may read, only says that one went out.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop as later
from django.utils.translation import ngettext, override

from jackfield.console.letters import Button, Letter, language_of
from jackfield.console.links import address_for_users, hindrance
from jackfield.notices.choices import Kind, Progress

if TYPE_CHECKING:
    from jackfield.notices.models import Notice

__all__ = ["forgotten", "letter", "queue", "wanted_by_default", "welcome_created"]

ONE_AN_HOUR = 3600.0
MOST_PHONES = 3  # links in one letter
SUBJECTS = {
    Kind.WELCOME: later("Your phone at %(company)s"),
    Kind.FORGOTTEN_PASSWORD: later("Choose a new password"),
}
KEPT_TEXT = {
    Kind.WELCOME: later("Welcome, with a link by which a password is set. The link is not kept."),
    Kind.FORGOTTEN_PASSWORD: later("A link by which a new password is set, as somebody asked for. It is not kept."),
}
HOUSE = later("your company")


def wanted_by_default() -> bool:
    """Tell whether new users are welcomed unless somebody says otherwise: the company wants it, and it can be done."""
    from jackfield.notices.models import Notices

    return bool(Notices.current().welcome) and not hindrance()


def queue(users: Iterable[Any], now: float | None = None) -> list[tuple[str, str]]:
    """Send the welcome mail to these users soon; return what to tell about it, as (kind, text).

    Left out is who has no e-mail address or may not sign in. Raises errors of the database.
    """
    if problem := hindrance():
        return [("warning", problem)]
    at = time.time() if now is None else now
    sent, without = 0, []
    for user in users:
        if not user.email or not user.is_active:
            without.append(user.shown_name)
            continue
        _put(Kind.WELCOME, user, at)
        sent += 1
    found = []
    if sent:
        text = ngettext("%(count)s welcome mail is on its way.", "%(count)s welcome mails are on their way.", sent)
        found.append(("good", text % {"count": sent}))
    if without:
        names = ", ".join(without[:10]) + (" …" if len(without) > 10 else "")
        text = _("No welcome mail to %(names)s: without an e-mail address, or may not sign in.")
        found.append(("warning", text % {"names": names}))
    return found


def welcome_created(difference: Any) -> list[tuple[str, str]]:
    """Welcome the users whom a change (`Difference`) has made; return what to tell about it."""
    from jackfield.people.models import User

    made = [one.key for one in difference.changes if (one.section, one.action) == ("users", "create")]
    if not made or not difference.applied:
        return []
    users = [user for user in User.objects.filter(login__in=made).order_by("login") if user.email and user.is_active]
    return queue(users) if users else []


def forgotten(user: Any, now: float) -> bool:
    """Send `user` a link to choose a new password, but for one an hour. Returns whether one is sent."""
    from jackfield.notices.models import Notice, Notices

    if not Notices.current().forgotten_password or hindrance() or not user.email or not user.is_active:
        return False
    before = Notice.objects.filter(kind=Kind.FORGOTTEN_PASSWORD, user=user, at__gt=now - ONE_AN_HOUR)
    if before.exclude(progress=Progress.FAILED).filter(recipient=user.email).exists():
        return False
    _put(Kind.FORGOTTEN_PASSWORD, user, now)
    return True


def _put(kind: Any, user: Any, now: float) -> None:
    from jackfield.notices.models import Notice

    if Notice.objects.filter(kind=kind, user=user, recipient=user.email, progress=Progress.WAITING).exists():
        return
    language = language_of(user)
    with override(language):
        subject, text = _subject(kind), _(KEPT_TEXT[kind])
    Notice.objects.create(
        at=now, kind=kind, cause=f"{kind} {user.pk}", recipient=user.email, user=user, language=language,
        subject=subject, text=text, next_try=now,
    )  # fmt: skip


def _subject(kind: Any) -> str:
    from jackfield.company.models import General

    return str(_(SUBJECTS[kind]) % {"company": General.current().company or _(HOUSE)})


def letter(notice: Notice) -> Letter:
    """Return the message with its link, in the language that is active.

    Raises `postman.Undeliverable` where it must not be sent any more: the person has another address, or may not sign
    in.
    """
    from jackfield.console.postman import Undeliverable
    from jackfield.people.models import User

    user = User.objects.get(pk=notice.user_id)
    if not user.is_active or user.email != notice.recipient:
        raise Undeliverable(_("the person may not sign in any more, or has another address now"), forever=True)
    if problem := hindrance():
        raise Undeliverable(problem, forever=True)
    make = _welcome if notice.kind == Kind.WELCOME else _forgotten
    return make(user, notice.subject)


def _welcome(user: Any, subject: str) -> Letter:
    elsewhere = _of_directory(user)
    paragraphs = [_("You have a phone number here, and pages of your own: where your calls go, who called, contacts.")]
    if elsewhere:
        paragraphs.append(_("You sign in with the name and the password that you have in your company already."))
    elif user.password:
        paragraphs.append(_("You have a password already. If you don't know it, the button leads to a new one."))
    else:
        paragraphs.append(_("First choose a password. After that you can connect your phone in a minute."))
    facts = [(_("Your name to sign in"), user.login), *_numbers(user)]
    phones = _phones(user)
    if phones:
        paragraphs.append(
            _("For calls with an app on your mobile phone, open this message there and tap the link that sets it up.")
        )
    return Letter(
        subject,
        _("Hello %(name)s,") % {"name": user.shown_name},
        tuple(paragraphs),
        Button(_("Open your pages"), address_for_users("/")) if elsewhere else _button(user),
        tuple(facts),
        (
            *(() if elsewhere else (Button(_("Your pages"), address_for_users("/")),)),
            *phones,
            Button(_("Connect a phone with a QR code"), address_for_users("/me/devices/")),
        ),
        (*(() if elsewhere else (_valid(),)), *((_phones_valid(),) if phones else ())),
    )


def _forgotten(user: Any, subject: str) -> Letter:
    greeting = _("Hello %(name)s,") % {"name": user.shown_name}
    ignore = _("If it was not you, there is nothing to do: the old password stays as it is.")
    if _of_directory(user):
        text = _("Your password is not kept in the phone system: it is the one that you have in your company already.")
        return Letter(subject, greeting, (text,), small=(ignore,))
    text = _("Somebody, probably you, has asked for a new password for your pages of the phone system.")
    facts = ((_("Your name to sign in"), user.login),)
    return Letter(subject, greeting, (text,), _button(user), facts, small=(_valid(), ignore))


def _button(user: Any) -> Button:
    from jackfield.console.web.passwords import link

    return Button(_("Choose your password"), address_for_users(link(user)))


def _valid() -> str:
    from jackfield.console.web.passwords import LINK_DAYS

    text = ngettext(
        "The link to the password works once, within %(days)s day. Give it to nobody.",
        "The link to the password works once, within %(days)s days. Give it to nobody.",
        LINK_DAYS,
    )
    return str(text % {"days": LINK_DAYS})


def _phones_valid() -> str:
    from jackfield.softphones.links import DAY, WEEK

    days = int(WEEK / DAY)
    text = ngettext(
        "A link that sets up an app works once, within %(days)s day. Whoever has it can use your number.",
        "A link that sets up an app works once, within %(days)s days. Whoever has it can use your number.",
        days,
    )
    return str(text % {"days": days})


def _of_directory(user: Any) -> bool:
    return not user.password and hasattr(user, "entry")


def _phones(user: Any) -> list[Button]:
    """Return a link for the first phone of each of the person's extensions: it sets an app up, for a week.

    None leads to the line of a desk phone, which gets other passwords.
    """
    from jackfield.console.provisioning.house import desk_phones_of
    from jackfield.console.web.first_run import connecting
    from jackfield.softphones.links import WEEK

    found: list[Button] = []
    extensions = list(user.extensions.order_by("number").prefetch_related("lines"))
    taken = desk_phones_of(extensions)
    for extension in extensions:
        line = next((line for line in extension.lines.all() if line.pk not in taken), None)
        if line is not None and len(found) < MOST_PHONES:
            address = connecting.link(line, address_for_users(""), seconds=WEEK, by="welcome mail")
            found.append(Button(_("Set up a phone app for %(number)s") % {"number": extension.number}, address))
    return found


def _numbers(user: Any) -> list[tuple[str, str]]:
    """Return the person's numbers: the extensions, and what is called from outside to reach them."""
    from jackfield.contacts.numbers import house
    from jackfield.trunks.models import Inbound

    inside = list(user.extensions.order_by("number").values_list("number", flat=True))
    rows = Inbound.objects.filter(target__in=inside).exclude(number="").order_by("number")
    outside = [number for number in rows.values_list("number", flat=True) if number.lstrip("+").isdigit()]
    where = house()
    found = []
    if inside:
        found.append((ngettext("Your number", "Your numbers", len(inside)), ", ".join(inside)))
    if outside:
        found.append((_("From outside"), ", ".join(where.shown(number) for number in outside[:5])))
    return found
