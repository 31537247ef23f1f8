"""System health and logs."""

from __future__ import annotations

import time

from django.test import Client

from jackfield.console.log_lines import tail
from jackfield.console.sampler import Sample, Samples
from jackfield.settings import Settings

from .conftest import As
from .test_live import text_of

LOG = """\
2026-11-23 08:00:00.001 info    switch   the switch is up
2026-11-23 08:00:01.001 warning switch   [k3f9-1] trunk "Provider" does not answer
2026-11-23 08:00:02.001 error   switch   [k3f9-1] a fault
Traceback (most recent call last):
  File "call.py", line 1
2026-11-23 08:00:03.001 info    switch   [k400-1] password=secret1 was given
"""


def test_health_shows_figures_processes_and_versions(admin: Client, company: Settings):
    samples = Samples(company.files.path / "samples")
    now = time.time()
    samples.add(Sample(at=now - 60, cpu=12.5, own_cpu=3.5, memory=2e9, own_memory=4e8))
    samples.add(Sample(at=now, cpu=20.5, own_cpu=4.5, memory=2e9, own_memory=4e8, history=5e8))
    page = admin.get("/admin/health/")
    text = text_of(page)
    for what in ("Processor", "12.5 3.5", "Recordings", "History", "Free", "Jackfield 0", "console", "running"):
        assert what in text
    assert "not-to-be-shown" not in page.content.decode()
    for period in ("hours", "day", "month", "nonsense"):
        assert admin.get(f"/admin/health/?for={period}").status_code == 200


def test_a_fresh_system_has_no_figures_yet(admin: Client):
    assert "Nothing is noted for this time yet." in text_of(admin.get("/admin/health/"))


def test_the_log_is_narrowed_by_level_call_and_words(admin: Client, company: Settings):
    company.files.logs.mkdir(exist_ok=True)
    (company.files.logs / "switch.log").write_text(LOG)
    text = text_of(admin.get("/admin/logs/"))
    assert "the switch is up" in text
    assert "secret1" not in text
    assert text.index("was given") < text.index("the switch is up"), "the newest first"
    text = text_of(admin.get("/admin/logs/?level=warning"))
    assert "the switch is up" not in text
    assert "does not answer" in text
    assert "call.py" in text, "what belongs to the error is with it"
    assert "was given" not in text_of(admin.get("/admin/logs/?call=k3f9-1"))
    assert "Nothing fits." in text_of(admin.get("/admin/logs/?q=nowhere"))


def test_a_log_for_programs_is_read_too(company: Settings):
    company.files.logs.mkdir(exist_ok=True)
    (company.files.logs / "switch.log").write_text(
        '{"at": "2026-11-23T08:00:00.001Z", "level": "error", "message": "gone", "call": "k1", "exception": "why"}\n'
        "{broken\n"
    )
    ((line,), cut) = tail(company.files.logs, "switch")
    assert (line.level, line.call, line.text, cut) == ("error", "k1", "gone\nwhy\n{broken", False)


def test_no_other_file_is_read(admin: Client, company: Settings):
    company.files.logs.mkdir(exist_ok=True)
    assert tail(company.files.logs, "../secret") == ([], False)
    assert company.files.secret().decode() not in admin.get("/admin/logs/?process=../secret.key").content.decode()


def test_the_log_is_for_those_who_may_see_the_system(signed_in: As):
    assert signed_in("user").get("/admin/logs/").status_code == 403
    assert signed_in("reader").get("/admin/logs/").status_code == 200
