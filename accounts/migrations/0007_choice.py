"""The one row that says how the pool chooses, and the order by share."""

import django.core.validators
from django.db import migrations, models
from django.db.models import Q


def make_settings(apps, schema_editor):
    apps.get_model("accounts", "PoolSettings").objects.get_or_create(pk=1)


class Migration(migrations.Migration):

    dependencies = [
        ("accounts", "0006_export_permission"),
    ]

    operations = [
        migrations.RunPython(make_settings, migrations.RunPython.noop),
        migrations.AddIndex(
            model_name="account",
            index=models.Index(
                condition=Q(enabled=True),
                fields=["share", "position", "id"],
                name="account_by_share",
            ),
        ),
        migrations.AlterField(
            model_name="account",
            name="max_concurrent",
            field=models.PositiveSmallIntegerField(
                blank=True,
                null=True,
                validators=[django.core.validators.MinValueValidator(1)],
                verbose_name="requests at once",
            ),
        ),
        migrations.AlterField(
            model_name="account",
            name="requests_per_minute",
            field=models.PositiveSmallIntegerField(
                blank=True,
                null=True,
                validators=[django.core.validators.MinValueValidator(1)],
                verbose_name="requests per minute",
            ),
        ),
        migrations.AlterField(
            model_name="account",
            name="credit_floor",
            field=models.FloatField(
                default=0.0,
                help_text="With no more credits left than these it is not used.",
                validators=[django.core.validators.MinValueValidator(0.0)],
                verbose_name="credits left alone",
            ),
        ),
    ]
