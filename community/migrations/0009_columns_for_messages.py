import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    """Who accepts messages of whom, how many conversations one begins, and items of the queue that are about no post."""

    dependencies = [
        ('community', '0008_messages'),
    ]

    operations = [
        migrations.AddField(
            model_name='communityprofile',
            name='messages_from',
            field=models.CharField(choices=[('members', 'Members who are not new here'), ('moderators', 'Nobody but moderators')], db_default='members', default='members', max_length=10, verbose_name='who may write to me'),
        ),
        migrations.AddField(
            model_name='policy',
            name='conversations_per_day',
            field=models.PositiveSmallIntegerField(db_default=10, default=10, help_text='0: only moderators begin conversations. New members never do.', verbose_name='private conversations that a member begins per day'),
        ),
        migrations.AlterField(
            model_name='reviewitem',
            name='post',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='reviews', to='community.post'),
        ),
    ]
