"""How calls sounded, by the day too. Sums that were made before are made anew, a few days at a time."""

from django.db import migrations, models


def forget(apps, schema_editor):
    """Take away sums without it."""
    apps.get_model("history", "DaySums").objects.all().delete()


class Migration(migrations.Migration):

    dependencies = [
        ('history', '0005_owners_and_sums'),
    ]

    operations = [
        migrations.RunPython(forget, migrations.RunPython.noop),
        migrations.AddField(
            model_name='daysums',
            name='heard',
            field=models.TextField(default='{}'),
        ),
    ]
