"""The pages of webhooks: a secret shown once, what was delivered, a test, and sending again."""

from __future__ import annotations

import time

from django.test import Client

from jackfield.console.webhooks import courier as couriers
from jackfield.webhooks import outbox
from jackfield.webhooks.models import Delivery, Standing, Webhook
from jackfield.webhooks.outbox import Happening

from ..webhooks.conftest import hook, other, receiver  # noqa: F401 (fixtures)
from .conftest import As

FORM = {"name": "Billing", "address": "http://127.0.0.1:9/hook", "events": "call.*, notice.raised", "enabled": "yes"}


def made(**more: str) -> dict[str, str]:
    return FORM | more


def test_a_new_webhook_shows_its_secret_this_once(admin: Client):
    answer = admin.post("/admin/webhooks/new", made())
    found = Webhook.objects.get(name="Billing")
    assert found.events == ("call.*", "notice.raised")
    assert found.secret.startswith("whsec_")
    assert found.secret in answer.content.decode()
    for address in ("", f"{found.pk}", f"{found.pk}/deliveries", "export"):
        assert found.secret not in admin.get(f"/admin/webhooks/{address}").content.decode(), address
    assert found.secret not in admin.get("/admin/document/").content.decode()
    assert found.secret not in admin.get("/admin/changes/").content.decode()


def test_saving_leaves_the_secret_as_it_is(admin: Client):
    admin.post("/admin/webhooks/new", made())
    before = Webhook.objects.get(name="Billing")
    admin.post(f"/admin/webhooks/{before.pk}", made(address="https://example.com/there"))
    after = Webhook.objects.get(name="Billing")
    assert (after.address, after.secret) == ("https://example.com/there", before.secret)


def test_what_is_wrong_is_said_at_its_field(admin: Client):
    for wrong, told in (
        ({"address": "http://example.com/hook"}, "leaves the house unprotected"),
        ({"address": "ftp://example.com/"}, "is no web address"),
        ({"address": "https://user:word@example.com/"}, "leave name, password"),
        ({"address": "http://169.254.169.254/latest"}, "no machine that could be told"),
        ({"address": "https://[::ffff:169.254.169.254]/"}, "no machine that could be told"),
        ({"events": "calls.*"}, "is no kind of event"),
        ({"events": ""}, "must be given"),
        ({"numbers": "ten"}, "is not a number of the dial plan"),
        ({"name": "a/b"}, "leave / out of the name"),
        ({"secret": "hello"}, "is no secret"),
    ):
        answer = admin.post("/admin/webhooks/new", made(**wrong))
        assert answer.status_code == 422, wrong
        assert told in answer.content.decode().lower(), wrong
    assert not Webhook.objects.filter(name="Billing").exists()


def test_a_test_event_tells_at_once_what_came_of_it(admin: Client, receiver, free_port):  # noqa: F811
    found = hook(receiver, name="Billing")
    page = admin.post(f"/admin/webhooks/{found.pk}/test", follow=True).content.decode()
    assert "The test event was taken: 200" in page
    assert receiver.kinds == ["webhook.test"]
    receiver.always = 404
    page = admin.post(f"/admin/webhooks/{found.pk}/test", follow=True).content.decode()
    assert "The test event was not taken: the answer was 404" in page
    Webhook.objects.filter(pk=found.pk).update(address=f"http://127.0.0.1:{free_port()}/")
    page = admin.post(f"/admin/webhooks/{found.pk}/test", follow=True).content.decode()
    assert "The test event did not get there" in page


def test_deliveries_are_listed_filtered_and_opened(admin: Client, company, receiver):  # noqa: F811
    found = hook(receiver, name="Billing")
    receiver.text = b"<b>thanks</b>"
    outbox.add([Happening("notice.raised", 1_790_000_000.0, {"text": "the <trunk> is down"})], time.time())
    one = couriers.Courier(company)
    one.work_off()
    one.close()
    page = admin.get(f"/admin/webhooks/{found.pk}/deliveries").content.decode()
    assert "notice.raised" in page
    assert "Delivered" in page
    assert "notice.raised" not in admin.get(f"/admin/webhooks/{found.pk}/deliveries?progress=given_up").content.decode()
    row = Delivery.objects.get(webhook=found)
    page = admin.get(f"/admin/webhooks/{found.pk}/deliveries/{row.pk}").content.decode()
    assert "the &lt;trunk&gt; is down" in page
    assert "&lt;b&gt;thanks&lt;/b&gt;" in page
    assert row.message in page
    assert found.secret not in page
    assert "webhook-signature" not in page


def test_what_was_given_up_is_sent_again(admin: Client, receiver):  # noqa: F811
    found, now = hook(receiver, name="Billing"), time.time()
    outbox.add([Happening("notice.raised", now - age, {}) for age in (10, 7200, 90_000)], now)
    Delivery.objects.update(progress="given_up", tries=9, error="it answered 500")
    base = f"/admin/webhooks/{found.pk}"
    page = admin.post(f"{base}/again", {"since": "hour"}, follow=True).content.decode()
    assert "1 message goes out again." in page
    page = admin.post(f"{base}/again", {"since": "ever"}, follow=True).content.decode()
    assert "2 messages go out again." in page
    assert set(Delivery.objects.values_list("progress", "tries")) == {("waiting", 0)}
    one = Delivery.objects.last()
    Delivery.objects.update(progress="delivered")
    admin.post(f"{base}/again", {"delivery": str(one.pk)})
    assert list(Delivery.objects.filter(progress="waiting")) == [one]
    page = admin.post(f"{base}/again", {"delivery": "99999999999999999999"}, follow=True).content.decode()
    assert "There was nothing to send again." in page
    Webhook.objects.update(enabled=False)
    page = admin.post(f"{base}/again", {"delivery": str(one.pk)}, follow=True).content.decode()
    assert "once the webhook is in use" in page


def test_a_new_secret_is_shown_once_and_the_old_one_stays_for_a_day(admin: Client, receiver):  # noqa: F811
    found = hook(receiver, name="Billing")
    page = admin.post(f"/admin/webhooks/{found.pk}/secret").content.decode()
    after = Webhook.objects.get(pk=found.pk)
    assert after.secret != found.secret
    assert after.secret in page
    assert found.secret not in page
    assert Standing.objects.get().old_secret == found.secret
    page = admin.get(f"/admin/webhooks/{found.pk}/deliveries").content.decode()
    assert "signed with the secret of before too" in page
    assert after.secret not in page


def test_faults_are_told_on_the_page(admin: Client, receiver):  # noqa: F811
    found = hook(receiver, name="Billing")
    Standing.objects.create(webhook=found, failing_since=time.time(), error="it answered 500", left_out=3)
    page = admin.get(f"/admin/webhooks/{found.pk}/deliveries").content.decode()
    assert "has not answered as it should since" in page
    assert "3 live events were left out" in page


def test_readers_see_deliveries_and_can_do_nothing(signed_in: As, receiver):  # noqa: F811
    found = hook(receiver, name="Billing")
    reader = signed_in("reader")
    page = reader.get(f"/admin/webhooks/{found.pk}/deliveries").content.decode()
    assert "Send a test event" not in page
    for name in ("test", "again", "secret"):
        assert reader.post(f"/admin/webhooks/{found.pk}/{name}").status_code == 403
    assert not receiver.got


def test_who_is_told_is_for_full_administrators_to_say(signed_in: As, company, receiver):  # noqa: F811
    from jackfield.console import api

    found = hook(receiver, name="Billing")
    api.apply(company, "roles: [{name: Technician, areas: {system: write}}]")
    technician = signed_in("Technician")
    assert technician.post("/admin/webhooks/new", made(name="Mine")).status_code == 422
    page = technician.post(f"/admin/webhooks/{found.pk}/secret", follow=True).content.decode()
    assert "only a full administrator" in page.lower()
    assert Webhook.objects.get(pk=found.pk).secret == found.secret


def test_a_webhook_that_is_not_there_is_said_so(admin: Client):
    for name in ("deliveries", "deliveries/5", "test", "again", "secret"):
        assert admin.get(f"/admin/webhooks/99/{name}").status_code == 404
