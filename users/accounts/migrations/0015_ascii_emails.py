"""Add the constraint without validation, before existing rows are converted.

During a rolling deployment the earlier release could add more such rows otherwise. Each of the three
steps is its own migration, so that a failed step can be repeated.
"""

from django.contrib.postgres.operations import AddConstraintNotValid
from django.db import migrations, models

ASCII_EMAIL = r"^[\x01-\x7f]+@[a-z0-9.:\[\]-]+$"


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0014_user_undeliverable'),
    ]

    operations = [
        AddConstraintNotValid(
            model_name='user',
            constraint=models.CheckConstraint(condition=models.Q(('email__regex', ASCII_EMAIL)), name='user_email_ascii'),
        ),
        AddConstraintNotValid(
            model_name='emailaddress',
            constraint=models.CheckConstraint(condition=models.Q(('email__regex', ASCII_EMAIL)), name='email_address_ascii'),
        ),
    ]
