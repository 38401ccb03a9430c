from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('conversions', '0004_signals_index'),
    ]

    operations = [
        migrations.AddField(
            model_name='conversion',
            name='buyer_ip',
            field=models.GenericIPAddressField(null=True, verbose_name="buyer's IP address"),
        ),
    ]
