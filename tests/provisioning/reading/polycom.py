"""Polycom: parameters are attributes of any element; speed dials are contacts of the directory file."""

from . import ReadChange, ReadLine, ReadPhone, clock, tree

CODECS = {"G711_A": "pcma", "G711_Mu": "pcmu", "G722": "g722", "G729_AB": "g729", "iLBC.15_2kbps": "ilbc",
          "Opus": "opus"}  # fmt: skip
TRANSPORTS = {"UDPOnly": "udp", "TCPOnly": "tcp", "TLS": "tls"}


def read(body: bytes, more: dict[str, bytes]) -> ReadPhone:
    values = {}
    for one in tree(body).iter():
        assert not values.keys() & one.attrib.keys(), "a parameter twice"
        values |= one.attrib
    contacts = {int(item.findtext("sd")): (item.findtext("ct"), item.findtext("fn"))
                for item in tree(more["{mac}-directory.xml"]).iter("item")}  # fmt: skip
    order = sorted((int(values.get(f"voice.codecPref.{code}", 0)), name) for code, name in CODECS.items())
    codecs = tuple(name for place, name in order if place)
    phone = ReadPhone()
    for n in range(1, 17):
        if values.get(f"reg.{n}.address"):
            phone.lines[n] = _line(values, n, codecs)
        elif f"reg.{n}.address" in values:
            assert values[f"reg.{n}.auth.password"] == ""
    assert values["lineKey.reassignment.enabled"] == "1"
    for n in range(1, 17):
        category = values.get(f"lineKey.{n}.category")
        index = int(values.get(f"lineKey.{n}.index", 0))
        if category == "BLF":
            at = f"attendant.resourceList.{index}."
            kind = {"normal": "blf", "automata": "park"}[values[f"{at}type"]]
            phone.keys[n] = kind, values[f"{at}address"], values[f"{at}label"]
        elif category == "SpeedDial":
            phone.keys[n] = ("speed_dial", *contacts[index])
        elif category:
            phone.keys[n] = {"Line": "line", "Unassigned": "none"}[category], str(index) if index else "", ""
    at = "tcpIpApp.sntp."
    phone.offset, phone.ntp = int(values[f"{at}gmtOffset"]), values[f"{at}address"]
    if values[f"{at}daylightSavings.enable"] == "1":
        assert values[f"{at}daylightSavings.fixedDayEnable"] == "0"
        changes = [_change(values, f"{at}daylightSavings.{name}.") for name in ("start", "stop")]
        clock(phone, 3600, *changes)  # it knows one hour only
    phone.language = values["lcl.ml.lang"]
    for name in ("dialTone", "ringback", "busyTone", "reorder"):
        chord = f"tone.chord.callProg.{name}."
        phone.tones[name] = f"{values[f'{chord}freq.1']} {values[f'{chord}onDur']}/{values[f'{chord}offDur']}"
    if values["feature.corporateDirectory.enabled"] == "1":
        host = values["dir.corp.address"].partition("://")[2]
        names = ("port", "baseDN", "user", "password")
        phone.ldap = (host, *(values[f"dir.corp.{name}"] for name in names))
    phone.directory, phone.logo = values.get("mb.main.home", ""), values.get("bg.color.bm.1.name", "")
    for name in ("auth.localAdminPassword", "prov.serverName", "prov.user", "prov.password", "prov.upgradeServer"):
        assert (f"device.{name}" in values) == (values.get(f"device.{name}.set") == "1"), name
    assert values["device.set"] == "1"
    phone.admin_password = values.get("device.auth.localAdminPassword", "")
    phone.firmware = values.get("device.prov.upgradeServer", "")
    phone.url, phone.user = values["device.prov.serverName"], values["device.prov.user"]
    phone.password = values["device.prov.password"]
    phone.interval = int(values["prov.polling.period"]) if values["prov.polling.enabled"] == "1" else 0
    return phone


def _line(values: dict[str, str], n: int, codecs: tuple[str, ...]) -> ReadLine:
    at = f"reg.{n}."

    def server(n: int) -> str:
        host = values[f"{at}server.{n}.address"]
        return f"{host}:{values[f'{at}server.{n}.port']}" if host else ""

    srtp = {"00": "off", "10": "offered", "11": "required"}[values[f"{at}srtp.offer"] + values[f"{at}srtp.require"]]
    assert values["sec.srtp.enable"] == "1"
    return ReadLine(
        values[f"{at}address"], values[f"{at}auth.userId"], values[f"{at}auth.password"], server(1),
        TRANSPORTS[values[f"{at}server.1.transport"]], values[f"{at}displayName"], server(2), srtp,
        int(values[f"{at}server.1.expires"]), values[f"msg.mwi.{n}.callBack"], codecs,
    )  # fmt: skip


def _change(values: dict[str, str], at: str) -> ReadChange:
    week = 5 if values[f"{at}dayOfWeek.lastInMonth"] == "1" else (int(values[f"{at}date"]) + 6) // 7
    weekday = (int(values[f"{at}dayOfWeek"]) + 5) % 7 + 1  # 1 is Sunday there
    return ReadChange(int(values[f"{at}month"]), weekday, int(values[f"{at}time"]), week)
