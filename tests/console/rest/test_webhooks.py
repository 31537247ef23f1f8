"""Webhooks by the API: made with a secret shown once, their deliveries, sent again, tried, another secret."""

from __future__ import annotations

import time

from jackfield.webhooks import outbox
from jackfield.webhooks.models import Delivery, Webhook
from jackfield.webhooks.outbox import Happening

from ..webhooks.conftest import hook, receiver  # noqa: F401 (a fixture)
from .conftest import Make, Program


def test_a_secret_is_in_the_answer_that_makes_the_webhook_and_in_no_other(api: Program):
    answer = api.post("webhooks", {"name": "Billing", "address": "https://example.com/hook", "events": ["call.*"]})
    assert answer.status_code == 201
    secret = answer.json()["secret"]
    assert secret == Webhook.objects.get(name="Billing").secret
    for path in ("webhooks", "webhooks/Billing", "configuration"):
        assert secret not in api.get(path).content.decode(), path
    assert secret not in api.patch("webhooks/Billing", {"enabled": False}).content.decode()
    assert api.get("webhooks/Billing?secrets=1").json()["secret"] == secret


def test_a_kind_that_there_is_not_is_refused_at_its_field(api: Program):
    answer = api.post("webhooks", {"name": "x", "address": "http://example.com", "events": ["calls"]})
    assert answer.status_code == 422
    assert {one["field"].partition("[")[0] for one in answer.json()["errors"]} == {"address", "events"}


def queued(count: int) -> None:
    now = time.time()
    outbox.add([Happening("notice.raised", now - 3600 * number, {"number": number}) for number in range(count)], now)


def test_deliveries_are_paged_and_filtered_and_whole_ones_have_their_body(api: Program, receiver):  # noqa: F811
    hook(receiver, name="Billing")
    queued(5)
    first = api.get("webhooks/Billing/deliveries?limit=2&count=1").json()
    assert first["count"] == 5
    found = [one["id"] for one in first["items"]]
    while first["next"]:
        first = api.get(f"webhooks/Billing/deliveries?limit=2&cursor={first['next']}").json()
        found += [one["id"] for one in first["items"]]
    assert sorted(found) == sorted(Delivery.objects.values_list("pk", flat=True))
    assert api.get("webhooks/Billing/deliveries?progress=given_up").json()["items"] == []
    one = api.get(f"webhooks/Billing/deliveries/{found[0]}").json()
    assert one["body"]["type"] == "notice.raised"
    assert one["body"]["data"] == {"number": 0}
    assert (one["progress"], one["status"], one["tries"]) == ("waiting", None, 0)
    assert api.get("webhooks/Billing/deliveries/999999").status_code == 404
    assert api.get("webhooks/Nobody/deliveries").status_code == 404
    assert api.get("webhooks/CRM/deliveries").json()["items"] == []
    assert api.get(f"webhooks/CRM/deliveries/{found[0]}").status_code == 404


def test_what_was_given_up_since_a_time_is_sent_again(api: Program, receiver):  # noqa: F811
    hook(receiver, name="Billing")
    queued(3)
    Delivery.objects.update(progress="given_up", tries=9)
    since = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 5400))
    answer = api.post("webhooks/Billing/replay", {"since": since})
    assert (answer.status_code, answer.json()) == (202, {"count": 2})
    assert Delivery.objects.filter(progress="waiting", tries=0).count() == 2
    one = Delivery.objects.get(progress="given_up")
    assert api.post(f"webhooks/Billing/deliveries/{one.pk}/replay").json() == {"count": 1}
    Delivery.objects.update(progress="delivered")
    assert api.post("webhooks/Billing/replay", {"since": since}).json() == {"count": 0}
    assert api.post("webhooks/Billing/replay", {"since": since, "progress": "delivered"}).json() == {"count": 2}
    for wrong in ({}, {"since": "yesterday"}, {"since": since, "progress": "lost"}):
        assert api.post("webhooks/Billing/replay", wrong).status_code == 422, wrong


def test_a_test_event_answers_what_came_back(api: Program, receiver):  # noqa: F811
    hook(receiver, name="Billing", enabled=False)
    receiver.text = b"hello"
    found = api.post("webhooks/Billing/test").json()
    assert (found["progress"], found["status"], found["answer"]) == ("delivered", 200, "hello")
    assert found["body"]["type"] == "webhook.test"


def test_a_new_secret_is_in_one_answer(api: Program, receiver):  # noqa: F811
    before = hook(receiver, name="Billing")
    found = api.post("webhooks/Billing/secret").json()
    assert found["secret"] == Webhook.objects.get(name="Billing").secret != before.secret
    assert found["old_until"]
    assert found["secret"] not in api.get("changes").content.decode()


def test_scopes_hold_for_all_of_it(program: Make, receiver):  # noqa: F811
    hook(receiver, name="Billing")
    reading = program(scopes=["system:read"])
    assert reading.get("webhooks/Billing/deliveries").status_code == 200
    for path in ("replay", "test", "secret", "deliveries/1/replay"):
        assert reading.post(f"webhooks/Billing/{path}").status_code == 403, path
    assert program("telephony").post("webhooks/Billing/test").status_code == 403
    assert not receiver.got
