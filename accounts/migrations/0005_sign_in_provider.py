from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0003_pool_and_sign_in'),
    ]

    operations = [
        migrations.AddField(
            model_name='signin',
            name='provider',
            field=models.CharField(blank=True, max_length=10),
        ),
    ]
