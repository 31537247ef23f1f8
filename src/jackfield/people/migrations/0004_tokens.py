import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('people', '0003_roles_and_rules'),
    ]

    operations = [
        migrations.CreateModel(
            name='KeptAnswer',
            fields=[
                ('key', models.CharField(max_length=64, primary_key=True, serialize=False)),
                ('request', models.CharField(max_length=64)),
                ('at', models.FloatField(db_index=True)),
                ('status', models.IntegerField(default=0)),
                ('headers', models.JSONField(default=dict)),
                ('content', models.TextField(blank=True, default='')),
            ],
        ),
        migrations.CreateModel(
            name='Token',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=60)),
                ('digest', models.CharField(max_length=64, unique=True)),
                ('begins', models.CharField(max_length=12)),
                ('scopes', models.JSONField(default=list)),
                ('made', models.FloatField(default=0)),
                ('expires', models.FloatField(blank=True, null=True)),
                ('used', models.FloatField(blank=True, null=True)),
                ('address', models.CharField(blank=True, default='', max_length=64)),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='tokens', to=settings.AUTH_USER_MODEL)),
            ],
        ),
    ]
