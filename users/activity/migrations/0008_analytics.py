"""Counts by interval, which the roll-up fills from all sealed events.

Processes of the earlier release still write the daily counts, so their table only leaves the state.
A later release drops it.
"""

import django.db.models.deletion
import users.activity.models.counts
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ('activity', '0007_organization_events'),
    ]

    operations = [
        migrations.CreateModel(
            name='CohortWeek',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('cohort', models.DateField()),
                ('week', models.DateField()),
                ('users', models.IntegerField(db_default=0, default=0)),
            ],
        ),
        migrations.CreateModel(
            name='IntervalCounts',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('interval', models.CharField(choices=users.activity.models.counts.interval_choices, max_length=5, verbose_name='interval')),
                ('start', models.DateField(verbose_name='first day')),
                ('dimension', models.CharField(choices=users.activity.models.counts.dimension_choices, default='all', max_length=6, verbose_name='dimension')),
                ('segment', models.CharField(blank=True, max_length=255, verbose_name='segment')),
                ('sign_ups', models.IntegerField(db_default=0, default=0, verbose_name='sign-ups')),
                ('completed_sign_ups', models.IntegerField(db_default=0, default=0, verbose_name='completed sign-ups')),
                ('new_users', models.IntegerField(db_default=0, default=0, verbose_name='new people')),
                ('erased_users', models.IntegerField(db_default=0, default=0, verbose_name='erased people')),
                ('log_ins', models.IntegerField(db_default=0, default=0, verbose_name='sign-ins')),
                ('failed_log_ins', models.IntegerField(db_default=0, default=0, verbose_name='failed sign-ins')),
                ('lockouts', models.IntegerField(db_default=0, default=0, verbose_name='lockouts')),
                ('active_users', models.IntegerField(db_default=0, default=0, verbose_name='active people')),
                ('second_factor_users', models.IntegerField(db_default=0, default=0, verbose_name='people with a second factor')),
                ('mails_sent', models.IntegerField(db_default=0, default=0, verbose_name='mails sent')),
                ('mails_failed', models.IntegerField(db_default=0, default=0, verbose_name='mails failed')),
            ],
            options={
                'verbose_name': 'interval',
                'verbose_name_plural': 'analytics',
            },
        ),
        migrations.CreateModel(
            name='PendingCount',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=30)),
                ('day', models.DateField()),
            ],
        ),
        migrations.CreateModel(
            name='RollUp',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('sequence', models.BigIntegerField(default=0)),
            ],
        ),
        migrations.CreateModel(
            name='UserActivity',
            fields=[
                ('user', models.OneToOneField(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, primary_key=True, related_name='+', serialize=False, to=settings.AUTH_USER_MODEL)),
                ('joined_on', models.DateField(null=True)),
                ('last_active_on', models.DateField(null=True)),
                ('days', models.BigIntegerField(default=0)),
                ('factors', models.PositiveSmallIntegerField(default=0)),
            ],
        ),
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.DeleteModel(name='DailyCount'),
            ],
        ),
        migrations.AddConstraint(
            model_name='cohortweek',
            constraint=models.UniqueConstraint(fields=('cohort', 'week'), name='cohort_week_unique'),
        ),
        migrations.AddConstraint(
            model_name='intervalcounts',
            constraint=models.UniqueConstraint(fields=('interval', 'dimension', 'start', 'segment'), name='interval_counts_unique'),
        ),
        migrations.AddConstraint(
            model_name='rollup',
            constraint=models.CheckConstraint(condition=models.Q(('pk', 1)), name='roll_up_is_one'),
        ),
    ]
