"""`firewall show|test|open|close|apply|panic`."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Annotated, Any

import typer

from jackfield.cli.options import Config, DataDir, Json, described, settings_in_force

if TYPE_CHECKING:
    from jackfield.network.firewall.keeper import Standing
    from jackfield.network.firewall.policy import Policy
    from jackfield.network.firewall.services import ServiceName
    from jackfield.settings import Settings
    from jackfield.switch.snapshot import Snapshot

__all__ = ["register"]

ServiceArgument = Annotated[str, typer.Argument(metavar="SERVICE", help="As “jackfield firewall show” names them")]
Who = Annotated[
    list[str] | None,
    typer.Argument(metavar="[WHO]…", help="Address groups, addresses, networks, ranges, “everyone”, “automatic”"),
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(
        help="The firewall: which service of this machine is open to whom.",
        no_args_is_help=True,
    )
    group.command(help=described(show))(show)
    group.command(
        "test",
        help=described(ask),
        epilog="Examples:\n\n  jackfield firewall test 203.0.113.5 api\n\n  jackfield firewall test 2001:db8::7",
    )(ask)
    group.command(
        "open",
        help=described(let_in),
        epilog="Examples:\n\n  jackfield firewall open api 203.0.113.5\n\n  jackfield firewall open sip everyone",
    )(let_in)
    group.command(
        "close",
        help=described(keep_out),
        epilog="Examples:\n\n  jackfield firewall close api 203.0.113.5\n\n  jackfield firewall close websocket",
    )(keep_out)
    group.command(help=described(apply))(apply)
    group.command(help=described(panic))(panic)
    app.add_typer(group, name="firewall")


def show(data_dir: DataDir = None, config: Config = None, as_json: Json = False) -> None:
    """Show each service with its ports and to whom it is open, and where these rules hold."""
    found = settings_in_force(data_dir, config)

    from jackfield.cli.output import console, print_json, table
    from jackfield.network.firewall.services import NAMES, services

    snapshot, holds = _policy(found)
    standing = _standing(found)
    ports = {one.name: ", ".join(map(str, one.ports)) for one in services(found, snapshot.general)}
    if as_json:
        rows = {
            name: {"ports": ports[name], "open_to": list(one.open_to), "automatic": one.automatic}
            for name, one in holds.openings.items()
        }
        print_json({"services": rows, "standing": standing, "panic": holds.panic})
        return
    table(
        "Firewall",
        ("service", "what", "ports", "open to"),
        (
            (name, NAMES[name], ports[name] or ("all others" if name == "other" else "off"), _words(one))
            for name, one in holds.openings.items()
        ),
    )
    console().print(_how(found, standing))


def ask(
    address: Annotated[str, typer.Argument(metavar="FROM", help="An IP address")],
    service: Annotated[str, typer.Argument(metavar="[SERVICE]", help="Without one: all services")] = "",
    data_dir: DataDir = None,
    config: Config = None,
) -> None:
    """Tell whether an address may use a service, and why. Ends with 1 where it may not."""
    found = settings_in_force(data_dir, config)

    from jackfield.cli.output import console
    from jackfield.network.firewall.services import NAMES

    _literal(address)
    _, holds = _policy(found)
    out = console()
    wanted = [_service(service)] if service else list(NAMES)
    verdicts = [holds.verdict(name, address) for name in wanted]
    for one in verdicts:
        out.print(f"{'[green]open[/green]  ' if one.allowed else '[red]closed[/red]'}  {one.why}")
        if service and one.mend:
            out.print(f"        {one.mend}")
    if not all(one.allowed for one in verdicts):
        raise typer.Exit(1)


def let_in(service: ServiceArgument, who: Who = None, data_dir: DataDir = None, config: Config = None) -> None:
    """Open a service to more: to everyone, to an address group, to an address."""
    found = settings_in_force(data_dir, config)

    from jackfield.network.firewall.rules import AUTOMATIC, EVERYONE

    name, more = _service(service), who or [EVERYONE]
    _, holds = _policy(found)
    if EVERYONE in more or AUTOMATIC in more:
        _change(found, name, more[:1])
        return
    before = [one for one in holds.openings[name].open_to if one != EVERYONE]
    if holds.openings[name].everyone:
        _say(f"{name} is open to everyone already")
        return
    _change(found, name, list(dict.fromkeys((*before, *more))))


def keep_out(
    service: ServiceArgument,
    who: Who = None,
    yes: Annotated[bool, typer.Option("--yes", help="Also where it is the connection that you sit at")] = False,
    data_dir: DataDir = None,
    config: Config = None,
) -> None:
    """Close a service to some of those to whom it is open; without WHO to everybody."""
    found = settings_in_force(data_dir, config)
    name = _service(service)
    _, holds = _policy(found)
    before = list(holds.openings[name].open_to)
    for one in who or ():
        if one not in before:
            raise typer.BadParameter(f"{name} is open to {holds.openings[name].words()}: “{one}” is not among them")
    left = [one for one in before if one not in who] if who else []
    here = os.environ.get("SSH_CONNECTION", "").split(" ")[0]
    if name in ("ssh", "other") and here and not yes:
        raise typer.BadParameter(
            f"you sit at an SSH connection from {here}, which this may end: add --yes if you mean it"
        )
    _change(found, name, left)


def apply(data_dir: DataDir = None, config: Config = None) -> None:
    """Have the rules hold now, and say where: in the kernel, or in the programs alone.

    A running system does so by itself within two seconds of a change. Where it does not run, root puts them in force.
    """
    found = settings_in_force(data_dir, config)

    from jackfield.control import NotRunning, ask_sync
    from jackfield.network.firewall.keeper import Keeper

    try:
        standing: Any = ask_sync(found.files.network_socket, "firewall")
    except NotRunning:
        keeper = Keeper(found)
        asyncio.run(keeper.use(_policy(found)[0]))
        standing = keeper.standing
    _say(_how(found, _read(standing)))


def panic(
    end: Annotated[bool, typer.Option("--end", help="Open again what the configuration opens")] = False,
    data_dir: DataDir = None,
    config: Config = None,
) -> None:
    """Close everything but to the local networks and the VPN, at once, until “panic --end”.

    Providers that we are in touch with go on, and so do calls in the house, emergency calls among them.
    """
    found = settings_in_force(data_dir, config)

    import time

    from jackfield.control import NotRunning, ask_sync
    from jackfield.network.firewall import table

    try:
        ask_sync(found.files.network_socket, "panic", on=not end)
    except NotRunning:
        known = table.load(found.files.firewall)
        table.save(found.files.firewall, table.Known(known.hosts, 0.0 if end else time.time()))
    _say(
        "Panic is over."
        if end
        else "All is closed but to the local networks and the VPN: jackfield firewall panic --end"
    )


def _policy(found: Settings) -> tuple[Snapshot, Policy]:
    from jackfield.network.firewall import table
    from jackfield.switch import snapshot as snapshots

    try:
        snapshot = snapshots.read(found.files.snapshot)
    except FileNotFoundError:
        snapshot = snapshots.Snapshot()
    return snapshot, table.policy_of(found, snapshot, table.load(found.files.firewall))


def _standing(found: Settings) -> Standing | None:
    from jackfield.control import ControlError, ask_sync

    try:
        return _read(ask_sync(found.files.network_socket, "firewall"))
    except ControlError:
        return None


def _read(answer: Any) -> Standing:
    import msgspec

    from jackfield.network.firewall.keeper import Standing

    return msgspec.convert(answer, Standing, from_attributes=True)


def _how(found: Settings, standing: Standing | None) -> str:
    if standing is None:
        return "Jackfield does not run: these rules hold when it does."
    if standing.way == "kernel":
        return f"These rules hold in the kernel (nft list table inet {standing.table}) and in each program."
    why = standing.problem or "by the setting “firewall: programs”"
    return f"These rules hold in the programs alone; audio, SSH and all else are open as the machine has it: {why}"


def _words(opening: Any) -> str:
    more = " (automatic)" if opening.automatic else ""
    gone = f"; unknown: {', '.join(opening.missing)}" if opening.missing else ""
    return f"{opening.words()}{more}{gone}"


def _change(found: Settings, service: ServiceName, open_to: list[str]) -> None:
    from jackfield.console import database
    from jackfield.console.change import Wish, save
    from jackfield.console.declarative.apply import COMMAND_LINE

    database.setup(found)
    save(found, [Wish("firewall", {service: open_to}, ())], author=COMMAND_LINE)
    _say(f"{service} is open to: {', '.join(open_to) or 'nobody'}")


def _service(text: str) -> ServiceName:
    from jackfield.network.firewall.services import NAMES

    for name in NAMES:
        if name == text.lower().replace("-", "_"):
            return name
    raise typer.BadParameter(f"there is no service “{text}”: one of {', '.join(NAMES)}")


def _literal(text: str) -> None:
    import ipaddress

    try:
        ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        raise typer.BadParameter(f"“{text}” is no IP address: give such as 203.0.113.5 or 2001:db8::7") from None


def _say(text: str) -> None:
    from jackfield.cli.output import console

    console().print(text)
