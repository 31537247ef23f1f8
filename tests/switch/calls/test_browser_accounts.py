"""Lines of browsers: registered with the password of the hour, by the bridge of the web server, and by nothing else."""

from __future__ import annotations

from dataclasses import replace

import pytest

from jackfield.control import ControlError
from jackfield.sip.digest import ha1
from jackfield.switch import authentication
from jackfield.switch.browser_phones import BrowserPhones
from jackfield.switch.snapshot import Line

from .house import REALM, House, Phone
from .network import MemoryFlow


async def browser(house: House) -> Phone:
    """A browser of extension 102, not registered yet."""
    entry = next(one for one in house.snapshot.extensions if one.number == "102")
    line = Line(sip_username="b102", ha1_md5="", ha1_sha256="", kind="browser", max_contacts=1)
    others = tuple(one for one in house.snapshot.extensions if one.number != "102")
    await house.configure(extensions=(*others, replace(entry, lines=(*entry.lines, line))))
    phone = Phone(house, "b102", "secret of the hour", "10.0.2.2")
    house.phones.append(phone)
    return phone


async def give(house: House, password: str) -> None:
    """Tell the switch the browser's password as the console does."""
    digests = {
        f"ha1_{name}": ha1("b102", REALM, password, way) for name, way in (("md5", "MD5"), ("sha256", "SHA-256"))
    }
    await BrowserPhones(house.switch).account({"sip_username": "b102", **digests})


@pytest.fixture
def bridged(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the network of the tests for the bridge."""
    monkeypatch.setattr(authentication, "BridgedFlow", MemoryFlow)


@pytest.mark.plain_python
async def test_only_the_present_password_counts_and_none_before_there_is_one(house: House, bridged: None) -> None:
    phone = await browser(house)
    assert (await phone.register()).status == 403
    await give(house, "secret of the hour")
    assert (await phone.register()).status == 200
    await give(house, "another one")
    assert (await phone.register()).status == 403


@pytest.mark.plain_python
async def test_who_signs_out_is_registered_no_longer(house: House, bridged: None) -> None:
    phone = await browser(house)
    await give(house, "secret of the hour")
    await phone.register()
    await BrowserPhones(house.switch).over({"sip_username": "b102"})
    assert not [row for row in house.switch.registrar.table() if row.sip_username == "b102"]
    assert (await phone.register()).status == 403


@pytest.mark.plain_python
@pytest.mark.parametrize("how", ["signed out", "started anew in another window"])
async def test_nobody_is_left_in_a_call_with_a_page_that_is_gone(house: House, bridged: None, how: str) -> None:
    alice, phone = await house.phone("101"), await browser(house)
    await give(house, "secret of the hour")
    await phone.register()
    call = alice.call("102")
    await phone.picks_up()
    assert await call.outcome() == 200
    if how == "signed out":
        await BrowserPhones(house.switch).over({"sip_username": "b102"})
    else:
        await give(house, "another one")
    await house.pass_time()
    assert not house.switch.calls
    assert house.records[-1]["reason"] in ("its browser has signed out", "its page was started anew")


async def test_a_browsers_password_opens_no_other_way_in(house: House) -> None:
    phone = await browser(house)
    await give(house, "secret of the hour")
    assert (await phone.register()).status == 403


async def test_only_lines_of_browsers_are_given_passwords(house: House) -> None:
    await browser(house)
    verbs = BrowserPhones(house.switch)
    with pytest.raises(ControlError, match="no line of a browser"):
        await verbs.account({"sip_username": "u101", "ha1_md5": "0" * 32, "ha1_sha256": "0" * 64})
    with pytest.raises(ControlError, match="hexadecimal"):
        await verbs.account({"sip_username": "b102", "ha1_md5": "", "ha1_sha256": ""})
    await verbs.over({"sip_username": "u101"})
    desk = await house.phone("101")
    await verbs.over({"sip_username": desk.username})
    assert [row for row in house.switch.registrar.table() if row.sip_username == "u101"], "a desk phone stays"
