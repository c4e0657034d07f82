from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0005_sign_in_provider'),
    ]

    operations = [
        migrations.AlterModelOptions(
            name='account',
            options={'ordering': ['position', 'pk'], 'permissions': [('export_account', 'Can download a backup of all accounts')], 'verbose_name': 'account', 'verbose_name_plural': 'accounts'},
        ),
    ]
