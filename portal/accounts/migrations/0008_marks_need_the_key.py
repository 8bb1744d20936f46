from django.db import migrations


def drop(apps, _schema_editor):
    """Marks were plain digests, from which names could be guessed; of whom they were, nobody knows any more."""
    apps.get_model("accounts", "FormerHandle").objects.all().delete()


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0007_former_handles'),
    ]

    operations = [
        migrations.RunPython(drop, migrations.RunPython.noop, elidable=True),
    ]
