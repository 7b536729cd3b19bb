import django.contrib.postgres.fields
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('imports', '0003_batch_size'),
    ]

    operations = [
        migrations.AddField(
            model_name='userimport',
            name='file_name',
            field=models.CharField(blank=True, db_default='', default='', max_length=100, verbose_name='file'),
        ),
        migrations.AddField(
            model_name='userimport',
            name='ignored_columns',
            field=django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=100), db_default=[], default=list, size=None, verbose_name='ignored'),
        ),
        migrations.AddField(
            model_name='userimport',
            name='new_organizations',
            field=django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=150), db_default=[], default=list, size=None),
        ),
        migrations.AddField(
            model_name='userimport',
            name='created',
            field=models.PositiveIntegerField(db_default=0, default=0, verbose_name='created'),
        ),
        migrations.AlterField(
            model_name='userimport',
            name='failed',
            field=models.PositiveIntegerField(default=0, verbose_name='skipped'),
        ),
        migrations.AddField(
            model_name='skippedrow',
            name='external_id',
            field=models.CharField(blank=True, db_default='', default='', max_length=200, verbose_name='external id'),
        ),
    ]
