from django.db import migrations

from portal.core.text import normalise_address


def write_addresses_in_one_form(apps, schema_editor):
    """Look-ups are made in the one form now, so what is stored has it, too.

    Where somebody else has that address already, the odd spelling stays: it was a second account for one mailbox.
    """
    users = apps.get_model("accounts", "User").objects
    addresses = apps.get_model("account", "EmailAddress").objects
    for rows in (users, addresses):
        for pk, email in list(rows.values_list("pk", "email").order_by("pk").iterator()):
            form = email if email.isascii() else normalise_address(email)
            if form not in (None, email) and not rows.filter(email=form).exists():
                rows.filter(pk=pk).update(email=form)


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0001_initial'),
        ('account', '0009_emailaddress_unique_primary_email'),
    ]

    operations = [
        migrations.RunPython(write_addresses_in_one_form, migrations.RunPython.noop),
    ]
