"""What is exported can be applied: to the same system without a change, to an empty one with the same outcome."""

from __future__ import annotations

from typing import Any

import yaml
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from jackfield.console import api
from jackfield.console.declarative.sections import SECTIONS
from jackfield.settings import Settings
from jackfield.switch.snapshot import DEFAULT_CODECS

from .test_apply import HOUSE

EMPTY = "\n".join(f"{name}: {'[]' if section.key else '{}'}" for name, section in SECTIONS.items())


def test_an_empty_system_exports_empty_sections(settings: Settings):
    document = yaml.safe_load(api.export(settings))
    assert list(document) == [
        "settings", "roles", "users", "holidays", "time_ranges", "permissions", "address_groups",
        "vpn_devices", "sites", "extensions", "trunks", "call_limits", "inbound", "outbound", "ring_groups", "services",
        "speed_dials", "emergency_numbers", "sounds", "webhooks", "phone_templates", "desk_phones", "redirections",
    ]  # fmt: skip
    assert document.pop("settings") == {
        "company": "", "country": "US", "language": "en", "time_zone": "UTC", "outside_prefix": "9",
    }  # fmt: skip
    assert not any(document.values())


def test_an_export_leaves_defaults_out_and_reads_well(settings: Settings):
    api.apply(settings, HOUSE)
    text = api.export(settings, secrets=True)
    assert text.startswith("# The configuration of Jackfield. Change it and run: jackfield apply FILE\n\nsettings:\n")
    assert (
        "  - number: '201'\n"
        "    name: Anna\n"
        "    user: anna\n"
        "    codecs: [pcma, opus]\n"
        "    sip_username: annas\n"
        "    sip_password: correct-horse\n"
    ) in text
    assert "inbound:\n  - trunk: Carrier\n    number: '5550101'\n    rewrite:\n      strip: 5\n" in text


def test_without_being_asked_no_secret_is_exported(settings: Settings):
    api.apply(settings, HOUSE)
    text = api.export(settings)
    assert "Passwords are left out" in text
    assert "sip_username: annas" in text
    assert "password:" not in text
    assert "horse" not in text
    assert "staple" not in text
    assert not api.apply(settings, text, prune=True)


def test_numbers_are_in_the_order_of_numbers_and_rules_in_their_own(settings: Settings):
    api.apply(settings, "extensions: [{number: 1000}, {number: 99}, {number: '*1'}, {number: 101}]")
    api.apply(settings, "inbound: [{number: 2, target: 99}, {number: 1, target: 99}]")
    document = yaml.safe_load(api.export(settings))
    assert [one["number"] for one in document["extensions"]] == ["99", "101", "1000", "*1"]
    assert [one["number"] for one in document["inbound"]] == ["2", "1"]


def test_lines_that_differ_from_their_extension_are_exported_in_full(settings: Settings):
    api.apply(
        settings,
        "extensions:\n- {number: 1, lines: [{sip_username: a, name: desk}, {sip_username: b}]}\n"
        "- {number: 2, lines: []}\n"
        "- {number: 3, sip_username: c, lines: [{sip_username: d, codecs: [gsm]}]}",
    )
    assert yaml.safe_load(api.export(settings))["extensions"] == [
        {"number": "1", "lines": [{"sip_username": "a", "name": "desk"}, {"sip_username": "b"}]},
        {"number": "2", "lines": []},
        {"number": "3", "sip_username": "c", "lines": [{"sip_username": "d", "codecs": ["gsm"]}]},
    ]


# --- any configuration there and back ---------------------------------------------------------------------------------

words = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), max_size=12)
odd_words = st.sampled_from(
    ["yes", "NO", "~", "null", "0x1f", "1e3", "12:30", "- a", "a: b", "# c", "'", '"', "{}", "&a", "*b", "!t", "%"]
)
names = words | odd_words
digits = st.text("0123456789", min_size=1, max_size=6)
codecs = st.lists(st.sampled_from(DEFAULT_CODECS), min_size=1, unique=True)
rewrites = st.fixed_dictionaries(
    {},
    optional={
        "strip": st.integers(0, 9),
        "prefix": digits,
        "pattern": st.sampled_from([r"0(\d+)", r"\+?(.*)", "00.*"]),
        "replace": st.just("9"),
    },
).filter(lambda rule: "pattern" in rule or "replace" not in rule)
hours = st.fixed_dictionaries(
    {
        "name": names.filter(bool),
        "days": st.lists(st.sampled_from(["mon", "tue", "sun"]), min_size=1, unique=True),
        "start": st.sampled_from(["00:00", "08:30"]),
        "end": st.sampled_from(["12:00", "24:00"]),
    }
)
lines = st.fixed_dictionaries(
    {"sip_password": st.text("abcdef:'\"{}# ", min_size=1, max_size=20)},
    optional={
        "name": names,
        "codecs": codecs,
        "behind_nat": st.sampled_from(["auto", "always", "never"]),
        "srtp": st.sampled_from(["off", "offered", "required"]),
        "max_contacts": st.integers(1, 50),
    },
)


@st.composite
def configurations(draw: st.DrawFn) -> dict[str, Any]:
    numbers = draw(
        st.lists(st.integers(100, 899).map(str) | st.sampled_from(["*1", "#2", "0100", "007"]), max_size=8, unique=True)
    )
    targets = st.sampled_from([*numbers, "", "0912", "+420123"])
    users = [
        {"login": login, "name": draw(names)} for login in draw(st.lists(st.sampled_from(["a", "b.c"]), unique=True))
    ]
    trunks = [
        {
            "name": name, "kind": draw(st.sampled_from(["register", "address", "peer"])), "hosts": ["a.example"],
            "username": "u", "password": draw(names), "codecs": draw(codecs), "max_calls": draw(st.integers(0, 50)),
            "out_called": draw(rewrites), "in_calling": draw(st.none() | rewrites),
            "answer_timeout": draw(st.floats(1, 30).map(lambda seconds: round(seconds, 3))),
        }
        for name in draw(st.lists(st.sampled_from(["A", "B", "null", "3"]), unique=True))
    ]  # fmt: skip
    trunk_names = st.sampled_from(["", *(trunk["name"] for trunk in trunks)])
    things: dict[str, list[dict[str, Any]]] = {
        name: [] for name in ("extensions", "ring_groups", "services", "emergency_numbers")
    }
    for index, number in enumerate(numbers):
        kind = draw(st.sampled_from(sorted(things)))
        if kind == "extensions":
            extension = {
                "number": number, "name": draw(names), "forward_busy": draw(targets), "codecs": draw(codecs),
                "ring_time": draw(st.none() | st.integers(1, 100)), "enabled": draw(st.booleans()),
                "user": draw(st.sampled_from(["", *(user["login"] for user in users)])),
                "lines": [
                    {"sip_username": f"line{index}{position}", **line}
                    for position, line in enumerate(draw(st.lists(lines, max_size=3)))
                ],
            }  # fmt: skip
            things[kind].append(extension)
        elif kind == "ring_groups":
            things[kind].append(
                {"number": number, "members": draw(st.lists(targets.filter(bool), max_size=3)), "step_time": 7.5}
            )
        elif kind == "services":
            options = draw(st.dictionaries(words, names, max_size=2))
            things[kind].append(
                {
                    "number": number,
                    "kind": "schedule",
                    "time_ranges": draw(st.lists(hours, min_size=1)),
                    "options": options,
                }
            )
        elif number.isdecimal():
            things[kind].append({"number": number, "name": draw(names)})
    rules = draw(st.lists(st.tuples(trunk_names, st.sampled_from(["", "5", "10-19", "55*"])), unique=True))
    inbound = [
        {"trunk": trunk, "number": number, "target": draw(targets), "rewrite": draw(rewrites)}
        for trunk, number in rules
    ]
    routes = draw(st.lists(st.sampled_from([("X", "9"), ("Y", "90"), ("Z", "")]), unique=True)) if trunks else []
    by_all = [trunk["name"] for trunk in trunks]
    outbound = [
        {"name": name, "prefix": prefix, "strip": draw(st.none() | st.integers(0, 3)), "trunks": by_all}
        for name, prefix in routes
    ]
    general = {
        "company": draw(names),
        "outside_prefix": "9",
        "local_networks": draw(st.sampled_from([[], ["10.0.0.0/8", "::1"]])),
    }
    return {"settings": general, "users": users, "trunks": trunks, "inbound": inbound, "outbound": outbound, **things}


@hypothesis_settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(configurations())
def test_any_configuration_goes_there_and_back(sqlite: Settings, configuration: dict[str, Any]):
    api.apply(sqlite, EMPTY, prune=True)
    api.apply(sqlite, yaml.safe_dump(configuration, allow_unicode=True, sort_keys=False))
    text = api.export(sqlite, secrets=True)
    assert not api.apply(sqlite, text)
    assert not api.apply(sqlite, text, prune=True)
    first = api.publish(sqlite)
    api.apply(sqlite, EMPTY, prune=True)
    assert not any(content for name, content in yaml.safe_load(api.export(sqlite)).items() if name != "settings")
    api.apply(sqlite, text)
    assert api.export(sqlite, secrets=True) == text
    again = api.publish(sqlite)
    assert (again.extensions, again.trunks, again.general) == (first.extensions, first.trunks, first.general)
    assert (again.inbound, again.services) == (first.inbound, first.services)
