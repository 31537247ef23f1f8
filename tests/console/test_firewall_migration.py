"""From where people might administer, by the rules of signing in, the firewall says after an upgrade."""

from __future__ import annotations

from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from jackfield.firewall.models import Firewall
from jackfield.settings import Settings

BEFORE, AFTER = ("people", "0008_browser_phone_by_user"), ("people", "0009_firewall")


def test_the_groups_of_the_rules_of_signing_in_become_the_firewalls(sqlite: Settings):
    executor = MigrationExecutor(connection)
    executor.migrate([BEFORE])
    old = executor.loader.project_state([BEFORE]).apps.get_model("people", "SignIn")
    old.objects.update_or_create(pk=1, defaults={"administration_from": "Office", "api_from": ""})
    MigrationExecutor(connection).migrate([AFTER])
    found = Firewall.current()
    assert found.administration == ("Office",)
    assert found.api == ("everyone",)
    assert found.sip == ("automatic",)
