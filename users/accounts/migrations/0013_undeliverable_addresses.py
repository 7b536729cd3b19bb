from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0012_labels'),
        ('auth', '0012_alter_user_first_name_max_length'),
    ]

    operations = [
        migrations.AddField(
            model_name='emailaddress',
            name='undeliverable_at',
            field=models.DateTimeField(editable=False, null=True, verbose_name='e-mail undeliverable'),
        ),
        migrations.AddField(
            model_name='user',
            name='email_undeliverable_at',
            field=models.DateTimeField(editable=False, null=True, verbose_name='e-mail undeliverable'),
        ),
    ]
