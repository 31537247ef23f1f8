from jackfield.provisioning.render import builtin
from jackfield.provisioning.updates import difference, digest

THEN = "one\ntwo\nthree\nfour\nfive\nsix\n"


def signs(lines):
    return [f"{line.sign}{line.text}" for line in lines if line.sign in "+-"]


def test_without_an_update_only_the_companys_own_changes_are_shown():
    found = difference(THEN, THEN, THEN.replace("two", "TWO"))
    assert not found.changed
    assert found.ours == ()
    assert signs(found.own) == ["-two", "+TWO"]
    assert found.merged == THEN.replace("two", "TWO")


def test_an_update_elsewhere_can_be_taken_over():
    found = difference(THEN, THEN.replace("six", "6"), THEN.replace("two", "TWO"))
    assert found.changed
    assert signs(found.ours) == ["-six", "+6"]
    assert found.merged == "one\nTWO\nthree\nfour\nfive\n6\n"


def test_an_update_of_the_same_lines_is_left_to_a_person():
    assert difference(THEN, THEN.replace("two", "2"), THEN.replace("two", "TWO")).merged is None
    assert difference(THEN, THEN.replace("three\n", ""), THEN.replace("two\n", "TWO\n")).merged is None


def test_what_both_changed_alike_is_no_conflict():
    both = THEN.replace("two", "2")
    assert difference(THEN, both, both.replace("six", "6")).merged == both.replace("six", "6")


def test_lines_added_at_both_ends_are_all_kept():
    found = difference(THEN, "zero\n" + THEN, THEN + "seven\n")
    assert found.merged == "zero\n" + THEN + "seven\n"


def test_line_ends_do_not_make_a_template_another():
    assert digest(THEN) == digest(THEN.replace("\n", "\r\n"))
    assert not difference(THEN, THEN.replace("\n", "\r\n"), THEN).changed


def test_a_real_template_with_a_change_of_ours_and_one_of_the_companys():
    now = builtin("yealink/phone.cfg")
    then = now.replace("retry_counts = 3", "retry_counts = 5")
    own = then.replace("account.{{ n }}.nat.rport = 1", "account.{{ n }}.nat.rport = 0")
    merged = difference(then, now, own).merged
    assert "retry_counts = 3" in merged
    assert "nat.rport = 0" in merged
