from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('funnels', '0002_every_gateway'),
    ]

    operations = [
        migrations.AddField(
            model_name='funnel',
            name='page_events',
            field=models.CharField(choices=[('hybrid', 'pixel and server, under one event id'), ('server_only', 'server only: one enriched copy'), ('browser_only', 'pixel only: the hub sends none')], db_default='hybrid', default='hybrid', help_text='Pixel and server: the pixel tells at once, and the hub again for browsers that blocked it; Meta keeps the first copy, so what is learned of the visitor later is lost where the pixel worked. Server only: a single copy with all that was learned, up to 4 hours later; the page must fire no pixel of its own. Pixel only: the hub sends none.', max_length=12, verbose_name='page events'),
        ),
    ]
