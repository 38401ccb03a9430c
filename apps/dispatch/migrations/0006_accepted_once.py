"""What was accepted stays so, whatever the code does; and room for rows to change in place."""

from django.db import migrations

GUARD = """
    CREATE FUNCTION dispatch_refuse_second_telling() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'send % was accepted by its platform and is never sent again', OLD.id
            USING ERRCODE = 'integrity_constraint_violation';
    END $$;
    CREATE TRIGGER send_accepted_once BEFORE UPDATE OF status ON dispatch_send FOR EACH ROW
        WHEN (OLD.status IN ('accepted', 'duplicate') AND NEW.status NOT IN ('accepted', 'duplicate'))
        EXECUTE FUNCTION dispatch_refuse_second_telling();
"""
UNGUARD = """
    DROP TRIGGER send_accepted_once ON dispatch_send;
    DROP FUNCTION dispatch_refuse_second_telling();
"""
ROOM = """
    ALTER TABLE dispatch_batch SET (fillfactor = 80);
    ALTER TABLE dispatch_breaker SET (fillfactor = 50);
    ALTER TABLE dispatch_platformbreaker SET (fillfactor = 50);
"""


class Migration(migrations.Migration):

    dependencies = [("dispatch", "0005_delivery")]

    operations = [migrations.RunSQL(GUARD, UNGUARD), migrations.RunSQL(ROOM, migrations.RunSQL.noop)]
