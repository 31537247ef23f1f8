"""Phones without a template: the sheet for people, and the same as JSON."""

import json
import re

from . import ReadLine, ReadPhone


def read(body: bytes, more: dict[str, bytes]) -> ReadPhone:
    settings = json.loads(more["{mac}.json"])
    phone = ReadPhone(ntp=settings["ntp_server"], language=settings["language"], zone_name=settings["time_zone"])
    sheet = re.split(r"^Line \d+$", body.decode(), flags=re.MULTILINE)[1:]
    for n, (line, text) in enumerate(zip(settings["lines"], sheet, strict=True), 1):
        typed = {row[2:28].strip(): row[28:] for row in text.splitlines() if row.startswith("  ")}
        assert (typed["User name"], typed["Password"]) == (line["username"], line["password"])
        assert (typed["Server"], int(typed["Port"])) == (line["server"], line["port"])
        phone.lines[n] = ReadLine(
            line["username"], line["auth_username"], line["password"], f"{line['server']}:{line['port']}",
            line["transport"], line["name"], line["backup"] or "", line["srtp"], line["expires"], line["voicemail"],
            tuple(line["codecs"].split(",")),
        )  # fmt: skip
    for n, key in enumerate(settings["keys"], 1):
        phone.keys[n] = key["kind"], key["value"], key["label"]
    return phone
