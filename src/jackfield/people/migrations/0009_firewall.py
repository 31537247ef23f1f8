"""From where the administration and the API can be reached is the firewall's from now on."""

from django.db import migrations


def move(apps, schema_editor):
    """Have the firewall open both to the groups that the rules of signing in named."""
    for rules in apps.get_model("people", "SignIn").objects.exclude(administration_from="", api_from=""):
        firewall, _made = apps.get_model("firewall", "Firewall").objects.get_or_create(pk=1)
        for field, name in (("administration", rules.administration_from), ("api", rules.api_from)):
            setattr(firewall, field, (name,) if name else ("everyone",))
        firewall.save()


class Migration(migrations.Migration):

    dependencies = [
        ("people", "0008_browser_phone_by_user"),
        ("firewall", "0001_initial"),
    ]

    operations = [
        migrations.RunPython(move, migrations.RunPython.noop, elidable=False),
        migrations.RemoveField(model_name="signin", name="administration_from"),
        migrations.RemoveField(model_name="signin", name="api_from"),
    ]
