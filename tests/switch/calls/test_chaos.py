"""Calls in which everything happens at odd times, on a bad network: whatever it was, all ends and is written down."""

from __future__ import annotations

from typing import Any

import pytest

from .chaos import Chaos
from .house import House

SEEDS = 200


@pytest.mark.parametrize("seed", range(SEEDS))
async def test_whatever_happens_every_call_ends_in_order(
    house: House, seed: int, caplog: pytest.LogCaptureFixture
) -> None:
    chaos = Chaos(house, seed)
    await chaos.open()
    await chaos.play()
    await chaos.settle()
    try:
        assert_same_calls(chaos)
        assert_both_or_none_talk_directly(chaos)
        await chaos.close()
        assert_quiet(chaos)
        for record in house.records:
            assert_consistent(record)
        assert not [line.getMessage() for line in caplog.records if line.exc_info]
    except AssertionError:
        print(f"seed {seed}:", *chaos.said, sep="\n")
        raise


def assert_same_calls(chaos: Chaos) -> None:
    """Nobody sits in a call that the switch knows nothing of, nor the other way round."""
    agent = chaos.house.switch.agent
    here = {session.dialog.call_id for session in agent.sessions.values() if session.confirmed and not session.ended}
    gone = {phone for phone in chaos.phones if phone.address in chaos.vanished}
    there = {c.session.dialog.call_id for phone, c in chaos.talking() if phone not in gone and c.session is not None}
    assert there <= here, "a phone sits in a dead call"


def assert_both_or_none_talk_directly(chaos: Chaos) -> None:
    """Whoever sends its audio past us sends it to the one with whom it is in a call, and hears that one."""
    for call in chaos.house.switch.calls.values():
        legs = [leg for leg in call.legs if leg.answered and not leg.ended]
        if any(leg.audio.whereabouts[0] in chaos.vanished for leg in legs):
            continue
        beside = [leg for leg in legs if leg.audio.elsewhere]
        assert len(beside) in (0, 2), f"{beside} of {legs} in call {call.id}"
        if beside:
            one, two = beside
            assert {one, two} == {call.anchor, call.peer}
            assert one.audio.told == two.audio.whereabouts
            assert two.audio.told == one.audio.whereabouts
            assert not one.held
            assert not two.held


def assert_quiet(chaos: Chaos) -> None:
    """Nothing is left of any call."""
    house, switch = chaos.house, chaos.house.switch
    house.assert_quiet()
    assert not switch.agent.sessions
    assert not len(switch.agent.layer)
    assert len(switch.agent.timers) == chaos.timers
    assert not switch._tasks
    assert not switch.agent._tasks
    assert not any(switch.trunks._route_calls.values())
    assert not switch.media._restoring


def assert_consistent(record: dict[str, Any]) -> None:
    """A record's times are in order, and what it says of the end fits together."""
    in_order(record, "started", "ringing", "answered", "ended")
    assert (record["answered"] is not None) == (record["outcome"] == "answered")
    assert (record["sip_status"] == 200) == (record["outcome"] == "answered")
    assert (record["sip_status"] == 487) == (record["outcome"] == "cancelled")
    assert (record["q850"] == 16) == (record["outcome"] in ("answered", "cancelled"))
    assert record["hung_up_by"] in ("caller", "callee", "system")
    assert record["reason"] or (record["outcome"] == "answered" and record["hung_up_by"] != "system"), "it says why"
    for leg in record["legs"]:
        in_order(leg, "invited", "ringing", "answered", "ended")
        assert leg["ended"] <= record["ended"] + 2.1
        assert leg["answered"] is None or leg["status"] == 200


def in_order(times: dict[str, Any], *names: str) -> None:
    known = [times[name] for name in names if times[name] is not None]
    assert times[names[-1]] is not None
    assert known == sorted(known), {name: times[name] for name in names}
