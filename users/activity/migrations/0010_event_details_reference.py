"""Event details without a foreign key, so that partitions of events can be dropped."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('activity', '0009_folded_segments'),
    ]

    operations = [
        migrations.AlterField(
            model_name='eventdetails',
            name='event',
            field=models.OneToOneField(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, primary_key=True, related_name='details', serialize=False, to='activity.event'),
        ),
    ]
