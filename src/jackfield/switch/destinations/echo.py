"""Echo test: the caller hears itself, to try the phone and the way to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jackfield.switch.call import Call
    from jackfield.switch.snapshot import Service

__all__ = ["echo"]


async def echo(call: Call, service: Service) -> None:
    """Say what this is, then send back whatever the caller says until it hangs up."""
    await call.answer()
    await call.play(service.sound or "echo-test")
    await call.echo()
