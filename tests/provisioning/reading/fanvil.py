"""Fanvil: `<sysConf>`, firmware 2.x."""

import re

from . import ReadChange, ReadLine, ReadPhone, clock, tree

TRANSPORTS = {"0": "udp", "1": "tcp", "3": "tls"}
CODECS = {"PCMA": "pcma", "PCMU": "pcmu", "G722": "g722", "G729": "g729", "iLBC": "ilbc", "G726-32": "g726-32",
          "OPUS": "opus"}  # fmt: skip


def read(body: bytes, more: dict[str, bytes]) -> ReadPhone:
    root = tree(body)
    assert root.tag == "sysConf"
    assert re.fullmatch(r"2\.\d{10}", root.findtext("Version"))
    phone = ReadPhone()
    for line in root.iterfind("sip/line"):
        if line.findtext("EnableReg") == "1":
            phone.lines[int(line.get("index"))] = _line(line)
        else:
            assert line.findtext("RegisterPswd") == ""
    places = [*root.iterfind("dsskey/dssSide/Fkey"), *root.iterfind("dsskey/internal/Fkey")]
    for n, key in enumerate(places, 1):
        phone.keys[n] = (*_key(key.findtext("Type"), key.findtext("Value")), key.findtext("Title"))
    date = root.find("phone/date")
    phone.offset, phone.ntp = 900 * int(date.findtext("TimeZone")), date.findtext("SNTPServer")
    if date.findtext("EnableDST") == "2":
        clock(phone, 60 * int(date.findtext("DSTMinOffset")), *(_change(date, name) for name in ("Start", "End")))
    phone.language = root.findtext("phone/display/DefaultLanguage")
    phone.tones = {"country": root.findtext("mm/SelectYourTone")}
    ldap = root.find("phone/ldap")
    if ldap is not None:
        phone.ldap = tuple(ldap.findtext(name) for name in ("Server", "port", "Base", "Username", "Password"))
    phone.directory = root.findtext("phone/xmlContact/Addr") or ""
    accounts = {one.findtext("Name"): one.findtext("Password") for one in root.iterfind("web/account")}
    phone.admin_password = accounts.get("admin", "")
    phone.firmware = root.findtext("fwCheck/UpgradeServer1") or ""
    assert root.findtext("ap/FlashFileName") == "$mac.cfg"
    phone.url = root.findtext("ap/FlashServerIP")
    assert {"2": "tftp", "4": "http", "5": "https"}[root.findtext("ap/FlashProtocol")] == phone.url.partition(":")[0]
    phone.user, phone.password = root.findtext("ap/DefaultUsername"), root.findtext("ap/DefaultPassword")
    hours = int(root.findtext("ap/FlashInterval"))
    phone.interval = 3600 * hours if root.findtext("ap/FlashMode") == "2" else 0
    return phone


def _line(line) -> ReadLine:
    of = line.findtext
    backup = f"{of('BackupAddr')}:{of('BackupPort')}" if of("BackupAddr") else ""
    return ReadLine(
        of("PhoneNumber"), of("RegisterUser"), of("RegisterPswd"), f"{of('RegisterAddr')}:{of('RegisterPort')}",
        TRANSPORTS[of("Transport")], of("DisplayName"), backup,
        {"0": "off", "1": "offered", "2": "required"}[of("MediaCrypto")], int(of("RegisterTTL")), of("MWINum"),
        tuple(CODECS[one] for one in of("VoiceCodecMap").split(",")),
    )  # fmt: skip


def _key(kind: str, value: str) -> tuple[str, str]:
    if kind == "0":
        return "none", ""
    if kind == "2":
        return "line", value.removeprefix("SIP")
    number, _, sort = re.fullmatch(r"([^@/]+)@(\d+)/(bc|c|f|m|a)\S*", value).groups()
    return {"bc": "blf", "c": "park", "f": "speed_dial", "m": "voicemail", "a": "forward"}[sort], number


def _change(date, name: str) -> ReadChange:
    month, week, weekday, hour = (int(date.findtext(f"DST{name}{part}")) for part in ("Mon", "Week", "Wday", "Hour"))
    return ReadChange(month, weekday or 7, hour, 5 if week == -1 else week)
