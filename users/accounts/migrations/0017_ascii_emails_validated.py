"""Validate the constraint, under a lock that permits reads and writes."""

from django.contrib.postgres.operations import ValidateConstraint
from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0016_canonical_emails'),
    ]

    operations = [
        ValidateConstraint(model_name='user', name='user_email_ascii'),
        ValidateConstraint(model_name='emailaddress', name='email_address_ascii'),
    ]
