"""Ensure that no address is both a primary and a secondary one."""

from django.db import migrations

# A unique constraint cannot span tables, so triggers query the other table before each write.
# Advisory locks serialise writers of the same address: shared for primary addresses, among which a
# unique constraint decides, and exclusive for secondary ones. The number of locks is bounded, so
# that one transaction can write many users.
CREATE = """
    CREATE FUNCTION email_address_of_one_person() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        space CONSTANT integer := hashtext('email_address_of_one_person');
        bucket CONSTANT integer := hashtext(NEW.email) % 1024;
        is_taken boolean;
    BEGIN
        IF TG_TABLE_NAME = 'accounts_user' THEN
            PERFORM pg_advisory_xact_lock_shared(space, bucket);
            is_taken := EXISTS (SELECT FROM accounts_emailaddress WHERE email = NEW.email);
        ELSE
            PERFORM pg_advisory_xact_lock(space, bucket);
            is_taken := EXISTS (SELECT FROM accounts_user WHERE email = NEW.email);
        END IF;
        IF is_taken THEN
            RAISE unique_violation USING
                MESSAGE = 'an address violates "email_address_of_one_person"',
                CONSTRAINT = 'email_address_of_one_person',
                TABLE = TG_TABLE_NAME;
        END IF;
        RETURN NEW;
    END
    $$;
    CREATE TRIGGER email_address_of_one_person BEFORE INSERT OR UPDATE OF email ON accounts_user
        FOR EACH ROW EXECUTE FUNCTION email_address_of_one_person();
    CREATE TRIGGER email_address_of_one_person
        BEFORE INSERT OR UPDATE OF email ON accounts_emailaddress
        FOR EACH ROW EXECUTE FUNCTION email_address_of_one_person();
"""
DROP = """
    DROP TRIGGER email_address_of_one_person ON accounts_user;
    DROP TRIGGER email_address_of_one_person ON accounts_emailaddress;
    DROP FUNCTION email_address_of_one_person;
"""


class Migration(migrations.Migration):
    """Creates the triggers."""

    dependencies = [("accounts", "0007_email_addresses")]
    operations = [migrations.RunSQL(CREATE, DROP)]
