from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('history', '0002_search'),
    ]

    operations = [
        migrations.AddIndex(
            model_name='leg',
            index=models.Index(fields=['extension', 'call'], name='leg_by_extension'),
        ),
    ]
