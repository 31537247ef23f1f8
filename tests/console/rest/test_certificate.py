"""The certificate by the API."""

from __future__ import annotations

import base64

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import pkcs12

from console.certificate_maker import between, certificate, key, pem, signed

from .conftest import Program

AT = "certificate"


def test_a_certificate_is_tried_then_used_then_read(api: Program):
    given = {"certificate": pem(signed("a.example"), between()).decode(), "key": pem(key()).decode()}
    assert api.put(AT + "?dry_run=1", given).json()["names"] == ["a.example"]
    assert api.get(AT).json()["origin"] == "self-signed"
    assert api.put(AT, given).status_code == 200
    found = api.get(AT).json()
    assert (found["origin"], found["names"], found["key_fits"]) == ("given", ["a.example"], True)
    assert found["ends"].endswith("Z")
    assert "PRIVATE" not in str(found)


def test_pkcs12_comes_in_base64(api: Program):
    hidden = serialization.BestAvailableEncryption(b"open")
    box = pkcs12.serialize_key_and_certificates(b"x", key(), signed("a.example"), [], hidden)
    answer = api.put(AT, {"pkcs12": base64.b64encode(box).decode(), "password": "open"})
    assert answer.json()["names"] == ["a.example"]
    answer = api.put(AT, {"pkcs12": "!!"})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "pkcs12")


def test_what_is_wrong_names_the_field(api: Program):
    for body, field in (
        ({"certificate": "hello"}, "certificate"),
        ({"certificate": 7}, "certificate"),
        ({"certficate": "x"}, "certficate"),
    ):
        answer = api.put(AT, body)
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)
    for body in ({"names": [7]}, {"names": []}):
        answer = api.post(AT + "/request", body)
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "names")
    assert api.post(AT + "/self-signed", {"names": ["a b"]}).status_code == 422


def test_a_request_is_made_signed_and_used_or_thrown_away(api: Program):
    answer = api.post(AT + "/request", {"names": ["a.example"]})
    request = x509.load_pem_x509_csr(answer.json()["request"].encode())
    leaf = certificate("a.example", "Example Issuing", own=request, by=key(2), names=["a.example"])
    assert api.put(AT, {"certificate": pem(leaf).decode()}).json()["key_fits"] is True
    api.post(AT + "/request", {"names": ["b.example"]})
    assert api.get(AT).json()["request_names"] == ["b.example"]
    assert api.delete(AT + "/request").status_code == 204
    assert api.get(AT).json()["request"] == ""
    answer = api.post(AT + "/self-signed", {"names": ["c.example"]})
    assert (answer.json()["origin"], answer.json()["names"]) == ("self-signed", ["c.example"])
