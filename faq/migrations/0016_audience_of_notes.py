"""Notes about changes know for whom they were written; those of which nobody knows it are told to nobody."""

from __future__ import annotations

from django.db import migrations, models


def remember(apps, _schema_editor):
    """Read from the revisions that are left who could read the articles then."""
    publication, revision = apps.get_model("faq", "Publication"), apps.get_model("wagtailcore", "Revision")
    for one in publication.objects.exclude(note="").iterator():
        found = revision.objects.filter(pk=one.revision_number, object_id=str(one.article_id)).first()
        audience = found.content.get("effective_audience", "") if found else ""
        if audience:
            publication.objects.filter(pk=one.pk).update(audience=audience)


class Migration(migrations.Migration):
    dependencies = [("faq", "0015_article_import"), ("wagtailcore", "0098_apitoken")]

    operations = [
        migrations.AddField(
            model_name="publication",
            name="audience",
            field=models.CharField(blank=True, db_default="", default="", max_length=255),
        ),
        migrations.RunPython(remember, migrations.RunPython.noop, elidable=True),
    ]
