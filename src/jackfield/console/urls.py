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
    company_contacts,
    directory,
    document,
    find,
    first_run,
    health,
    history,
    language,
    live,
    notices,
    openid,
    overview,
    own,
    several,
    signing_in,
    tables,
    things,
    welcoming,
    whatif,
)

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
    *certificates.urls(),
    *notices.urls(),
    *openid.urls(),
    *directory.urls(),
    *find.urls(),
    *cards.urls(),
    *things.urls(),
    *history.urls(),
    *live.urls(),
    *whatif.urls(),
    *health.urls(),
    *changes.urls(),
    *document.urls(),
    *welcoming.urls(),
    *several.urls(),
    *tables.urls(),
    *rest.urls(),
]
