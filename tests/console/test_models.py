"""The models have what the snapshot has, by the same names, defaults and choices."""

from __future__ import annotations

import dataclasses
import typing

import msgspec
import pytest
from django.core.exceptions import ValidationError

from jackfield.console.declarative.sections import LINES, SECTIONS
from jackfield.history.choices import Direction, Outcome
from jackfield.history.models import Call, Leg
from jackfield.numbers import plan
from jackfield.numbers.models import Extension, RingGroup, Service
from jackfield.settings import Settings
from jackfield.switch import causes, snapshot
from jackfield.switch.record import Direction as RecordDirection
from jackfield.trunks.models import EmergencyNumber, Outbound, Trunk

from .records import record

ALL = [*SECTIONS.values(), LINES]


def columns(section):
    return {column.name: column for column in section.model()._meta.get_fields() if not column.auto_created}


@pytest.mark.parametrize("section", ALL, ids=lambda section: section.name)
def test_every_field_of_the_document_is_a_column_and_the_other_way_round(sqlite, section):
    own = {"position", "extension", "password", "last_login", "previous_password", "good", "base"} - set(section.fields)
    assert set(columns(section)) - own - {"id"} == set(section.fields)


@pytest.mark.parametrize("section", ALL, ids=lambda section: section.name)
def test_defaults_are_those_of_the_snapshot(sqlite, section):
    row = section.model()()
    for field in section.fields.values():
        if not field.required:
            assert field.of(row) == field.default, field.name


@pytest.mark.parametrize("section", ALL, ids=lambda section: section.name)
def test_choices_are_those_of_the_snapshot(sqlite, section):
    for name, column in columns(section).items():
        if getattr(column, "choices", None):
            assert {value for value, _ in column.choices} == set(typing.get_args(section.fields[name].type)), name


def test_the_sections_cover_the_whole_snapshot():
    kinds = {section.data for section in ALL}
    for field in dataclasses.fields(snapshot.Snapshot):
        kind = typing.get_type_hints(snapshot.Snapshot)[field.name]
        inner = typing.get_args(kind)[0] if typing.get_args(kind) else kind
        # What publishing and the switch put in themselves.
        made = (int, snapshot.Numbering, snapshot.World, snapshot.Override)
        assert inner in kinds or inner in made or field.name == "hosts", field.name


def test_everything_that_a_record_has_is_kept(sqlite):
    columns = {column.attname for column in Call._meta.concrete_fields}
    legs = {column.attname for column in Leg._meta.concrete_fields}
    data = record("k3f9").to_dict()
    assert set(data) - {"caller", "called", "legs", "journal"} <= columns
    assert set(data["legs"][0]) - {"id", "call_id"} <= legs
    assert set(Outcome.values) - {""} == set(typing.get_args(causes.Outcome))
    assert set(Direction.values) == set(typing.get_args(RecordDirection))


def test_a_number_that_is_taken_is_refused_with_its_owner_and_a_free_one(settings: Settings):
    RingGroup(number="201", name="Sales").save()
    Extension(number="202").save()
    with pytest.raises(ValidationError) as refused:
        Extension(number="201").full_clean()
    assert refused.value.messages == ['number 201 is already the ring group "Sales"; next free: 203']


def test_a_thing_may_keep_its_own_number(settings: Settings):
    group = RingGroup.objects.create(number="201", name="Sales")
    group.name = "Sales and service"
    group.full_clean()


def test_the_plan_knows_routes_and_emergency_numbers_behind_the_prefix(settings: Settings):
    Trunk.objects.create(name="A")
    Outbound.objects.create(name="World", prefix="9", trunks=("A",))
    EmergencyNumber.objects.create(number="112", name="Help")
    Service.objects.create(number="*43", kind="echo")
    current = plan.DialPlan.current()
    assert current.clash("9112").startswith(
        'number 9112 is the emergency number "Help" behind the outside-line prefix 9'
    )
    assert current.clash("9").startswith('number 9 is already the prefix of the outgoing route "World"')
    assert current.clash("*43") == "number *43 is already a service; next free: *44"
    with pytest.raises(ValidationError, match='prefix 9 is already that of the outgoing route "World"'):
        Outbound(name="Other", prefix="9", trunks=("A",)).full_clean()


def test_the_next_free_number_begins_where_the_company_begins(settings: Settings):
    assert plan.next_free_number() == "101"
    Extension(number="101").save()
    RingGroup(number="102").save()
    assert plan.next_free_number() == "103"
    assert plan.next_free_number("200") == "200"


def test_frozen_values_come_back_from_the_database_as_they_were(settings: Settings):
    hours = (snapshot.TimeRange(name="day", days=("mon", "fri"), start="08:00", end="17:30"),)
    Service.objects.create(number="300", kind="schedule", time_ranges=hours, options={"a": "b"})
    rewrite = snapshot.Rewrite(pattern=r"(\d+)", replace=r"0\1")
    Trunk.objects.create(name="A", out_called=rewrite, in_calling=rewrite, hosts=("a.example", "b.example"))
    service, trunk = Service.objects.get(), Trunk.objects.get()
    assert service.time_ranges == hours
    assert service.options == {"a": "b"}
    assert (trunk.out_called, trunk.in_calling, trunk.out_calling) == (rewrite, rewrite, snapshot.Rewrite())
    assert trunk.hosts == ("a.example", "b.example")
    assert Trunk.objects.filter(in_calling=None).count() == 0


def test_a_form_may_give_plain_data_for_frozen_values(sqlite: Settings):
    field = Trunk._meta.get_field("out_called")
    assert field.clean({"strip": 2}, None) == snapshot.Rewrite(strip=2)
    with pytest.raises(ValidationError):
        field.clean({"strip": "two"}, None)
    assert field.value_to_string(Trunk()) == msgspec.to_builtins(snapshot.Rewrite())


@pytest.mark.parametrize(
    ("thing", "field", "words"),
    [
        (lambda: Trunk(name="A"), "username", "registers"),
        (lambda: Trunk(name="A", kind="peer"), "hosts", "needs the provider"),
        (lambda: Trunk(name="A", kind="peer", sources=("192.0.2.0/24",), codecs=()), "codecs", "at least one codec"),
        (lambda: Service(number="1", kind="plugin"), "plugin", "kind plugin needs it"),
        (lambda: Extension(number="1", codecs=()), "codecs", "at least one codec"),
        (lambda: Outbound(name="A"), "trunks", "at least one trunk"),
        (lambda: SECTIONS["settings"].model()(register_min=400), "register_default", "300 does not lie between"),
    ],
)
def test_what_a_kind_needs_is_asked_for(sqlite: Settings, thing, field, words):
    with pytest.raises(ValidationError) as refused:
        thing().check_together()
    assert words in refused.value.message_dict[field][0]


def test_everything_says_what_it_is(sqlite: Settings):
    from jackfield.company.models import General, Sound, State
    from jackfield.history.models import Event, Journal
    from jackfield.numbers.models import Line
    from jackfield.people.models import User
    from jackfield.trunks.models import Inbound

    assert [
        str(thing)
        for thing in (
            Extension(number="1"), Extension(number="1", name="Anna"), Line(sip_username="x"), User(login="anna"),
            RingGroup(number="2", name="Sales"), EmergencyNumber(number="112"), Trunk(name="A"),
            Inbound(number="5", trunk=Trunk(name="A")), Inbound(), Outbound(name="O"), General(), Sound(name="s"),
            State(key="k"), Call(id="c"), Leg(call_id="c", position=1), Journal(call_id="c"),
            Event(id="e", kind="event"),
        )
    ] == [
        "the extension 1", 'the extension 1 "Anna"', "the line x", 'the user "anna"', 'the ring group 2 "Sales"',
        "the emergency number 112", 'the trunk "A"', 'the incoming number 5 of the trunk "A"',
        "the incoming number (any) of any trunk", 'the outgoing route "O"', "the general settings", 'the sound "s"',
        "what is known of k", "the call c", "leg 1 of c", "the journal of c", "event e",
    ]  # fmt: skip
    assert User(login="anna").is_active


def test_the_migrations_make_the_tables_that_the_models_describe(sqlite: Settings):
    from io import StringIO

    from django.core.management import call_command

    output = StringIO()
    call_command("makemigrations", check=True, dry_run=True, stdout=output)
    assert "No changes" in output.getvalue()
