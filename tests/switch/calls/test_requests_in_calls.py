"""What phones ask inside a call, other than offers and transfers: digits by INFO, texts, being alive."""

from __future__ import annotations

import pytest

from .house import House, extension
from .test_hold_and_transfer import talking


@pytest.mark.parametrize(
    ("content_type", "body", "digit"),
    [
        ("application/dtmf-relay", "Signal=5\r\nDuration=160\r\n", "5"),
        ("application/dtmf-relay", "Duration=160\r\nsignal = *\r\n", "*"),
        ("application/dtmf-relay", "Signal=11", "#"),
        ("application/dtmf-relay", "Signal=d", "D"),
        ("application/dtmf", "9", "9"),
        ("application/dtmf", "10\r\n", "*"),
        ("application/dtmf-relay", "Duration=160\r\n", ""),
        ("application/dtmf-relay", "Signal=flash", ""),
        ("application/dtmf", "99", ""),
        ("application/dtmf", "\xff", ""),
        ("text/plain", "5", ""),
        ("application/dtmf", "", ""),
    ],
)
async def test_a_digit_by_info_reaches_the_other_and_what_is_none_is_left_out(
    house: House, content_type: str, body: str, digit: str
) -> None:
    _, bob, call, _ = await talking(house)
    assert call.session is not None
    response = await call.session.request("INFO", body=body.encode("latin-1"), content_type=content_type)
    assert response.status == 200
    assert house.stream_of(bob).dtmf == digit


async def test_digits_by_info_go_on_as_info_to_a_phone_that_wants_them_so(house: House) -> None:
    await house.configure(extensions=(extension("101"), extension("102", dtmf="info")))
    _, _, call, answered = await talking(house)
    assert call.session is not None
    await call.session.request("INFO", body=b"4", content_type="application/dtmf")
    await house.pass_time(0.5)
    assert [request.body for request in answered.requests if request.method == "INFO"] == [
        b"Signal=4\r\nDuration=100\r\n"
    ]


async def test_a_text_in_a_call_reaches_the_other_and_its_answer_comes_back(house: House) -> None:
    _, _, call, answered = await talking(house)
    assert call.session is not None
    response = await call.session.request("MESSAGE", body="Přijdu později".encode(), content_type="text/plain")
    assert response.status == 200
    (received,) = [request for request in answered.requests if request.method == "MESSAGE"]
    assert received.body.decode() == "Přijdu později"
    assert received.content_type == "text/plain"


async def test_a_text_to_an_announcement_reaches_nobody(house: House) -> None:
    alice = await house.phone("101")
    call = alice.call("*62")
    assert await call.outcome() == 200
    assert call.session is not None
    response = await call.session.request("MESSAGE", body=b"hello", content_type="text/plain")
    assert response.status == 480


@pytest.mark.parametrize(("method", "status"), [("OPTIONS", 200), ("NOTIFY", 200), ("PUBLISH", 501)])
async def test_requests_that_concern_only_the_switch_are_answered_by_it(house: House, method: str, status: int) -> None:
    _, _, call, answered = await talking(house)
    assert call.session is not None
    response = await call.session.request(method)
    assert response.status == status
    assert not [request for request in answered.requests if request.method == method]


async def test_a_silent_phone_that_answers_stays_in_the_call(house: House) -> None:
    _, bob, call, answered = await talking(house)
    house.stream_of(bob).fall_silent(20)
    await house.pass_time(60)
    assert [request.method for request in answered.requests] == ["OPTIONS"]
    assert call.ended is None


async def test_a_digit_in_a_call_that_nobody_hears_is_taken_all_the_same(house: House) -> None:
    alice = await house.phone("101")
    call = alice.call("*43")
    assert await call.outcome() == 200
    assert call.session is not None
    assert (await call.session.request("INFO", body=b"1", content_type="application/dtmf")).status == 200
    assert call.ended is None
