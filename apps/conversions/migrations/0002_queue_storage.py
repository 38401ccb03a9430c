"""Conversions change soon after they are made: room for updates in place, and vacuum by count instead of by share."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("conversions", "0001_initial")]

    operations = [
        migrations.RunSQL(
            sql="""ALTER TABLE conversions_conversion SET (
                fillfactor = 80, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000)""",
            reverse_sql="""ALTER TABLE conversions_conversion RESET (
                fillfactor, autovacuum_vacuum_scale_factor, autovacuum_vacuum_threshold)""",
        )
    ]
