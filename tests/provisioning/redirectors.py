"""Stand-ins for the vendors' redirection services, written from their documentation: they check what we sign."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
import xmlrpc.client
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

NAME, PASSWORD = "key-1", "secret-1"


@dataclass
class Standing:
    """What a stand-in knows, and how it behaves."""

    phones: dict[str, str] = field(default_factory=dict)
    others: set[str] = field(default_factory=set)  # phones that another company has entered
    broken: str = ""  # "status", "text", "elsewhere"
    nonces: set[str] = field(default_factory=set)
    address: str = ""


Answer = tuple[int, bytes, dict[str, str]]
Handle = Callable[[Standing, str, str, Any, bytes], Answer]


@contextmanager
def serving(handle: Handle) -> Iterator[Standing]:
    """Run a stand-in on loopback."""
    standing = Standing()

    class Handler(BaseHTTPRequestHandler):
        def _any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if standing.broken == "status":
                status, content, headers = 503, b"", {}
            elif standing.broken == "text":
                status, content, headers = 200, b"<html>Maintenance</html>", {}
            else:
                status, content, headers = handle(standing, self.command, self.path, self.headers, body)
            self.send_response(status)
            for name, value in {"Content-Length": str(len(content)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = do_DELETE = _any

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    standing.address = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield standing
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def hashed(key: str, text: str) -> str:
    return base64.b64encode(hmac.new(key.encode(), text.encode(), hashlib.sha256).digest()).decode()


def as_json(content: Any, status: int = 200, **headers: str) -> Answer:
    return status, json.dumps(content).encode(), {"Content-Type": "application/json", **headers}


# --- Yealink ---------------------------------------------------------------------------------------------------------


def yealink(standing: Standing, method: str, path: str, headers: Any, body: bytes) -> Answer:
    """Section 1.3: POST, Content-MD5, X-Ca-Key, X-Ca-Nonce, X-Ca-Timestamp in this order, then the path without "/"."""
    digest = base64.b64encode(hashlib.md5(body).digest()).decode()
    names = ("Content-MD5", "X-Ca-Key", "X-Ca-Nonce", "X-Ca-Timestamp")
    text = "\n".join([method, *(f"{name}:{headers[name]}" for name in names), path[1:]])
    right = headers["X-Ca-Key"] == NAME and headers["X-Ca-Signature"] == hashed(PASSWORD, text)
    if not right or headers["Content-MD5"] != digest or headers["X-Ca-Nonce"] in standing.nonces:
        return as_json({"ret": -1, "data": None, "error": {"msg": "signature.invalid"}}, 401)
    standing.nonces.add(headers["X-Ca-Nonce"])
    wish = json.loads(body)
    if path == "/api/open/v1/device/list":
        rows = [
            {"id": f"id-{mac}", "mac": mac, "uniqueServerUrl": url}
            for mac, url in standing.phones.items()
            if wish["key"] in mac
        ]
        return as_json({"ret": 1, "data": {"total": len(rows), "data": rows}, "error": None})
    if path == "/api/open/v1/device/add":
        for mac in wish["macs"]:
            if mac in standing.others:
                message = "device.mac.registered.by.other.enterprise"
                return as_json({"ret": -1, "data": None, "error": {"msg": "", "fieldErrors": [{"msg": message}]}})
            standing.phones[mac] = wish["uniqueServerUrl"]
    elif path == "/api/open/v1/device/edit":
        standing.phones[wish["id"].removeprefix("id-")] = wish["uniqueServerUrl"]
    elif path == "/api/open/v1/device/delete":
        for mac in wish["macs"]:
            del standing.phones[mac]
    else:
        return as_json({"ret": -1, "data": None, "error": {"msg": "not.found"}}, 404)
    return as_json({"ret": 1, "data": None, "error": None})


# --- Snom ------------------------------------------------------------------------------------------------------------

SETTING = "5b1c-setting"


def snom(standing: Standing, method: str, path: str, headers: Any, body: bytes) -> Answer:
    """Hawk 1.1 with the payload hash; phones are found through the key's company; settings come in two pages."""
    given = {
        name.strip(): value.strip('"')
        for name, _, value in (part.partition("=") for part in headers["Authorization"][5:].split(", "))
    }
    kind = headers.get("Content-Type", "")
    payload = hashlib.sha256(b"hawk.1.payload\n" + kind.encode() + b"\n" + body + b"\n").digest()
    host, port = headers["Host"].split(":")
    lines = ("hawk.1.header", given["ts"], given["nonce"], method, path, host, port, given["hash"], "")
    mac = hashed(PASSWORD, "".join(f"{line}\n" for line in lines))
    right = given["id"] == NAME and given["mac"] == mac and given["hash"] == base64.b64encode(payload).decode()
    if not right or given["nonce"] in standing.nonces:
        return as_json({"message": "Unauthorized"}, 401)
    standing.nonces.add(given["nonce"])
    base, at = f"{standing.address}/api/v1/", urlsplit(path).path
    if at == f"/api/v1/tokens/{NAME}":
        company = "http://198.51.100.1/api/v1/companies/c1" if standing.broken == "elsewhere" else f"{base}companies/c1"
        return as_json({"links": {"company": company}})
    if at == "/api/v1/companies/c1":
        return as_json({"links": {"endpoints": f"{base}companies/c1/endpoints/"}})
    if at == "/api/v1/settings/":
        if "page=2" in path:
            return as_json([{"uuid": SETTING, "param_name": "setting_server"}])
        rows = [{"uuid": "x", "param_name": "language"}]
        return as_json(rows, Link=f'<{base}settings/?page=2>; rel="next"')
    phone = at.removeprefix("/api/v1/companies/c1/endpoints/")
    if phone in standing.others:
        return as_json({"message": "endpoint belongs to another company"}, 409)
    if method == "PUT":
        standing.phones[phone] = json.loads(body)["settings_manager"][SETTING]["value"]
        return as_json({}, 201)
    if phone not in standing.phones:
        return as_json({"message": "Not Found"}, 404)
    if method == "DELETE":
        del standing.phones[phone]
        return 204, b"", {}
    return as_json({"mac": phone, "settings_manager": {SETTING: {"value": standing.phones[phone]}}})


# --- Gigaset ---------------------------------------------------------------------------------------------------------


def gigaset(standing: Standing, method: str, path: str, headers: Any, body: bytes) -> Answer:
    """XML-RPC with basic authentication; phones by MAC-ID; every answer is [done, reason]."""
    if headers.get("Authorization") != "Basic " + base64.b64encode(f"{NAME}:{PASSWORD}".encode()).decode():
        return 401, b"", {}
    given, called = xmlrpc.client.loads(body)
    mac = str(given[0]).partition("-")[0]
    if called == "autoprov.checkDevice":
        found: list[Any] = [True, mac] if mac in standing.phones else [False, f"mac_not_found:{mac}"]
    elif called == "autoprov.registerDevice":
        if mac in standing.others:
            found = [False, f"mac_already_in_use:{mac}"]
        else:
            standing.phones[mac] = str(given[1])
            found = [True, "ok"]
    elif called == "autoprov.deregisterDevice":
        found = [True, "ok"] if standing.phones.pop(mac, None) else [False, f"mac_not_found:{mac}"]
    else:
        fault = xmlrpc.client.dumps(xmlrpc.client.Fault(1, "no such method"))
        return 200, fault.encode(), {"Content-Type": "text/xml"}
    return 200, xmlrpc.client.dumps((found,), methodresponse=True).encode(), {"Content-Type": "text/xml"}


STAND_INS: dict[str, Handle] = {"yealink": yealink, "snom": snom, "gigaset": gigaset}
