"""Web Push: the example of the RFC, a push service that stands in, and where nobody is to be knocked at."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from jackfield.browser_phones.models import BrowserPhone
from jackfield.console import api
from jackfield.console.browser_phones import web_push
from jackfield.console.browser_phones.pushing import Pusher
from jackfield.console.browser_phones.web_push import Subscription, Vapid, encrypted
from jackfield.numbers.models import Extension
from jackfield.people.models import User
from jackfield.settings import Settings

# RFC 8291 section 5 and appendix A.
TEXT = b"When I grow up, I want to be a watermelon"
OURS = "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"
THEIRS = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
SECRET = "BTBZMqHH6r4Tts7J_aSIgg"
SALT = "DGv6ra1nlYgDCS1FRnbzlw"
BODY = (
    "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95"
    "bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
)


def decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def test_the_example_of_the_rfc():
    ours = ec.derive_private_key(int.from_bytes(decoded(OURS), "big"), ec.SECP256R1())
    whom = Subscription("https://push.example.net/push", decoded(THEIRS), decoded(SECRET))
    assert encrypted(TEXT, whom, random=lambda count: decoded(SALT), ours=ours) == decoded(BODY)


def test_what_is_too_long_is_not_sent():
    whom = Subscription("https://push.example.net/push", decoded(THEIRS), decoded(SECRET))
    assert len(encrypted(b"x" * web_push.LARGEST, whom)) == 4096
    with pytest.raises(ValueError, match="at most"):
        encrypted(b"x" * (web_push.LARGEST + 1), whom)


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("192.0.2.1", False), ("10.1.2.3", False), ("127.0.0.1", False), ("169.254.169.254", False), ("::1", False),
        ("fd00::1", False), ("fe80::1%eth0", False), ("::ffff:10.0.0.1", False), ("224.0.0.1", False),
        ("9.9.9.9", True), ("2620:fe::fe", True),
    ],
)  # fmt: skip
def test_only_the_public_internet_is_knocked_at(address: str, public: bool):
    assert web_push.is_public(address) is public


class Browser:
    """A browser's keys, and what it makes of a push."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self.public = web_push._point(self._key.public_key())
        self.secret = b"sixteen bytes ok"

    def read(self, body: bytes) -> dict[str, Any]:
        salt, size, length = body[:16], int.from_bytes(body[16:20], "big"), body[20]
        theirs, content = body[21 : 21 + length], body[21 + length :]
        assert size == 4096
        shared = self._key.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), theirs))
        secret = HKDF(hashes.SHA256(), 32, self.secret, b"WebPush: info\0" + self.public + theirs).derive(shared)
        key = HKDF(hashes.SHA256(), 16, salt, b"Content-Encoding: aes128gcm\0").derive(secret)
        nonce = HKDF(hashes.SHA256(), 12, salt, b"Content-Encoding: nonce\0").derive(secret)
        text = AESGCM(key).decrypt(nonce, content, None)
        assert text.endswith(b"\x02")
        return dict(json.loads(text[:-1]))


class Service(HTTPServer):
    """A push service that stands in."""

    status = 201

    def __init__(self) -> None:
        self.got: list[tuple[dict[str, str], bytes]] = []
        super().__init__(("127.0.0.1", 0), Answering)


class Answering(BaseHTTPRequestHandler):
    server: Service

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append(({name.lower(): value for name, value in self.headers.items()}, body))
        self.send_response(self.server.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *arguments: Any) -> None:
        pass


@pytest.fixture
def service() -> Iterator[Service]:
    running = Service()
    thread = threading.Thread(target=running.serve_forever)
    thread.start()
    yield running
    running.shutdown()
    thread.join()
    running.server_close()


@pytest.fixture
def browser(sqlite: Settings, service: Service, monkeypatch: pytest.MonkeyPatch) -> Browser:
    """A browser of Anna's that can be woken."""
    api.apply(sqlite, "users: [{login: anna, name: Anna, language: de}]\nextensions: [{number: 101, user: anna}]\n")
    found = Browser()
    BrowserPhone.objects.create(
        user=User.objects.get(), extension=Extension.objects.get(), sip_username="b1", browser="Chrome",
        push_name="name-1", push_address=f"http://127.0.0.1:{service.server_port}/send",
        push_key=web_push._encoded(found.public), push_secret=web_push._encoded(found.secret),
    )  # fmt: skip
    real = web_push.subscription

    def by_http(address: str, key: str, secret: str) -> Subscription:
        """As the real one, for a service without a certificate."""
        checked = real("https://push.example.com/send", key, secret)
        return Subscription(address, checked.key, checked.secret)

    monkeypatch.setattr("jackfield.console.browser_phones.pushing.subscription", by_http)
    return found


PUSH = {
    "number": 1, "kind": "call", "push": "name-1", "sip_username": "b1", "call": "c-17", "extension": "101",
    "caller": "102", "caller_name": "Bert", "answered": False, "at": 0.0,
}  # fmt: skip


def pusher(settings: Settings, asked: list[Any], *, outside: bool = True) -> Pusher:
    def ask(_socket: object, verb: str, **given: Any) -> None:
        asked.append((verb, given))

    return Pusher(settings, ask=ask, reaches=(lambda address: True) if outside else web_push.is_public)


def test_a_browser_is_told_who_calls_in_its_users_language(sqlite: Settings, service: Service, browser: Browser):
    asked: list[Any] = []
    pusher(sqlite, asked).send(PUSH)
    headers, body = service.got[0]
    told = browser.read(body)
    assert (told["kind"], told["call"], told["title"]) == ("call", "c-17", "Bert ruft Sie an")
    assert (told["answer"], told["decline"]) == ("Annehmen", "Abweisen")
    assert (headers["urgency"], headers["content-encoding"], headers["topic"]) == ("high", "aes128gcm", "c17")
    assert 0 < int(headers["ttl"]) <= 60
    assert b"Bert" not in body
    assert asked == []


def test_who_sends_proves_it_by_the_installations_own_key(sqlite: Settings, service: Service, browser: Browser):
    for _ in range(2):
        pusher(sqlite, []).send(PUSH)
    keys = set()
    for headers, _body in service.got:
        text, _, key = headers["authorization"].removeprefix("vapid t=").partition(", k=")
        head, claims, proof = text.split(".")
        public = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), decoded(key))
        r, s = decoded(proof)[:32], decoded(proof)[32:]
        signature = encode_dss_signature(int.from_bytes(r, "big"), int.from_bytes(s, "big"))
        public.verify(signature, f"{head}.{claims}".encode(), ec.ECDSA(hashes.SHA256()))
        with pytest.raises(InvalidSignature):
            public.verify(signature, f"{head}.{claims}x".encode(), ec.ECDSA(hashes.SHA256()))
        told = json.loads(decoded(claims))
        assert told["aud"] == f"http://127.0.0.1:{service.server_port}"
        assert told["sub"].startswith(("mailto:", "https://"))
        keys.add(key)
    assert len(keys) == 1
    assert sqlite.files.push_key.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(("status", "gone"), [(410, True), (404, True), (500, False), (302, False)])
def test_the_switch_hears_that_a_push_does_not_arrive(
    sqlite: Settings, service: Service, browser: Browser, status: int, gone: bool
):
    service.status = status
    asked: list[Any] = []
    pusher(sqlite, asked).send(PUSH)
    assert asked == [("push_failed", {"push": "name-1", "gone": gone})]
    assert bool(BrowserPhone.objects.get().push_address) is not gone
    assert len(service.got) == 1, "nothing is followed to another address"


def test_no_push_goes_inside_the_house(sqlite: Settings, service: Service, browser: Browser):
    asked: list[Any] = []
    pusher(sqlite, asked, outside=False).send(PUSH)
    assert service.got == []
    assert asked == [("push_failed", {"push": "name-1", "gone": False})]


def test_a_file_that_holds_no_key_is_named(tmp_path: Path):
    made = Vapid(tmp_path / "push.key")
    assert Vapid(tmp_path / "push.key").public == made.public
    (tmp_path / "push.key").write_text("not a key")
    with pytest.raises(ValueError, match=r"PEM|key"):
        Vapid(tmp_path / "push.key")
