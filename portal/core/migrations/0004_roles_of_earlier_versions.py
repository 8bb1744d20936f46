"""Remembers which rights the groups of earlier versions were given when they were made.

Whatever is missing in such a group was taken away by an administrator, and is not given again.
"""

from django.db import migrations

GIVEN = [
    *(f"catalog.{action}_{model}" for action in ("view", "add", "change") for model in ("product", "productversion", "topic")),
    *(f"collections:wagtaildocs.{action}_document" for action in ("add", "change", "choose")),
    *(f"collections:wagtailimages.{action}_image" for action in ("add", "change", "choose")),
    *(f"collections:wagtailmedia.{action}_media" for action in ("add", "change")),
    *(f"faq.{action}_feedback" for action in ("view", "change")),
    *(f"faq.{action}_reusablecontent" for action in ("view", "add", "change", "delete")),
    *(f"pages:wagtailcore.{action}_page" for action in ("add", "change", "publish", "lock", "unlock", "bulk_delete")),
    "search.view_report",
    *(f"search.{action}_synonym" for action in ("view", "add", "change", "delete")),
    "wagtail_localize.submit_translation",
    "wagtailadmin.access_admin",
    *(f"wagtailredirects.{action}_redirect" for action in ("add", "change", "delete")),
    *(f"wagtailsearchpromotions.{action}_searchpromotion" for action in ("add", "change", "delete")),
]
GROUPS = {
    "content-editors": ("Content editors", GIVEN),
    "community-managers": ("Community managers", []),
}


def remember_groups(apps, schema_editor):
    group_of = {group.name: group for group in apps.get_model("auth", "Group").objects.all()}
    role_groups = apps.get_model("core", "RoleGroup").objects
    for role, (name, given) in GROUPS.items():
        if name in group_of:
            role_groups.get_or_create(role=role, defaults={"group": group_of[name], "given": sorted(given)})


class Migration(migrations.Migration):

    dependencies = [
        ('core', '0003_role_groups'),
    ]

    operations = [
        migrations.RunPython(remember_groups, migrations.RunPython.noop),
    ]
