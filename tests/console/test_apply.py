"""Applying a document: creates, changes, removes; all of it or nothing; secrets kept to themselves."""

from __future__ import annotations

import wave
from pathlib import Path

import pytest

from jackfield.console import api
from jackfield.numbers.models import Extension, Line, RingGroup, Service
from jackfield.people.models import User
from jackfield.settings import Settings
from jackfield.switch import snapshot
from jackfield.switch.snapshot import Rewrite
from jackfield.trunks.models import Inbound, Trunk

HOUSE = """
settings: {company: Acme, country: CZ, outside_prefix: 0}
users:
  - {login: anna, name: Anna, email: anna@example.com}
extensions:
  - {number: 201, name: Anna, user: anna, sip_username: annas, sip_password: correct-horse, codecs: [pcma, opus]}
  - {number: 202, name: Bob, forward_no_answer: 300}
trunks:
  - {name: Carrier, hosts: [sip.example.com], username: acme, password: battery-staple}
inbound:
  - {trunk: Carrier, number: 5550101, rewrite: {strip: 5, prefix: 2}}
  - {trunk: Carrier, target: 300}
outbound:
  - {name: World, prefix: 0, trunks: [Carrier]}
ring_groups:
  - {number: 300, name: Sales, members: [201, 202]}
services:
  - {number: '*43', kind: echo}
emergency_numbers:
  - {number: 112, trunks: [Carrier]}
sounds:
  - {name: ours, path: ours}
"""


def lines_of(number: str) -> list[Line]:
    return list(Line.objects.filter(extension__number=number))


def refused(settings: Settings, text: str, **more: bool) -> list[str]:
    with pytest.raises(api.DocumentError) as error:
        api.apply(settings, text, **more)
    return [str(problem) for problem in error.value.problems]


def test_a_document_creates_everything_it_names(settings: Settings):
    difference = api.apply(settings, HOUSE)
    assert difference.applied
    assert difference.warnings == ()
    assert difference.counts == {"create": 13, "change": 1, "remove": 0}  # the lines are counted on their own
    assert Extension.objects.get(number="201").user == User.objects.get(login="anna")
    assert lines_of("201")[0].sip_username == "annas"
    assert Trunk.objects.get().password == "battery-staple"
    assert [rule.target for rule in Inbound.objects.all()] == ["", "300"]
    assert Inbound.objects.first().rewrite == Rewrite(strip=5, prefix="2")


def test_the_same_document_again_changes_nothing(settings: Settings):
    api.apply(settings, HOUSE)
    before = {line.sip_username: line.sip_password for line in Line.objects.all()}
    for prune in (False, True):
        again = api.apply(settings, HOUSE, prune=prune)
        assert again.changes == ()
        assert again.text == "Nothing to change."
    assert {line.sip_username: line.sip_password for line in Line.objects.all()} == before


def test_names_and_passwords_of_phones_are_made_up_once_and_kept(settings: Settings):
    api.apply(settings, "extensions: [{number: 201}]")
    (first,) = lines_of("201")
    assert len(first.sip_username) >= 10
    assert "201" not in first.sip_username
    assert len(first.sip_password) >= 16
    api.apply(settings, "extensions: [{number: 201, name: Anna, sip_password: }]", prune=True)
    (second,) = lines_of("201")
    assert (second.sip_username, second.sip_password) == (first.sip_username, first.sip_password)


def test_what_is_not_mentioned_stays(settings: Settings):
    api.apply(settings, HOUSE)
    api.apply(settings, "extensions: [{number: 202, ring_time: 40}]")
    bob = Extension.objects.get(number="202")
    assert (bob.name, bob.ring_time, bob.forward_no_answer) == ("Bob", 40, "300")
    assert Extension.objects.count() == 2
    assert Trunk.objects.count() == 1


def test_with_prune_a_section_is_the_whole_truth_and_others_stay(settings: Settings):
    api.apply(settings, HOUSE)
    difference = api.apply(settings, "extensions: [{number: 201}]\nring_groups: []\ninbound: []", prune=True)
    assert {str(change.action + " " + change.section + " " + change.key) for change in difference.changes} == {
        "change extensions 201", "remove extensions 202", "remove ring_groups 300",
        "remove inbound Carrier 5550101", "remove inbound Carrier",
    }  # fmt: skip
    anna = Extension.objects.get()
    assert (anna.name, anna.user, anna.codecs[0]) == ("", None, "opus")
    assert lines_of("201")[0].sip_password == "correct-horse"
    assert RingGroup.objects.count() == Inbound.objects.count() == 0
    assert Line.objects.count() == 1
    assert Service.objects.count() == Trunk.objects.count() == 1


def test_prune_takes_settings_back_to_their_defaults(settings: Settings):
    from jackfield.company.models import General

    api.apply(settings, HOUSE)
    api.apply(settings, "settings: {country: CZ}", prune=True)
    general = General.objects.get()
    assert (general.company, general.country, general.outside_prefix) == ("", "CZ", "9")


def test_a_dry_run_tells_and_does_nothing(settings: Settings):
    difference = api.apply(settings, HOUSE, dry_run=True)
    assert not difference.applied
    assert "13 to create, 1 to change." in difference.text
    assert "+ lines 202/(generated)" in difference.text
    assert Extension.objects.count() == User.objects.count() == 0
    assert not settings.files.snapshot.exists()


def test_no_difference_ever_shows_a_password(settings: Settings):
    shown = [api.apply(settings, HOUSE, dry_run=True), api.apply(settings, HOUSE)]
    shown.append(api.apply(settings, HOUSE.replace("battery-staple", "staple-battery").replace("correct", "incorrect")))
    for difference in shown:
        for text in (difference.text, str(difference.to_dict()), repr(difference)):
            for secret in ("battery", "horse", *(line.sip_password for line in Line.objects.all())):
                assert secret not in text
    assert "~ trunks Carrier\n    password: (secret)" in shown[-1].text


def test_the_difference_is_data_too(settings: Settings):
    api.apply(settings, HOUSE)
    difference = api.apply(
        settings,
        "extensions: [{number: 201, name: Anne, codecs: [], sip_password: longer-password}]".replace("[]", "[gsm]"),
    )
    assert difference.to_dict() == {
        "applied": True,
        "counts": {"create": 0, "change": 2, "remove": 0},
        "changes": [
            {
                "action": "change", "section": "extensions", "key": "201",
                "fields": [
                    {"name": "name", "old": "Anna", "new": "Anne"},
                    {"name": "codecs", "old": ["pcma", "opus"], "new": ["gsm"]},
                ],
            },
            {
                "action": "change", "section": "lines", "key": "201/annas",
                "fields": [{"name": "sip_password", "secret": True}],
            },
        ],
        "warnings": [],
    }  # fmt: skip


def test_values_are_shown_as_people_read_them(settings: Settings):
    api.apply(settings, HOUSE)
    text = api.apply(
        settings,
        "extensions: [{number: 201, user: , do_not_disturb: yes}]\n"
        "inbound: [{trunk: Carrier, number: 5550101, rewrite: {strip: 4}}]",
    ).text
    assert '    user: anna → ""\n' in text
    assert "    do_not_disturb: no → yes\n" in text
    assert "    rewrite: {strip: 5, prefix: 2} → {strip: 4}\n" in text


def test_all_problems_are_told_and_nothing_is_changed(settings: Settings):
    api.apply(settings, HOUSE)
    before = api.export(settings, secrets=True)
    said = refused(
        settings,
        "extensions:\n"
        "- {number: 203, name: New}\n"
        "- number: 201\n"
        "  codecs: [g723]\n"
        "  user: ana\n"
        "- {number: 300}\n"
        "- {number: 204, nme: X}\n"
        "outbound:\n"
        "- {name: Second, prefix: 0, trunks: [Carier]}\n"
        "inbound: [{trunk: Nobody}]\n",
    )
    assert said == [
        'line 4: extensions[1].codecs: "g723" is not a codec; '
        "known: opus, g722, pcma, pcmu, gsm, g729, g726-32, ilbc, speex",
        'line 5: extensions[1].user: there is no user "ana"; did you mean "anna"?',
        'line 6: extensions[2].number: number 300 is already the ring group "Sales"; next free: 301',
        'line 7: extensions[3].nme: "nme" is not known here; did you mean "name"?',
        'line 9: outbound[0].prefix: prefix 0 is already that of the outgoing route "World": '
        "put all trunks into one route, or change one prefix",
        'line 9: outbound[0].trunks[0]: there is no trunk "Carier"; did you mean "Carrier"?',
        'line 10: inbound[0].trunk: there is no trunk "Nobody"; known: Carrier',
    ]
    assert api.export(settings, secrets=True) == before


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("extensions: [{number: 112}]", 'number 112 is already an emergency number; next free: 113'),
        ("extensions: [{number: '0112'}]", "number 0112 is an emergency number behind the outside-line prefix 0"),
        ("extensions: [{number: 0}]", 'number 0 is already the prefix of the outgoing route "World"'),
        ("extensions: [{number: '*43'}]", "number *43 is already a service; next free: *44"),
        ("outbound: [{name: B, prefix: 202, trunks: [Carrier]}]", 'prefix 202 is already the extension "Bob"'),
        ("settings: {outside_prefix: 202}", 'extensions 202.number: number 202 is already the outside-line prefix'),
        ("extensions: [{number: 203, sip_username: annas}]", 'SIP name "annas" is already that of extension 201'),
        ("extensions: [{number: 203, name: '" + "x" * 101 + "'}]", "is 101 characters long: 100 at most"),
        ("extensions: [{number: 203, sip_password: ''}]", "must be given"),
        ("services: [{number: 400}]", "kind: must be given"),
        ("services: [{number: 400, kind: announcement}]", "sound: must be given: a service of kind announcement"),
        ("emergency_numbers: [{number: 155, trunks: [X]}]", 'there is no trunk "X"; known: Carrier'),
        ("settings: {register_min: 900}", "register_default: 300 does not lie between register_min 900"),
        ("extensions: [{number: 203, ring_time: 0}]", "0 is out of range: give 1 to 3600 seconds"),
        ("users: [{login: a b}]", '"a b" is no login name'),
        ("outbound: [{name: C, prefix: 5}]", "trunks: must name at least one trunk"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused(sqlite: Settings, text: str, words: str):
    api.apply(sqlite, HOUSE)
    said = refused(sqlite, text)
    assert len(said) == 1
    assert words in said[0]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("services: [{number: '77', kind: teleport}]", '"teleport" is not known here'),
        ("trunks: [{name: T, kind: registr, hosts: [a.example]}]", 'did you mean "register"?'),
    ],
)
def test_a_value_that_can_not_be_read_is_not_told_to_be_missing_too(sqlite: Settings, text: str, words: str):
    with pytest.raises(api.DocumentError) as caught:
        api.apply(sqlite, text)
    (only,) = caught.value.problems
    assert words in only.message


def test_all_that_a_trunk_lacks_is_told_at_once_each_with_the_mend(sqlite: Settings):
    text = "trunks:\n- {name: T, codecs: []}\n- {name: U, kind: address, verify_tls: maybe, qualify_interval: -1}"
    assert refused(sqlite, text) == [
        "line 2: trunks[0].codecs: must have at least one codec, or no call could have audio",
        'line 2: trunks[0].username: must be given: the trunk "T" registers; set kind to "address" if it does not',
        'line 2: trunks[0].hosts: must be given: the trunk "T" needs the provider\'s domain or address',
        'line 3: trunks[1].verify_tls: "maybe" must be true or false',
        "line 3: trunks[1].qualify_interval: -1 is out of range: give 0 to 86400 seconds",
        'line 3: trunks[1].hosts: must be given: the trunk "U" needs the provider\'s domain or address',
    ]


def test_every_item_of_a_list_that_is_wrong_is_told(sqlite: Settings):
    text = """
        extensions: [{number: 1, codecs: [g723, pcma, pcma]}]
        trunks: [{name: T, kind: address, hosts: [a b, sip.example.com, c d], sources: [x, y]}]
        services:
        - number: 400
          kind: schedule
          time_ranges:
          - {name: A, days: [mon, noday, never], start: 25:00, colour: red}
          - {days: [tue]}
        - number: 401
          kind: schedule
          time_ranges:
          - {name: B, days: [mon], start: 25:00, end: 26:00}
          - {name: C, days: [mon], start: 09:00, end: 09:00}
    """  # fmt: skip
    said = "\n".join(refused(sqlite, text))
    for words in (
        '"g723" is not a codec', '"pcma" is in the list twice', '"a b" is no host', '"c d" is no host',
        '"x" is no network', '"y" is no network', 'time_ranges[0].days[1]: "noday"', 'time_ranges[0].days[2]: "never"',
        'time_ranges[0].colour: "colour" is not known', "time_ranges[1]: name must be given",
        '"25:00" in time range "B"', '"26:00" in time range "B"', 'time range "C" begins and ends at 09:00',
    ):  # fmt: skip
        assert words in said, words
    assert said.count("\n") == 12


def test_what_hangs_on_a_value_that_can_not_be_read_is_not_told(sqlite: Settings):
    text = "settings: {register_min: x, register_default: 30}\noutbound: [{name: A, enabled: x}]"
    assert len(refused(sqlite, text)) == 2


def test_two_new_things_clash_too_and_the_first_one_wins(sqlite: Settings):
    said = refused(sqlite, "services: [{number: 300, kind: echo}]\nextensions:\n- {number: 300, name: A}")
    assert said == ['line 1: services[0].number: number 300 is already the extension "A"; next free: 301']


def test_without_users_the_message_says_where_to_add_one(sqlite: Settings):
    assert refused(sqlite, "extensions: [{number: 1, user: anna}]") == [
        'line 1: extensions[0].user: there is no user "anna"; add it under "users"'
    ]
    assert refused(sqlite, "outbound: [{name: A, trunks: [B]}]") == [
        'line 1: outbound[0].trunks[0]: there is no trunk "B"; add it under "trunks"'
    ]


def test_what_is_still_used_is_not_removed(settings: Settings):
    api.apply(settings, HOUSE)
    assert refused(settings, "users: []", prune=True) == [
        'extensions 201.user: the user "anna" is to be removed, but is used here: change this, or keep it'
    ]
    said = refused(settings, "trunks: []", prune=True)
    assert 'outbound World.trunks: trunk "Carrier" is to be removed, but is used here: change this, or keep it' in said
    assert any(one.startswith('inbound Carrier 5550101.trunk: the trunk "Carrier" is to be removed') for one in said)


def test_things_may_move_from_one_to_another_in_one_document(settings: Settings):
    api.apply(settings, HOUSE)
    api.apply(settings, "extensions: [{number: 201}]\nring_groups: [{number: 202, members: [201]}]", prune=True)
    assert RingGroup.objects.get().number == "202"


def test_a_number_that_leads_nowhere_is_a_warning(settings: Settings):
    difference = api.apply(
        settings,
        "extensions:\n"
        "- {number: 201, forward_busy: 999, forward_always: 201}\n"
        "- {number: 202, forward_busy: 201}\n"
        "ring_groups: [{number: 300, members: [201, 444], fallback: 555}]\n"
        "inbound: [{target: 666}]\n"
        "services: [{number: 8, kind: announcement, sound: welcome, then: 777}]",
    )
    nowhere = "leads nowhere: no number of the dial plan and no outgoing route has it"
    assert [str(warning) for warning in difference.warnings] == [
        "line 2: extensions[0].forward_always: 201 leads back to itself",
        f"line 2: extensions[0].forward_busy: 999 {nowhere}",
        f"line 4: ring_groups[0].fallback: 555 {nowhere}",
        f"line 6: services[0].then: 777 {nowhere}",
        f"line 5: inbound[0].target: 666 {nowhere}",
        f"line 4: ring_groups[0].members[1]: 444 {nowhere}",
    ]
    assert "warning: line 2: extensions[0].forward_always" in difference.text


def test_outside_numbers_lead_somewhere_when_a_route_takes_them(settings: Settings):
    api.apply(settings, HOUSE)
    text = "extensions: [{number: 203, forward_always: %s}]"
    for number in ("0603123456", "+420603123456", "112", "0112", "'*43'"):
        assert not api.apply(settings, text % number, dry_run=True).warnings, number
    assert api.apply(settings, text % "603123456", dry_run=True).warnings
    assert api.apply(settings, text % "0", dry_run=True).warnings


def test_removing_a_target_warns_of_those_who_led_there_though_they_are_not_in_the_document(settings: Settings):
    api.apply(settings, HOUSE)
    difference = api.apply(settings, "ring_groups: []", prune=True)
    assert [str(warning) for warning in difference.warnings] == [
        "extensions 202.forward_no_answer: 300 leads nowhere: no number of the dial plan and no outgoing route has it",
        "inbound Carrier.target: 300 leads nowhere: no number of the dial plan and no outgoing route has it",
    ]
    assert api.apply(settings, "users: [{login: bob}]").warnings == ()  # an old trouble is not told on every change


def test_doubtful_things_are_told(settings: Settings):
    api.apply(settings, HOUSE)
    said = [
        str(one)
        for one in api.apply(
            settings,
            "extensions:\n"
            "- {number: '0123'}\n"
            "- {number: 205, sip_username: long-enough, sip_password: long-enough}\n"
            "- {number: 206, sip_password: short}\n"
            "trunks: [{name: Carrier, enabled: no}]\n"
            "emergency_numbers: [{number: 155}]",
        ).warnings
    ]
    assert said == [
        'line 2: extensions[0].number: begins with the prefix 0 of the outgoing route "World": '
        "0123 reaches this extension, not the outside number",
        "line 3: extensions[1].sip_password: is easy to guess: leave it out and a random one is made",
        "line 4: extensions[2].sip_password: is easy to guess: leave it out and a random one is made",
        "line 6: emergency_numbers[0].trunks: nobody would answer 155: there is no enabled trunk to carry it",
    ]


def test_a_sound_whose_file_is_missing_is_told_and_taken_once_it_is_there(settings: Settings, tmp_path: Path):
    file = tmp_path / "hold.wav"
    text = f"sounds: [{{name: hold, path: {file}}}]"
    (warning,) = api.apply(settings, text, dry_run=True).warnings
    assert f"there is no file {file}" in str(warning)
    api.apply(settings, text)
    with wave.open(str(file), "wb") as made:
        made.setparams((1, 2, 8000, 0, "NONE", ""))
        made.writeframes(bytes(3200))
    assert not api.apply(settings, text)
    (sound,) = [one for one in snapshot.read(settings.files.snapshot).sounds if one.name == "hold"]
    assert Path(sound.path).is_relative_to(settings.files.sounds)  # what was converted from it


def inbound(*numbers: int) -> str:
    return "inbound:\n" + "".join(f"- {{trunk: Carrier, number: {number}, target: 300}}\n" for number in numbers)


def test_the_order_of_incoming_numbers_is_that_of_the_document(settings: Settings):
    api.apply(settings, HOUSE.replace("  - {trunk: Carrier, target: 300}", ""))
    api.apply(settings, inbound(1, 2))
    assert [one.number for one in Inbound.objects.all()] == ["5550101", "1", "2"]
    difference = api.apply(settings, inbound(2, 3, 5550101))
    assert [one.number for one in Inbound.objects.all()] == ["2", "3", "5550101", "1"]
    before, after = "Carrier 5550101, Carrier 1, Carrier 2", "Carrier 2, Carrier 5550101, Carrier 1"
    assert f"~ inbound\n    order: [{before}] → [{after}]" in difference.text
    assert not api.apply(settings, inbound(2, 3, 5550101))
    assert [one.number for one in Inbound.objects.all()] == ["2", "3", "5550101", "1"]


def test_an_inbound_rule_may_be_for_any_trunk(settings: Settings):
    api.apply(settings, "extensions: [{number: 1}]\ninbound: [{target: 1}]")
    assert Inbound.objects.get().trunk is None
    assert api.apply(settings, "inbound: [{target: 1}]", prune=True).changes == ()


def test_a_syntax_error_is_told_with_its_line(sqlite: Settings):
    assert refused(sqlite, "extensions:\n- {number: 1") == [
        "line 2: not YAML: did not find expected ',' or '}' (while parsing a flow mapping that begins in line 2)"
    ]


def test_the_example_of_the_documentation_works(settings: Settings):
    text = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text(encoding="utf-8")
    example = text.partition("```yaml\n")[2].partition("```")[0]
    difference = api.apply(settings, example)
    expected = ("202", "/srv/hold.mp3")  # neither that extension nor that file is there
    assert [one for one in difference.warnings if not any(word in str(one) for word in expected)] == []
    assert [line.name for line in lines_of("201")] == ["", "mobile"]
    assert not api.apply(settings, example)
