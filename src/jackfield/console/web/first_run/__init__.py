"""The first run in a browser: from a fresh installation to the first phones, in ten minutes and without a manual."""

from __future__ import annotations

from typing import Any

__all__ = ["urls"]


def urls() -> list[Any]:
    """Return the addresses of these pages."""
    from django.urls import path

    from jackfield.console.web.first_run import connecting, views
    from jackfield.provisioning.softphones import APPS

    return [
        path("first-run", views.enter),
        path("first-run/", views.enter),
        path("first-run/finish", views.finish),
        path("first-run/phones", views.phones),
        path("first-run/strength", views.judge),
        path("first-run/<str:name>", views.step),
        path("phone/zoiper", connecting.zoiper),
        path("phone/<str:token>", connecting.phone_page),
        *(path(f"phone/<str:token>/{app.file}", connecting.app_file, {"slug": app.slug}) for app in APPS),
    ]
