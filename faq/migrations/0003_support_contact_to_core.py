"""Hands the support contact to core, with the rights to change it and what was logged about it."""

from django.db import migrations

OLD, NEW = ("faq", "helpsettings"), ("core", "supportsettings")


def hand_over(apps, schema_editor):
    _move(apps, OLD, NEW)


def take_back(apps, schema_editor):
    _move(apps, NEW, OLD)


def _move(apps, source, target):
    rows = apps.get_model(*target).objects
    for found in apps.get_model(*source).objects.all():
        values = {"support_phone": found.support_phone, "support_hours": found.support_hours}
        rows.update_or_create(site_id=found.site_id, defaults=values)
        found.delete()
    _move_rights(apps, source, target)


def _move_rights(apps, source, target):
    """Permissions and log entries belong to the content type: it takes the new name, as when a model is renamed."""
    types = apps.get_model("contenttypes", "ContentType").objects
    content_type = types.filter(app_label=source[0], model=source[1]).first()
    if content_type is None:
        return
    types.filter(app_label=target[0], model=target[1]).delete()  # so new that nothing can refer to it
    content_type.app_label, content_type.model = target
    content_type.save(update_fields=["app_label", "model"])
    for permission in apps.get_model("auth", "Permission").objects.filter(content_type=content_type):
        permission.codename = permission.codename.replace(source[1], target[1])
        permission.save(update_fields=["codename"])


class Migration(migrations.Migration):

    dependencies = [
        ('auth', '0012_alter_user_first_name_max_length'),
        ('contenttypes', '0002_remove_content_type_name'),
        ('core', '0006_support_settings'),
        ('faq', '0002_search_rights_of_editors'),
    ]

    operations = [
        migrations.RunPython(hand_over, take_back),
    ]
