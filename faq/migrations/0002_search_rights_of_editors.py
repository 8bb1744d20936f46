"""Gives a group of content editors made before synonyms and pinned answers the rights for them, once.

A group that holds one right of a kind was made with it or looked at since; it is left as it is.
"""

from django.contrib.auth.management import create_permissions
from django.db import migrations

CONTENT_EDITORS = "Content editors"
RIGHTS = (
    ("search", ("view_report",)),
    ("search", ("view_synonym", "add_synonym", "change_synonym", "delete_synonym")),
    ("wagtailsearchpromotions", ("add_searchpromotion", "change_searchpromotion", "delete_searchpromotion")),
)


def give_rights(apps, schema_editor):
    group = apps.get_model("auth", "Group").objects.filter(name=CONTENT_EDITORS).first()
    if group is None:
        return  # a new installation: the group is made with them
    for label in dict.fromkeys(label for label, _codes in RIGHTS):
        _make_permissions(apps, label)
    for label, codes in RIGHTS:
        rights = apps.get_model("auth", "Permission").objects.filter(content_type__app_label=label, codename__in=codes)
        if not group.permissions.filter(pk__in=rights).exists():
            group.permissions.add(*rights)


def _make_permissions(apps, label):
    """Their own turn comes when all migrations are done."""
    config = apps.get_app_config(label)
    config.models_module = True  # apps of a migration have none, and would be left out
    create_permissions(config, apps=apps, verbosity=0)
    config.models_module = None


class Migration(migrations.Migration):

    dependencies = [
        ('faq', '0001_initial'),
        ('search', '0003_activity'),
        ('wagtailsearchpromotions', '0007_searchpromotion_external_link_text_and_more'),
    ]

    operations = [
        migrations.RunPython(give_rights, migrations.RunPython.noop),
    ]
