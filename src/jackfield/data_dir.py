"""The data directory: every file of an installation by its name, in one place.

Everything that an installation owns is below this one folder, so a backup is a copy of it and a second system on
the same machine is a second folder. The folder is for its owner alone (0700): it holds SIP secrets.
"""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from pathlib import Path

__all__ = ["DataDir"]


@dataclass(frozen=True, slots=True)
class DataDir:
    """Names of the files below `path`, which is absolute."""

    path: Path

    @property
    def settings(self) -> Path:
        """The settings file, read when neither a flag nor the environment names another."""
        return self.path / "jackfield.yaml"

    @property
    def snapshot(self) -> Path:
        """The configuration as the switch reads it."""
        return self.path / "snapshot.json"

    @property
    def registrations(self) -> Path:
        """Where the phones are: survives a restart of the switch."""
        return self.path / "registrations.log"

    @property
    def overrides(self) -> Path:
        """Which time ranges are switched by hand: survives a restart of the switch."""
        return self.path / "overrides.json"

    @property
    def line_secrets(self) -> Path:
        """What passwords of phones have become since the snapshot was written."""
        return self.path / "line-secrets.jsonl"

    @property
    def counts(self) -> Path:
        """What outgoing calls have come to, for limits: survives a restart of the switch."""
        return self.path / "counts"

    @property
    def rates(self) -> Path:
        """What outgoing calls cost: the console writes it, the switch reads it."""
        return self.path / "rates.json"

    @property
    def spool(self) -> Path:
        """What happened and is not yet in the database."""
        return self.path / "spool"

    @property
    def database(self) -> Path:
        """The SQLite file, where no other database is named."""
        return self.path / "jackfield.sqlite3"

    @property
    def sounds(self) -> Path:
        """Prompts and music of this installation."""
        return self.path / "sounds"

    @property
    def certificates(self) -> Path:
        """TLS certificates and keys."""
        return self.path / "certificates"

    @property
    def dhcp(self) -> Path:
        """What our own DHCP server works by: its configuration, and the addresses that it gave."""
        return self.path / "dhcp"

    @property
    def logs(self) -> Path:
        """Log files of the processes."""
        return self.path / "logs"

    @property
    def run(self) -> Path:
        """Sockets of the running processes."""
        return self.path / "run"

    @property
    def switch_socket(self) -> Path:
        """Control socket of the switch."""
        return self.run / "switch.sock"

    @property
    def network_socket(self) -> Path:
        """Control socket of the process that looks after addresses, STUN, TURN and the VPN."""
        return self.run / "network.sock"

    @property
    def public_addresses(self) -> Path:
        """What was found out about our addresses outside."""
        return self.path / "public_addresses.json"

    @property
    def firewall(self) -> Path:
        """What the firewall's programs know of each other: addresses of names, and whether there is panic."""
        return self.path / "firewall.json"

    @property
    def firewall_trial(self) -> Path:
        """A change of the firewall that takes itself back unless somebody keeps it."""
        return self.path / "firewall-trial.json"

    @property
    def guard(self) -> Path:
        """Who is blocked, and who has come from where."""
        return self.path / "guard.json"

    @property
    def turn_secret(self) -> Path:
        """Secret that is shared with coturn."""
        return self.path / "turn.secret"

    @property
    def vpn_key(self) -> Path:
        """Our private key of the VPN."""
        return self.path / "vpn.key"

    @property
    def supervisor_socket(self) -> Path:
        """Control socket of `jackfield run` itself."""
        return self.run / "supervisor.sock"

    @property
    def browser_socket(self) -> Path:
        """Socket of the switch by which the console hands on the WebSockets of browsers."""
        return self.run / "browsers.sock"

    def media_socket(self, number: int) -> Path:
        """Socket of the media process `number`, from 0."""
        return self.run / f"media-{number}.sock"

    @property
    def push_key(self) -> Path:
        """Key by which this installation proves itself to push services; browsers have subscribed to it."""
        return self.path / "push.key"

    @property
    def secret_key(self) -> Path:
        """Secret of this installation: signs SIP nonces and web sessions."""
        return self.path / "secret.key"

    def prepare(self) -> None:
        """Make the folders and the secret where they are missing. Raises `OSError`, with the mend in its text."""
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            for folder in (self.spool, self.sounds, self.certificates, self.logs, self.run):
                folder.mkdir(mode=0o700, exist_ok=True)
            self.secret()
        except OSError as problem:
            raise OSError(
                f"the data directory {self.path} can't be used ({problem.strerror}: {problem.filename}): "
                "choose another with --data-dir, or see to the owner, the rights and the free room of this one"
            ) from None

    def secret(self) -> bytes:
        """Return the installation's secret, 64 hexadecimal digits; make it at the first call. Raises `OSError`."""
        try:
            known = self.secret_key.read_bytes().strip()
        except FileNotFoundError:
            known = b""
        if known:
            return known
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = self.secret_key.with_name(f"{self.secret_key.name}.{secrets.token_hex(8)}")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(secrets.token_hex(32).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, self.secret_key)  # the first of two processes wins, both then read the same secret
        except FileExistsError:
            if not self.secret_key.read_bytes().strip():  # left empty by a full disk
                draft.replace(self.secret_key)
        draft.unlink(missing_ok=True)
        return self.secret_key.read_bytes().strip()
