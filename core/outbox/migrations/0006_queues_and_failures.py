from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('outbox', '0005_request_id'),
    ]

    operations = [
        migrations.AddField(
            model_name='outboxmessage',
            name='queue',
            field=models.CharField(db_default='default', default='default', max_length=20, verbose_name='queue'),
        ),
        migrations.AddField(
            model_name='outboxmessage',
            name='interruptions',
            field=models.PositiveSmallIntegerField(db_default=0, default=0, verbose_name='interrupted attempts'),
        ),
        migrations.AddField(
            model_name='outboxmessage',
            name='retry_at',
            field=models.DateTimeField(null=True, verbose_name='next attempt'),
        ),
        migrations.AddField(
            model_name='outboxmessage',
            name='failing_since',
            field=models.DateTimeField(null=True, verbose_name='failing since'),
        ),
    ]
