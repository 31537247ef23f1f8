"""The console as an ASGI application. `jackfield.console.database.setup()` must have been called."""

from __future__ import annotations

from django.core.handlers.asgi import ASGIHandler

application = ASGIHandler()
