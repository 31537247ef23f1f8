"""`jackfield bandwidth` reckons what calls take of a line."""

from __future__ import annotations

import json

from typer.testing import CliRunner

from jackfield.cli.app import app


def reckoned(*words: str, status: int = 0) -> str:
    done = CliRunner().invoke(app, ["bandwidth", *words])
    assert done.exit_code == status, done.output
    return done.output


def test_a_table_for_people():
    said = reckoned("--calls", "20", "--line", "2000", "--security", "80")
    assert "1680 kbit/s" in said
    row = next(line for line in said.splitlines() if line.startswith("gsm"))
    assert " ".join(row.split()) == "gsm GSM full rate 83 bytes / 20 ms 33.2 kbit/s 664 kbit/s 60"


def test_figures_for_programs():
    (row,) = json.loads(reckoned("--codec", "pcma", "--layer", "pppoe", "--ip", "6", "--json"))
    assert row["packet"] == 40 + 20 + 160 + 26
    assert row["each"] == 98.4


def test_what_can_not_be_is_told_with_what_can():
    assert "frames of 20 ms" in reckoned("--codec", "gsm", "--ptime", "30", status=2)
    assert "ethernet" in reckoned("--layer", "atm", status=2)
    assert "10000000" in reckoned("--line", "inf", status=2)
