"""One's own account, and what administrators do with those of others."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client

from jackfield.people.models import AccountEvent, Session, SignIn, User

from .conftest import PASSWORD, As, person

NEW = "tulip-Anvil-93-moss"


def test_every_page_of_an_account_opens(admin: Client):
    for address in ("/me/account", "/me/account/second-factor", "/admin/sessions", "/admin/users/1/account"):
        answer = admin.get(address)
        assert answer.status_code == 200, address
        assert "style=" not in answer.content.decode()
