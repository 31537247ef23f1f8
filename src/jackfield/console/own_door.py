"""The port at which everybody's own pages are alone: a firewall may open it, and keep the administration's closed."""

from __future__ import annotations

__all__ = ["port"]

port = 0
"""The port that is open in this process; 0 while there is none."""
