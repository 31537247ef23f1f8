"""The directory in the vendors' XML, over HTTPS and, in the local networks, over HTTP.

Its address has the phone's name and its password for the directory in it, since few models can be told of others for
it: `/provision/directory/<MAC>/<password>/<vendor>.xml`. It stands in the phone's own configuration and nowhere else.
"""

from __future__ import annotations

import asyncio
import re
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from django.conf import settings as django_settings
from django.utils.translation import gettext as _

from jackfield.console import access, languages
from jackfield.console.lan.phonebook import Phonebook, password_of, sign_in
from jackfield.provisioning.catalogue import models
from jackfield.provisioning.configuration import Directory
from jackfield.provisioning.phonebook.ldap_server import BASE
from jackfield.provisioning.phonebook.vendor_xml import (
    CONTENT_TYPE,
    CONTENT_TYPES,
    VENDORS,
    Labels,
    directory,
    read_wish,
)

if TYPE_CHECKING:
    from jackfield.settings import Settings

__all__ = ["PREFIX", "directory_of", "labels", "page", "serve"]

PREFIX = "/provision/directory/"
_ADDRESS = re.compile(
    PREFIX + r"([0-9a-f]{12})/([a-z2-7]{20})/([a-z]+)\.xml(?:/(?:gs_)?phonebook\.xml)?"
)  # the last: Grandstream adds it
_reading = ThreadPoolExecutor(1, thread_name_prefix="directory")
_book = Phonebook()


def directory_of(
    settings: Settings, phone: Any, host: str, folder: str, *, local: bool, ldap: bool, language: str = ""
) -> Directory:
    """Return what a desk phone is told of the directory. `folder`: the address of its files, with a slash at the end.

    By LDAP where that is on, from elsewhere over TLS only; by its vendor's XML besides, where it has one.
    """
    secret = password_of(settings, phone)
    model = models().get(phone.model)
    vendor = model.vendor if model is not None else ""
    port = settings.ldap_port if local else settings.ldaps_port
    by_ldap = bool(port) and ldap
    bare = host.removeprefix("[").removesuffix("]")
    return Directory(
        name=labels(language).title,
        ldap_host=bare if by_ldap else "",
        ldap_port=port,
        ldap_tls=not local,
        ldap_base=BASE,
        ldap_user=f"uid={phone.mac},{BASE}",
        ldap_password=secret,
        xml_url=f"{folder}directory/{phone.mac}/{secret}/{vendor}.xml" if vendor in VENDORS else "",
    )


def page(settings: Settings, path: str, query: str, url: str) -> bytes | None:
    """Return a page of the directory; None for who may not have it. Asks the database."""
    found = _ADDRESS.fullmatch(path)
    if found is None or found[3] not in VENDORS:
        return None
    reader = sign_in(settings, found[1], found[2])
    if reader is None:
        return None
    from jackfield.company.models import General

    wish = read_wish(url, dict(parse_qsl(query[:2000], max_num_fields=40)))
    return directory(found[3], _book.entries(reader.user), wish, labels(General.current().language))


def labels(language: str) -> Labels:
    """Return the texts on phones' screens in a language; in English where we don't have it."""
    with languages.reading_in(language):
        return Labels(
            title=_("Directory"),
            search=_("Search"),
            search_for=_("Name or number"),
            following=_("More"),
            nothing=_("Nothing found"),
            mobile=_("Mobile"),
            home=_("Home"),
            fax=_("Fax"),
            other=_("Other"),
        )


async def serve(scope: Any, send: Any) -> None:
    """Answer a request whose address begins with `PREFIX` (ASGI 3, HTTP)."""
    settings = django_settings.JACKFIELD
    address = (scope.get("client") or ("", 0))[0].removeprefix("::ffff:")
    body = None
    if scope["method"] in ("GET", "HEAD") and (scope["scheme"] == "https" or access.is_local(settings, address)):
        host = next((value for name, value in scope["headers"] if name == b"host"), b"").decode("ascii", "replace")
        url = f"{scope['scheme']}://{host}{scope['path']}"
        query = scope.get("query_string", b"").decode("ascii", "replace")
        try:
            body = await asyncio.get_running_loop().run_in_executor(_reading, page, settings, scope["path"], query, url)
        except ValueError:  # more fields than any phone sends
            body = None
    vendor = scope["path"].rpartition("/")[2].removesuffix(".xml")
    told = CONTENT_TYPES.get(vendor, CONTENT_TYPE).encode()
    status, kind = (404, b"text/plain") if body is None else (200, told)
    content = b"There is no such directory.\n" if body is None else body
    headers = [(b"content-type", kind), (b"content-length", b"%d" % len(content)), (b"cache-control", b"no-store")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else content})
