from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('conversions', '0005_buyer_ip'),
    ]

    operations = [
        migrations.AddField(
            model_name='conversion',
            name='buyer_device',
            field=models.CharField(blank=True, db_default='', max_length=60, verbose_name="buyer's device"),
        ),
    ]
