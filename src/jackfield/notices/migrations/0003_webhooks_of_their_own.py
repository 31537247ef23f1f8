"""The one address that was told of notices becomes a webhook like any other, with a secret of today's form."""

import base64

from django.db import migrations

from jackfield.webhooks.signing import LONGEST, PREFIX, SHORTEST, new_secret


def move(apps, schema_editor):
    Notices, Webhook = apps.get_model("notices", "Notices"), apps.get_model("webhooks", "Webhook")
    for row in Notices.objects.exclude(webhook=""):
        key = row.webhook_secret.encode()
        fits = SHORTEST <= len(key) <= LONGEST
        secret = PREFIX + base64.b64encode(key).decode() if fits else new_secret()
        if not Webhook.objects.filter(name="Notices").exists():
            Webhook.objects.create(name="Notices", address=row.webhook, secret=secret, events=["notice.raised"])
    apps.get_model("notices", "Notice").objects.filter(recipient="", user=None).delete()


class Migration(migrations.Migration):

    dependencies = [
        ("notices", "0002_links_and_kinds"),
        ("webhooks", "0001_initial"),
    ]

    operations = [
        migrations.RunPython(move, migrations.RunPython.noop),
        migrations.RemoveField(model_name="notices", name="webhook"),
        migrations.RemoveField(model_name="notices", name="webhook_secret"),
    ]
