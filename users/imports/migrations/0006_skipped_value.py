from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('imports', '0005_skipped_external_id_index'),
    ]

    operations = [
        migrations.AddField(
            model_name='skippedrow',
            name='value',
            field=models.CharField(blank=True, db_default='', default='', max_length=60),
        ),
    ]
