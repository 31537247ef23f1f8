"""Linksys and Cisco SPA, Cisco MPP: one flat list of elements, lines by `_N_`; a later element wins."""

import re

from . import ReadChange, ReadLine, ReadPhone, clock, tree

CODECS = {"G711a": "pcma", "G711u": "pcmu", "G722": "g722", "G729a": "g729", "G726-32": "g726-32", "iLBC": "ilbc",
          "OPUS": "opus"}  # fmt: skip
DATE = re.compile(r"(\d+)/(\d+)/([1-7])/(\d+):(\d+):0")
RULE = re.compile(r"start=([^;]+);end=([^;]+);save=(\d+):(\d+):0")
TONE = re.compile(
    r"(\d+@-\d+)(,\d+@-\d+)*;(\*|\d+)\(([\d.*]+/[\d.]+/[1-6](\+[1-6])*)(,[\d.]+/[\d.]+/[1-6](\+[1-6])*)*\)"
)


def read(body: bytes, more: dict[str, bytes]) -> ReadPhone:
    root = tree(body)
    assert root.tag == "flat-profile"
    values = {one.tag: one.text or "" for one in root}
    phone = ReadPhone()
    for n in range(1, 17):
        if values.get(f"Line_Enable_{n}_") == "Yes":
            phone.lines[n] = _line(values, n)
        elif f"Line_Enable_{n}_" in values:
            assert values[f"Password_{n}_"] == ""
    for n in range(1, 33):
        if f"Extension_{n}_" in values:
            function = values[f"Extended_Function_{n}_"]
            if values[f"Extension_{n}_"] != "Disabled":
                assert function == ""
                phone.keys[n] = "line", values[f"Extension_{n}_"], values[f"Short_Name_{n}_"]
            else:
                phone.keys[n] = _key(function)
    own = len(phone.keys)
    for name, value in values.items():
        if unit := re.fullmatch(r"Unit_(\d)_Key_(\d+)_?", name):
            phone.keys[own + 32 * (int(unit[1]) - 1) + int(unit[2])] = _key(value)
    sign, hours, minutes = re.fullmatch(r"GMT([+-])(\d\d):(\d\d)", values["Time_Zone"]).groups()
    phone.offset = (-1 if sign == "-" else 1) * (int(hours) * 3600 + int(minutes) * 60)
    if values["Daylight_Saving_Time_Enable"] == "Yes":
        begins, ends, hours, minutes = RULE.fullmatch(values["Daylight_Saving_Time_Rule"]).groups()
        clock(phone, int(hours) * 3600 + int(minutes) * 60, _change(begins), _change(ends))
    phone.ntp, phone.language = values["Primary_NTP_Server"], values["Language_Selection"]
    for name in ("Dial_Tone", "Ring_Back_Tone", "Busy_Tone", "Reorder_Tone"):
        assert TONE.fullmatch(values[name]), values[name]
        phone.tones[name] = values[name]
    if values["LDAP_Dir_Enable"] == "Yes":
        host, _, port = values["LDAP_Server"].removeprefix("ldap://").removeprefix("ldaps://").rpartition(":")
        phone.ldap = (host, port, values["LDAP_Search_Base"], values["LDAP_Client_DN"], values["LDAP_Password"])
    phone.directory = values["XML_Directory_Service_URL"]
    phone.logo = values.get("BMP_Picture_Download_URL", "") or values.get("Picture_Download_URL", "")
    phone.admin_password = values.get("Admin_Passwd", "") or values.get("Admin_Password", "")
    phone.firmware = values.get("Upgrade_Rule", "")
    phone.authority = values.get("Custom_CA_URL", "") or values.get("Custom_CA_Rule", "")
    rule = re.fullmatch(r"(?:\[--uid (\S+) --pwd (\S+)\])?(\S+)\$MA\.xml", values["Profile_Rule"])
    phone.user, phone.password, phone.url = rule[1] or "", rule[2] or "", rule[3]
    phone.interval = int(values["Resync_Periodic"])
    return phone


def _line(values: dict[str, str], n: int) -> ReadLine:
    proxy, backup = values[f"Proxy_{n}_"], ""
    if values[f"Use_DNS_SRV_{n}_"] == "Yes":
        proxy, backup = re.fullmatch(r"\w+:SRV=(\S+):p=0\|(\S+):p=1", proxy).groups()
    names = [values[f"{name}_{n}_"] for name in ("Preferred_Codec", "Second_Preferred_Codec", "Third_Preferred_Codec")]
    option = values.get(f"Secure_Call_Option_{n}_", "Optional")
    srtp = "off" if values["Secure_Call_Setting"] == "No" else {"Optional": "offered", "Required": "required"}[option]
    assert values["SRTP_Method"] == "s-descriptor"
    return ReadLine(
        values[f"User_ID_{n}_"], values[f"Auth_ID_{n}_"], values[f"Password_{n}_"], proxy,
        values[f"SIP_Transport_{n}_"].lower(), values[f"Display_Name_{n}_"], backup, srtp,
        int(values[f"Register_Expires_{n}_"]), values["Voice_Mail_Number"] if values[f"Mailbox_ID_{n}_"] else "",
        tuple(CODECS[one] for one in names if one != "Unspecified"),
    )  # fmt: skip


def _key(text: str) -> tuple[str, str, str]:
    if not text:
        return "none", "", ""
    parts = dict(part.split("=", 1) for part in text.split(";"))
    assert set(parts) <= {"fnc", "sub", "ext", "vid", "nme"}, text
    number = (parts.get("sub") or parts["ext"]).removesuffix("@$PROXY")
    functions = parts["fnc"].split("+")
    kind = ("blf" if "cp" in functions else "park") if "blf" in functions else "speed_dial"
    return kind, number, parts["nme"]


def _change(text: str) -> ReadChange:
    month, day, weekday, hour, _ = map(int, DATE.fullmatch(text).groups())
    return ReadChange(month, weekday, hour, day=day)
