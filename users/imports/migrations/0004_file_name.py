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
    ]
