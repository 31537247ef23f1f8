"""JsSIP, the softphone library that browsers run, in Node: its SIP is real, audio there is none."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

from .accounts import Account

__all__ = ["JsSip", "why_no_jssip"]

PACKAGES = ("jssip@3.13.8", "jssip-node-websocket@3.0.0")
FOLDER = Path(__file__).parents[3] / "build" / "jssip"
PATIENCE = 20.0


@cache
def why_no_jssip() -> str:
    """Return why there is no such phone here, or "". Fetches it at the first call."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        return "Node is not installed (apt install nodejs npm)"
    if all((FOLDER / "node_modules" / package.partition("@")[0]).is_dir() for package in PACKAGES):
        return ""
    FOLDER.mkdir(parents=True, exist_ok=True)
    command = ["npm", "install", "--prefix", str(FOLDER), "--ignore-scripts", "--no-audit", "--no-fund", *PACKAGES]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    except subprocess.TimeoutExpired:
        return "npm could not fetch jssip within 60 s"
    return "" if done.returncode == 0 else f"npm could not fetch jssip: {done.stderr.strip().splitlines()[-1:]}"


class JsSip:
    """`async with JsSip(account) as phone: …`; the account's transport is ws or wss. Who calls it hears it's busy."""

    def __init__(self, account: Account) -> None:
        self.account = account

    async def __aenter__(self) -> JsSip:
        account = self.account
        self._process = await asyncio.create_subprocess_exec(
            "node", str(Path(__file__).with_name("jssip.js")), f"{account.transport}://{account.domain}/",
            account.username, account.password, account.host,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
            env=os.environ | {"NODE_PATH": str(FOLDER / "node_modules")},
        )  # fmt: skip
        return self

    async def __aexit__(self, *exception: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.communicate(), PATIENCE)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()

    async def says(self, what: str) -> dict[str, Any]:
        """Wait until the phone tells of this, and return what it says. Raises `AssertionError` with all it said."""
        assert self._process.stdout is not None
        other = []
        try:
            async with asyncio.timeout(PATIENCE):
                async for line in self._process.stdout:
                    other.append(line.decode())
                    if line.startswith(b"{") and (told := json.loads(line))["what"] == what:
                        return dict(told)
        except TimeoutError:
            pass
        raise AssertionError(f"the phone did not tell of {what}, but:\n{''.join(other)}")
