"""The certificate: what is taken, what is refused and why, and that keys stay where they are."""

from __future__ import annotations

import json
import ssl
from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.serialization import pkcs12

from jackfield.changes.models import Revision
from jackfield.console import api, certificates
from jackfield.console.certificates import CertificateError
from jackfield.console.declarative.apply import Author
from jackfield.settings import Settings

from .certificate_maker import CLIENT, DAY, NOW, between, certificate, curve_key, key, name, pem, root, signed

ME = Author("Anna", "page", address="192.0.2.9")


@pytest.fixture
def settings(sqlite: Settings) -> Settings:
    api.prepare(sqlite)
    return sqlite


def notes() -> list[str]:
    return [row.summary["note"] for row in Revision.objects.all() if "note" in row.summary]


def refused(settings: Settings, *files: bytes, password: str = "") -> str:
    with pytest.raises(CertificateError) as found:
        certificates.give(settings, files, password, author=ME)
    assert not certificates.store(settings).given.exists()
    assert not any("Certificate for" in note for note in notes())
    return str(found.value)


def test_a_certificate_with_chain_and_key_is_used_and_told_of(settings: Settings):
    leaf = signed("phone.example.com", "192.0.2.1")
    shown = certificates.give(settings, [pem(root(), leaf, between(), key())], author=ME)
    assert (shown.origin, shown.names, shown.issuer) == ("given", ("phone.example.com", "192.0.2.1"), "Example Issuing")
    assert shown.chain_names == ("Example Issuing", "Example Root")
    assert shown.chain == "private"
    assert shown.key == "RSA, 2048 bits"
    assert shown.key_fits
    assert not shown.problems
    assert shown.ends == leaf.not_valid_after_utc.timestamp() == certificates.ends(settings)
    assert shown.fingerprint.replace(":", "") == leaf.fingerprint(hashes.SHA256()).hex().upper()
    assert [one.port for one in shown.listeners] == [settings.sip_tls_port, settings.sip_wss_port]
    file = certificates.store(settings).given
    assert file.stat().st_mode & 0o777 == 0o600
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(file)
    revision = Revision.objects.get(summary__note__startswith="Certificate for phone.example.com")
    assert (revision.author, revision.address, revision.through) == ("Anna", "192.0.2.9", "page")


def test_no_key_is_in_history_export_answer_or_log(settings: Settings, caplog: pytest.LogCaptureFixture):
    secret = pem(key()).decode().splitlines()[3]
    shown = certificates.give(settings, [pem(signed("a.example"), key())], author=ME)
    request = certificates.ask(settings, ["b.example"], author=ME)
    waiting = certificates.store(settings).request_key.read_text().splitlines()[3]
    told = json.dumps(list(Revision.objects.values_list("summary", flat=True))) + json.dumps(shown.to_dict())
    told += json.dumps(certificates.in_use(settings).to_dict()) + api.export(settings, secrets=True) + caplog.text
    assert request.splitlines()[3] in certificates.in_use(settings).request
    for line in (secret, waiting, "PRIVATE KEY"):
        assert line not in told


@pytest.mark.parametrize("form", ["files", "encrypted", "pkcs12", "der"])
def test_keys_come_in_every_usual_form(settings: Settings, form: str):
    leaf, password = signed("a.example"), ""
    if form == "files":
        files = [pem(leaf), pem(key()), pem(between())]
    elif form == "encrypted":
        files, password = [pem(leaf, between()), pem(key(), password=b"open")], "open"
    elif form == "pkcs12":
        hidden = serialization.BestAvailableEncryption(b"open")
        files = [pkcs12.serialize_key_and_certificates(b"x", key(), leaf, [between()], hidden)]
        password = "open"
    else:
        binary = key().private_bytes(
            serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        files = [leaf.public_bytes(serialization.Encoding.DER), binary]
    shown = certificates.give(settings, files, password, author=ME)
    assert shown.names == ("a.example",)
    assert shown.chain_names == (() if form == "der" else ("Example Issuing",))
    assert shown.chain == "incomplete"


def test_what_cant_be_used_is_refused_with_the_mend(settings: Settings):
    leaf = signed("a.example")
    locked = pem(key(), password=b"open")
    hidden = serialization.BestAvailableEncryption(b"open")
    box = pkcs12.serialize_key_and_certificates(b"x", key(), leaf, [], hidden)
    request = x509.CertificateSigningRequestBuilder().subject_name(name("a")).sign(key(), hashes.SHA256())
    weak = key(9, 1024)
    for files, password, expected in (
        ([pem(leaf), pem(key(3))], "", "do not belong together"),
        ([pem(leaf)], "", "The key is missing"),
        ([pem(key())], "", "no certificate"),
        ([b"hello"], "", "neither a certificate nor a key"),
        ([b""], "", "There is no certificate"),
        ([b"x" * (300 << 10)], "", "more than 256"),
        ([pem(leaf), locked], "", "protected by a password"),
        ([pem(leaf), locked], "wrong", "the password is wrong"),
        ([box], "wrong", "the password is wrong"),
        ([pem(leaf, key(), key(3))], "", "several keys"),
        ([request.public_bytes(serialization.Encoding.PEM)], "", "This is the request"),
        ([pem(leaf).replace(b"MII", b"!!!")], "", "damaged"),
        ([b"-----BEGIN PKCS7-----\nAAAA\n-----END PKCS7-----"], "", "PKCS#7"),
        ([pem(*[leaf] * 30, key())], "", "30 certificates"),
        ([pem(signed("a", begins=NOW - 9 * DAY, ends=NOW - DAY), key())], "", "It ended on"),
        ([pem(signed("a", begins=NOW + DAY), key())], "", "clock is wrong"),
        ([pem(signed("a", own=weak), weak)], "", "1024 bits"),
        ([pem(signed("a", purpose=CLIENT), key())], "", "not made for servers"),
    ):
        assert expected in refused(settings, *files, password=password), expected


def test_what_a_browser_or_phone_would_complain_about_is_said(settings: Settings):
    api.apply(settings, "settings: {public_address: phone.example.com}")
    bare = certificate("a.example", "Example Issuing", by=key(2), ends=NOW + 5 * DAY, own=curve_key())
    warnings = " ".join(certificates.give(settings, [pem(bare, curve_key(), root())], author=ME, dry_run=True).warnings)
    for words in ("ends in 4 days", "chain is not complete", "names no address", "does not name phone.example.com",
                  "ECDSA", "1 certificate of what"):  # fmt: skip
        assert words in warnings, words
    star = signed("*.example.com")
    found = certificates.give(settings, [pem(star, between(), root(), key())], author=ME)
    assert ["an authority that browsers" in text for text in found.warnings] == [True]
    assert "does not name 127.0.0.1" in " ".join(certificates.in_use(settings, ["127.0.0.1"]).warnings)


def test_a_trial_says_what_would_be_said_and_changes_nothing(settings: Settings):
    shown = certificates.give(settings, [pem(signed("a.example"), key(), root())], author=ME, dry_run=True)
    assert shown.names == ("a.example",)
    assert any("left out" in text for text in shown.warnings)
    assert not certificates.store(settings).given.exists()
    assert not notes()


def test_a_certificate_that_was_asked_for_needs_no_key(settings: Settings):
    text = certificates.ask(settings, ["Phone.Example.com", "*.example.com", "192.0.2.1"], "Bell & Sons", author=ME)
    request = x509.load_pem_x509_csr(text.encode())
    assert certificates.in_use(settings).request_names == ("phone.example.com", "*.example.com", "192.0.2.1")
    found = certificates.store(settings)
    assert {found.request.stat().st_mode & 0o777, found.request_key.stat().st_mode & 0o777} == {0o600}
    leaf = certificate("phone.example.com", "Example Issuing", own=request, by=key(2), names=["phone.example.com"])
    shown = certificates.give(settings, [pem(leaf, between())], author=ME)
    assert (shown.origin, shown.key_fits, shown.request) == ("given", True, "")
    # renewed with the same key: it need not be given again
    later = certificate("phone.example.com", "Example Issuing", own=request, by=key(2), ends=NOW + 200 * DAY)
    assert certificates.give(settings, [pem(later)], author=ME).ends == later.not_valid_after_utc.timestamp()
    assert any(note.startswith("A request for a certificate for phone.example.com") for note in notes())


def test_a_request_that_is_not_needed_is_thrown_away_with_its_key(settings: Settings):
    certificates.ask(settings, ["a.example"], author=ME)
    certificates.drop(settings, author=ME)
    certificates.drop(settings, author=ME)
    found = certificates.store(settings)
    assert not found.request.exists()
    assert not found.request_key.exists()


@pytest.mark.parametrize(
    ("names", "expected"),
    [([" "], "at least one name"), (["a b"], "neither an IP"), (["x"] * 2, ""), (["büro.example"], "neither an IP")],
)
def test_names_are_looked_at(settings: Settings, names: list[str], expected: str):
    if not expected:
        certificates.ask(settings, names, author=ME)
        return
    with pytest.raises(CertificateError) as found:
        certificates.ask(settings, names, author=ME)
    assert expected in str(found.value)


def test_a_self_signed_one_is_made_for_chosen_names_and_keeps_them_when_it_is_renewed(settings: Settings):
    certificates.give(settings, [pem(signed("a.example"), key())], author=ME)
    shown = certificates.renew(settings, ["pbx.example", "192.0.2.7"], author=ME)
    assert (shown.origin, shown.names, shown.chain) == ("self-signed", ("pbx.example", "192.0.2.7"), "self-signed")
    assert "browsers warn" in " ".join(shown.warnings)
    own = certificates.store(settings).self_signed
    assert own.key.stat().st_mode & 0o777 == 0o600
    assert own.ensure(["other"], now=datetime.now(UTC) + 3640 * DAY)
    assert certificates.in_use(settings).names == ("pbx.example", "192.0.2.7")
    assert "localhost" in certificates.renew(settings, author=ME).names


def test_one_named_by_the_settings_is_shown_as_such_and_not_changed_here(settings: Settings, tmp_path):
    (tmp_path / "c.pem").write_bytes(pem(signed("a.example"), between()))
    (tmp_path / "k.pem").write_bytes(pem(key()))
    named = settings.replaced(tls_certificate=str(tmp_path / "c.pem"), tls_key=str(tmp_path / "k.pem"))
    shown = certificates.in_use(named)
    assert (shown.origin, shown.names, shown.key_fits) == ("settings", ("a.example",), True)
    for work in (
        lambda: certificates.give(named, [pem(signed("b.example"), key())], author=ME),
        lambda: certificates.ask(named, ["b.example"], author=ME),
        lambda: certificates.renew(named, author=ME),
    ):
        with pytest.raises(CertificateError, match="tls_certificate"):
            work()
    (tmp_path / "k.pem").write_bytes(pem(key(3)))
    assert "do not belong together" in certificates.in_use(named).problems[0]
    (tmp_path / "k.pem").unlink()
    assert "can't be read" in certificates.in_use(named).problems[0]
    (tmp_path / "c.pem").unlink()
    assert certificates.ends(named) is None


def test_a_full_disk_changes_nothing_and_says_so(settings: Settings, monkeypatch: pytest.MonkeyPatch):
    from jackfield.network import certificate_store

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(certificate_store, "write", full)
    assert "No space left" in refused(settings, pem(signed("a.example"), key()))


def test_the_watch_knows_when_the_certificate_in_use_ends(settings: Settings):
    from jackfield.console.watching import Watch

    certificates.give(settings, [pem(signed("a.example", ends=NOW + 5 * DAY), key())], author=ME)
    assert Watch(settings)._certificate_ends() == pytest.approx((NOW + 5 * DAY).timestamp(), abs=1)
