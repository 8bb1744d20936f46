"""The index gets checksums, and is emptied for them: `manage.py prepare` fills it again."""

from django.db import migrations, models


def empty(apps, schema_editor):
    for name in ("PostingBlock", "Word", "IndexedEntry", "Term", "Scope"):
        model = apps.get_model("search", name)
        schema_editor.execute(f"DELETE FROM {schema_editor.quote_name(model._meta.db_table)}")


class Migration(migrations.Migration):

    dependencies = [
        ('search', '0008_declared_facets'),
    ]

    operations = [
        migrations.AddField(
            model_name='indexedentry',
            name='seal',
            field=models.BinaryField(db_default=models.Value(b''), default=b'', verbose_name='checksums'),
        ),
        migrations.AddField(
            model_name='term',
            name='word_seal',
            field=models.BigIntegerField(db_default=0, default=0, verbose_name='checksum of its words'),
        ),
        migrations.RunPython(empty, migrations.RunPython.noop),
    ]
