from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0017_ascii_emails_validated'),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name='signup',
            name='sign_up_email_unique',
        ),
        migrations.RemoveConstraint(
            model_name='signup',
            name='sign_up_username_unique',
        ),
    ]
