from django.db import migrations

from portal.accounts.handles import handle_key


def write_keys(apps, schema_editor):
    """The one who was there first has the key; others with a similar handle keep it, without one."""
    users = apps.get_model("accounts", "User").objects
    taken = set(users.exclude(handle_key="").values_list("handle_key", flat=True))
    changed = []
    for user in users.filter(handle_key="").only("pk", "handle").order_by("pk").iterator():
        key = handle_key(user.handle)
        if key not in taken:
            taken.add(key)
            user.handle_key = key
            changed.append(user)
    users.bulk_update(changed, ["handle_key"], batch_size=500)


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0003_user_handle_key'),
    ]

    operations = [
        migrations.RunPython(write_keys, migrations.RunPython.noop),
    ]
