"""Who is blocked, for how long, and who is not."""

from __future__ import annotations

from jackfield.network.guard.rules import GuardRules
from jackfield.network.guard.scanners import is_scanner
from jackfield.network.guard.story import Block, Failure, Story, Success, source_of

HERE = "203.0.113.5"


def guess(
    story: Story, count: int, *, at: float = 0.0, address: str = HERE, account: str = "101", **more: object
) -> list[Block]:
    """Let somebody guess so often, one second apart. Returns the blocks."""
    details: dict[str, object] = {"known": True, "what": "wrong password"} | more
    return [
        block
        for number in range(count)
        for block in story.failed(Failure(at + number, "sip", address, account, **details))  # type: ignore[arg-type]
    ]


def test_the_tenth_wrong_password_in_a_minute_blocks_for_five_minutes():
    story = Story(GuardRules())
    assert guess(story, 9) == []
    (block,) = guess(story, 1, at=9.0)
    assert (block.source, block.until - block.since) == (HERE, 300.0)
    assert block.reason == '10 failures in 60 s, for "101"'
    assert block.evidence == ("wrong password",)


def test_a_phone_with_an_old_password_that_tries_every_half_minute_is_not_blocked():
    story = Story(GuardRules())
    assert [block for at in range(0, 3600, 30) for block in guess(story, 1, at=float(at))] == []


def test_each_further_block_lasts_twice_as_long_up_to_a_day_and_is_short_again_after_a_quiet_one():
    story, at, lengths = Story(GuardRules()), 0.0, []
    for _ in range(11):
        (block,) = guess(story, 10, at=at)
        lengths.append((block.until - block.since) / 60)
        at = block.until + 1
        story.expire(at)
    assert lengths[:4] == [5, 10, 20, 40]
    assert lengths[-2:] == [1440, 1440]
    (block,) = guess(story, 10, at=at + 86401)
    assert (block.until - block.since, block.times) == (300.0, 1)


def test_users_that_there_are_not_count_twice_and_scanners_for_all():
    story = Story(GuardRules())
    assert len(guess(story, 5, known=False)) == 1
    (block,) = guess(Story(GuardRules()), 1, known=False, user_agent="friendly-scanner")
    assert block.reason == "a scanner (friendly-scanner)"


def test_who_is_blocked_is_not_counted_again_until_it_is_over():
    story = Story(GuardRules())
    assert len(guess(story, 40)) == 1
    assert story.expire(299.0) == []
    assert [block.source for block in story.expire(310.0)] == [HERE]


def test_a_neighbour_behind_the_same_nat_is_spared_and_who_is_guessed_at_is_not():
    story = Story(GuardRules())
    for account in ("101", "102", "103"):
        story.succeeded(Success(0.0, "sip", HERE, account))
    (block,) = guess(story, 10, at=100.0, account="103")
    assert block.spared == ("101", "102")


def test_who_is_blocked_can_not_guess_at_the_passwords_of_those_who_are_spared():
    story = Story(GuardRules())
    for account in ("101", "102"):
        story.succeeded(Success(0.0, "sip", HERE, account))
    guess(story, 10, at=100.0, account="x")
    assert guess(story, 9, at=120.0, account="101") == []
    (block,) = guess(story, 1, at=129.0, account="101")
    assert block.spared == ("102",)


def test_one_report_can_count_for_many():
    story = Story(GuardRules())
    (block,) = guess(story, 1, weight=100.0, account="", what="asked 40 times and never answered")
    assert block.evidence == ("asked 40 times and never answered",)


def test_packets_on_which_anybody_could_have_written_the_address_cut_off_nobody_who_was_there():
    story = Story(GuardRules())
    story.succeeded(Success(0.0, "sip", HERE, "101"))
    (block,) = guess(story, 10, at=100.0, account="101", proven=False)
    assert block.spared == ("101",)


def test_who_was_there_long_ago_is_not_spared():
    story = Story(GuardRules())
    story.succeeded(Success(0.0, "sip", HERE, "101"))
    (block,) = guess(story, 10, at=8 * 86400.0, account="x")
    assert block.spared == ()


def test_who_signs_in_while_his_address_is_blocked_is_spared_from_then_on():
    story = Story(GuardRules())
    guess(story, 10, account="x")
    story.succeeded(Success(20.0, "sip", HERE, "102"))
    assert story.blocks["sip", HERE].spared == ("102",)


def test_a_network_from_which_many_addresses_guess_is_blocked_as_a_whole_with_its_friends_spared():
    story = Story(GuardRules())
    story.succeeded(Success(0.0, "sip", "203.0.113.200", "104"))
    found = [block for host in range(1, 30) for block in guess(story, 4, at=10.0, address=f"203.0.113.{host}")]
    assert [block.source for block in found[:1]] == ["203.0.113.0/24"]
    assert found[0].spared == ("104",)
    assert "addresses of this network" in found[0].reason


def test_an_ipv6_customer_is_his_whole_64():
    story = Story(GuardRules())
    found = [
        block for host in range(10) for block in guess(story, 1, at=float(host), address=f"2001:db8:1:2::{host + 1}")
    ]
    assert [block.source for block in found] == ["2001:db8:1:2::/64"]
    assert source_of("::ffff:192.0.2.7") == "192.0.2.7"
    assert source_of("nonsense") == ""


def test_those_who_are_never_blocked_and_a_guard_that_is_off():
    assert guess(Story(GuardRules(), lambda address: address == HERE), 50) == []
    assert guess(Story(GuardRules(enabled=False)), 50) == []


def test_blocking_and_lifting_by_hand():
    story = Story(GuardRules())
    story.block("sip", "198.51.100.9/24", 0.0, 3600.0, "Anna")
    assert story.blocks["sip", "198.51.100.0/24"].by_hand
    assert story.lift("sip", "198.51.100.0/24") is not None
    assert story.lift("sip", "198.51.100.0/24") is None
    guess(story, 9)
    story.lift("sip", HERE)
    assert guess(story, 9, at=10.0) == []


def test_blocks_and_friends_outlive_a_restart_and_the_next_block_is_longer():
    story = Story(GuardRules())
    story.succeeded(Success(0.0, "sip", HERE, "101"))
    guess(story, 10, account="x")
    again = Story(GuardRules())
    again.restore(*story.kept(), 20.0)
    assert again.blocks == story.blocks
    assert again.friends(HERE, 20.0) == ("101",)
    again.expire(400.0)
    (block,) = guess(again, 10, at=400.0, account="x")
    assert block.times == 2


def test_memory_is_bounded():
    story = Story(GuardRules())
    for number in range(60_000):
        story.failed(Failure(float(number), "sip", f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}", "x"))
    assert len(story._sources) <= 50_000
    assert len(story._networks) <= 50_000


def test_scanners_are_known_by_their_names():
    assert is_scanner("friendly-scanner")
    assert is_scanner("sipcli/v1.8")
    for phone in ("Yealink SIP-T46U 108.86.0.20", "snomD785/10.1", "baresip v3", "Linphone/5.2", "", "Gigaset N870"):
        assert not is_scanner(phone), phone
