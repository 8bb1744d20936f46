"""The index keeps more neighbours in a block, and is emptied for it: `manage.py prepare` fills it again.

The tables it had before blocks are dropped: no release ever had them.
"""

from django.db import migrations


def empty(apps, schema_editor):
    for name in ("PostingBlock", "Word", "IndexedEntry", "Term", "Scope"):
        model = apps.get_model("search", name)
        schema_editor.execute(f"DELETE FROM {schema_editor.quote_name(model._meta.db_table)}")


class Migration(migrations.Migration):

    dependencies = [
        ('search', '0006_popular_questions'),
    ]

    operations = [
        migrations.RunSQL(
            [
                "DROP TABLE IF EXISTS search_posting",
                "DROP TABLE IF EXISTS search_entryfacet",
                "DROP TABLE IF EXISTS search_word",
                "DROP TABLE IF EXISTS search_indexedentry",
                "DROP TABLE IF EXISTS search_term",
            ],
            migrations.RunSQL.noop,
        ),
        migrations.RunPython(empty, migrations.RunPython.noop),
        migrations.RemoveField('IndexedEntry', 'evidence'),
    ]
