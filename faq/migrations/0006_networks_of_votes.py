"""Votes say from how many networks they came. Each earlier vote counts as a network."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('faq', '0005_vote_evidence'),
    ]

    operations = [
        migrations.AddField(
            model_name='feedback',
            name='network',
            field=models.CharField(blank=True, db_default='', default='', max_length=24, verbose_name='network'),
        ),
        migrations.AddField(
            model_name='feedback',
            name='sector',
            field=models.PositiveSmallIntegerField(blank=True, null=True, verbose_name='sector'),
        ),
        migrations.AddField(
            model_name='voteevidence',
            name='recent',
            field=models.PositiveSmallIntegerField(db_default=0, default=0, verbose_name='lately helpful'),
        ),
        migrations.RunSQL(
            "UPDATE faq_feedback SET network = 'earlier:' || id, sector = id % 32",
            migrations.RunSQL.noop,
        ),
    ]
