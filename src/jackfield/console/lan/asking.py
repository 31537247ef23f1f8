"""Questions of TFTP and plug and play, brought before the one door that decides what is given to whom."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from jackfield.console.provisioning import serving
from jackfield.console.provisioning.asking import Request
from jackfield.provisioning.catalogue import PhoneModel, vendors
from jackfield.provisioning.requests import vendor_of_mac
from jackfield.provisioning.tftp import NO_ACCESS, NOT_DEFINED, NOT_FOUND, TftpError

if TYPE_CHECKING:
    from jackfield.provisioning.pnp import Question
    from jackfield.settings import Settings

__all__ = ["address_for", "file_for", "model_of"]


async def file_for(name: str, address: str) -> bytes:
    """Return a file for a phone that asks by TFTP. Raises `TftpError`."""
    found = await serving.ask(Request(path=name, way="tftp", address=address))
    if found.status == 200:
        return found.body
    if found.status == 404:
        raise TftpError(NOT_FOUND, "there is no such file here")
    if found.status >= 500:
        raise TftpError(NOT_DEFINED, "there is no answer just now: ask again")
    raise TftpError(NO_ACCESS, "this is not given by TFTP")


def model_of(question: Question) -> PhoneModel | None:
    """Return the model that a phone says it is; else the first of its vendor, by its MAC address; None for neither."""
    by_folder = vendors()
    vendor = by_folder.get(question.vendor.lower()) or by_folder.get(vendor_of_mac(question.mac))
    if vendor is None or not vendor.models:
        return None
    said = question.model.lower()
    bare = said.removeprefix(vendor.folder).removeprefix("sip-").strip(" -_")
    return vendor.by_name.get(said) or vendor.by_name.get(bare) or vendor.models[0]


async def address_for(settings: Settings, question: Question) -> str:
    """Return where a phone that asks the network finds its configuration; "" when it is not to be told."""
    model = model_of(question)
    if model is None or "pnp" not in model.ways:
        return ""
    name = model.main_file.named(question.mac, model=model.name, code=model.code)
    asked = Request(path=name, way="pnp", address=question.address, user_agent=question.user_agent)
    if (await serving.ask(asked)).status != 200:
        return ""
    url = await asyncio.to_thread(_folder, settings, asked)
    return model.provisioning_url.format(url=url, mac=question.mac)


def _folder(settings: Settings, asked: Request) -> str:
    """Return the address of the phones' files as this phone reaches it. Asks the database."""
    from jackfield.console.provisioning.configuring import folder
    from jackfield.console.provisioning.house import House

    return folder(House.read(settings), asked, "http")
