"""Messages to webhooks go out to a real HTTP server: signed, in order, again and again, and not for ever."""

from __future__ import annotations

import base64
import hashlib
import hmac
import threading

import pytest

from jackfield.changes.models import Revision
from jackfield.console import api, change
from jackfield.console.webhooks import courier as couriers
from jackfield.notices.models import Notice
from jackfield.webhooks import outbox, signing
from jackfield.webhooks.models import Delivery, Standing, Webhook

from .conftest import NOW, hook, tell


def only() -> Delivery:
    return Delivery.objects.get()


def verified(got, secret: str) -> bool:
    """Check a signature as the specification says, without our own code."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{got.headers['webhook-id']}.{got.headers['webhook-timestamp']}.".encode() + got.body
    wanted = "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    return wanted in got.headers["webhook-signature"].split(" ")


def test_a_message_is_delivered_signed_and_logged(courier, receiver):
    made = hook(receiver)
    receiver.text = b"thank you"
    tell("the trunk is down")
    courier.work_off()

    (got,) = receiver.got
    assert verified(got, made.secret)
    assert not verified(got, signing.new_secret())
    assert got.headers["webhook-timestamp"] == str(int(NOW))
    assert "." not in got.headers["webhook-id"]
    assert got.headers["content-type"] == "application/json"
    assert got.headers["user-agent"].startswith("Jackfield/")
    assert got.content == {
        "type": "notice.raised",
        "timestamp": "2026-09-21T14:13:20.000+00:00",
        "data": {"text": "the trunk is down"},
    }
    found = only()
    assert (found.progress, found.status, found.answer, found.tries) == ("delivered", 200, "thank you", 1)
    assert found.seconds is not None


@pytest.mark.parametrize("status", [302, 400, 404, 500, 503])
def test_what_is_refused_is_tried_again_with_growing_waits(courier, receiver, clock, status: int):
    hook(receiver)
    receiver.always, receiver.headers = status, {"Location": "/elsewhere"}
    tell()
    waits = []
    while only().progress == "waiting":
        courier.work_off()
        found = only()
        waits.append(found.next_try - clock.now)
        clock.now = found.next_try + 600  # longer than an address that fails rests
    assert waits[:6] == [5, 20, 80, 320, 1280, 5120]
    assert max(waits) == 6 * 3600
    assert found.progress == "given_up"
    assert 86400 - 6 * 3600 < (found.tried or 0) - NOW <= 86400
    assert found.error == f"it answered {status}"
    assert len(receiver.got) == len(waits) == found.tries
    assert {got.path for got in receiver.got} == {"/hook"}, "redirects are not followed"
    assert len({got.headers["webhook-id"] for got in receiver.got}) == 1
    assert len({got.headers["webhook-timestamp"] for got in receiver.got}) == len(waits)


def test_waits_are_spread_by_chance(settings, receiver, clock):
    hook(receiver)
    receiver.always = 500
    waits = []
    for chance in (0.0, 1.0):
        Delivery.objects.all().delete()
        tell()
        one = couriers.Courier(settings, clock=clock, chance=lambda found=chance: found)
        one.work_off()
        one.close()
        waits.append(only().next_try - clock.now)
    assert waits == [4, 6]


def test_an_address_where_nobody_listens_is_told_in_words(courier, receiver, free_port):
    hook(f"http://127.0.0.1:{free_port()}/")
    tell()
    courier.work_off()
    found = only()
    assert (found.progress, found.status, found.tries) == ("waiting", 0, 1)
    assert "it can't be reached" in found.error


def test_an_answer_that_never_comes_is_not_waited_for(courier, receiver, monkeypatch):
    monkeypatch.setattr("jackfield.console.webhooks.sending.SECONDS", 0.2)
    receiver.hold = threading.Event()
    hook(receiver)
    tell()
    courier.work_off()
    assert only().progress == "waiting"
    assert "no answer within" in only().error


def test_of_a_long_answer_only_the_beginning_is_kept(courier, receiver):
    hook(receiver)
    receiver.text = b"x" * 100_000
    tell()
    courier.work_off()
    assert (only().progress, len(only().answer)) == ("delivered", 1000)


def test_a_receiver_that_asks_for_patience_gets_it(courier, receiver, clock):
    hook(receiver)
    receiver.answers, receiver.headers = [429], {"Retry-After": "120"}
    tell("one")
    courier.work_off()
    clock.forward(60)
    tell("two", now=clock.now)
    courier.work_off()
    assert len(receiver.got) == 1
    clock.forward(61)
    courier.work_off()
    assert len(receiver.got) == 3


def test_messages_keep_their_order_and_one_that_fails_does_not_hold_up_others(courier, receiver, clock):
    hook(receiver)
    receiver.answers = [200, 500]
    tell("a", "b", "c")
    courier.work_off()
    assert [got.content["data"]["text"] for got in receiver.got] == ["a", "b", "c"]
    clock.forward(10)
    courier.work_off()
    assert [got.content["data"]["text"] for got in receiver.got] == ["a", "b", "c", "b"]
    assert set(Delivery.objects.values_list("progress", flat=True)) == {"delivered"}


def test_a_slow_receiver_holds_nobody_up(courier, receiver, other):
    hook(receiver, name="slow")
    hook(other, name="quick")
    receiver.hold = threading.Event()
    tell("a", "b")
    courier.step()
    assert receiver.came.wait(10)
    while len(other.got) < 2:
        assert outbox.filled.wait(10)
        courier.step()
    assert len(receiver.got) == 1
    receiver.hold.set()
    courier.work_off()
    assert len(receiver.got) == 2


def test_an_address_that_is_away_gets_few_tries_and_then_all_in_order(courier, receiver, clock):
    hook(receiver)
    receiver.always = 502
    tell(*"abcdefgh")
    courier.work_off()
    assert len(receiver.got) == 3, "after three failures it rests"
    for _ in range(3):
        clock.forward(120)
        courier.work_off()
    assert len(receiver.got) == 6, "one at a time"
    receiver.always = 200
    receiver.got.clear()
    clock.forward(700)
    courier.work_off()
    assert [got.content["data"]["text"] for got in receiver.got][-7:] == sorted(
        got.content["data"]["text"] for got in receiver.got[-7:]
    )
    assert set(Delivery.objects.values_list("progress", flat=True)) == {"delivered"}
    assert Standing.objects.get().failing_since is None


def test_what_waits_for_a_day_for_an_address_that_is_away_is_given_up(courier, receiver, clock):
    hook(receiver)
    receiver.always = 502
    tell(*"abcdefgh")
    courier.work_off()
    clock.forward(86_500)
    courier.work_off()
    assert set(Delivery.objects.values_list("progress", flat=True)) == {"given_up"}
    untried = Delivery.objects.filter(tries=0).first()
    assert untried is not None
    assert "for a day" in untried.error


def test_what_waited_while_the_console_was_off_is_tried_at_least_once(start, receiver, clock):
    hook(receiver)
    tell("old")
    clock.forward(3 * 86_400)
    start().work_off()
    assert receiver.kinds == ["notice.raised"]


def test_nothing_is_lost_over_a_restart(start, receiver, clock):
    hook(receiver)
    receiver.always = 500
    tell("a", "b")
    first = start()
    first.work_off()
    first.close()
    receiver.always = 200
    clock.forward(60)
    start().work_off()
    assert [got.content["data"]["text"] for got in receiver.got[2:]] == ["a", "b"]
    assert set(Delivery.objects.values_list("progress", flat=True)) == {"delivered"}


def test_gone_switches_off_at_once_and_a_notice_says_so(courier, receiver, settings):
    hook(receiver)
    api.apply(
        settings, "mail: {host: mail.example.com, sender: pbx@example.com}\nnotices: {recipients: [it@example.com]}"
    )
    Delivery.objects.all().delete()
    receiver.always = 410
    tell("a", "b")
    courier.work_off()
    assert len(receiver.got) == 1
    assert not Webhook.objects.get().enabled
    assert Delivery.objects.order_by("pk").first().progress == "given_up"
    assert Revision.objects.order_by("pk").last().author == "Jackfield"
    notice = Notice.objects.get()
    assert (notice.recipient, 'The webhook "CRM" is switched off' in notice.subject) == ("it@example.com", True)
    assert "410" in notice.text


def test_an_address_that_fails_for_days_is_switched_off(courier, receiver, clock, settings):
    hook(receiver)
    receiver.always = 500
    for _ in range(8):
        tell(now=clock.now)
        courier.work_off()
        clock.forward(43_000)
    assert not Webhook.objects.get().enabled
    assert Standing.objects.get().error in ("", "it answered 500")


def test_switching_on_again_forgets_the_faults_and_sends_what_waits(courier, receiver, settings, clock):
    hook(receiver)
    receiver.answers = [500, 410]
    tell("a", "b", "c")
    courier.work_off()
    assert not Webhook.objects.get().enabled
    change.save(settings, [change.Wish("webhooks", {"enabled": True}, ("CRM",))], author=change.Author("it", "page"))
    assert Standing.objects.get().failing_since is None
    clock.forward(60)
    courier.work_off()
    texts = [got.content["data"].get("text") for got in receiver.got]
    assert texts[:2] == ["a", "b"]
    assert sorted(text for text in texts[2:] if text) == ["a", "c"]


def test_with_a_new_secret_both_sign_for_a_day(courier, receiver, settings, clock):
    made = hook(receiver, "notice.raised")
    clock.now = couriers.time.time()
    new = signing.new_secret()
    wish = change.Wish("webhooks", {"secret": new}, ("CRM",))
    change.save(settings, [wish], author=change.Author("it", "page"))
    tell("a", now=clock.now)
    courier.work_off()
    assert verified(receiver.got[0], made.secret)
    assert verified(receiver.got[0], new)
    assert (
        receiver.got[0]
        .headers["webhook-signature"]
        .startswith(signing.signature(new, receiver.got[0].headers["webhook-id"], int(clock.now), receiver.got[0].body))
    )
    clock.forward(86_500)
    tell("b", now=clock.now)
    courier.work_off()
    assert verified(receiver.got[1], new)
    assert not verified(receiver.got[1], made.secret)


def test_a_webhook_that_is_off_gets_nothing_and_one_that_is_removed_takes_its_messages_along(courier, receiver):
    made = hook(receiver, enabled=False)
    tell()
    assert not Delivery.objects.exists()
    made.enabled = True
    made.save()
    tell()
    made.delete()
    courier.work_off()
    assert not receiver.got
    assert not Delivery.objects.exists()


def test_what_is_sent_again_has_the_same_id(courier, receiver, clock):
    hook(receiver)
    tell()
    courier.work_off()
    clock.forward(3600)
    assert outbox.queue_again(Delivery.objects.all(), clock.now) == 1
    courier.work_off()
    first, second = receiver.got
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.headers["webhook-timestamp"] != second.headers["webhook-timestamp"]
    assert only().progress == "delivered"


def test_without_webhooks_nobody_asks_the_switch_and_nothing_is_kept(courier, switch):
    tell()
    assert courier.step() == couriers.IDLE_SECONDS
    assert switch.asked == []
    assert not Delivery.objects.exists()


def test_a_test_event_is_sent_at_once_even_where_it_is_off(settings, receiver, clock):
    made = hook(receiver, enabled=False)
    found = couriers.try_out(made, NOW)
    assert (found.progress, found.status) == ("delivered", 200)
    assert receiver.kinds == ["webhook.test"]
    receiver.always = 500
    assert couriers.try_out(made, NOW).progress == "given_up"


def test_the_table_stays_small(settings, receiver, monkeypatch):
    monkeypatch.setattr(outbox, "MOST_KEPT", 5)
    monkeypatch.setattr(outbox, "MOST_WAITING", 4)
    hook(receiver)
    tell(*"abcdefghij")
    outbox.clean(NOW)
    assert Delivery.objects.filter(progress="waiting").count() == 4
    outbox.clean(NOW)
    assert Delivery.objects.exclude(progress="waiting").count() <= 5
    assert "too many" in Delivery.objects.exclude(progress="waiting").first().error
    outbox.clean(NOW + 15 * 86_400)
    assert not Delivery.objects.exists()
