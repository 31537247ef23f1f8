"""Grandstream: `<gs_provision>` with named items (version 2) or P-values (version 1)."""

import re

from . import ReadChange, ReadLine, ReadPhone, clock, tree

CODECS = {"PCMA": "pcma", "PCMU": "pcmu", "G.722": "g722", "G.729A/B": "g729", "iLBC": "ilbc", "G.726-32": "g726-32",
          "OPUS": "opus", "8": "pcma", "0": "pcmu", "9": "g722", "18": "g729", "98": "ilbc",
          "2": "g726-32"}  # fmt: skip
POSIX = re.compile(r"STD([+-]\d+)(?::(\d\d))?(?:DST([+-]\d+)(?::(\d\d))?,M([\d.]+)/([\d:]+),M([\d.]+)/([\d:]+))?")
TONE = re.compile(r"f1=\d+@-\d+(,f2=\d+@-\d+)?(,c=\d+/\d+(-\d+/\d+)*)?;")


def read(body: bytes, more: dict[str, bytes]) -> ReadPhone:
    root = tree(body)
    assert root.tag == "gs_provision"
    assert re.fullmatch("[0-9a-f]{12}", root.findtext("mac"))
    config = root.find("config")
    return _named(config) if config.get("version") == "2" else _numbered(config)


def _named(config) -> ReadPhone:
    values = {one.get("name"): one.text or "" for one in config}
    phone = ReadPhone()
    for n in range(1, 17):
        at = f"account.{n}."
        if values.get(f"{at}enable") == "Yes":
            srtp = {"Disabled": "off", "EnabledButNotForced": "offered", "EnabledAndForced": "required"}
            phone.lines[n] = ReadLine(
                values[f"{at}sip.userid"], values[f"{at}sip.subscriber.userid"],
                values[f"{at}sip.subscriber.password"], values[f"{at}sip.server.1.address"],
                {"UDP": "udp", "TCP": "tcp", "Tls Or Tcp": "tls"}[values[f"{at}sip.transport"]],
                values[f"{at}sip.subscriber.name"], values[f"{at}sip.server.2.address"],
                srtp[values[f"{at}audio.srtpMode"]], 60 * int(values[f"{at}sip.registerExpiration"]),
                values[f"{at}sip.voicemail.number"],
                _codecs(values.get(f"{at}codec.choice.{place}") for place in range(1, 9)),
            )  # fmt: skip
        elif f"{at}enable" in values:
            assert values[f"{at}sip.subscriber.password"] == ""
    kinds = {"None": "none", "Line": "line", "BLF": "blf", "CallPark": "park", "VoiceMail": "voicemail",
             "SpeedDial": "speed_dial"}  # fmt: skip
    places = sorted(
        (name for name in values if name.endswith(".keyMode")),
        key=lambda name: (name.startswith("pks.mpk"), int(name.split(".")[2])),
    )
    for n, name in enumerate(places, 1):
        at = name.removesuffix("keyMode")
        assert re.fullmatch(r"\d+" if name.startswith("pks.vpk") else r"Account[1-9]\d*", values[f"{at}account"])
        assert name.startswith("pks.vpk") or values[name] != "Line"
        phone.keys[n] = kinds[values[name]], values[f"{at}value"], values[f"{at}description"]
    assert values["dateTime.timezone"] == "customize"
    _clock(phone, values["dateTime.timezone.custom"])
    phone.ntp, phone.language = values["dateTime.ntp.server.1"], values["language.gui"]
    phone.tones = {name: values[f"audio.tone.{name}"] for name in ("dial", "ringBack", "busy", "reorder")}
    assert all(TONE.fullmatch(tone) for tone in phone.tones.values()), phone.tones
    if values["ldap.server"]:
        phone.ldap = tuple(values[f"ldap.{name}"] for name in ("server", "port", "base", "username", "password"))
    mode = values.get("phonebook.download.mode", "EnabledUse")
    phone.directory = _address(mode.partition("EnabledUse")[2], values.get("phonebook.download.server"))
    phone.logo = values.get("lcd.wallpaper.serverPath", "")
    phone.admin_password = values.get("users.admin.password", "")
    at = "provisioning."
    phone.firmware = _address(values.get(f"{at}firmware.protocol"), values.get(f"{at}firmware.serverPath"))
    phone.url = _address(values[f"{at}config.protocol"], values[f"{at}config.serverPath"])
    phone.user, phone.password = values[f"{at}config.username"], values[f"{at}config.password"]
    phone.interval = 60 * int(values[f"{at}auto.minute"]) if values[f"{at}auto.mode"] == "YesUpgradeMin" else 0
    return phone


LINES = (
    ("P271", "P35", "P36", "P34", "P47", "P130", "P3", "P2312", "P183", "P32", "P33", "P57 P58 P59 P60 P61 P62 P46"),
    ("P401", "P404", "P405", "P406", "P402", "P448", "P407", "P2412", "P443", "P412", "P426",
     "P451 P452 P453 P454 P455 P456 P457"),
    ("P501", "P504", "P505", "P506", "P502", "P548", "P507", "P2512", "P543", "P512", "P526",
     "P551 P552 P553 P554 P555 P556 P557"),
)  # fmt: skip
KEYS = [(f"P{322 + n}", f"P{299 + 3 * n}", f"P{300 + 3 * n}") for n in range(1, 8)] + [("P353", "P355", "P356")]


def _numbered(config) -> ReadPhone:
    values = {}
    for one in config:
        assert one.tag not in values, f"{one.tag} twice"
        values[one.tag] = one.text or ""
    phone = ReadPhone()
    for n, (on, user, login, password, server, transport, name, backup, srtp, expires, mail, codecs) in enumerate(
        LINES, 1
    ):
        if values.get(on) == "1":
            phone.lines[n] = ReadLine(
                values[user], values[login], values[password], values[server],
                {"0": "udp", "1": "tcp", "2": "tls"}[values[transport]], values[name], values[backup],
                {"0": "off", "1": "offered", "2": "required"}[values[srtp]], 60 * int(values[expires]), values[mail],
                _codecs(values.get(code) for code in codecs.split()),
            )  # fmt: skip
        elif on in values:
            assert values[password] == ""
    for n, (mode, label, number) in enumerate(KEYS, 1):
        if mode in values and number in values:
            kind = {"-1": "none", "0": "speed_dial", "1": "blf", "6": "voicemail", "9": "park"}[values[mode]]
            phone.keys[n] = kind, values[number], values.get(label, "")
    assert values["P64"] == "customize"
    _clock(phone, values["P246"])
    phone.ntp, phone.language = values["P30"], values["P1362"]
    phone.tones = {
        "dial": values["P343"],
        "ringBack": values["P346"],
        "busy": values["P348"],
        "reorder": values["P349"],
    }
    assert all(TONE.fullmatch(tone) for tone in phone.tones.values()), phone.tones
    if "P8020" in values:
        phone.ldap = tuple(values[code] for code in ("P8020", "P8021", "P8022", "P8023", "P8024"))
    if "P331" in values:
        phone.directory = _address({"1": "HTTP", "2": "TFTP", "3": "HTTPS"}[values["P330"]], values["P331"])
    phone.admin_password = values.get("P2", "")
    ways = {"0": "TFTP", "1": "HTTP", "2": "HTTPS"}
    if "P192" in values:
        phone.firmware = _address(ways[values["P6767"]], values["P192"])
    phone.url = _address(ways[values["P212"]], values["P237"])
    phone.user, phone.password = values["P1360"], values["P1361"]
    phone.interval = 60 * int(values["P193"]) if values["P194"] == "1" else 0
    return phone


def _codecs(chosen) -> tuple[str, ...]:
    return tuple(dict.fromkeys(CODECS[one] for one in chosen if one is not None))


def _address(way: str | None, rest: str | None) -> str:
    return f"{way.lower()}://{rest}" if way and rest else ""


def _clock(phone: ReadPhone, text: str) -> None:
    west, minutes, summer, more, begins, begins_at, ends, ends_at = POSIX.fullmatch(text).groups()
    phone.offset = _east(west, minutes)
    if begins:
        changes = [_change(begins, begins_at), _change(ends, ends_at)]
        clock(phone, _east(summer, more) - phone.offset, *changes)


def _east(hours: str, minutes: str | None) -> int:
    return (-1 if hours[0] == "+" else 1) * (abs(int(hours)) * 3600 + int(minutes or 0) * 60)


def _change(date: str, time: str) -> ReadChange:
    month, week, weekday = map(int, date.split("."))
    return ReadChange(month, weekday or 7, int(time[:2]), week)
