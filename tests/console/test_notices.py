"""Notices by e-mail to a real SMTP server, and into the outbox for webhooks."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.utils import translation

from jackfield.console import api, letters, postman, publish, watching
from jackfield.console.api import ConsoleError
from jackfield.console.importing import Keeper
from jackfield.console.letters import Letter
from jackfield.console.monitoring import Observation
from jackfield.console.watching import Alert, Watch, alerts, tell
from jackfield.contacts.models import Contact, ContactNumber
from jackfield.history.models import Call
from jackfield.notices.choices import Kind
from jackfield.notices.models import Mail, Notice, Notices, Preference
from jackfield.people.models import User
from jackfield.settings import Settings
from jackfield.webhooks import signing
from jackfield.webhooks.models import Delivery, Webhook

from .mailbox import Mailbox, serving

NOW = 1_790_000_000.0
TRUNK = {"name": "Provider", "state": "down", "text": "nobody answers there"}


@pytest.fixture
def mailbox(free_port: Callable[[], int]) -> Iterator[tuple[Mailbox, int]]:
    with serving(free_port()) as box:
        yield box, box.port


def mail(port: int, **more: Any) -> Mail:
    found = Mail(pk=1, host="127.0.0.1", port=port, security="none", sender="pbx@example.com", **more)
    found.save()
    return found


def administrator(address: str = "anna@example.com") -> None:
    User.objects.create(login=address.split("@", maxsplit=1)[0], role="administrator", email=address)


def watch(settings: Settings) -> Watch:
    return Watch(settings, clock=lambda: NOW)


def deliver_all() -> None:
    for notice in postman.due(NOW):
        postman.deliver(notice, NOW)


def test_a_trunk_that_stays_down_is_told_once_and_that_it_works_again(settings: Settings, mailbox):
    box, port = mailbox
    mail(port, username="jack", password="field-7")
    administrator()
    seen = watch(settings)
    wrong = alerts(Observation(trunks=[TRUNK]))
    for _ in range(4):
        seen.compare(wrong)
    for _ in range(2):
        seen.compare([])
    deliver_all()

    subjects = [message["Subject"] for _, _, message in box.messages]
    assert subjects == ['Trunk "Provider" can\'t be used', 'Solved: Trunk "Provider" can\'t be used']
    sender, recipients, first = box.messages[0]
    assert (sender, recipients) == ("pbx@example.com", ["anna@example.com"])
    assert "nobody answers there" in first.get_body(("plain",)).get_content()
    assert first["Auto-Submitted"] == "auto-generated"
    assert {one.progress for one in Notice.objects.all()} == {"sent"}


ROUTER = {
    "address": "203.0.113.7", "site": "Brno", "kind": "blocks audio", "ports": "10000-20000", "tls": 5061,
    "phones": [f"10{one}'s phone" for one in range(7)],
}  # fmt: skip


def test_a_router_that_stands_in_the_way_is_told_of_once_with_the_mend(settings: Settings, mailbox):
    box, port = mailbox
    mail(port, links="https://phone.example.com")
    administrator()
    seen = watch(settings)
    for phones in (ROUTER["phones"], ROUTER["phones"][:5], []):
        for _ in range(2):
            seen.compare([watching.router(ROUTER | {"phones": phones})] if phones else [])
    deliver_all()

    first, second = (message for _, _, message in box.messages)
    assert first["Subject"] == "The router at site Brno (203.0.113.7) blocks audio"
    text = " ".join(first.get_body(("plain",)).get_content().split())
    assert "it blocks UDP 10000-20000. Open these ports there" in text
    assert "100's phone, 101's phone, 102's phone, 103's phone, 104's phone and 2 more." in text
    assert "/admin/phones/?show=audio" in text
    assert second["Subject"] == "Solved: The router at site Brno (203.0.113.7) blocks audio"


@pytest.mark.parametrize(("tls", "told"), [(5061, True), (0, False)])
def test_of_a_router_that_changes_sip_it_is_said_what_mends_that(tls: int, told: bool):
    alert = watching.router(ROUTER | {"kind": "changes sip", "site": "", "phones": ["103's phone"], "tls": tls})
    assert str(alert.subject) == "The router at 203.0.113.7 changes SIP messages"
    assert "Switch “SIP ALG” off" in str(alert.text)
    assert str(alert.text).endswith("concerned: 103's phone.")
    assert ("use TLS on port 5061" in str(alert.text)) is told


def test_what_is_wrong_for_a_moment_only_is_not_told(settings: Settings):
    mail(25)
    administrator()
    seen = watch(settings)
    seen.compare(alerts(Observation(trunks=[TRUNK])))
    seen.compare([])
    assert not Notice.objects.exists()


def test_of_the_same_cause_nobody_is_told_twice_in_an_hour(settings: Settings):
    mail(25)
    administrator()
    alert = Alert(Kind.DISK_LOW, "disk", "The disk is nearly full", "Make room.")
    assert tell(alert, NOW) == 1
    assert tell(alert, NOW + 3000) == 0
    assert tell(alert, NOW + 3700) == 1


def test_a_kind_that_is_switched_off_is_not_told(settings: Settings):
    mail(25)
    administrator()
    Notices(pk=1, trunk_down=False).save()
    assert tell(alerts(Observation(trunks=[TRUNK]))[0], NOW) == 0
    assert tell(Alert(Kind.DISK_LOW, "disk", "Full", "Make room."), NOW) == 1


def test_recipients_of_the_settings_come_before_the_administrators(settings: Settings):
    mail(25)
    administrator()
    Notices(pk=1, recipients=("it@example.com", "boss@example.com")).save()
    tell(Alert(Kind.SYSTEM, "switch", "s", "t"), NOW)
    assert set(Notice.objects.values_list("recipient", flat=True)) == {"it@example.com", "boss@example.com"}


@pytest.mark.parametrize(
    ("change", "told", "forever"),
    [
        ({"password": "wrong", "username": "jack"}, "refused the user name or the password: 535", False),
        ({"port": 1}, "can't be reached: Connection refused", False),
        ({"security": "starttls"}, "does not offer what is set", False),
        ({"security": "tls"}, "speaks no TLS as set", False),
        ({"host": ""}, "no e-mail server is set up", True),
    ],
)
def test_why_a_message_does_not_get_away_is_said_in_words(settings, mailbox, change, told, forever):
    found = mail(mailbox[1])
    for name, value in change.items():
        setattr(found, name, value)
    with pytest.raises(postman.Undeliverable) as problem:
        postman.send(found, "anna@example.com", Letter("s"))
    assert told in str(problem.value)
    assert problem.value.forever is forever
    assert "wrong" not in str(problem.value)


def test_a_mailbox_that_does_not_exist_is_given_up_and_others_are_tried_for_a_day(settings: Settings, mailbox):
    box, port = mailbox
    mail(port)
    for recipient in ("nobody@example.com", "anna@example.com"):
        tell(Alert(Kind.SYSTEM, "switch", "s", "t"), NOW, [recipient])
    found = mail(1)  # nobody listens there
    deliver_all()
    assert {one.progress for one in Notice.objects.all()} == {"waiting"}
    assert all(one.next_try == NOW + 60 for one in Notice.objects.all())
    found.port = port
    found.save()
    Notice.objects.update(next_try=NOW)
    deliver_all()
    gone = Notice.objects.get(recipient="nobody@example.com")
    assert (gone.progress, "no such mailbox" in gone.error) == ("failed", True)
    assert [recipients for _, recipients, _ in box.messages] == [["anna@example.com"]]

    mail(1)
    late = Notice.objects.create(
        at=NOW - 90_000, kind="system", cause="c", recipient="a@example.com", subject="s", text="t"
    )
    deliver_all()
    late.refresh_from_db()
    assert late.progress == "failed"


def test_missed_calls_are_told_to_those_who_want_it(settings: Settings):
    mail(25)
    api.apply(
        settings,
        """
        settings: {time_zone: Europe/Berlin}
        users: [{login: eva, email: eva@example.com}, {login: max, email: max@example.com}]
        extensions: [{number: 101, user: eva}, {number: 102, user: max}]
        """,
    )
    Preference.objects.create(user=User.objects.get(login="eva"), missed_call=True)
    seen = watch(settings)
    seen.missed_calls()  # from now on
    later = Watch(settings, clock=lambda: NOW + 60)
    for number, (extension, outcome, ended) in enumerate(
        [("101", "no_answer", 30), ("101", "no_answer", 40), ("101", "answered", 30), ("102", "no_answer", 30),
         ("101", "no_answer", -30)]
    ):  # fmt: skip
        Call.objects.create(
            id=f"c{number}", started=NOW + ended - 20, ended=NOW + ended, outcome=outcome, called_extension=extension,
            caller_number="0301234567", caller_name="Carla",
        )  # fmt: skip
    later.missed_calls()
    later.missed_calls()

    notice = Notice.objects.get()  # the same caller twice within the hour is one message
    assert notice.recipient == "eva@example.com"
    assert notice.subject == "Missed call from Carla (0301234567)"
    assert "called 101 on Sep 21, 2026, " in notice.text


def test_a_missed_call_is_told_with_the_name_and_the_number_as_people_write_it(settings: Settings):
    mail(25)
    api.apply(
        settings,
        """
        settings: {time_zone: Europe/Berlin, country: DE, outside_prefix: "0"}
        users: [{login: eva, email: eva@example.com, language: de}]
        extensions: [{number: 101, user: eva}]
        """,
    )
    eva = User.objects.get(login="eva")
    Preference.objects.create(user=eva, missed_call=True)
    contact = Contact.objects.create(name="Carla Dorn", owner=eva)
    ContactNumber.objects.create(contact=contact, number="+49 30 23125101", known_as="+493023125101")
    watch(settings).missed_calls()
    Call.objects.create(
        id="c", started=NOW + 10, ended=NOW + 30, outcome="no_answer", called_extension="101",
        caller_number="003023125101",
    )  # fmt: skip
    Watch(settings, clock=lambda: NOW + 60).missed_calls()
    notice = Notice.objects.get()
    assert notice.subject == "Verpasster Anruf von Carla Dorn (030 23125101)"
    assert "die 101 angerufen" in notice.text


def test_what_is_found_becomes_alerts_in_words():
    found = Observation(switch_problem="the switch does not run", disk_free=10 << 20, disk_size=100 << 30)
    told = {one.kind: str(one.text) for one in alerts(found, NOW + 5 * 86400, NOW)}
    assert told[Kind.SYSTEM] == "The switch does not run."
    assert "10 MB are free" in told[Kind.DISK_LOW]
    assert "ends in 5 days" in told[Kind.CERTIFICATE]
    assert not alerts(Observation(disk_free=1 << 40, disk_size=1 << 41), NOW + 5e7, NOW)


def test_webhooks_that_want_notices_are_told_the_same_once_an_hour(settings: Settings):
    mail(25)
    administrator()
    Webhook(name="CRM", address="http://127.0.0.1/", secret=signing.new_secret(), events=("notice.*",)).save()
    Webhook(name="Calls", address="http://127.0.0.1/", secret=signing.new_secret(), events=("call.*",)).save()
    alert = Alert(Kind.TRUNK_DOWN, "trunk A", "Trunk A", "It is down.")
    assert tell(alert, NOW) == 2
    assert tell(alert, NOW + 3000) == 0
    assert tell(alert, NOW + 3700) == 2
    first = Delivery.objects.order_by("pk").first()
    assert first.webhook.name == "CRM"
    content = json.loads(first.body)
    assert content["type"] == "notice.raised"
    assert content["data"] == {"kind": "trunk_down", "cause": "trunk A", "subject": "Trunk A", "text": "It is down."}


def test_webhooks_are_told_where_there_is_no_mail_and_of_nobodys_own_affairs(settings: Settings):
    Webhook(name="CRM", address="http://127.0.0.1/", secret=signing.new_secret()).save()
    assert tell(Alert(Kind.SYSTEM, "switch", "s", "t"), NOW) == 1
    assert tell(Alert(Kind.MISSED_CALL, "missed 101", "s", "t"), NOW, ["anna@example.com"]) == 1
    assert Delivery.objects.count() == 1


def test_a_round_looks_tells_and_delivers(settings: Settings, mailbox, monkeypatch):
    box, port = mailbox
    mail(port)
    administrator()

    async def observed(*arguments: Any) -> Observation:
        return Observation(switch_problem="the switch does not run", disk_free=1 << 40, disk_size=1 << 41)

    monkeypatch.setattr(watching.monitoring, "observe", observed)
    seen = watch(settings)
    seen.round()
    seen.round()
    assert [message["Subject"] for _, _, message in box.messages] == ["A part of the system does not work"]


class Clock:
    """Seconds since 1970, as a test sets them."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


def test_a_trunk_that_comes_and_goes_is_told_once_an_hour_and_never_forgotten(settings: Settings):
    mail(25)
    administrator()
    clock = Clock()
    seen = Watch(settings, clock=clock)
    down = alerts(Observation(trunks=[TRUNK]))
    for minute in range(0, 56):  # down for ten minutes, up for ten, and so on
        clock.now = NOW + 60 * minute
        seen.compare(down if minute // 10 % 2 == 0 else [])
    assert Notice.objects.filter(cause="trunk Provider").count() == 1
    assert Notice.objects.filter(cause="solved trunk Provider").count() == 1
    for minute in range(56, 90):  # and then down for good
        clock.now = NOW + 60 * minute
        seen.compare(down)
    assert Notice.objects.filter(cause="trunk Provider").count() == 2
    for minute in range(90, 500):
        clock.now = NOW + 60 * minute
        seen.compare(down)
    assert Notice.objects.filter(cause="trunk Provider").count() == 2  # nobody is reminded for ever


def test_everybody_is_told_in_his_language_with_both_parts(settings: Settings, mailbox, monkeypatch):
    box, port = mailbox
    mail(port, links="https://phone.example.com")
    administrator("anna@example.com")
    administrator("jan@example.com")
    User.objects.filter(login="jan").update(language="cs")
    spoken: list[str] = []
    real = letters.gettext

    def heard(text: str) -> str:
        spoken.append(translation.get_language())
        return str(real(text))

    monkeypatch.setattr(letters, "gettext", heard)
    tell(alerts(Observation(trunks=[TRUNK]))[0], NOW)
    deliver_all()
    assert set(spoken) == {"en", "cs"}
    assert {one.recipient: one.language for one in Notice.objects.all()} == {
        "anna@example.com": "en", "jan@example.com": "cs",
    }  # fmt: skip
    assert '<html lang="cs"' in "".join(box.html(index) for index in range(2))
    assert "https://phone.example.com/me/notices" in box.plain(0)
    assert "https://phone.example.com/admin/" in box.html(0)


def test_an_administrator_may_switch_a_kind_off_for_himself(settings: Settings):
    mail(25)
    administrator("anna@example.com")
    administrator("max@example.com")
    Preference.objects.create(user=User.objects.get(login="max"), off=("disk_low",))
    tell(Alert(Kind.DISK_LOW, "disk", "Full", "Make room."), NOW)
    tell(Alert(Kind.SYSTEM, "switch", "s", "t"), NOW)
    assert sorted(Notice.objects.values_list("kind", "recipient")) == [
        ("disk_low", "anna@example.com"), ("system", "anna@example.com"), ("system", "max@example.com"),
    ]  # fmt: skip


def test_every_kind_can_be_switched_off_for_the_company_and_is_on_its_page():
    from jackfield.console.web.screens import SCREENS

    shown = {name for group in SCREENS["notices"].groups for name in group.fields}
    for kind in Kind:
        if kind != Kind.TEST:
            assert getattr(Notices(), kind) is True
            assert kind in shown


def test_a_configuration_that_is_not_in_force_and_a_directory_that_does_not_answer_are_told(
    settings: Settings, monkeypatch
):
    mail(25)
    administrator()
    keeper = Keeper(settings)
    keeper.trouble = "dc1.example.com does not answer"

    async def observed(*arguments: Any) -> Observation:
        return Observation(disk_free=1 << 40, disk_size=1 << 41)

    def full(*arguments: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(watching.monitoring, "observe", observed)
    monkeypatch.setattr(publish.snapshots, "write", full)
    with pytest.raises(ConsoleError):
        api.apply(settings, "speed_dials: [{number: 70, name: Taxi, target: '0301234567'}]")
    clock = Clock()
    seen = Watch(settings, directory=keeper, clock=clock)
    for _round in range(3):
        seen.round()
    told = dict(Notice.objects.values_list("kind", "text"))
    assert "No space left on device" in told["publish_failed"]
    assert told["directory_failed"] == "Dc1.example.com does not answer."

    monkeypatch.undo()
    monkeypatch.setattr(watching.monitoring, "observe", observed)
    keeper.trouble = ""
    api.apply(settings, "settings: {company: Bell}")
    for _round in range(3):
        seen.round()
    assert Notice.objects.filter(cause__startswith="solved").count() == 2
    assert not publish.trouble


def test_a_stranger_s_name_puts_no_line_into_the_header(settings: Settings, mailbox):
    box, port = mailbox
    mail(port)
    tell(Alert(Kind.MISSED_CALL, "c", "Missed call from Eve\r\nBcc: all@example.com", "t"), NOW, ["a@example.com"])
    deliver_all()
    _, recipients, message = box.messages[0]
    assert recipients == ["a@example.com"]
    assert message["Bcc"] is None
