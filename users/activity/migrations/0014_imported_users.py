from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('activity', '0013_definers_path'),
    ]

    operations = [
        migrations.AddField(
            model_name='intervalcounts',
            name='imported_users',
            field=models.IntegerField(db_default=0, default=0, verbose_name='imported people'),
        ),
    ]
