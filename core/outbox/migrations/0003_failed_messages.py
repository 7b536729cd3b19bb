from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('outbox', '0002_labels'),
    ]

    operations = [
        migrations.AddField(
            model_name='outboxmessage',
            name='failed_at',
            field=models.DateTimeField(null=True, verbose_name='failed'),
        ),
        migrations.AddField(
            model_name='outboxmessage',
            name='failure',
            field=models.CharField(blank=True, db_default='', default='', max_length=100, verbose_name='reason of the failure'),
        ),
        migrations.AlterField(
            model_name='outboxmessage',
            name='dispatch_at',
            field=models.DateTimeField(null=True, verbose_name='due'),
        ),
        migrations.AddConstraint(
            model_name='outboxmessage',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('dispatch_at__isnull', False), ('failed_at', None)), models.Q(('dispatch_at', None), ('failed_at__isnull', False)), _connector='OR'), name='outbox_failed_is_not_due'),
        ),
    ]
