"""The user's own pages, made for a phone's screen first: calls, contacts, where calls go, devices, and the person."""

from __future__ import annotations

from typing import Any

from django.urls import path

__all__ = ["urls"]


def urls() -> list[Any]:
    """Return the addresses of all of them."""
    from jackfield.console.web import contact_changes
    from jackfield.console.web.own import calling, calls, contacts, devices, phone, profile, rules

    return [
        path("me/", calls.listing),
        path("me/now", calling.going_on),
        path("me/approve", calling.approve),
        path("me/call", calling.call),
        path("me/call/<str:id>", calling.shown),
        path("me/call/<str:id>/state", calling.state),
        path("me/call/<str:id>/hangup", calling.hang_up),
        path("me/call/<str:id>/transfer", calling.hand_on),
        path("me/contacts/", contacts.listing),
        path("me/contacts/new", contacts.create),
        path("me/contacts/import", contacts.bring_in),
        path("me/contacts/export.vcf", contacts.export),
        path("me/contacts/changes", contact_changes.own),
        path("me/contacts/favourite", contacts.favourite),
        path("me/contacts/<int:pk>", contacts.edit),
        path("me/contacts/<int:pk>/remove", contacts.remove),
        path("me/devices/", devices.listing),
        path("me/devices/add", devices.add),
        path("me/devices/<int:pk>/renew", devices.renew),
        path("me/devices/<int:pk>/remove", devices.remove),
        path("me/missed", calls.unseen),
        path("me/devices/<int:pk>/links/<int:link>/revoke", devices.revoke),
        path("me/phone", phone.phone),
        path("me/phone/account", phone.account),
        path("me/phone/number", phone.dialled),
        path("me/phone/ways", phone.ways),
        path("me/phone/who", phone.who),
        path("me/phone/push", phone.push),
        path("me/phone/decline", phone.decline),
        path("me/phone-worker.js", phone.worker),
        path("me/phone-offline", phone.offline),
        path("me/presence", phone.presence),
        path("me/profile", profile.profile),
        path("me/rules/", rules.listing),
        path("me/rules/<int:pk>", rules.edit),
        path("me/rules/<int:pk>/disturb", rules.disturb),
        path("me/rules/<int:pk>/preview", rules.preview),
    ]
