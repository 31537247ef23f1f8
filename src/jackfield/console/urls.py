"""The addresses of the console."""

from __future__ import annotations

from django.urls import path

from jackfield.console import views
from jackfield.console.rest import addresses as rest
from jackfield.console.web import (  # one in each line
    accounts,
    assets,
    audio,
    cards,
    certificates,
    changes,
    codecs,
    company_contacts,
    directory,
    document,
    find,
    first_run,
    health,
    history,
    hours,
    in_call,
    language,
    language_list,
    live,
    notices,
    openid,
    overview,
    own,
    proving,
    retention,
    several,
    signing_in,
    tables,
    things,
    webhooks,
    welcoming,
    whatif,
)

handler400 = "jackfield.console.web.errors.bad"
handler404 = "jackfield.console.web.errors.not_found"
handler500 = "jackfield.console.web.errors.fault"

urlpatterns = [
    path("", overview.front),
    path("health", views.health),
    path("metrics", views.metrics),
    path("static/<str:digest>/<path:name>", assets.serve),
    path("admin/", overview.overview),
    path("admin/first-steps/away", overview.away),
    *signing_in.urls(),
    *language.urls(),
    *accounts.urls(),
    *own.urls(),
    *company_contacts.urls(),
    *first_run.urls(),
    *audio.urls(),
    *codecs.urls(),
    *language_list.urls(),
    *certificates.urls(),
    *notices.urls(),
    *webhooks.urls(),
    *openid.urls(),
    *directory.urls(),
    *find.urls(),
    *cards.urls(),
    *things.urls(),
    *history.urls(),
    *hours.urls(),
    *live.urls(),
    *in_call.urls(),
    *proving.urls(),
    *whatif.urls(),
    *health.urls(),
    *retention.urls(),
    *changes.urls(),
    *document.urls(),
    *welcoming.urls(),
    *several.urls(),
    *tables.urls(),
    *rest.urls(),
]
