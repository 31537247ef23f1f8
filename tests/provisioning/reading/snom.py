"""Snom: `<settings>` with `<phone-settings>`, each setting an element, `idx` for identities; `<functionKeys>`."""

from . import ReadChange, ReadLine, ReadPhone, clock, tree


def read(body: bytes, more: dict[str, bytes]) -> ReadPhone:
    root = tree(body)
    assert root.tag == "settings"
    values = {}
    for one in root.find("phone-settings"):
        assert "perm" in one.attrib
        values[one.tag, int(one.get("idx", 0))] = (one.text or "").strip()
    phone = ReadPhone()
    for n in range(1, 13):
        if values.get(("user_active", n)) == "on" and values[("hide_identity", n)] == "false":
            phone.lines[n] = _line(values, n)
        elif values.get(("user_active", n)) == "off":
            assert values[("user_pass", n)] == ""
    for key in root.find("functionKeys"):
        phone.keys[int(key.get("idx")) + 1] = (*_key(key.text), key.get("label"))
    phone.offset = int(values[("utc_offset", 0)])
    if rule := values[("dst", 0)]:
        saving, begins, begins_at, ends, ends_at = rule.split()
        clock(phone, int(saving), _change(begins, begins_at), _change(ends, ends_at))
    one = {name: value for (name, index), value in values.items() if not index}
    phone.ntp, phone.language = one["ntp_server"], one["language"]
    phone.tones = {"scheme": one["tone_scheme"]}
    if "ldap_server" in one:
        names = ("ldap_server", "ldap_port", "ldap_base", "ldap_username", "ldap_password")
        phone.ldap = tuple(one[name] for name in names)
    phone.directory = one.get("dkey_directory", "").removeprefix("url ")
    phone.logo, phone.firmware = one.get("custom_bg_image_url", ""), one.get("firmware", "")
    phone.admin_password = one.get("admin_mode_password", "")
    assert phone.admin_password == one.get("http_pass", "")
    phone.url = one["setting_server"].replace("snom-{mac}.xml", "")
    phone.user, phone.password = one["http_client_user"], one["http_client_pass"]
    phone.interval = int(one["settings_refresh_timer"])
    certificate = root.find("certificates/certificate")
    phone.authority = certificate.get("url") if certificate is not None else ""
    return phone


def _line(values: dict[tuple[str, int], str], n: int) -> ReadLine:
    def of(name: str, n: int = n) -> str:
        return values[name, n]

    def server(n: int) -> tuple[str, str]:
        address, _, transport = of("user_outbound", n).partition(";transport=")
        return address, transport

    address, transport = server(n)
    backup = of("user_failover_identity")
    if backup != "none":
        assert of("hide_identity", int(backup)) == "true"
        assert of("user_pass", int(backup)) == of("user_pass")
    codecs = of("codec_priority_list").split(",")
    assert codecs[-1] == "telephone-event"
    srtp = {"off": "off", "optional": "offered", "mandatory": "required"}[of("user_savp")]
    assert of("user_srtp") == ("off" if srtp == "off" else "on")
    return ReadLine(
        of("user_name"), of("user_pname"), of("user_pass"), address, transport, of("user_realname"),
        "" if backup == "none" else server(int(backup))[0], srtp, int(of("user_expiry")), of("user_mailbox"),
        tuple(codecs[:-1]),
    )  # fmt: skip


def _key(text: str) -> tuple[str, str]:
    kind, _, argument = text.strip().partition(" ")
    number = argument.removeprefix("sip:").partition("@")[0].partition("|")[0]
    if kind == "keyevent":
        assert argument == "F_RETRIEVE"
        return "voicemail", ""
    names = {"line": "line", "none": "none", "blf": "blf", "dest": "blf", "speed": "speed_dial", "orbit": "park",
             "redirect": "forward"}  # fmt: skip
    return names[kind], number


def _change(date: str, time: str) -> ReadChange:
    month, week, weekday = map(int, date.split("."))
    return ReadChange(month, weekday, int(time[:2]), week)
