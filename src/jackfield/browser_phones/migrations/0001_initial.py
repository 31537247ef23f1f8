import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("numbers", "0004_phones_from"),
        ("people", "0006_only_from"),
    ]

    operations = [
        migrations.CreateModel(
            name="BrowserPhone",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("sip_username", models.CharField(max_length=64, unique=True)),
                ("browser", models.CharField(max_length=60)),
                ("used", models.FloatField(default=0)),
                ("push_name", models.CharField(blank=True, db_index=True, default="", max_length=64)),
                ("push_address", models.CharField(blank=True, default="", max_length=1000)),
                ("push_key", models.CharField(blank=True, default="", max_length=100)),
                ("push_secret", models.CharField(blank=True, default="", max_length=40)),
                (
                    "extension",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="browser_phones",
                        to="numbers.extension",
                    ),
                ),
                (
                    "session",
                    models.ForeignKey(
                        default=None,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="browser_phones",
                        to="people.session",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="browser_phones",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={"ordering": ("pk",)},
        ),
    ]
