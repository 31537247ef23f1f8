"""The pages of operation: /health for people and load balancers, /metrics for Prometheus."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt

from jackfield.console import access, monitoring
from jackfield.console.web.rights import public

if TYPE_CHECKING:
    from jackfield.console.importer import Importer

__all__ = ["health", "importer", "metrics"]

importer: Importer | None = None
"""Of this process; None where pages are served without one."""


@public
@csrf_exempt
async def health(request: HttpRequest) -> HttpResponse:
    """Answer 200 when calls can be made (inside at least: "degraded" means not outside), else 503, with the reasons."""
    if refused := _refused(request):
        return refused
    found = monitoring.health(await monitoring.observe(settings.JACKFIELD, importer))
    return JsonResponse(found, status=503 if found["status"] == "failing" else 200, json_dumps_params={"indent": 2})


@public
@csrf_exempt
async def metrics(request: HttpRequest) -> HttpResponse:
    """Answer what Prometheus collects."""
    if refused := _refused(request):
        return refused
    found = await monitoring.observe(settings.JACKFIELD, importer)
    content, content_type = monitoring.exposition(found, request.headers.get("Accept", ""))
    return HttpResponse(content, content_type=content_type)


def _refused(request: HttpRequest) -> Any:
    """Refuse other methods than GET, and addresses outside the local networks."""
    if request.method not in ("GET", "HEAD"):
        return HttpResponse("Only GET is known here.\n", status=405, headers={"Allow": "GET, HEAD"})
    if not access.table().allows("metrics", request.META.get("REMOTE_ADDR") or ""):
        text = "This page is closed to your address: open metrics to it in the firewall.\n"
        return HttpResponse(text, status=403, content_type="text/plain")
    return None
