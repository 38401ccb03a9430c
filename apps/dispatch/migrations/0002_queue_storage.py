"""Sends change several times within seconds: room for updates in place, and vacuum by count instead of by share."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("dispatch", "0001_initial")]

    operations = [
        migrations.RunSQL(
            sql="""ALTER TABLE dispatch_send SET (
                fillfactor = 80, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000)""",
            reverse_sql="""ALTER TABLE dispatch_send RESET (
                fillfactor, autovacuum_vacuum_scale_factor, autovacuum_vacuum_threshold)""",
        )
    ]
