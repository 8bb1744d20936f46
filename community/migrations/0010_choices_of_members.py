from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    """Members may hide their page, and choose the languages of threads they are shown."""

    dependencies = [
        ('community', '0009_columns_for_messages'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name='communityprofile',
            name='is_private',
            field=models.BooleanField(db_default=False, default=False, verbose_name='hide my page from others'),
        ),
        migrations.AddField(
            model_name='communityprofile',
            name='languages',
            field=models.CharField(blank=True, db_default='', default='', max_length=40),
        ),
        migrations.AddIndex(
            model_name='communityprofile',
            index=models.Index(condition=models.Q(('is_private', True)), fields=['user'], name='community_profile_private'),
        ),
    ]
