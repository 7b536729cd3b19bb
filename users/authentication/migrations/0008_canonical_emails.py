"""Links that were mailed follow the addresses of accounts into their canonical form."""

from django.db import migrations

from users.accounts.migrations._canonical_emails import canonicalize_links


def canonicalize(apps, _schema_editor):
    canonicalize_links(apps.get_model("authentication", "PasswordReset"), "user")


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0016_canonical_emails'),
        ('authentication', '0007_labels'),
    ]

    operations = [
        migrations.RunPython(canonicalize, migrations.RunPython.noop),
    ]
