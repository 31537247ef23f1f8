"""The first pages: where everybody begins, and the administration's overview."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from jackfield.console.web.rights import gate
from jackfield.console.web.signing_in import home

__all__ = ["front", "overview"]


@gate("own")
def front(request: HttpRequest) -> HttpResponse:
    """Lead everybody to the pages that are his."""
    target = home(request.user)
    return redirect(target) if target != "/" else render(request, "own.html", {})


@gate("overview")
def overview(request: HttpRequest) -> HttpResponse:
    """Show what goes on."""
    return render(request, "overview.html", {})
