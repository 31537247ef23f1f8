"""Kamailio as a carrier: it has customers who register with a password, among them the system under test.

What a customer dials goes to whoever has registered with that number. The numbers 5550100-5550199 belong to the
account `acme`, with which the system's trunk registers.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import glob
import ipaddress
import os
import shutil
import signal
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from .accounts import Account
from .ports import Block

__all__ = ["Kamailio", "why_no_kamailio"]

PASSWORD = "carriers-secret-7"


def why_no_kamailio() -> str:
    """Return why it can't be had, or ""."""
    if _program() is None:
        return "Debian's package kamailio is not installed (apt install kamailio)"
    if not Path(_modules(), "tls.so").exists():
        return "Debian's package kamailio-tls-modules is not installed (apt install kamailio-tls-modules)"
    return ""


def _program() -> str | None:
    return shutil.which("kamailio", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")


def _modules() -> str:
    return next(glob.iglob("/usr/lib/*/kamailio/modules/"), "/usr/lib/kamailio/modules/")


def _make_certificate(folder: Path, address: str) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "carrier.example")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "certificate.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    plain = serialization.NoEncryption()
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    )


CONFIGURATION = """
#!KAMAILIO
debug=2
log_stderror=yes
fork=yes
children=1
tcp_children=1
auto_aliases=no
listen=udp:{address}:{port}
listen=tcp:{address}:{port}
listen=tls:{address}:{tls_port}
enable_tls=yes
loadmodule "kex.so"
loadmodule "corex.so"
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "maxfwd.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "xlog.so"
loadmodule "auth.so"
loadmodule "tls.so"
modparam("tls", "tls_method", "TLSv1.2+")
modparam("tls", "private_key", "{folder}/key.pem")
modparam("tls", "certificate", "{folder}/certificate.pem")
modparam("usrloc", "db_mode", 0)
modparam("registrar", "max_expires", 600)
modparam("rr", "enable_full_lr", 1)

request_route {{
    xlog("L_NOTICE", "$rm $ru from $si:$sp asserted $hdr(P-Asserted-Identity)\\n");
    if (!mf_process_maxfwd_header("10")) {{ sl_send_reply("483", "Too Many Hops"); exit; }}
    if (is_method("OPTIONS") && !has_totag()) {{ sl_send_reply("200", "OK"); exit; }}
    if (has_totag()) {{
        if (loose_route()) {{ t_relay(); exit; }}
        if (is_method("ACK")) {{ if (t_check_trans()) t_relay(); exit; }}
        sl_send_reply("404", "Not Here"); exit;
    }}
    if (is_method("CANCEL")) {{ if (t_check_trans()) t_relay(); exit; }}
    if (is_method("REGISTER")) {{
        if (!pv_www_authenticate("carrier.example", "{password}", "0")) {{
            www_challenge("carrier.example", "1"); exit;
        }}
        if ($au != $tU) {{ sl_send_reply("403", "Not Your Account"); exit; }}
        save("location");
        exit;
    }}
    if (!pv_proxy_authenticate("carrier.example", "{password}", "0")) {{
        proxy_challenge("carrier.example", "1"); exit;
    }}
    consume_credentials();
    record_route();
    if ($rU =~ "^55501[0-9][0-9]$") {{
        $var(called) = $rU;
        $rU = "acme";
        if (!lookup("location")) {{ sl_send_reply("480", "Nobody Registered"); exit; }}
        $rU = $var(called);
        t_relay(); exit;
    }}
    if (!lookup("location")) {{ sl_send_reply("404", "No Such Subscriber"); exit; }}
    t_relay();
}}
"""


class Kamailio:
    """`async with Kamailio(folder, ports) as carrier: …`."""

    def __init__(self, folder: Path, ports: Block, address: str = "127.0.0.1") -> None:
        self.folder, self.address, self.port, self.tls_port = folder, address, ports.take(), ports.take()
        self.output = ""

    async def __aenter__(self) -> Kamailio:
        self.folder.mkdir(parents=True, exist_ok=True)
        file = self.folder / "kamailio.cfg"
        _make_certificate(self.folder, self.address)
        file.write_text(
            CONFIGURATION.format(
                address=self.address, port=self.port, tls_port=self.tls_port, password=PASSWORD, folder=self.folder
            )
        )
        self._process = await asyncio.create_subprocess_exec(
            _program() or "kamailio", "-DD", "-E", "-f", str(file), "-m", "32", "-M", "8",
            "-L", _modules(), "-Y", str(self.folder),
            "-P", str(self.folder / "pid"), stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE, start_new_session=True,
        )  # fmt: skip
        self._logging = asyncio.create_task(self._log())
        for _ in range(200):
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection(self.address, self.port)
                writer.close()
                return self
            if self._process.returncode is not None:
                break
            await asyncio.sleep(0.05)
        await self.__aexit__()
        raise AssertionError(f"kamailio did not start:\n{self.output}")

    async def __aexit__(self, *_: object) -> None:
        if self._process.returncode is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                await asyncio.wait_for(self._process.wait(), 5.0)
            except TimeoutError:
                with contextlib.suppress(ProcessLookupError):
                    self._process.kill()
                await self._process.wait()
        await self._logging

    async def _log(self) -> None:
        assert self._process.stderr is not None
        async for line in self._process.stderr:
            self.output += line.decode(errors="replace")

    def customer(self, number: str) -> Account:
        """Return the account of a customer."""
        return Account(number, number, PASSWORD, self.address, self.port)
