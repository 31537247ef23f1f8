"""Whatever comes over the wire, nothing but MalformedMessage comes out of the parser, and no input makes it work long.

The work is bounded by limits.py and by patterns that never try twice; bench/fuzz.py measures it.
"""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torture_messages import MESSAGES

from jackfield.sip import limits
from jackfield.sip.digest import Challenger, DigestClient, is_stale
from jackfield.sip.headers import CSeq, NameAddr, Via, parse_auth, split_list, write_params
from jackfield.sip.message import MalformedHeader, MalformedMessage, Message, Request, parse
from jackfield.sip.uri import Uri, escape_user, unescape

bounded = settings(
    derandomize=True, max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow], database=None
)

REGISTER = (
    b"REGISTER sip:pbx.example.com SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.15:5060;rport;branch=z9hG4bK1\r\n"
    b'Route: <sip:p1;lr>, "x" <sip:p2:5070;lr>\r\nMax-Forwards: 70\r\n'
    b'From: "Alice" <sip:alice@pbx.example.com>;tag=1\r\nTo: <sip:alice@pbx.example.com>\r\nCall-ID: a\r\n'
    b'CSeq: 7 REGISTER\r\nContact: "A" <sip:a@192.0.2.15;ob>;+sip.instance="<urn:uuid:1>";reg-id=1, <sip:b@c>\r\n'
    b"Expires: 300\r\nSupported: path, gruu\r\nAllow: INVITE, ACK\r\nContent-Type: text/plain\r\n"
    b'Authorization: Digest username="k7", realm="pbx.example.com", nonce="n", uri="sip:pbx.example.com", '
    b'response="00", algorithm=MD5, cnonce="c", qop=auth, nc=00000001\r\nContent-Length: 5\r\n\r\nhello'
)
SEEDS = [REGISTER, *MESSAGES.values()]
TYPED = ["via", "from_", "to", "call_id", "cseq", "contact", "contacts", "max_forwards", "expires", "content_type"]
TYPED += ["require", "supported", "allow", "routes", "record_routes", "request_uri"]
# What grammars trip over, and what lines are made of.
BITS = [
    b"\r\n",
    b"\n",
    b"\r",
    b" ",
    b"\t",
    b"\r\n ",
    b",",
    b";",
    b":",
    b"<",
    b">",
    b'"',
    b"\\",
    b"=",
    b"@",
    b"%",
    b"%0",
]
BITS += [
    b"\x00",
    b"\xff",
    b"\xc3\xa9",
    b"[",
    b"]",
    b"*",
    b"?",
    b"Via: ",
    b"SIP/2.0",
    b"sip:",
    b"0",
    b"99999999999",
    b"\r\n\r\n",
]


def touch(message: Message) -> None:
    """Read all that can be read, change what can be changed, answer, and read the outcome back."""
    for name in TYPED:
        try:
            value = getattr(message, name, None)
        except MalformedHeader:
            continue
        for address in value if isinstance(value, list) else [value]:
            if isinstance(address, NameAddr):
                _ = address.tag, address.display, address.params, address.is_wildcard, hash(address)
                _ = address.uri.params, address.uri.username, address.uri.header("Route"), address.uri.transport
                assert str(address.uri.replace()) == str(address.uri.replace())
                assert address.uri == address.uri.replace() or address.uri.scheme not in ("sip", "sips", "tel")
                assert NameAddr.parse(str(address)) == address
            elif isinstance(address, Via):
                _ = address.branch, address.received, address.rport, address.sent_by, address.params
                assert Via.parse(str(address.stamped("203.0.113.5", 1024))).received == "203.0.113.5" or (
                    address.host == "203.0.113.5"
                )
    with contextlib.suppress(MalformedHeader):
        message.check()
    for name in message.names():
        _ = message.get(name), message.all(name), message.values(name), message.has_option(name, "x")
    for credentials in message.all("Authorization"):
        verdict = Challenger("pbx.example.com", bytes(32)).verify(
            credentials, "REGISTER", "sip:pbx.example.com", "192.0.2.1", 0.0, lambda *_: "00"
        )
        assert not verdict.ok
    message.stamp_received("203.0.113.5", 1024)
    for name in ("Via", "Route", "Contact"):
        message.remove_first(name)
    message.prepend("Via", "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKours")
    message.set("X-Fuzz", "1")
    again = parse(message.to_bytes())
    assert again.body == message.body
    assert again.via.branch == "z9hG4bKours"
    assert again.to_bytes() == message.to_bytes()
    if isinstance(message, Request):
        answer = parse(message.reply(200, to_tag="ours").to_bytes())
        assert (answer.call_id, answer.cseq) == (message.call_id, message.cseq)


def outcome(data: bytes) -> Message | MalformedMessage:
    try:
        return parse(data)
    except MalformedMessage as error:
        return error


def survive(data: bytes) -> None:
    """Parse, and touch what came out; a refusal must be answerable in its own words."""
    found = outcome(data)
    if isinstance(found, Message):
        touch(found)
        return
    assert found.status in (400, 414, 483, 505, 513)
    assert found.reason.isprintable()
    if found.request is not None:
        found.request.stamp_received("203.0.113.5", 1024)
        answer = found.request.reply(found.status, found.reason).to_bytes()
        assert answer.startswith(b"SIP/2.0 %d " % found.status)
        # The peer's line breaks are gone: what it wrote can make no line of its own.
        assert answer.count(b"\r") == answer.count(b"\n") == answer.count(b"\r\n") < 8 + 70


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A valid message in which pieces were replaced, taken out, doubled, or put in."""
    data = draw(st.sampled_from(SEEDS))
    for _ in range(draw(st.integers(1, 6))):
        start = draw(st.integers(0, len(data)))
        end = draw(st.integers(start, min(len(data), start + 40)))
        piece = draw(st.sampled_from(BITS) | st.binary(max_size=6) | st.just(data[start:end] * 2))
        data = data[:start] + piece + data[end:]
    return data


@bounded
@given(st.binary(max_size=600))
def test_random_bytes_are_refused_or_read(data):
    survive(data)


@settings(bounded, max_examples=1500)
@given(mutated())
def test_messages_that_were_damaged_on_the_way_are_refused_or_read(data):
    survive(data)


@bounded
@given(
    st.lists(st.sampled_from(BITS) | st.binary(max_size=5), max_size=60),
    st.sampled_from(["From", "Contact", "Via", "CSeq"]),
)
def test_any_header_value_is_refused_or_read(bits, name):
    value = b"".join(bits)
    survive(b"REGISTER sip:p SIP/2.0\r\n%s: %s\r\n" % (name.encode(), value) + REGISTER.partition(b"\r\n")[2])


text = st.text(max_size=60) | st.lists(st.sampled_from([bit.decode("latin-1") for bit in BITS])).map("".join)


@settings(bounded, max_examples=800)
@given(text)
def test_every_reader_of_values_fails_in_one_way_only(value):
    for prefix, read in (
        ("", Uri.parse),
        ("sip:", Uri.parse),
        ("tel:", Uri.parse),
        ("", NameAddr.parse),
        ("<sip:a@b>;", NameAddr.parse),
        ("", Via.parse),
        ("SIP/2.0/UDP h;", Via.parse),
        ("", CSeq.parse),
        ("1 ", CSeq.parse),
        ("", parse_auth),
        ("Digest a=1,", parse_auth),
    ):
        try:
            found = read(prefix + value)
        except MalformedHeader:
            continue
        _ = str(found), repr(found), hash(found) if not hasattr(found, "scheme") or isinstance(found, Uri) else 0
        if isinstance(found, NameAddr):
            _ = found.params, found.display, found.tag
        elif isinstance(found, Via):
            _ = found.params, found.branch, found.rport, found.received
        elif isinstance(found, Uri):
            _ = found.params, found.username, found.header("x"), found.host_port, found.loose, found.transport
    assert all(part == part.strip() and part for part in split_list(value))
    assert DigestClient().answer([value, f"Digest {value}"], "A", "sip:a", "u", "p") is None or "nonce" in value.lower()
    is_stale([value])


@bounded
@given(
    st.text(max_size=30),
    st.text(max_size=30),
    st.dictionaries(st.from_regex(r"[a-z]{1,6}", fullmatch=True), st.none() | st.text(max_size=20)),
)
def test_whatever_is_built_can_be_read_back_and_never_breaks_a_line(user, display, params):
    uri = Uri("sip", escape_user(user), "example.com")
    built = NameAddr(uri, display, params)
    wire = str(built)
    assert "\r" not in wire
    assert "\n" not in wire
    back = NameAddr.parse(wire)
    assert back.uri.username == unescape(escape_user(user))
    if display.isprintable():
        assert back.display == display
    assert list(back.params) == list(params)
    request = Request.new("OPTIONS", str(uri), [("From", wire)])
    assert request.to_bytes().count(b"\r\n") == 4
    assert write_params(dict(back.params)) == write_params(params) or not all(
        value is None or value.isprintable() for value in params.values()
    )


# --- inputs made to take long -------------------------------------------------------------------------------------

SIZE = 60_000
FILLS = {
    "commas": b",",
    "quotes": b'"',
    "quoted values": b'"",',
    "semicolons": b";",
    "parameters": b";a=b",
    "quoted parameters": b';a="b"',
    "opening brackets": b"<",
    "closing brackets": b">",
    "addresses": b"<sip:a@b>,",
    "backslashes": b"\\",
    "quoted pairs": b'\\"',
    "at signs": b"@",
    "colons": b":",
    "blanks": b" ",
    "tabs": b"\t",
    "folded lines": b"\r\n x",
    "carriage returns": b"\r",
    "line feeds": b"\n",
    "empty lines": b"\r\n",
    "escapes": b"%41",
    "digits": b"9",
    "dots": b".",
    "zero bytes": b"\x00",
    "no text": b"\xff",
    "letters": b"a",
    "uri headers": b"&a=b",
    "equals": b"a=,",
}
PLACES = {
    "raw": b"%s",
    "request line": b"INVITE %s SIP/2.0\r\n",
    "user": b"INVITE sip:%s@h SIP/2.0\r\n",
    "header name": b"%s: x\r\n",
    "via": b"Via: %s\r\n",
    "via parameters": b"Via: SIP/2.0/UDP h%s\r\n",
    "from": b"From: %s\r\n",
    "display name": b'From: "%s" <sip:a@b>\r\n',
    "contact": b"Contact: %s\r\n",
    "contact after a quote": b'Contact: "a%s\r\n',
    "contact in brackets": b"Contact: <sip:a%s>\r\n",
    "contact parameters": b"Contact: <sip:a@b>%s\r\n",
    "route": b"Route: <sip:a%s\r\n",
    "number": b"Max-Forwards: %s\r\n",
    "credentials": b"Authorization: Digest %s\r\n",
    "credentials in quotes": b'Authorization: Digest a="%s\r\n',
}


def nasty(place: str, fill: bytes) -> bytes:
    """A message with one header (or the start line) filled up to the size of a datagram."""
    filled = PLACES[place] % (fill * (SIZE // len(fill)))
    if place == "raw":
        return filled
    line, _, rest = REGISTER.partition(b"\r\n")
    if filled.startswith(b"INVITE"):
        return (filled + rest)[: limits.MAX_MESSAGE]
    name = filled.partition(b":")[0]
    kept = b"\r\n".join(other for other in rest.split(b"\r\n") if not other.startswith(name + b":"))
    return line + b"\r\n" + filled + kept


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("fill", FILLS)
def test_a_datagram_full_of_one_thing_is_refused_or_read(place, fill):
    survive(nasty(place, FILLS[fill]))


def test_the_number_of_values_and_parameters_is_bounded_before_any_is_read():
    assert len(split_list("a," * 30_000)) == limits.MAX_SPLIT + 1
    assert len(split_list('"",' * 20_000)) == limits.MAX_SPLIT + 1
    for value in ("<sip:a@b>" + ";a" * 5_000, '<sip:a@b>;a="' + ";" * 5_000 + '"', '"' + "a" * 5_000 + '" <sip:a@b>'):
        with pytest.raises(MalformedHeader, match="too"):
            NameAddr.parse(value)
    with pytest.raises(MalformedHeader, match="too long"):
        Uri.parse("sip:" + "a" * limits.MAX_URI + "@b")
    with pytest.raises(MalformedHeader, match="too"):
        Via.parse("SIP/2.0/UDP h" + ";a" * (limits.MAX_PARAMS + 1))
    with pytest.raises(MalformedHeader, match="too long"):
        parse_auth("Digest " + "a=1," * limits.MAX_AUTH)


def test_ten_thousand_headers_are_refused_and_only_the_first_are_looked_at():
    with pytest.raises(MalformedMessage, match="too many headers") as caught:
        parse(REGISTER.replace(b"Expires: 300\r\n", b"A: b\r\n" * 10_000))
    assert caught.value.request is not None
    assert sum(len(caught.value.request.all(name)) for name in caught.value.request.names()) < limits.MAX_HEADERS


def test_a_message_over_the_limit_is_not_even_split():
    with pytest.raises(MalformedMessage) as caught:
        parse(bytes(limits.MAX_MESSAGE + 1))
    assert caught.value.status == 513


def test_invented_header_names_do_not_fill_the_memory():
    from jackfield.sip.names import HEADER_KEYS

    for number in range(5_000):
        _ = HEADER_KEYS[f"X-Flood-{number}"]
    assert len(HEADER_KEYS) <= 2_048
    assert HEADER_KEYS["Via"] == "via"
