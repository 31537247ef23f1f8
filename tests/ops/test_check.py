"""`jackfield check`: each thing that can be wrong is found and has its mend."""

from __future__ import annotations

import datetime
import os
import socket
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from jackfield import check, compiled
from jackfield.check import Finding, configuration, machine, network, outside, run_checks
from jackfield.network.certificate import SelfSigned
from jackfield.settings import Settings, load
from jackfield.switch import snapshot as snapshots
from jackfield.switch.snapshot import (
    EmergencyNumber,
    Extension,
    Inbound,
    Line,
    Outbound,
    RingGroup,
    Service,
    Snapshot,
    Trunk,
)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    found = load(data_dir=tmp_path / "data", host="127.0.0.1")
    found.files.prepare()
    return found


def only(findings: Iterable[Finding]) -> Finding:
    (finding,) = findings
    return finding


def levels(findings: Iterable[Finding]) -> list[str]:
    return [finding.level for finding in findings]


def test_all_checks_run_on_this_machine_and_every_problem_has_a_mend(settings: Settings) -> None:
    findings = run_checks(settings)
    assert {"disk", "clock", "SIP over UDP", "audio ports", "codecs"} <= {finding.subject for finding in findings}
    assert all(finding.mend for finding in findings if finding.level == "error")
    assert not [finding for finding in findings if "could not be checked" in finding.text]


def test_a_check_that_fails_is_a_finding_and_the_others_go_on(settings: Settings) -> None:
    def broken_thing(settings: Settings) -> Iterable[Finding]:
        raise RuntimeError("oh")

    findings = run_checks(settings, [broken_thing, machine.data_directory])
    assert next(finding.text for finding in findings) == "could not be checked: RuntimeError: oh"
    assert levels(findings) == ["warning", "ok"]


class TestMachine:
    def test_a_data_directory_that_others_can_read(self, settings: Settings) -> None:
        assert only(machine.data_directory(settings)).level == "ok"
        settings.data_dir.chmod(0o755)
        finding = only(machine.data_directory(settings))
        assert finding.level == "warning"
        assert finding.mend == f"chmod 700 {settings.data_dir}"

    def test_a_data_directory_of_somebody_else(self, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(os, "geteuid", lambda: 4711)
        assert "belongs to user" in only(machine.data_directory(settings)).text
        monkeypatch.setattr(os, "access", lambda *_: False)
        finding = only(machine.data_directory(settings))
        assert finding.level == "error"
        assert finding.mend == f"chown -R 4711 {settings.data_dir}"

    def test_before_the_first_start_nothing_is_wrong(self, tmp_path: Path) -> None:
        fresh = load(data_dir=tmp_path / "new")
        assert levels(run_checks(fresh, [machine.data_directory, machine.disk, machine.database])) == ["ok"] * 3

    @pytest.mark.parametrize(("free", "level"), [(10 << 30, "ok"), (500 << 20, "warning"), (1 << 20, "error")])
    def test_a_disk_that_fills_up(
        self, settings: Settings, monkeypatch: pytest.MonkeyPatch, free: int, level: str
    ) -> None:
        monkeypatch.setattr(machine.shutil, "disk_usage", lambda _: type("Usage", (), {"free": free}))
        assert only(machine.disk(settings)).level == level

    def test_a_database_that_is_away(self, tmp_path: Path, free_port: Callable[[], int]) -> None:
        away = load(data_dir=tmp_path, database_url=f"postgresql://me:sesame@127.0.0.1:{free_port()}/x")
        finding = only(machine.database(away))
        assert finding.level == "error"
        assert "sesame" not in finding.text

    @pytest.mark.parametrize(("state", "level"), [(0, "ok"), (5, "warning"), (-1, "warning")])
    def test_a_clock_that_nobody_sets(self, settings: Settings, state: int, level: str) -> None:
        assert only(machine.clock(settings, adjtimex=lambda: state)).level == level

    def test_a_low_port_without_the_right_to_it(self, tmp_path: Path) -> None:
        status = tmp_path / "status"
        low = load(data_dir=tmp_path, sip_tls_port=443)
        status.write_text("CapEff:\t0000000000000000\n")
        findings = list(machine.capabilities(low, status))
        assert levels(findings) == ["error", "ok"]
        assert "CAP_NET_BIND_SERVICE" in findings[0].mend
        assert "user space" in findings[1].text
        status.write_text("CapEff:\t000001ffffffffff\n")
        assert "the kernel may relay" in only(machine.capabilities(low, status)).text
        status.write_text("")
        assert levels(machine.capabilities(low, status)) == ["error", "ok"]

    def test_too_few_open_files(self, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(machine.resource, "getrlimit", lambda _: (1024, 1024))
        finding = only(machine.open_files(settings))
        assert finding.level == "warning"
        assert "1024 allows about" in finding.text
        monkeypatch.setattr(machine.resource, "getrlimit", lambda _: (1024, -1))
        assert only(machine.open_files(settings)).level == "ok"

    @pytest.mark.parametrize(("size", "level"), [("212992", "warning"), ("4194304", "ok")])
    def test_small_receive_buffers(self, settings: Settings, tmp_path: Path, size: str, level: str) -> None:
        (tmp_path / "rmem_max").write_text(size)
        assert only(machine.socket_buffers(settings, tmp_path / "rmem_max")).level == level

    def test_modules_that_are_not_compiled(self, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(compiled, "in_use", lambda: False)
        monkeypatch.delenv("JACKFIELD_PURE_PYTHON", raising=False)
        finding = only(machine.speed(settings))
        assert finding.level == "warning"
        assert "python" in finding.mend
        assert "-m jackfield.compiling" in finding.mend
        monkeypatch.setenv("JACKFIELD_PURE_PYTHON", "1")
        assert only(machine.speed(settings)).level == "ok"
        monkeypatch.setattr(compiled, "in_use", lambda: True)
        assert only(machine.speed(settings)).level == "ok"

    def test_missing_codec_libraries(self, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
        from jackfield.rtp import codecs

        monkeypatch.setattr(codecs, "missing_libraries", lambda: ["Opus is not available: x - install libopus0"])
        finding = only(machine.codec_libraries(settings))
        assert (finding.level, finding.mend) == ("warning", "install libopus0")

    def test_a_misspelt_variable(self, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("JACKFIELD_SIPPORT", "5070")
        assert "JACKFIELD_SIP_PORT" in only(machine.environment(settings)).mend


class TestNetwork:
    def test_free_ports_and_ports_that_are_off(self, free_port: Callable[[], int]) -> None:
        found = load(
            host="127.0.0.1", sip_port=free_port(), sip_tls_port=free_port(), sip_ws_port=0, sip_wss_port=0,
            console_port=free_port(),
        )  # fmt: skip
        findings = list(network.sip_and_console_ports(found))
        assert levels(findings) == ["ok"] * 4

    def test_a_port_that_another_program_has(self, settings: Settings) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
            taken.bind(("127.0.0.1", 0))
            port = taken.getsockname()[1]
            mine = settings.replaced(sip_port=port)
            finding = next(f for f in network.sip_and_console_ports(mine) if f.subject == "SIP over UDP")
        assert finding.level == "error"
        assert f"UDP port {port} on 127.0.0.1 is taken by " in finding.text
        assert "--sip-port" in finding.mend

    def test_an_address_that_is_not_ours(self, settings: Settings) -> None:
        mine = settings.replaced(host="203.0.113.99")
        finding = next(iter(network.sip_and_console_ports(mine)))
        assert finding.level == "error"
        assert "no address of this machine" in finding.text

    def test_running_but_not_listening_is_an_error(
        self, settings: Settings, monkeypatch: pytest.MonkeyPatch, free_port: Callable[[], int]
    ) -> None:
        monkeypatch.setattr(network, "_running", lambda _: True)
        mine = settings.replaced(sip_port=free_port())
        assert "nothing listens" in next(iter(network.sip_and_console_ports(mine))).text

    def test_a_range_that_the_kernel_hands_out(
        self, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "ip_local_port_range").write_text("15000\t60999\n")
        (tmp_path / "ip_local_reserved_ports").write_text("\n")
        monkeypatch.setattr(network, "EPHEMERAL", tmp_path / "ip_local_port_range")
        finding = list(network.audio_ports(settings))[-1]
        assert finding.level == "warning"
        assert "ip_local_reserved_ports=10000-19999" in finding.mend
        (tmp_path / "ip_local_reserved_ports").write_text("10000-19999\n")
        assert "warning" not in levels(f for f in network.audio_ports(settings) if "kernel" in f.text)

    def test_strangers_among_the_audio_ports(self, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(network, "owner", lambda _: "asterisk (pid 7)")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
            taken.bind(("127.0.0.1", 0))
            port = taken.getsockname()[1] & ~1
            mine = settings.replaced(rtp_ports=f"{port}-{port + 9}")
            assert "asterisk (pid 7)" in next(iter(network.audio_ports(mine))).text

    def test_what_keeps_turn_and_the_vpn_away_is_told_with_its_mend(
        self, settings: Settings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        known = {
            "turn": False, "stun": [["127.0.0.1", 3478], ["127.0.0.1", 3479]], "stun_problem": "",
            "turn_problem": "UDP port 3478 on 192.0.2.1 is taken by turnserver (pid 7): stop it",
            "up": False, "left_out": [], "problem": "the program wg is not installed: apt install wireguard-tools",
        }  # fmt: skip
        monkeypatch.setattr(outside, "ask_sync", lambda socket, verb: known)
        turn, stun = outside.stun_and_turn(settings)
        assert (turn.level, turn.mend) == ("error", "stop it")
        assert (stun.level, stun.text) == ("ok", "UDP 3478, 3479")
        tunnel = only(outside.vpn(settings))
        assert (tunnel.level, tunnel.mend) == ("error", "apt install wireguard-tools")

    @pytest.mark.parametrize(
        ("host", "public", "expected"),
        [
            ("127.0.0.1", "", ["ok", "warning"]),
            ("192.0.2.7", "", ["ok"]),
            ("192.0.2.7", "10.0.0.1", ["warning"]),
            ("192.0.2.7", "8.8.8.8", ["ok"]),
            ("8.8.8.8", "", ["ok"]),
        ],
    )
    def test_what_phones_outside_are_told(self, host: str, public: str, expected: list[str]) -> None:
        assert levels(outside.addresses(load(host=host, public_address=public))) == expected

    def test_certificates(self, settings: Settings, tmp_path: Path) -> None:
        assert "self-signed" in only(network.certificate(settings)).text
        own = SelfSigned(tmp_path)
        for age, level in ((0, "ok"), (3640, "warning"), (3660, "error")):
            own.certificate.unlink(missing_ok=True)
            own.ensure(["a"], now=datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=age))
            mine = settings.replaced(tls_certificate=str(own.certificate), tls_key=str(own.key))
            assert only(network.certificate(mine)).level == level
        own.key.write_text("nonsense")
        assert only(network.certificate(mine)).mend == "correct tls_certificate and tls_key"

    @pytest.mark.parametrize(
        ("outcome", "level"),
        [("ok", "ok"), ("NXDOMAIN", "ok"), ("LifetimeTimeout", "warning"), ("NoResolverConfiguration", "warning")],
    )
    def test_name_servers(self, settings: Settings, monkeypatch: pytest.MonkeyPatch, outcome: str, level: str) -> None:
        import dns.resolver

        class Resolver:
            nameservers = ("192.0.2.53",)

            def resolve(self, *_: Any) -> None:
                if outcome != "ok":
                    raise getattr(dns.resolver, outcome)

        monkeypatch.setattr(dns.resolver, "Resolver", Resolver)
        assert only(network.name_servers(settings)).level == level


LINE = Line(sip_username="k3f9", ha1_md5="", ha1_sha256="")


def write(settings: Settings, **sections: Any) -> None:
    snapshots.write(Snapshot(**sections), settings.files.snapshot)


class TestConfiguration:
    def test_none_yet(self, settings: Settings) -> None:
        checks = [configuration.snapshot, configuration.targets, configuration.trunks, configuration.emergency]
        assert levels(run_checks(settings, checks)) == ["ok"]

    def test_a_damaged_one(self, settings: Settings) -> None:
        settings.files.snapshot.write_text("{")
        assert only(configuration.snapshot(settings)).level == "error"

    def test_nobody_can_register(self, settings: Settings) -> None:
        write(settings, extensions=(Extension(number="101"),))
        assert only(configuration.snapshot(settings)).level == "warning"
        write(settings, extensions=(Extension(number="101", lines=(LINE,)),), version=2)
        assert only(configuration.snapshot(settings)).text == "1 extensions with 1 lines, 0 trunks"

    def test_numbers_that_lead_nowhere(self, settings: Settings) -> None:
        write(
            settings,
            extensions=(Extension(number="101", forward_busy="102", forward_always="555"),),
            ring_groups=(RingGroup(number="200", members=("101", "666"), fallback="101"),),
            services=(Service(number="*61", kind="announcement", then="777"),),
            inbound=(Inbound(number="1", target="888"), Inbound(number="2", target="200")),
        )
        found = [finding.mend for finding in configuration.targets(settings)]
        assert found == [
            "change or clear extensions/101/forward_always",
            "change or clear extensions/101/forward_busy",
            "change or clear ring_groups/200",
            "change or clear services/*61",
            "change or clear inbound/1",
        ]

    def test_trunks_that_cannot_be_found(self, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(configuration, "_has_service_record", lambda name: name == "srv.example")

        def look_up(name: str, port: None) -> list[object]:
            if name.endswith(".example"):
                raise OSError("unknown")
            return []

        monkeypatch.setattr(socket, "getaddrinfo", look_up)
        write(
            settings,
            trunks=(
                Trunk(name="good", hosts=("192.0.2.1:5070", "srv.example")),
                Trunk(name="bad", hosts=("none.example",)),
            ),
            outbound=(Outbound(name="World", prefix="9", trunks=("gone",)), Outbound(name="Home", trunks=("good",))),
        )
        found = [(finding.level, finding.subject) for finding in configuration.trunks(settings)]
        assert found == [
            ("ok", "trunk good"), ("ok", "trunk good"), ("error", "trunk bad"), ("warning", "outgoing route"),
        ]  # fmt: skip

    def test_emergency_numbers_without_a_way_out(self, settings: Settings) -> None:
        write(settings)
        assert "none is configured" in only(configuration.emergency(settings)).text
        write(settings, emergency_numbers=(EmergencyNumber(number="112"),), version=2)
        assert "no trunk" in only(configuration.emergency(settings)).text
        write(settings, emergency_numbers=(EmergencyNumber(number="112"),), trunks=(Trunk(name="t"),), version=3)
        assert only(configuration.emergency(settings)).level == "ok"


def test_findings_are_plain_data() -> None:
    assert check.Finding("ok", "a", "b").mend == ""
