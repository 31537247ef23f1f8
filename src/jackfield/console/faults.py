"""What can go wrong in the console as a whole. Knows nothing else of it, so that everything may."""

from __future__ import annotations

__all__ = ["ConsoleError", "DatabaseAway"]


class ConsoleError(Exception):
    """Something that the administrator can mend; the text says what and how."""


class DatabaseAway(ConsoleError):
    """The database can't be reached or used now."""
