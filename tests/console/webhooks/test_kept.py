"""What is kept in the transaction of what it tells of: records of calls and changes of the configuration."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from jackfield.console import api, change
from jackfield.console.declarative.difference import DocumentError
from jackfield.console.importer import Importer
from jackfield.history.models import Call
from jackfield.settings import Settings
from jackfield.spool import Spool
from jackfield.webhooks.models import Delivery, Webhook

from ..records import record
from .conftest import NOW, hook


@pytest.fixture
def importer(settings: Settings) -> Importer:
    return Importer(settings, clock=lambda: NOW, active=lambda: None)


@pytest.fixture
def spool(settings: Settings) -> Iterator[Spool]:
    found = Spool(settings.files.spool)
    yield found
    found.close()


def end(spool: Spool, id: str) -> None:
    spool.append("call", id, record(id, started=NOW - 100).to_dict())


def test_the_record_of_a_call_is_told_whole_and_once(settings, courier, receiver, importer, spool):
    hook(receiver, "call.recorded")
    end(spool, "k3f9")
    end(spool, "k3f9")  # after a crash the spool may hand it over again
    importer.step()
    (row,) = Delivery.objects.all()
    assert (row.kind, row.about, row.body, row.at) == ("call.recorded", "k3f9", "", NOW - 37)
    courier.work_off()
    (got,) = receiver.got
    assert got.content["data"] == api.call(settings, "k3f9")
    assert got.content["data"]["journal"]
    end(spool, "k3f9")
    importer.step()
    courier.work_off()
    assert len(receiver.got) == 1


def test_a_record_is_told_by_the_numbers_of_its_parties(settings, importer, receiver, spool):
    hook(receiver, "call.*", numbers=("102",), name="hers")
    hook(receiver, "call.*", numbers=("999",), name="nobodys")
    end(spool, "k3f9")
    importer.step()
    assert [row.webhook.name for row in Delivery.objects.all()] == ["hers"]


def test_without_a_webhook_for_them_records_are_not_queued(settings, importer, receiver, spool):
    hook(receiver, "phone.*")
    end(spool, "k3f9")
    importer.step()
    assert not Delivery.objects.exists()
    assert Call.objects.count() == 1


def test_a_record_that_is_gone_before_it_was_sent_is_given_up(settings, courier, receiver, importer, spool):
    hook(receiver, "call.recorded")
    end(spool, "k3f9")
    importer.step()
    Call.objects.all().delete()
    courier.work_off()
    assert not receiver.got
    row = Delivery.objects.get()
    assert (row.progress, "not kept any more" in row.error) == ("given_up", True)


def test_a_call_that_never_ended_is_told_as_interrupted_and_again_should_its_end_come(
    settings, courier, receiver, importer, spool
):
    hook(receiver, "call.recorded")
    spool.append("call_started", "lost", record("lost", started=NOW - 100).beginning())
    importer.step()
    assert not Delivery.objects.exists()
    spool.append("switch_started", "boot-2", {"boot": "boot-2", "started": NOW - 5})
    importer.step()
    courier.work_off()
    end(spool, "lost")
    importer.step()
    courier.work_off()
    assert [got.content["data"]["outcome"] for got in receiver.got] == ["interrupted", "answered"]
    assert len({got.headers["webhook-id"] for got in receiver.got}) == 2


def test_a_change_of_the_configuration_is_told_without_secrets(settings, courier, receiver, clock):
    hook(receiver, "configuration.changed")
    api.apply(settings, "extensions: [{number: 101, name: Anna, sip_password: not-to-be-told-1}]")
    clock.now = Delivery.objects.get().next_try  # who changes something looks at the real clock
    courier.work_off()
    (got,) = receiver.got
    data = got.content["data"]
    assert (data["author"], data["through"], data["more"]) == ("command line", "document", 0)
    assert [one["key"] for one in data["changes"] if one["section"] == "extensions"] == ["101"]
    assert "not-to-be-told" not in got.body.decode()


def test_a_change_that_is_refused_is_not_told(settings, receiver):
    hook(receiver, "configuration.changed")
    with pytest.raises(DocumentError):
        api.apply(settings, "extensions: [{number: nine}]")
    assert not Delivery.objects.exists()


def test_webhooks_are_exported_without_secrets_and_applied_again(settings, receiver):
    hook(receiver, "call.*", numbers=("101",))
    before = Webhook.objects.get()
    plain = api.export(settings)
    assert before.secret not in plain
    whole = api.export(settings, secrets=True)
    assert before.secret in whole
    assert not api.apply(settings, whole, prune=True).changes
    Webhook.objects.all().delete()
    api.apply(settings, whole)
    after = Webhook.objects.get()
    assert (after.name, after.address, after.secret) == (before.name, before.address, before.secret)
    assert (after.events, after.numbers, after.enabled) == (("call.*",), ("101",), True)
    Webhook.objects.all().delete()
    api.apply(settings, plain)
    assert Webhook.objects.get().secret.startswith("whsec_")
    assert Webhook.objects.get().secret != before.secret


def test_removing_one_by_the_one_door_takes_its_messages_along(settings, receiver):
    hook(receiver, "configuration.changed")
    api.apply(settings, "extensions: [{number: 101}]")
    assert Delivery.objects.exists()
    change.save(settings, [change.Removal("webhooks", ("CRM",))], author=change.Author("it", "page"))
    assert not Delivery.objects.exists()
