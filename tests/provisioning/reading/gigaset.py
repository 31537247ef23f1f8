"""Gigaset N610, N670, N870: `<provisioning>` with named parameters; handsets refer to providers."""

from urllib.parse import urlsplit

from . import ReadLine, ReadPhone, tree


def read(body: bytes, more: dict[str, bytes]) -> ReadPhone:
    root = tree(body)
    assert (root.tag, root.get("productID")) == ("provisioning", "e2")
    values = {one.get("name"): one.get("value") for one in root.iterfind("nvm/param")}
    phone = ReadPhone()
    for n, handset in enumerate([one for one in root.iterfind("nvm/oper") if one.get("name") == "add_hs"], 1):
        assert handset.get("value") == f"{n:05d}"
        assert len(values[f"hs.{n:05d}.DECT_AC"]) == 4
        phone.lines[n] = _line(values, f"SipAccount.{n:05d}.")
    phone.zone_name, phone.ntp = values["DmGlobal.0.TimeZone"], values["DmGlobal.0.NtpServer"]
    phone.tones = {"scheme": values["Telephony.0.ToneScheme"]}
    phone.directory = values.get("XMLDir.1.ServerURL", "")
    phone.admin_password = values.get("WebUIAccounts.1.Password", "")
    firmware = root.find("firmware/file")
    phone.firmware = firmware.get("url") if firmware is not None else ""
    address = urlsplit(values["Provisioning.global.ProvisioningServer"])
    assert address.path.endswith("%MACD.xml")
    phone.user, phone.password = address.username or "", address.password or ""
    phone.url = f"{address.scheme}://{address.hostname}{address.path.removesuffix('%MACD.xml')}"
    return phone


def _line(values: dict[str, str], at: str) -> ReadLine:
    provider = f"SipProvider.{values[f'{at}ProviderId']}."
    backup = ""
    if values[f"{provider}FailoverServerEnabled"] == "1":
        backup = f"{values[f'{provider}FailoverServerAddress']}:{values[f'{provider}FailoverServerPort']}"
    srtp = "required" if values[f"{provider}AcceptNonSRTPCalls"] == "0" else "offered"
    return ReadLine(
        values[f"{at}UserName"], values[f"{at}AuthName"], values[f"{at}AuthPassword"],
        f"{values[f'{provider}RegServerAddress']}:{values[f'{provider}RegServerPort']}",
        {"1": "udp", "2": "tcp", "3": "tls"}[values[f"{provider}TransportProtocol"]], values[f"{at}DisplayName"],
        backup, srtp if values[f"{provider}SRTP_Enabled"] == "1" else "off",
        int(values[f"{provider}RegServerRefreshTimer"]), values[f"{at}VoiceMailMailbox"],
    )  # fmt: skip
