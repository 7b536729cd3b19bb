"""The constraint comes before the rows are mended, lest an earlier release add more of them.

Each of the three steps is a migration of its own, which can be repeated if it fails.
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
