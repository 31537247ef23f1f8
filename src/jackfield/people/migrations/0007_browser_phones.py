from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("people", "0006_only_from")]

    operations = [
        migrations.AddField(
            model_name="signin",
            name="browser_phones",
            field=models.BooleanField(default=True),
        ),
    ]
