"""`jackfield check` of the firewall, and how the administration is opened."""

from __future__ import annotations

from pathlib import Path

import pytest

from jackfield.check import firewall
from jackfield.network.firewall import table
from jackfield.network.firewall.policy import compiled
from jackfield.network.firewall.rules import Firewall
from jackfield.settings import Settings, load
from jackfield.switch import snapshot as snapshots
from jackfield.switch.snapshot import Snapshot

HERE = "203.0.113.5 50000 192.0.2.1 22"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    found = load(data_dir=tmp_path / "data", firewall="auto")
    found.files.prepare()
    return found


def said(settings: Settings) -> list[tuple[str, str, str]]:
    return [(one.level, one.text, one.mend) for one in firewall.firewall(settings)]


def test_who_comes_by_ssh_is_told_how_to_open_the_administration_to_himself():
    public = compiled(Snapshot(), {}, public=True)
    assert firewall.opening_for(public, HERE).endswith("jackfield firewall open administration 203.0.113.5")
    assert firewall.opening_for(public, "").endswith("jackfield firewall open administration YOUR.ADDRESS")
    assert firewall.opening_for(public, "192.168.1.7 50000 192.168.1.1 22") == ""
    assert firewall.opening_for(compiled(Snapshot(), {}, public=False), HERE) == ""


def test_where_the_rules_hold_is_told_with_the_mend(settings: Settings, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(firewall.kernel, "why_not", lambda: "the program nft is not installed: apt install nftables")
    (found,) = said(settings)
    assert found == (
        "warning", "it holds in the programs alone: the program nft is not installed: apt install nftables",
        "apt install nftables",
    )  # fmt: skip
    assert said(settings.replaced(firewall="kernel"))[0][0] == "error"
    monkeypatch.setattr(firewall.kernel, "why_not", lambda: "")
    assert said(settings)[0][:2] == ("ok", "it holds in the kernel and in the programs")


def test_a_group_that_is_gone_and_panic_are_told(settings: Settings, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(firewall.kernel, "why_not", lambda: "")
    snapshots.write(Snapshot(firewall=Firewall(ssh=("Gone",))), settings.files.snapshot)
    table.save(settings.files.firewall, table.Known(panic=1.0))
    texts = [text for _, text, _ in said(settings)]
    assert any("panic" in text for text in texts)
    table.save(settings.files.firewall, table.Known())
    assert any('"Gone", which there is not' in text for _, text, _ in said(settings))
