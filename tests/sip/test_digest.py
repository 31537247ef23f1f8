"""Digest: the examples of the RFCs, what a server must refuse, and what carriers ask of a client."""

from __future__ import annotations

import hashlib

import pytest

from jackfield.sip.digest import ALGORITHMS, Challenger, DigestClient, Verdict, credentials_for, ha1, is_stale
from jackfield.sip.headers import parse_auth

REALM = "pbx.example.com"
USER, PASSWORD = "k7f3q9", "correct horse"
URI = "sip:2002@pbx.example.com"
PHONE = "192.0.2.15"
SECRET = bytes(range(32))


def stored(username: str, algorithm: str) -> str | None:
    return ha1(USER, REALM, PASSWORD, algorithm) if username == USER else None


def challenger(**options) -> Challenger:
    return Challenger(REALM, SECRET, **options)


def client() -> DigestClient:
    return DigestClient(entropy=lambda n: bytes(n))


def answered(server: Challenger, now: float = 0.0, *, password: str = PASSWORD, user: str = USER) -> str:
    answer = client().answer(server.challenges(PHONE, now), "INVITE", URI, user, password)
    assert answer is not None
    return answer


def judge(server: Challenger, credentials: str | None, now: float = 1.0, **changes) -> Verdict:
    given = {"method": "INVITE", "uri": URI, "client": PHONE, **changes}
    return server.verify(
        credentials, given["method"], given["uri"], given["client"], now, stored, given.get("body", b"")
    )


# --- the examples of the RFCs -------------------------------------------------------------------------------------


def fixed_cnonce(text: str) -> DigestClient:
    class Cnonce(bytes):
        def hex(self, *_):
            return text

    return DigestClient(entropy=lambda n: Cnonce(n))


CHALLENGE_7616 = (
    'Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm={}, '
    'nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"'
)


@pytest.mark.parametrize(
    ("algorithm", "response"),
    [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_the_example_of_rfc_7616_is_answered_as_printed_there(algorithm, response):
    phone = fixed_cnonce("f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ")
    answer = phone.answer([CHALLENGE_7616.format(algorithm)], "GET", "/dir/index.html", "Mufasa", "Circle of Life")
    assert answer is not None
    given = parse_auth(answer)
    assert given.get("response") == response
    assert given.get("opaque") == "FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"
    assert (given.get("algorithm"), given.get("qop"), given.get("nc")) == (algorithm, "auth", "00000001")


def test_a_challenge_without_qop_is_answered_as_rfc_2069_asks():
    # RFC 2617 3.2.2.1 without qop: KD(H(A1), nonce:H(A2)).
    answer = client().answer(['Digest realm="x", nonce="n"'], "REGISTER", "sip:x", "bob", "zanzibar")
    assert answer is not None

    def md5(text: str) -> str:
        return hashlib.md5(text.encode()).hexdigest()

    expected = md5(f"{md5('bob:x:zanzibar')}:n:{md5('REGISTER:sip:x')}")
    assert answer == f'Digest username="bob", realm="x", nonce="n", uri="sip:x", response="{expected}"'


def test_ha1_is_the_hash_of_name_realm_and_password():
    assert ha1("Mufasa", "testrealm@host.com", "Circle Of Life") == "939e7578ed9e3c518a452acee763bce9"  # RFC 2617
    assert ha1("a", "b", "c", "SHA-256") == hashlib.sha256(b"a:b:c").hexdigest()
    assert len(ha1("Žofie", "b", "c", "SHA-256")) == 64
    with pytest.raises(ValueError, match="ROT13"):
        ha1("a", "b", "c", "ROT13")


# --- the side that challenges -------------------------------------------------------------------------------------


def test_both_algorithms_are_offered_the_strong_one_first():
    first, second = challenger().challenges(PHONE, 0.0)
    assert first.startswith(f'Digest realm="{REALM}", nonce="')
    assert parse_auth(first).get("algorithm") == "SHA-256"
    assert parse_auth(second).get("algorithm") == "MD5"
    assert parse_auth(first).get("qop") == "auth"
    assert "stale" not in first
    assert parse_auth(challenger().challenges(PHONE, 0.0, stale=True)[0]).get("stale") == "true"
    assert len(challenger(algorithms=["MD5"]).challenges(PHONE, 0.0)) == 1


def test_no_two_challenges_have_the_same_nonce():
    server = challenger()
    nonces = [parse_auth(server.challenges(PHONE, 0.0)[0]).get("nonce") for _ in range(100)]
    assert len(set(nonces)) == 100


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_the_right_password_is_accepted(algorithm):
    server = challenger(algorithms=[algorithm])
    assert judge(server, answered(server)) == Verdict(True, USER)


def test_a_challenger_refuses_to_be_made_unsafe():
    with pytest.raises(ValueError, match="algorithms"):
        challenger(algorithms=[])
    with pytest.raises(ValueError, match="algorithms"):
        challenger(algorithms=["MD4"])
    with pytest.raises(ValueError, match="secret"):
        Challenger(REALM, b"short")


def test_wrong_passwords_and_unknown_users_are_told_apart_in_the_log_only():
    server = challenger()
    assert judge(server, answered(server, password="guess")) == Verdict(False, USER, "wrong password")
    assert judge(server, answered(server, user="201")) == Verdict(False, "201", "unknown user")


def test_a_changed_method_or_body_is_a_wrong_password():
    server = challenger()
    assert judge(server, answered(server), method="BYE").reason == "wrong password"


@pytest.mark.parametrize("value", [None, ""])
def test_no_credentials_are_no_credentials(value):
    assert judge(challenger(), value) == Verdict(False, reason="no credentials")


@pytest.mark.parametrize(
    "value",
    [
        "NoOneKnowsThisScheme opaque-data=here",
        "Basic YTpi",
        "Digest",
        'Digest username="a", username="b"',
        f'Digest username="{USER}", realm="{REALM}", nonce="n", uri="{URI}"',
        f'Digest username="{USER}", realm="{REALM}", nonce="n", response="r"',
        f'Digest username="", realm="{REALM}", nonce="n", uri="{URI}", response="r"',
        f'Digest username="{USER}", realm="{REALM}", nonce="n", uri="{URI}", response="r", qop=auth, nc=1',
        f'Digest username="{USER}", realm="{REALM}", nonce="n", uri="{URI}", response="r", qop=auth, cnonce="c"',
    ],
)
def test_what_can_not_be_judged_is_malformed(value):
    verdict = judge(challenger(), value)
    assert (verdict.ok, verdict.reason, verdict.stale) == (False, "malformed credentials", False)


def test_credentials_may_lack_any_parameter_without_harm():
    server = challenger()
    whole = answered(server)
    for name in parse_auth(whole).params:
        without = ", ".join(part for part in whole[7:].split(", ") if not part.startswith(f"{name}="))
        assert not judge(server, f"Digest {without}").ok, name
    assert judge(server, whole).ok


@pytest.mark.parametrize("nc", ["00000000", "x", "123456789", "-1", "0x1", "+1", "1_0", " 1"])
def test_a_nonce_count_that_is_none_is_malformed(nc):
    server = challenger()
    credentials = answered(server).replace("nc=00000001", f'nc="{nc}"')
    assert judge(server, credentials).reason == "malformed credentials"


def test_credentials_for_another_server_are_not_ours():
    server = Challenger("elsewhere", SECRET)
    assert judge(challenger(), answered(server)).reason == "wrong realm"


def test_an_algorithm_that_was_not_offered_is_refused():
    md5_only = challenger(algorithms=["MD5"])
    assert judge(challenger(algorithms=["SHA-256"]), answered(md5_only)).reason == "algorithm not offered"
    assert judge(md5_only, answered(md5_only).replace("algorithm=MD5", "algorithm=md5")).ok
    assert judge(md5_only, answered(md5_only).replace(", algorithm=MD5", "")).ok
    assert judge(md5_only, answered(md5_only).replace("qop=auth", "qop=token")).reason == "qop not offered"


def test_credentials_without_qop_are_refused_unless_allowed():
    def legacy(server: Challenger) -> str:
        challenge = server.challenges(PHONE, 0.0)[-1].replace(', qop="auth"', "")
        answer = client().answer([challenge], "INVITE", URI, USER, PASSWORD)
        assert answer is not None
        return answer

    strict, lenient = challenger(), challenger(allow_legacy=True)
    assert judge(strict, legacy(strict)).reason == "no qop"
    assert judge(lenient, legacy(lenient)).ok
    assert judge(lenient, legacy(lenient), now=61.0).stale


def test_integrity_protection_is_taken_though_not_asked_for():
    server = challenger()
    challenge = server.challenges(PHONE, 0.0)[0].replace('"auth"', '"auth-int"')
    answer = client().answer([challenge], "INVITE", URI, USER, PASSWORD, b"v=0")
    assert answer is not None
    assert "qop=auth-int" in answer
    assert judge(server, answer, body=b"v=1").reason == "wrong password"
    assert judge(server, answer, body=b"v=0").ok


# --- the life of a nonce ------------------------------------------------------------------------------------------


def test_a_nonce_that_is_too_old_is_stale():
    server = challenger(nonce_lifetime=30.0)
    credentials = answered(server, 100.0)
    assert judge(server, credentials, 130.0).ok
    other = answered(server, 100.0)
    assert judge(server, other, 130.1) == Verdict(False, USER, "stale nonce", stale=True)


def test_a_nonce_from_the_future_or_from_nowhere_is_stale():
    server = challenger()
    assert judge(server, answered(server, 100.0), 50.0).stale
    foreign = Challenger(REALM, bytes(32))
    assert judge(server, answered(foreign)).stale
    for nonce in ("abc", "ž" * 41, "0" * 41):
        answer = client().answer(
            [f'Digest realm="{REALM}", nonce="{nonce}", qop="auth"'], "INVITE", URI, USER, PASSWORD
        )
        assert judge(server, answer).reason == "stale nonce"


def test_only_the_right_password_hears_that_a_nonce_is_stale():
    server = challenger()
    assert judge(server, answered(server, password="guess"), 1000.0) == Verdict(False, USER, "wrong password")


def test_a_nonce_belongs_to_the_address_that_asked():
    server = challenger()
    assert judge(server, answered(server), client="198.51.100.1").reason == "stale nonce"


def test_processes_with_the_same_secret_take_each_others_nonces():
    assert judge(challenger(), answered(challenger())).ok


def test_a_replay_is_refused_and_the_phone_asked_anew():
    server = challenger()
    credentials = answered(server)
    assert judge(server, credentials).ok
    assert judge(server, credentials) == Verdict(False, USER, "replayed nonce count", stale=True)


def test_one_challenge_serves_many_requests_each_counted_once_in_any_order():
    server = challenger()
    phone = client()
    first = phone.answer(server.challenges(PHONE, 0.0), "INVITE", URI, USER, PASSWORD)
    more = [phone.again("INVITE", URI, USER, PASSWORD) for _ in range(40)]
    assert judge(server, first).ok
    assert judge(server, more[2]).ok
    assert judge(server, more[0]).ok
    assert judge(server, more[1]).ok
    for again in (first, *more[:3]):
        assert judge(server, again).reason == "replayed nonce count"
    assert judge(server, more[39]).ok
    assert judge(server, more[38]).ok
    assert judge(server, more[38]).reason == "replayed nonce count"
    # Too far behind to know whether it was seen.
    assert judge(server, more[4]).reason == "replayed nonce count"


def test_a_jump_in_the_count_forgets_nothing_that_was_used():
    server = challenger()
    phone = client()
    values = [phone.answer(server.challenges(PHONE, 0.0), "INVITE", URI, USER, PASSWORD)]
    values += [phone.again("INVITE", URI, USER, PASSWORD) for _ in range(200)]
    for index in (0, 1, 31, 32, 100, 199):
        assert judge(server, values[index]).ok
        for used in (0, 1, 31, 32, 100, 199):
            if used <= index:
                assert judge(server, values[used]).reason == "replayed nonce count"
    assert judge(server, values[198]).ok


def test_used_nonces_take_bounded_memory_and_a_forgotten_one_is_never_fresh_again():
    server = challenger(max_nonces=10)
    credentials = [answered(server, number / 1000) for number in range(30)]
    for value in credentials:
        assert judge(server, value).ok
    for value in credentials:
        verdict = judge(server, value)
        assert (verdict.ok, verdict.stale) == (False, True)
    assert judge(server, credentials[0]).reason == "stale nonce"
    assert judge(server, credentials[29]).reason == "replayed nonce count"
    assert judge(server, answered(server, 1.0)).ok


def test_nonces_too_old_to_be_used_make_room_without_making_others_stale():
    server = challenger(max_nonces=10)
    for number in range(10):
        assert judge(server, answered(server, number / 1000)).ok
    unused = answered(server, 99.0)
    assert judge(server, answered(server, 100.0), 100.0).ok
    assert judge(server, unused, 100.0).ok


# --- which URI ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "uri",
    [
        "sip:2002@pbx.example.com",
        "sip:2002@PBX.example.com",
        "sip:2002@pbx.example.com:5060",
        "sip:2002@pbx.example.com;transport=tcp",
        "sips:2002@pbx.example.com",
        "sip:%32002@pbx.example.com",
        "sip:pbx.example.com",  # SIPp
    ],
)
def test_phones_that_write_the_same_target_a_little_differently_are_accepted(uri):
    server = challenger()
    answer = client().answer(server.challenges(PHONE, 0.0), "INVITE", uri, USER, PASSWORD)
    assert judge(server, answer).ok


@pytest.mark.parametrize(
    "uri", ["sip:2003@pbx.example.com", "sip:2002@example.com", "sip:example.com", "tel:2002", "2002", "*"]
)
def test_credentials_made_for_another_target_are_refused(uri):
    server = challenger()
    answer = client().answer(server.challenges(PHONE, 0.0), "INVITE", uri, USER, PASSWORD)
    assert judge(server, answer).reason == "wrong uri"


def test_names_with_quotes_and_letters_of_any_language_are_accepted():
    server = challenger()
    name = 'Žo"fie\\'
    answer = client().answer(server.challenges(PHONE, 0.0), "INVITE", URI, name, "pass")
    assert answer is not None
    verdict = server.verify(answer, "INVITE", URI, PHONE, 1.0, lambda user, kind: ha1(user, REALM, "pass", kind))
    assert verdict == Verdict(True, name)


# --- picking ------------------------------------------------------------------------------------------------------


def test_the_credentials_for_our_realm_are_picked_from_several():
    ours, theirs = answered(challenger()), answered(Challenger("elsewhere", SECRET))
    assert credentials_for(["Digest broken", 'Digest a="', theirs, ours], REALM) == ours
    assert credentials_for([theirs, "Basic x"], REALM) is None
    assert credentials_for([], REALM) is None


# --- the side that answers ----------------------------------------------------------------------------------------


def test_the_strongest_algorithm_that_both_know_is_taken_whatever_the_order():
    challenges = [
        f'Digest realm="r", nonce="{kind}", algorithm={kind}, qop="auth"' for kind in ("MD5", "SHA-256", "X-9")
    ]
    for offered in (challenges, challenges[::-1]):
        answer = client().answer(offered, "REGISTER", "sip:r", "u", "p")
        assert answer is not None
        assert parse_auth(answer).get("algorithm") == "SHA-256"
        assert parse_auth(answer).get("nonce") == "SHA-256"


@pytest.mark.parametrize(
    "challenge",
    [
        "",
        'Basic realm="r"',
        'Digest realm="r"',
        'Digest realm="r", nonce="n", algorithm=MD5-sess',
        'Digest realm="r", nonce="n", qop="token"',
        'Digest realm="r',
    ],
)
def test_a_challenge_that_can_not_be_answered_is_not_answered(challenge):
    phone = client()
    assert phone.answer([challenge], "REGISTER", "sip:r", "u", "p") is None
    assert phone.again("REGISTER", "sip:r", "u", "p") is None


def test_the_count_goes_up_with_each_use_of_a_nonce_and_begins_anew_with_the_next():
    phone = client()

    def count(answer: str | None) -> str:
        assert answer is not None
        return parse_auth(answer).get("nc")

    one = ['Digest realm="r", nonce="1", qop="auth"']
    assert count(phone.answer(one, "REGISTER", "sip:r", "u", "p")) == "00000001"
    assert count(phone.again("REGISTER", "sip:r", "u", "p")) == "00000002"
    assert count(phone.answer(one, "REGISTER", "sip:r", "u", "p")) == "00000003"
    assert count(phone.answer(['Digest realm="r", nonce="2", qop="auth"'], "REGISTER", "sip:r", "u", "p")) == "00000001"
    phone.learn('nextnonce="3", qop=auth')
    again = phone.again("REGISTER", "sip:r", "u", "p")
    assert again is not None
    assert (parse_auth(again).get("nonce"), count(again)) == ("3", "00000001")
    phone.learn('nextnonce="3"')
    assert count(phone.again("REGISTER", "sip:r", "u", "p")) == "00000002"
    phone.learn('nextnonce="')
    phone.learn("")
    assert count(phone.again("REGISTER", "sip:r", "u", "p")) == "00000003"
    phone.forget()
    assert phone.again("REGISTER", "sip:r", "u", "p") is None
    phone.learn('nextnonce="4"')
    assert phone.again("REGISTER", "sip:r", "u", "p") is None


def test_a_stale_challenge_is_told_from_a_refusal():
    assert is_stale(['Digest realm="r", nonce="1"', 'Digest realm="r", nonce="1", stale=TRUE'])
    assert not is_stale(['Digest realm="r", nonce="1", stale=false', "Digest ="])


def test_the_cnonce_is_random_unless_told_otherwise():
    answers = {DigestClient().answer(['Digest realm="r", nonce="1", qop="auth"'], "A", "sip:r", "u", "p") for _ in "12"}
    assert len(answers) == 2
