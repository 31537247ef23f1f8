"""What the pages can do, the API can do: each address of a page, and the operation that does the same.

A page that is new and has none fails here: give it one, or say in `NOT_FOR_PROGRAMS` why no program needs it.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from jackfield.console.declarative.sections import SECTIONS
from jackfield.console.rest import addresses as rest
from jackfield.console.web.screens import SCREENS

from ..web.test_rights import addresses

PAGES = {
    "health": ["health"],
    "metrics": ["health", "machine", "volume"],
    "admin/": ["list_live_calls", "list_trunk_states", "list_alerts", "volume", "get_beginning"],
    "admin/live": ["events"],
    "admin/active/": ["list_live_calls", "get_live_call"],
    "admin/hours/": ["list_hours"],
    "admin/hours/switch": ["switch_hours"],
    "admin/holidays/fill": ["public_holidays", "create_holidays"],
    "admin/holidays/<int:pk>/fill": ["public_holidays", "change_holidays"],
    "admin/active/hang-up": ["hang_up"],
    "admin/active/call/<str:id>": ["get_live_call"],
    "admin/active/call/<str:id>/transfer": ["transfer_call"],
    "admin/active/call/<str:id>/play": ["play_in_call"],
    "admin/active/call/<str:id>/stop": ["stop_play_in_call"],
    "admin/active/call/<str:id>/digits": ["send_digits_in_call"],
    "admin/phones/": ["list_registrations"],
    "admin/phones/prove": ["prove_phone"],
    "admin/whatif/": ["what_if"],
    "admin/dialplan/": ["dial_plan"],
    "admin/card": ["find", "get_number"],
    "admin/find": ["find"],
    "admin/find/number": ["get_number", "next_number"],
    "admin/calls/": ["list_calls"],
    "admin/calls/calls.csv": ["export_calls"],
    "admin/calls/<str:id>": ["get_call", "get_call_ladder"],
    "admin/calls/<str:id>/call.pcap": ["get_call_pcap"],
    "admin/statistics/": ["statistics"],
    "admin/health/": ["health", "machine"],
    "admin/logs/": ["read_log"],
    "admin/call_limits/now": ["list_limit_use", "list_refused_calls", "list_waiting_calls", "list_call_habits"],
    "admin/call_limits/open": ["change_call_limits"],
    "admin/call_limits/clear": ["clear_limit"],
    "admin/call_limits/approve": ["approve_call"],
    "admin/rates/": ["import_rates", "get_price"],
    "admin/rates/rates.csv": ["export_rates"],
    "admin/sites/bandwidth": ["plan_bandwidth"],
    "admin/sites/<int:pk>/now": ["list_site_use", "list_registrations"],
    "admin/sites/live": ["list_site_use", "list_registrations"],
    "admin/addresses/": ["get_addresses"],
    "admin/addresses/search": ["search_addresses"],
    "admin/addresses/test": ["test_addresses"],
    "admin/addresses/agree": ["change_settings"],
    "admin/vpn/": ["get_vpn", "list_vpn_devices"],
    "admin/vpn/new": ["make_vpn_device"],
    "admin/vpn/<int:pk>/switch": ["change_vpn_devices"],
    "admin/vpn/<int:pk>/remove": ["remove_vpn_devices"],
    "admin/codecs/": ["list_codecs", "change_several"],
    "admin/languages/": ["list_languages", "change_settings"],
    "admin/retention/": ["list_retention", "change_settings"],
    "admin/changes/": ["list_changes"],
    "admin/changes/<int:pk>": ["get_change"],
    "admin/changes/<int:pk>/undo": ["undo_change"],
    "admin/document/": ["get_configuration"],
    "admin/document/download": ["get_configuration"],
    "admin/document/passwords": ["get_configuration"],
    "admin/document/apply": ["apply_configuration"],
    "admin/users/<int:pk>/account": [
        "get_account", "make_password_link", "set_password", "remove_second_factor", "list_sessions_of_user",
        "end_sessions_of_user", "list_account_events",
    ],
    "admin/users/several/welcome": ["send_welcome"],
    "admin/sessions": ["list_sessions", "end_session", "list_account_events"],
    "admin/api/": ["list_tokens"],
    "admin/api/<int:pk>/revoke": ["revoke_token"],
    "admin/audio/": ["list_audio"],
    "admin/audio/upload": ["upload_audio"],
    "admin/audio/play": ["play_audio"],
    "admin/certificates/": ["get_certificate"],
    "admin/certificates/give": ["put_certificate"],
    "admin/certificates/ask": ["request_certificate"],
    "admin/certificates/request.csr": ["get_certificate"],
    "admin/certificates/drop": ["drop_certificate_request"],
    "admin/certificates/renew": ["renew_certificate"],
    "admin/messages/": ["list_messages"],
    "admin/messages/test": ["try_mail"],
    "admin/webhooks/<int:pk>/deliveries": ["list_deliveries"],
    "admin/webhooks/<int:pk>/deliveries/<int:delivery>": ["get_delivery"],
    "admin/webhooks/<int:pk>/test": ["test_webhook"],
    "admin/webhooks/<int:pk>/again": ["replay_delivery", "replay_deliveries"],
    "admin/webhooks/<int:pk>/secret": ["rotate_webhook_secret"],
    "admin/directory/people": ["look_at_directory", "import_directory"],
    "admin/desk_phones/<int:pk>/now": ["get_desk_phone_state"],
    "admin/desk_phones/<int:pk>/link": ["make_desk_phone_link", "end_desk_phone_link"],
    "admin/desk_phones/<int:pk>/passwords": ["get_configuration"],
    "admin/desk_phones/<int:pk>/file": ["get_desk_phone_file"],
    "admin/desk_phones/several/fetch": ["check_sync_desk_phones"],
    "admin/desk_phones/several/labels": ["make_desk_phone_link", "list_desk_phones"],
    "admin/desk_phones/add": ["create_desk_phones"],
    "admin/desk_phones/news": ["list_phone_check_syncs", "list_phones_that_ask", "list_phone_incidents"],
    "admin/desk_phones/news/<int:pk>/cancel": ["cancel_phone_check_sync"],
    "admin/desk_phones/asked/<str:mac>/adopt": ["adopt_phone", "forget_phone"],
    "admin/phone_models/": ["list_phone_models"],
    "admin/phone_models/<str:slug>": ["list_phone_models"],
    "admin/phone_models/template": ["get_builtin_phone_template", "create_phone_templates", "change_phone_templates"],
    "admin/contacts/": ["list_contacts"],
    "admin/contacts/new": ["create_contact"],
    "admin/contacts/import": ["import_contacts"],
    "admin/contacts/export.vcf": ["export_contacts"],
    "admin/contacts/changes": ["list_contact_changes", "undo_contact_change"],
    "admin/contacts/<int:pk>": ["get_contact", "change_contact"],
    "admin/contacts/<int:pk>/remove": ["remove_contact"],
    "admin/extensions/<int:pk>/password/<int:line>": ["renew_phone_password"],
    "admin/guard/now": ["list_blocks"],
    "admin/guard/change": ["block_source", "lift_block"],
    "admin/firewall/now": ["get_firewall_state", "test_firewall"],
    "admin/firewall/panic": ["panic"],
    "admin/plug_and_play/now": ["get_plug_and_play_state", "get_dhcp_text"],
    "admin/plug_and_play/look": ["look_for_dhcp_servers"],
    "admin/plug_and_play/vendors": ["list_redirected_phones"],
    "admin/plug_and_play/vendors/<str:mac>/enter": ["redirect_phone"],
    "admin/plug_and_play/vendors/<str:mac>/remove": ["redirect_phone_no_longer"],
    "admin/extensions/<int:pk>/links": ["list_setup_links"],
    "admin/extensions/<int:pk>/links/new/<int:line>": ["make_setup_link"],
    "admin/extensions/<int:pk>/links/<int:link>/revoke": ["revoke_setup_link"],
    "phone/<str:token>": ["connect_phone", "phone_code"],
    "phone/<str:token>/linphone.xml": ["make_setup_link", "connect_phone", "phone_code"],
    "phone/<str:token>/groundwire.xml": ["make_setup_link", "connect_phone"],
    "phone/<str:token>/zoiper.xml": ["make_setup_link", "connect_phone"],
    "phone/zoiper": ["make_setup_link"],
    "set-password/<str:who>/<str:token>": ["set_password", "change_own_password"],
    "me/": ["list_own_calls"],
    "me/now": ["list_own_live_calls", "list_own_waiting_calls"],
    "me/approve": ["approve_own_call"],
    "me/call": ["call_from_own_phone"],
    "me/call/<str:id>": ["get_own_call"],
    "me/call/<str:id>/state": ["get_own_call"],
    "me/call/<str:id>/hangup": ["hang_up_own_call"],
    "me/call/<str:id>/transfer": ["transfer_own_call"],
    "me/contacts/": ["list_own_contacts", "list_contacts", "list_favourites"],
    "me/contacts/new": ["create_own_contact"],
    "me/contacts/import": ["import_own_contacts"],
    "me/contacts/export.vcf": ["export_own_contacts"],
    "me/contacts/changes": ["list_own_contact_changes", "undo_own_contact_change"],
    "me/contacts/favourite": ["mark_contact", "unmark_contact", "mark_extension", "unmark_extension"],
    "me/contacts/<int:pk>": ["get_own_contact", "change_own_contact"],
    "me/contacts/<int:pk>/remove": ["remove_own_contact"],
    "me/devices/": ["list_own_devices"],
    "me/devices/add": ["add_own_device", "own_device_code"],
    "me/devices/<int:pk>/renew": ["renew_own_device"],
    "me/devices/<int:pk>/remove": ["remove_own_device"],
    "me/devices/<int:pk>/links/<int:link>/revoke": ["list_own_setup_links", "revoke_own_setup_link"],
    "me/profile": ["me", "get_preferences", "change_preferences"],
    "me/account": ["get_own_account", "change_own_password", "list_own_sessions", "end_own_session",
                   "end_own_sessions", "change_preferences"],
    "me/rules/": ["list_own_extensions"],
    "me/rules/<int:pk>": ["get_own_extension", "change_own_extension"],
    "me/rules/<int:pk>/disturb": ["change_own_extension"],
    "me/rules/<int:pk>/preview": ["change_own_extension"],
    "me/notices": ["get_preferences", "change_preferences"],
}  # fmt: skip
"""Addresses of pages, and the operations by which a program does what they do."""

BROWSER = "who sits there proves it, in a browser: a token is what a program shows instead"
NOT_FOR_PROGRAMS = {
    "": "leads to the first page of whoever comes",
    "static/<str:digest>/<path:name>": "parts of the pages",
    "language": "in which language the browser's pages speak",
    "sign-in": BROWSER,
    "sign-in/second": BROWSER,
    "sign-in/passkey": BROWSER,
    "sign-in/passkey/options": BROWSER,
    "sign-in/openid": BROWSER,
    "sign-in/openid/back": BROWSER,
    "sign-out": BROWSER,
    "forgot-password": "who forgot it has no token either; administrators make a link with make_password_link",
    "me/account/second-factor": "a stolen token must not be able to set one up; administrators take one off",
    "admin/firewall/trial": "a program that would shut itself out is refused; the other changes need no trial",
    "me/phone": "a phone for people; a program makes calls with call_from_own_phone",
    "me/phone/account": "the account of the browser itself, for as long as its page is open",
    "me/phone/ways": "the page's own: credentials of the relay for its audio, which end after some hours",
    "me/phone/number": "while somebody dials; call_from_own_phone says why a number can't be called",
    "me/phone/who": "while somebody calls; calls and contacts have the names",
    "me/missed": "the figure beside a link; list_own_calls has the calls",
    "me/phone/push": "how the browser itself is woken",
    "me/phone/decline": "the button of a notification; hang_up_own_call declines",
    "me/phone-worker.js": "a part of the pages",
    "me/phone-offline": "a part of the pages",
    "me/presence": "the lamps beside colleagues' names, for whoever looks at the page",
    "first-run": "before there is an account there is no token; afterwards each step is a section of its own",
    "first-run/": "as above",
    "first-run/finish": "as above",
    "first-run/<str:name>": "as above; its tests are try_mail and try_trunk, its providers list_providers",
    "first-run/phones": "as above; its phones are connect_phone, its test call is try_call",
    "first-run/strength": "while somebody types; whoever sends a weak password is told why it is not taken",
    "admin/first-steps/away": "puts a box of the overview away",
    "admin/number/<str:number>": "leads a browser to a page; get_number says whose it is",
    "admin/setting/<path:setting>": "leads a browser to a page",
}
MADE_ON_THE_PAGE_ALONE = "a token must not be able to prolong its own life"

OF_EACH_SECTION = {
    "": ["list_{}"],
    "new": ["create_{}"],
    "<int:pk>": ["get_{}", "change_{}", "replace_{}"],
    "<int:pk>/remove": ["remove_{}"],
    "several": ["change_several"],
    "several/remove": ["change_several"],
    "<int:pk>/move": ["get_order_of_{}", "set_order_of_{}"],
    "export": ["export_{}"],
    "export/passwords": ["export_{}"],
    "import": ["import_{}"],
}
OF_ONE_OF_A_KIND = {"": ["get_{}", "change_{}", "replace_{}"]}


def wanted(route: str) -> list[str] | None:
    """Return the operations that do what the page at an address does; None where nobody has thought of it."""
    if route in PAGES:
        return PAGES[route]
    if route in NOT_FOR_PROGRAMS:
        return []
    found = re.fullmatch(r"admin/(\w+)/(.*)", route)
    if found is None or found[1] not in SCREENS:
        return None
    known = OF_EACH_SECTION if SCREENS[found[1]].section.key else OF_ONE_OF_A_KIND
    names = known.get(found[2])
    return None if names is None else [name.format(found[1]) for name in names]


def pages() -> list[str]:
    return [route for route, _ in addresses() if not route.startswith("api/")]


def test_everything_that_a_page_does_a_program_can_do():
    there = {one.id for one in rest.operations()}
    for route in pages():
        names = wanted(route)
        assert names is not None, f"/{route} has no operation: name it in PAGES, or say in NOT_FOR_PROGRAMS why not"
        missing = [name for name in names if name not in there]
        assert not missing, f"/{route}: there is no operation {', '.join(missing)}"


def test_the_table_names_no_page_that_is_gone():
    assert {*PAGES, *NOT_FOR_PROGRAMS} <= set(pages())


def test_what_changes_something_on_a_page_has_an_operation_that_writes():
    writes = {one.id for one in rest.operations() if one.method != "GET"}
    for route, view in addresses():
        names = wanted(route) if not route.startswith("api/") else None
        if names and view.write and not re.search(r"pcap|export|passwords", route):
            assert writes & set(names), f"/{route} changes something, and none of {names} does"


@pytest.mark.parametrize("one", rest.operations(), ids=lambda one: one.id)
def test_no_operation_is_told_of_twice_or_hidden_by_another(one: rest.Operation):
    from django.urls import resolve

    path = re.sub(r"\{\w+\}", "1", one.path)
    assert resolve(f"/api/v1{path}").route == f"api/v1/{one.django_route}"


def test_the_handbook_of_the_api_names_every_operation_and_no_other():
    """docs/api.md writes addresses as `GET accounts/LOGIN/sessions`; those of all sections alike it tells once."""
    text = (Path(__file__).parents[3] / "docs" / "api.md").read_text()
    there = {f"{one.method} {re.sub(r'{[^}]+}', '*', one.path).strip('/')}" for one in rest.operations()}
    told = re.findall(r"`(?:(GET|POST|PUT|PATCH|DELETE) )/?([\w./-]+)[^`]*`", text)
    sections = list(SECTIONS)
    for method, path in told:
        known = f"{method} {re.sub(r'(?<=/)([A-Z]+|101|ID2)(?=/|$)', '*', path)}"
        assert known in there, f"docs/api.md has {method} {path}, which there is not"
    named = {f"{method} {re.sub(r'(?<=/)([A-Z]+)(?=/|$)', '*', path)}" for method, path in told}
    for one in rest.operations():
        path = re.sub(r"{[^}]+}", "*", one.path).strip("/")
        if (
            re.split(r"[/.]", path.removeprefix("uses/").removeprefix("order/"))[0] in sections
            and one.group != "trials"
        ):
            continue
        alike = path.removeprefix("me/")  # in the middle of one's own calls the same can be done as of all
        mentioned = (
            f"{one.method} {path}" in named or f"{one.method} {alike}" in named or alike.replace("*", "ID") in text
        )
        assert mentioned, f"docs/api.md does not tell of {one.method} {path}"
