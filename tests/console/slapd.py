"""A real OpenLDAP server with a few people, on ports of its own."""

from __future__ import annotations

import shutil
import subprocess
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import ldap3

PROGRAM = shutil.which("slapd") or shutil.which("slapd", path="/usr/sbin")
BASE = "dc=example,dc=com"
READER, READER_PASSWORD = f"cn=reader,{BASE}", "read-only-7"

CONFIG = """
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
{active_directory}
modulepath /usr/lib/ldap
moduleload back_mdb
TLSCertificateFile {folder}/server.pem
TLSCertificateKeyFile {folder}/server.key
database mdb
suffix "{base}"
rootdn "{reader}"
rootpw {password}
directory {folder}/db
sizelimit size.soft=50 size.hard=50 size.pr=50 size.prtotal=unlimited
"""


STRING, NUMBER = "1.3.6.1.4.1.1466.115.121.1.15", "1.3.6.1.4.1.1466.115.121.1.27"
ATTRIBUTES = {
    "sAMAccountName": (221, "EQUALITY caseIgnoreMatch", STRING),
    "userAccountControl": (8, "EQUALITY integerMatch", NUMBER),
    "accountExpires": (159, "EQUALITY integerMatch", NUMBER),
    "objectCategory": (782, "EQUALITY caseIgnoreMatch", STRING),
    "ipPhone": (721, "EQUALITY caseIgnoreMatch", STRING),
    "objectGUID": (2, "EQUALITY octetStringMatch", "1.3.6.1.4.1.1466.115.121.1.40"),
    "memberOf": (222, "EQUALITY distinguishedNameMatch", "1.3.6.1.4.1.1466.115.121.1.12"),
}
ACTIVE_DIRECTORY = "\n".join(
    f"attributetype ( 1.2.840.113556.1.4.{number} NAME '{name}' {rule} SYNTAX {syntax} )"
    for name, (number, rule, syntax) in ATTRIBUTES.items()
) + "\nobjectclass ( 1.2.840.113556.1.5.9 NAME 'user' SUP inetOrgPerson STRUCTURAL MAY ( {} ) )".format(
    " $ ".join(ATTRIBUTES)
)
"""What of the schema of Active Directory counts here (MS-ADA1 to 3)."""


@dataclass(frozen=True)
class Server:
    """Where it listens, and the authority of its certificate."""

    port: int
    tls_port: int
    certificate: Path

    def change(self) -> ldap3.Connection:
        """Connect as somebody who may write."""
        return ldap3.Connection(ldap3.Server("127.0.0.1", self.port), READER, READER_PASSWORD, auto_bind=True)

    def add(self, login: str, name: str, password: str = "", **more: str) -> str:
        """Add a person; return the DN."""
        dn = f"uid={login},ou=people,{BASE}"
        values = {"cn": name, "sn": name.split()[-1], "mail": f"{login}@example.com", **more}
        with self.change() as connection:
            assert connection.add(dn, "inetOrgPerson", values | ({"userPassword": password} if password else {}))
        return dn

    def add_account(self, login: str, name: str, password: str = "", **more: str | list[str]) -> None:
        """Add a person as Active Directory has them."""
        dn = f"cn={login},ou=people,{BASE}"
        values = {"cn": login, "sn": name.split()[-1], "displayName": name, "objectCategory": "person",
                  "sAMAccountName": login, "userAccountControl": "512",
                  "objectGUID": uuid.uuid4().bytes_le}  # fmt: skip
        secret = {"userPassword": password} if password else {}
        with self.change() as connection:
            assert connection.add(dn, "user", values | more | secret), connection.result


@contextmanager
def server(folder: Path, port: int, tls_port: int) -> Iterator[Server]:
    """Run one until the block ends."""
    assert PROGRAM is not None
    (folder / "db").mkdir()
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1",
         "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", folder / "server.key", "-out", folder / "server.pem"],
        check=True, capture_output=True,
    )  # fmt: skip
    config = folder / "slapd.conf"
    config.write_text(
        CONFIG.format(
            folder=folder, base=BASE, reader=READER, password=READER_PASSWORD, active_directory=ACTIVE_DIRECTORY
        )
    )
    listen = f"ldap://127.0.0.1:{port}/ ldaps://127.0.0.1:{tls_port}/"
    process = subprocess.Popen([PROGRAM, "-f", config, "-h", listen, "-d", "0"], stderr=subprocess.DEVNULL)
    try:
        found = Server(port, tls_port, folder / "server.pem")
        for _ in range(200):
            try:
                connection = found.change()
                break
            except ldap3.core.exceptions.LDAPExceptionError:
                assert process.poll() is None, "slapd ended"
                time.sleep(0.05)
        with connection:
            connection.add(BASE, ["dcObject", "organization"], {"o": "Example", "dc": "example"})
            for unit in ("people", "groups"):
                connection.add(f"ou={unit},{BASE}", "organizationalUnit")
        yield found
    finally:
        process.terminate()
        process.wait(10)
