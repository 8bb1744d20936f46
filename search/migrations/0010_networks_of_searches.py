"""Searches and clicks say from how many networks they came. Of earlier ones, each visit counts as a network."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('search', '0009_sealed_index'),
    ]

    operations = [
        migrations.AddField(
            model_name='searchclick',
            name='network',
            field=models.CharField(blank=True, db_default='', default='', max_length=24, verbose_name='network'),
        ),
        migrations.AddField(
            model_name='searchclick',
            name='sector',
            field=models.PositiveSmallIntegerField(blank=True, null=True, verbose_name='sector'),
        ),
        migrations.AddField(
            model_name='searchlog',
            name='network',
            field=models.CharField(blank=True, db_default='', default='', max_length=24, verbose_name='network'),
        ),
        migrations.AddField(
            model_name='searchlog',
            name='sector',
            field=models.PositiveSmallIntegerField(blank=True, null=True, verbose_name='sector'),
        ),
        migrations.RunSQL(
            [
                "UPDATE search_searchlog SET network = visit, sector = id % 32",
                "UPDATE search_searchclick SET network = visit, sector = id % 32",
            ],
            migrations.RunSQL.noop,
        ),
    ]
