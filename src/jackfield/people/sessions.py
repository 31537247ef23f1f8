"""Sessions in the database, with what is shown of each: whose, from where, with which browser, since when."""

from __future__ import annotations

import time
from typing import Any

from django.contrib.sessions.backends.db import SessionStore as DatabaseStore

__all__ = ["SessionStore"]


class SessionStore(DatabaseStore):
    """Django's store, on our table. Beside the data, `user`, `address` and `user_agent` become columns."""

    @classmethod
    def get_model_class(cls) -> Any:
        """Return the table."""
        from jackfield.people.models import Session

        return Session

    def create_model_instance(self, data: dict[str, Any]) -> Any:
        """Return the row for `data`."""
        found = super().create_model_instance(data)
        found.user_id = data.get("_auth_user_id")
        found.address = data.get("address", "")[:64]
        found.user_agent = data.get("user_agent", "")[:300]
        found.began = data.get("began", 0)
        found.seen = data.get("seen", time.time())
        return found
