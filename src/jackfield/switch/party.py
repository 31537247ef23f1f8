"""A party: how somebody on a call is shown to the other side."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Party"]


@dataclass(frozen=True, slots=True)
class Party:
    """Who somebody is, as the other side may see it and as the record keeps it."""

    number: str
    """As it can be called back: "201", "90123456" with the outside-line prefix, "bob@example.com" for a stranger."""
    name: str = ""
    extension: str = ""
    """Number of the extension when it is one of ours, else empty."""
    trunk: str = ""
    """Name of the trunk when the party is outside, else empty."""
    anonymous: bool = False
    """The party asked that its number be hidden (RFC 3323). `number` is still kept for the record."""
    language: str = "en"
    """Of the prompts that the party hears, BCP 47."""

    @property
    def place(self) -> str:
        """Which phone or line of ours it is, in short: "101", "trunk Odorik"; a stranger's number."""
        return self.extension or (f"trunk {self.trunk}" if self.trunk else self.number)

    def __str__(self) -> str:
        return f"{self.name} ({self.number})" if self.name else self.number or "unknown"
