"""Plug and play's pages: what is on, what to tell a DHCP server, phones at their vendors' services."""

from __future__ import annotations

import html
from collections.abc import Iterator
from typing import ClassVar

import pytest
from django.test import Client

from jackfield.console import api
from jackfield.console.lan import keeper
from jackfield.console.lan.keeper import State
from jackfield.plug_and_play.models import Redirected
from jackfield.provisioning.dhcp import Lease
from jackfield.provisioning.tftp import Event
from jackfield.settings import Settings
from provisioning.redirectors import NAME, PASSWORD, Standing, serving, yealink

from .conftest import As

MAC = "00156512abcd"


class FakeDhcp:
    state, why, events = "refused", "another DHCP server answers on eth9: 192.0.2.254.", ()

    def leases(self) -> list[Lease]:
        return [Lease(0, "00:15:65:12:ab:cd", "192.0.2.50", "t46u")]


class FakeKeeper:
    dhcp, dhcp_wrong = FakeDhcp(), ()
    tftp_events = (Event(1.0, "window", "192.168.1.9", "x.cfg: 65535 blocks at once, given 16", 3),)
    states: ClassVar = {
        "tftp": State(False, "UDP port 69 on 0.0.0.0 needs more rights", "give the right to low ports", True),
        "multicast": State(True),
        "ldap": State(False),
        "ldaps": State(True),
    }


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeper, "current", FakeKeeper())


def text_of(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    return html.unescape(answer.content.decode())


def test_the_page_says_what_is_on_and_what_hinders_the_rest(admin: Client, kept: None) -> None:
    page = text_of(admin, "/admin/plug_and_play/now")
    assert "UDP port 69 on 0.0.0.0 needs more rights: give the right to low ports" in page
    assert "Wanted too much at once: x.cfg: 65535 blocks at once, given 16 (3×)" in page
    assert "192.0.2.50" in page
    assert "Workshop" in page  # the lease's phone is known by its MAC address


def test_without_a_running_system_it_says_so(admin: Client) -> None:
    assert "does not serve the local networks" in text_of(admin, "/admin/plug_and_play/now")


@pytest.mark.parametrize(
    ("server", "said"), [("isc", "option jf-tftp-addresses"), ("fritzbox", "FRITZ!Box"), ("?", "dhcp-option")]
)
def test_the_text_for_a_dhcp_server_is_shown(admin: Client, server: str, said: str) -> None:
    assert said in text_of(admin, f"/admin/plug_and_play/now?server={server}")


def test_a_network_card_that_is_not_there_is_told(admin: Client) -> None:
    admin.post("/admin/plug_and_play/look", {"card": "eth9999"})
    assert "no such network card" in text_of(admin, "/admin/plug_and_play/now")


def test_our_own_dhcp_server_needs_to_know_what_to_give(admin: Client) -> None:
    answer = admin.post("/admin/plug_and_play/", {"dhcp": "yes", "dhcp_hours": "12"})
    assert answer.status_code == 422
    page = html.unescape(answer.content.decode())
    assert "on which network card" in page
    assert "from which address on" in page


def test_an_address_that_is_none_is_named(admin: Client) -> None:
    answer = admin.post("/admin/plug_and_play/", {"dhcp_first": "192.0.2", "dhcp_hours": "12"})
    assert answer.status_code == 422
    assert '"192.0.2" is no IPv4 address' in html.unescape(answer.content.decode())


# --- phones at their vendors -----------------------------------------------------------------------------------------


@pytest.fixture
def vendor(company: Settings) -> Iterator[Standing]:
    with serving(yealink) as standing:
        account = f"{{service: yealink, account: {NAME}, password: {PASSWORD}, address: '{standing.address}'}}"
        api.apply(company, f"redirections: [{account}]")
        yield standing


def test_a_phone_is_entered_with_a_one_time_address_and_taken_out(admin: Client, vendor: Standing) -> None:
    admin.post(f"/admin/plug_and_play/vendors/{MAC}/enter")
    (url,) = vendor.phones.values()
    assert url.startswith("https://testserver:")
    assert "/provision/" in url
    page = text_of(admin, "/admin/plug_and_play/vendors")
    assert "The vendor sends the phone to us" in page
    assert url.rsplit("/", 2)[1] not in page  # the one-time secret is the phone's alone
    admin.post(f"/admin/plug_and_play/vendors/{MAC}/enter")
    assert list(vendor.phones.values()) != [url]
    admin.post(f"/admin/plug_and_play/vendors/{MAC}/remove")
    assert vendor.phones == {}


def test_what_the_vendor_does_not_take_is_told_in_plain_words(admin: Client, vendor: Standing) -> None:
    vendor.others.add(MAC)
    admin.post(f"/admin/plug_and_play/vendors/{MAC}/enter")
    assert "another company has entered this phone" in text_of(admin, "/admin/plug_and_play/vendors")
    assert Redirected.objects.get().outcome == "failed"


def test_a_phone_that_was_removed_is_told(admin: Client) -> None:
    assert admin.post("/admin/plug_and_play/vendors/001565000001/enter").status_code == 404


def test_who_may_only_look_can_not_send_phones_anywhere(signed_in: As, vendor: Standing) -> None:
    assert signed_in("reader").post(f"/admin/plug_and_play/vendors/{MAC}/enter").status_code == 403
    assert vendor.phones == {}


def test_a_program_can_do_the_same(admin: Client, vendor: Standing) -> None:
    made = admin.post(f"/api/v1/redirected_phones/{MAC}", {}, content_type="application/json")
    assert (made.status_code, made.json()["outcome"]) == (200, "entered")
    assert [one["mac"] for one in admin.get("/api/v1/redirected_phones").json()["items"]] == [MAC]
    assert admin.delete(f"/api/v1/redirected_phones/{MAC}").json()["outcome"] == "removed"
    vendor.others.add(MAC)
    refused = admin.post(f"/api/v1/redirected_phones/{MAC}", {}, content_type="application/json")
    assert refused.status_code == 422
    assert "another company" in refused.json()["detail"]


def test_a_program_reads_what_is_on(admin: Client, kept: None) -> None:
    found = admin.get("/api/v1/plug_and_play/now").json()
    assert {one["name"]: one["on"] for one in found["ways"]} == {
        "tftp": False, "multicast": True, "ldap": False, "ldaps": True,
    }  # fmt: skip
    assert found["dhcp"] == "refused"
    assert found["leases"][0]["address"] == "192.0.2.50"


@pytest.mark.parametrize(
    ("servers", "said"),
    [([], "no DHCP server answers"), (["192.0.2.254"], "192.0.2.254"), (["192.0.2.1"], "our own DHCP server answers")],
)
def test_which_dhcp_servers_answer_is_told(
    admin: Client, monkeypatch: pytest.MonkeyPatch, servers: list[str], said: str
) -> None:
    async def asked(card: str) -> list[str]:
        assert card == "eth7"
        return servers

    there = "jackfield.console.web.plug_and_play"
    monkeypatch.setattr(f"{there}.probe", asked)
    monkeypatch.setattr(f"{there}.addresses_by_interface", lambda: {"eth7": "192.0.2.1/24"})
    monkeypatch.setattr(f"{there}.our_addresses", lambda: ["192.0.2.1"])
    admin.post("/admin/plug_and_play/look", {"card": "eth7"})
    assert said in text_of(admin, "/admin/plug_and_play/now")


def test_a_range_of_addresses_that_ends_before_it_begins_is_refused(admin: Client, company: Settings) -> None:
    wish = {"dhcp": "yes", "dhcp_interface": "eth0", "dhcp_first": "192.0.2.20", "dhcp_last": "192.0.2.10",
            "dhcp_hours": "12"}  # fmt: skip
    answer = admin.post("/admin/plug_and_play/", wish)
    assert answer.status_code == 422
    assert "before the first address, 192.0.2.20: exchange them" in html.unescape(answer.content.decode())


def test_what_would_keep_a_phone_elsewhere_away_is_said_where_its_vendor_sends_it(
    admin: Client, company: Settings
) -> None:
    page = html.unescape(admin.get("/admin/plug_and_play/vendors", headers={"host": "192.168.1.1"}).content.decode())
    assert "192.168.1.1 is reached from your own network only" in page
    assert "the one-time address of each phone, which its page makes" in page
