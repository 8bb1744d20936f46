"""The index is emptied for the facets that documents declare: `manage.py prepare` fills it again."""

from django.db import migrations


def empty(apps, schema_editor):
    for name in ("PostingBlock", "Word", "IndexedEntry", "Term", "Scope"):
        model = apps.get_model("search", name)
        schema_editor.execute(f"DELETE FROM {schema_editor.quote_name(model._meta.db_table)}")


class Migration(migrations.Migration):

    dependencies = [
        ('search', '0007_larger_blocks'),
    ]

    operations = [
        migrations.RunPython(empty, migrations.RunPython.noop),
    ]
