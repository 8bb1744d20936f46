from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0002_normal_addresses'),
    ]

    operations = [
        migrations.AddField(
            model_name='user',
            name='handle_key',
            field=models.CharField(db_default='', default='', editable=False, max_length=120),
        ),
    ]
