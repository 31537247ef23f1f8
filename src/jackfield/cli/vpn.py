"""`vpn`: set the VPN's tunnel up by hand, where Jackfield itself has not the right to."""

from __future__ import annotations

from typing import Annotated

import typer

from jackfield.cli.options import Config, DataDir, described, settings

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        help=described(vpn),
        epilog="Examples:\n\n  sudo jackfield vpn --data-dir /srv/jackfield\n\n  sudo jackfield vpn --down",
    )(vpn)


def vpn(
    data_dir: DataDir = None,
    config: Config = None,
    down: Annotated[bool, typer.Option("--down", help="Take the tunnel away")] = False,
) -> None:
    """Set the VPN's tunnel up as the configuration has it, or show why it can't be.

    Jackfield does this by itself where it may set up network interfaces; this is for root where it may not.
    """
    found = settings(data_dir, config)

    from jackfield.cli.output import console
    from jackfield.network.service import own_key, tunnel_of
    from jackfield.network.tunnel import Tunnel, TunnelError, name_for, why_not
    from jackfield.switch import snapshot

    out, problem = console(), why_not()
    if problem:
        out.print(problem)
        raise typer.Exit(1)
    tunnel = Tunnel(name_for(found.files.path))
    if down:
        tunnel.remove()
        out.print(f"{tunnel.name} is gone")
        return
    try:
        configured = snapshot.read(found.files.snapshot)
        if not configured.general.vpn:
            out.print("The VPN is switched off: switch it on in the settings of the company")
            raise typer.Exit(1)
        wanted = tunnel_of(configured, own_key(found))
        for left_out in tunnel.apply(wanted):
            out.print(left_out)
    except (OSError, ValueError, TunnelError) as wrong:
        out.print(f"{wrong}")
        raise typer.Exit(1) from None
    out.print(
        f"{tunnel.name} is up with {', '.join(wanted.addresses)}, UDP port {wanted.port}: {len(wanted.peers)} devices"
    )
