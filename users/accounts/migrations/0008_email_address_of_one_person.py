"""An address is somebody's primary one or somebody's further one, and never both."""

from django.db import migrations

# A unique constraint cannot span tables, so each table asks the other before a row is written.
# Writers of the same address come one after the other: those of primary addresses, which exclude
# one another by a unique constraint, share a lock that those of further ones take alone. The locks
# are a bounded number, so that many people can be written in one transaction.
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
    """Triggers, because the promise is about two tables."""

    dependencies = [("accounts", "0007_email_addresses")]
    operations = [migrations.RunSQL(CREATE, DROP)]
