import django.core.validators
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('funnels', '0003_page_events'),
    ]

    operations = [
        migrations.AddField(
            model_name='funnel',
            name='attribution_model',
            field=models.CharField(choices=[('last_click', 'the last click before the sale'), ('first_click', 'the first click of the window'), ('any_click', 'the surest click, whenever it was in the window')], db_default='last_click', default='last_click', help_text='Where the buyer clicked more than one ad within the attribution window.', max_length=11, verbose_name='click that is credited'),
        ),
        migrations.AddField(
            model_name='funnel',
            name='auto_threshold',
            field=models.FloatField(db_default=0.85, default=0.85, help_text='From this confidence on, a click is used without asking. 1 would be certainty.', validators=[django.core.validators.MinValueValidator(0.5), django.core.validators.MaxValueValidator(1.0)], verbose_name='confidence to match by itself'),
        ),
        migrations.AddField(
            model_name='funnel',
            name='review_hours',
            field=models.PositiveSmallIntegerField(db_default=4, default=4, help_text='How long a sale waits for a person. At most 144: Meta takes no sale older than 7 days.', validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(144)], verbose_name='time to decide (hours)'),
        ),
        migrations.AddField(
            model_name='funnel',
            name='review_threshold',
            field=models.FloatField(db_default=0.6, default=0.6, help_text='From this confidence on, a click is proposed. Below it, the sale is one without a click.', validators=[django.core.validators.MinValueValidator(0.5), django.core.validators.MaxValueValidator(1.0)], verbose_name='confidence to propose a match'),
        ),
        migrations.AddField(
            model_name='funnel',
            name='review_timeout',
            field=models.CharField(choices=[('unmatched', 'the sale is sent without the click'), ('accept', 'the sale is sent with the proposed click')], db_default='unmatched', default='unmatched', max_length=9, verbose_name='when nobody decided in time'),
        ),
        migrations.AddField(
            model_name='funnel',
            name='uncertain_matches',
            field=models.CharField(choices=[('review', 'a person decides'), ('auto', 'used at once, and marked as uncertain')], db_default='review', default='review', help_text='What happens to a match between the two confidences.', max_length=6, verbose_name='uncertain matches'),
        ),
        migrations.AddField(
            model_name='funnel',
            name='view_through_days',
            field=models.PositiveSmallIntegerField(db_default=0, default=0, help_text="Sales with no ad click are joined to a visit without a click in the last so many days, so that they are sent with the browser's data. 0 turns this off.", validators=[django.core.validators.MaxValueValidator(7)], verbose_name='visits without a click (days)'),
        ),
        migrations.AddField(
            model_name='funnel',
            name='weight_set',
            field=models.CharField(blank=True, db_default='', default='', max_length=40, verbose_name='weights of matching'),
        ),
    ]
