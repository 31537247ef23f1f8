"""Settings: three sources, one model, errors that say what to do."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from jackfield import settings
from jackfield.settings import PortRange, SettingsError, load


def test_a_flag_wins_over_the_environment_and_the_environment_over_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "jackfield.yaml").write_text("sip_port: 5001\nsip_tls_port: 5002\nsip_ws_port: 5003\n")
    monkeypatch.setenv("JACKFIELD_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("JACKFIELD_SIP_PORT", "5011")
    monkeypatch.setenv("JACKFIELD_SIP_TLS_PORT", "5012")

    found = load(sip_port=5021, sip_ws_port=None)

    assert (found.sip_port, found.sip_tls_port, found.sip_ws_port) == (5021, 5012, 5003)
    assert found.sip_wss_port == 8089
    assert found.data_dir == tmp_path


def test_a_file_that_is_no_yaml_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "jackfield.yaml").write_text("host: 127.0.0.1\nsip_port: [1\n")
    with pytest.raises(SettingsError) as told:
        load(data_dir=tmp_path)
    assert "jackfield.yaml is not YAML: line 3: " in str(told.value)
    assert "\n" not in str(told.value)


def test_a_range_that_is_upside_down_is_told_so() -> None:
    with pytest.raises(SettingsError, match='the first port comes first: "10000-20000"'):
        load(rtp_ports="20000-10000")


def test_a_settings_file_may_stand_elsewhere(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("host: [192.0.2.1, '::1']\nlog_format: JSON\nrtp_ports: 20000-20099\n")

    found = load(config=str(file), data_dir=tmp_path / "data")

    assert found.hosts == ("192.0.2.1", "::1")
    assert found.log_format == "json"
    assert found.rtp_range == (20000, 20099)


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ({"sip_port": 70000}, ["--sip-port", "70000", "sip_port", "65535"]),
        ({"sip_port": "many"}, ["--sip-port", "many", "integer"]),
        ({"host": "pbx.example"}, ["--host", "pbx.example", "no IP address", "0.0.0.0"]),
        ({"rtp_ports": "20000"}, ["--rtp-ports", "FIRST-LAST"]),
        ({"rtp_ports": "500-900"}, ["1024"]),
        ({"rtp_ports": "10000-10002"}, ["larger"]),
        ({"rtp_ports": "5000-6000"}, ["sip_port 5060 lies inside rtp_ports"]),
        ({"rtp_ports": "10000-10007", "media_processes": 4}, ["too small for 4 media processes"]),
        ({"sip_port": 5061}, ["sip_port and sip_tls_port are both 5061"]),
        ({"console_port": 8088}, ["sip_ws_port and console_port are both 8088"]),
        ({"sip_port": 0, "sip_tls_port": 0, "sip_ws_port": 0, "sip_wss_port": 0}, ["no phone could connect"]),
        ({"sip_tls_second_port": 5060}, ["sip_port and sip_tls_second_port are both 5060"]),
        ({"sip_tls_port": 0, "sip_tls_second_port": 443}, ["set sip_tls_port first"]),
        ({"tls_key": "/k.pem"}, ["tls_certificate and tls_key belong together"]),
        ({"log_level": "loud"}, ["--log-level", "loud", "debug"]),
        ({"sip_prot": 5060}, ['"sip_prot" is no setting', 'did you mean "sip_port"']),
    ],
)
def test_an_error_names_the_setting_its_source_and_the_mend(flags: dict[str, object], words: list[str]) -> None:
    with pytest.raises(SettingsError) as error:
        load(**flags)
    for word in words:
        assert word in str(error.value)


def test_a_database_password_is_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JACKFIELD_DATABASE_URL", "mysql://me:sesame@db/x")
    with pytest.raises(SettingsError) as error:
        load()
    assert "JACKFIELD_DATABASE_URL" in str(error.value)
    assert "sesame" not in str(error.value)


def test_an_error_in_the_file_names_the_file(tmp_path: Path) -> None:
    file = tmp_path / "jackfield.yaml"
    file.write_text("sip_port: 99999\n")
    with pytest.raises(SettingsError, match=f"{file}: 99999 is wrong for sip_port"):
        load(data_dir=tmp_path)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("sip_prot: 5060\n", 'names "sip_prot".*did you mean "sip_port"'),
        ("data_dir: /elsewhere\n", 'names "data_dir"'),
        ("- 5060\n", 'must hold lines like "sip_port: 5060"'),
        ("sip_port: [\n", "is not YAML"),
    ],
)
def test_a_file_that_makes_no_sense_is_refused(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "jackfield.yaml").write_text(text)
    with pytest.raises(SettingsError, match=words):
        load(data_dir=tmp_path)


def test_a_missing_file_matters_only_when_it_was_named(tmp_path: Path) -> None:
    assert load(data_dir=tmp_path).sip_port == 5060
    with pytest.raises(SettingsError, match="does not exist"):
        load(data_dir=tmp_path, config=str(tmp_path / "none.yaml"))


def test_an_empty_file_sets_nothing(tmp_path: Path) -> None:
    (tmp_path / "jackfield.yaml").write_text("# nothing yet\nsip_port:\n")
    assert load(data_dir=tmp_path).sip_port == 5060


def test_the_environment_of_a_child_gives_it_the_very_same_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "jackfield.yaml").write_text("sip_port: 5070\n")
    parent = load(data_dir=tmp_path, host="127.0.0.1,::1", public_address="203.0.113.5", drain_seconds=5)
    for name, value in parent.environment().items():
        monkeypatch.setenv(name, value)
    assert load() == parent


@pytest.mark.parametrize("joint", [" ", "="])
def test_a_password_on_the_command_line_is_pointed_out(joint: str) -> None:
    def told(url: str) -> list[str]:
        return list(settings.open_secrets(f"jackfield run --database-url{joint}{url} --sip-port 0".split()))

    assert "set JACKFIELD_DATABASE_URL instead" in told("postgresql://pbx:sesame@host/pbx")[0]
    assert "sesame" not in told("postgresql://pbx:sesame@host/pbx")[0]
    assert told("postgresql://pbx@host/pbx") == told("postgresql:///pbx?host=/run/postgresql") == []


def test_a_misspelt_variable_is_pointed_out() -> None:
    told = list(
        settings.unknown_variables({"JACKFIELD_SIPPORT": "1", "JACKFIELD_SIP_PORT": "1", "JACKFIELD_XYZZY": "1"})
    )
    assert told == [
        'the environment variable JACKFIELD_SIPPORT sets nothing: did you mean "JACKFIELD_SIP_PORT"?',
        "the environment variable JACKFIELD_XYZZY sets nothing: remove it",
    ]


def test_every_setting_is_a_flag_of_the_processes() -> None:
    parser = argparse.ArgumentParser()
    settings.add_arguments(parser)
    flags = vars(parser.parse_args(["--sip-port", "5099", "--host", "127.0.0.1"]))
    assert load(**flags).sip_port == 5099
    assert set(flags) == set(settings.Settings.model_fields)


def test_localhost_is_understood_and_the_database_defaults_to_a_file(tmp_path: Path) -> None:
    found = load(host="localhost", data_dir=tmp_path)
    assert found.hosts == ("127.0.0.1",)
    assert found.database == f"sqlite:///{tmp_path}/jackfield.sqlite3"


def test_port_ranges_are_shared_out_in_pairs_without_overlap() -> None:
    parts = PortRange.parse("10001-10020").split(3)
    assert parts == [(10002, 10007), (10008, 10013), (10014, 10019)]
    assert str(parts[0]) == "10002-10007"
