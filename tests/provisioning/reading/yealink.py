"""Yealink: `key = value` lines after `#!version:1.0.0.1`; a later line wins."""

from . import ReadChange, ReadLine, ReadPhone, clock

KEYS = {0: "none", 2: "forward", 9: "pickup", 10: "park", 12: "voicemail", 13: "speed_dial", 15: "line", 16: "blf"}
CODECS = {"pcma": "pcma", "pcmu": "pcmu", "g722": "g722", "g729": "g729", "opus": "opus",
          "ilbc_15_2kbps": "ilbc", "g726_32": "g726-32"}  # fmt: skip
TRANSPORTS = {"0": "udp", "1": "tcp", "2": "tls"}


def read(body: bytes, more: dict[str, bytes]) -> ReadPhone:
    text = body.decode("utf-8").split("\n")
    assert text[0] == "#!version:1.0.0.1"
    values, passwords = {}, {}
    for line in text[1:]:
        if not line or line.startswith("#"):
            continue
        name, sign, value = line.partition(" = ")
        assert sign, f"no setting: {line!r}"
        value = value.strip()
        if name == "static.security.user_password":
            user, _, password = value.partition(":")
            passwords[user] = password
        values[name] = "" if value == "%NULL%" else value
    phone = ReadPhone()
    for n in range(1, 17):
        if values.get(f"account.{n}.enable") == "1":
            phone.lines[n] = _line(values, f"account.{n}.", values.get(f"voice_mail.number.{n}", ""))
        elif f"account.{n}.enable" in values:
            assert values[f"account.{n}.password"] == ""
    for n in range(1, 100):
        if f"linekey.{n}.type" in values:
            kind = KEYS[int(values[f"linekey.{n}.type"])]
            phone.keys[n] = kind, values.get(f"linekey.{n}.value", ""), values.get(f"linekey.{n}.label", "")
    hours, _, minutes = values["local_time.time_zone"].partition(":")
    sign = -1 if hours.startswith("-") else 1
    phone.offset = sign * (abs(int(hours)) * 3600 + int(minutes or 0) * 60)
    if values["local_time.summer_time"] == "1":
        assert values["local_time.dst_time_type"] == "1"
        changes = [_change(values[f"local_time.{name}_time"]) for name in ("start", "end")]
        clock(phone, int(values["local_time.offset_time"]) * 60, *changes)
    phone.ntp, phone.language = values["local_time.ntp_server1"], values["lang.gui"]
    assert values["voice.tone.country"] == "Custom"
    phone.tones = {name: values[f"voice.tone.{name}"] for name in ("dial", "ring", "busy", "congestion")}
    if values["ldap.enable"] == "1":
        phone.ldap = tuple(values[f"ldap.{name}"] for name in ("host", "port", "base", "user", "password"))
    phone.directory = values.get("remote_phonebook.data.1.url", "")
    phone.logo = values.get("wallpaper_upload.url", "") or values.get("lcd_logo.url", "")
    phone.admin_password = passwords.get("admin", "")
    phone.firmware = values.get("static.firmware.url", "")
    phone.authority = values.get("static.trusted_certificates.url", "")
    at = "static.auto_provision."
    phone.url, phone.user = values[f"{at}server.url"], values[f"{at}server.username"]
    phone.password = values[f"{at}server.password"]
    phone.interval = int(values.get(f"{at}repeat.minutes", 0)) * 60 if values[f"{at}repeat.enable"] == "1" else 0
    return phone


def _line(values: dict[str, str], at: str, voicemail: str) -> ReadLine:
    def server(n: int) -> str:
        host = values.get(f"{at}sip_server.{n}.address", "")
        return f"{host}:{values[f'{at}sip_server.{n}.port']}" if host else ""

    order = {int(values[f"{at}codec.{code}.priority"]): name
             for code, name in CODECS.items() if values[f"{at}codec.{code}.enable"] == "1"}  # fmt: skip
    return ReadLine(
        values[f"{at}user_name"], values[f"{at}auth_name"], values[f"{at}password"], server(1),
        TRANSPORTS[values[f"{at}sip_server.1.transport_type"]], values[f"{at}display_name"], server(2),
        {"0": "off", "1": "offered", "2": "required"}[values[f"{at}srtp_encryption"]],
        int(values[f"{at}sip_server.1.expires"]), voicemail, tuple(order[place] for place in sorted(order)),
    )  # fmt: skip


def _change(text: str) -> ReadChange:
    month, week, weekday, hour = map(int, text.split("/"))
    return ReadChange(month, weekday, hour, week)
