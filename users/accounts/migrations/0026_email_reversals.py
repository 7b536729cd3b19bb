"""Links by which a former primary address undoes its change."""

import uuid

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0025_group_names'),
    ]

    operations = [
        migrations.CreateModel(
            name='EmailReversal',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('nonce', models.UUIDField(default=uuid.uuid4, unique=True)),
                ('expires_at', models.DateTimeField(db_index=True, verbose_name='expires')),
                ('email', models.EmailField(max_length=254)),
                ('changed_at', models.DateTimeField()),
                ('user', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('user', 'email'), name='email_reversal_unique')],
            },
        ),
    ]
