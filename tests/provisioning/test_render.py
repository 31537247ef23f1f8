"""A company's own templates: what they may do, and what is told when one cannot be used."""

from dataclasses import replace

import pytest

from jackfield.provisioning.catalogue import MODELS
from jackfield.provisioning.render import MOST_CHARACTERS, TemplateProblem, builtin, check, render

from .sample import SAMPLE, read

MODEL = MODELS["yealink-t46u"]
FILE = "{mac}.cfg"
NAME = "yealink/phone.cfg"


def rendered(text: str) -> str:
    return render(MODEL, FILE, SAMPLE, {NAME: text}).body.decode()


def problem(text: str) -> TemplateProblem:
    with pytest.raises(TemplateProblem) as caught:
        rendered(text)
    return caught.value


def test_a_companys_template_replaces_ours():
    own = builtin(NAME).replace("account.{{ n }}.sip_server.1.retry_counts = 3", "account.{{ n }}.ring = 7")
    text = rendered(own)
    assert "account.1.ring = 7" in text
    assert "retry_counts" not in text
    assert read(MODEL, SAMPLE, {NAME: own}).lines == read(MODEL, SAMPLE).lines


def test_a_template_of_another_file_changes_nothing():
    assert render(MODEL, FILE, SAMPLE, {"snom/phone.xml": "x"}) == render(MODEL, FILE, SAMPLE)


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("#\n{{ phone.colour }}", 2, "no attribute 'colour'"),
        ("#\n#\n{{ missing }}", 3, "'missing' is undefined"),
        ("#\n{% if phone %}\n", 2, "end"),
        ("{{ 1 / 0 }}", 1, "division by zero"),
        ("#\n{{ 'a' * 999999999 }}", 2, "is for numbers"),
        ("{{ 9 ** 99999 }}", 1, "a power of that size"),
        ("{{ '{:999999999}'.format(1) }}", 1, "unsafe"),
        ("{{ phone.__class__ }}", 1, "unsafe"),
        ("{{ ''.__class__.__mro__ }}", 1, "unsafe"),
        ("{{ phone.accounts|safe }}", 1, "No filter named 'safe'"),
        ("{% include 'snom/phone.xml' %}", 1, "no loader"),
        ("{{ cycler }}", 1, "undefined"),
        ("{{ phone.accounts[99].name }}", 1, "no element 99"),
        ("{% set phone.mac = 1 %}", 1, "cannot assign"),
        ("{{ phone.keys }}", 1, "prints a tuple as a whole"),
        ("{{ [phone.mac]|string }}", 1, "No filter named 'string'"),
        ("{{ range(9)|replace('r', 'x') }}", 1, "prints a range"),
    ],
)
def test_a_template_that_cannot_be_used_names_its_line(text, line, said):
    found = problem(text)
    assert (found.template, found.line) == (NAME, line)
    assert said in found.message
    assert str(found).startswith(f"line {line} of yealink/phone.cfg: ")


@pytest.mark.parametrize(
    "text",
    [
        "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
        "{% macro f(n) %}{% if n %}{{ f(n - 1) }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(40) }}",
        "{% set ns = namespace(t='xxxxxxxxxx') %}{% for i in range(99) %}{% set ns.t = ns.t ~ ns.t %}{% endfor %}",
        "{% set ns = namespace(t='xx') %}{% for i in range(99) %}{% set ns.t = ns.t|replace('x', 'xx') %}{% endfor %}",
        "{% set ns = namespace(t='xxxx') %}{% for i in range(99) %}{% set ns.t = [ns.t, ns.t]|join %}{% endfor %}",
        "{% set ns = namespace(t='xxxx') %}{% for i in range(99) %}{% set ns.t = ns.t + ns.t %}{% endfor %}",
        "{% set ns = namespace(t='xxxx') %}{% for i in range(99) %}{% set x %}{{ ns.t }}{{ ns.t }}{% endset %}"
        "{% set ns.t = x %}{% endfor %}",
        "{% for i in range(60) recursive %}{{ loop(range(60)) }}{% endfor %}",
    ],
)
def test_a_template_that_would_run_for_ever_is_stopped(text):
    assert problem(text).message


def test_a_template_that_writes_without_end_is_stopped():
    found = problem("{% for i in range(9000) %}" + 10 * "{{ phone.time_zone }}" + "{% endfor %}")
    assert str(MOST_CHARACTERS) in found.message


def test_a_template_is_tried_before_it_is_kept():
    assert check(MODEL, FILE, "mac = {{ phone.mac }}", SAMPLE).body == b"mac = 020000aabbcc"
    with pytest.raises(TemplateProblem):
        check(MODEL, FILE, "{{ phone.mak }}", SAMPLE)


def test_what_a_companys_template_prints_is_made_harmless_too():
    snom = MODELS["snom-d785"]
    text = "<a>{{ '<b>&' }}{% set x = '<c>' %}{{ x|upper }}{% macro m() %}<d>{{ x }}</d>{% endmacro %}{{ m() }}</a>"
    body = render(snom, "{mac}.xml", SAMPLE, {"snom/phone.xml": text}).body.decode()
    assert body == "<a>&lt;b&gt;&amp;&lt;C&gt;<d>&lt;c&gt;</d></a>"


def test_an_unknown_file_or_template_is_told():
    with pytest.raises(KeyError, match="asks for no file"):
        render(MODEL, "x.cfg", SAMPLE)
    for name in ("yealink/nothing", "../catalogue.py", "yealink/../snom/phone.xml"):
        with pytest.raises(KeyError, match="there is no template"):
            builtin(name)


def test_a_zone_that_is_none_is_told_with_the_template():
    with pytest.raises(TemplateProblem, match="'Mars/Base' is not known"):
        render(MODEL, FILE, replace(SAMPLE, time_zone="Mars/Base"))
