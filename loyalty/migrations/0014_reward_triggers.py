"""Triggers that keep the steps of redemptions and the prices of rewards as they were written, whoever writes.

Changing a table on SQLite creates it anew, without its triggers: a migration that alters one of these tables must create
its triggers again.
"""

from django.db import migrations

#: Tables whose rows are neither changed nor deleted → what another row may not have in common with one.
APPEND_ONLY = {
    "loyalty_redemptionstep": "id = NEW.id OR (redemption_id = NEW.redemption_id AND number = NEW.number)",
    "loyalty_rewardprice": "id = NEW.id",
}


def _statements(vendor):
    """(name, table, SQL) of each trigger."""
    for table, same in APPEND_ONLY.items():
        events = {"update": "UPDATE", "delete": "DELETE"}
        if vendor == "postgresql":
            for event, verb in {**events, "truncate": "TRUNCATE"}.items():
                each = "STATEMENT" if event == "truncate" else "ROW"
                head = f"CREATE TRIGGER {table}_{event} BEFORE {verb} ON {table} FOR EACH {each}"
                yield f"{table}_{event}", table, f"{head} EXECUTE FUNCTION loyalty_refuse()"
        else:
            for event, verb in {**events, "replace": "INSERT"}.items():
                when = f"WHEN EXISTS (SELECT 1 FROM {table} WHERE {same})" if event == "replace" else ""
                head = f"CREATE TRIGGER {table}_{event} BEFORE {verb} ON {table} {when}"
                refusal = f"BEGIN SELECT RAISE(ABORT, '{table}_{event}: refused by the ledger'); END"
                yield f"{table}_{event}", table, f"{head}\n{refusal}"


def create(apps, schema_editor):
    with schema_editor.connection.cursor() as cursor:
        for _name, _table, statement in _statements(schema_editor.connection.vendor):
            cursor.execute(statement)


def drop(apps, schema_editor):
    is_postgresql = schema_editor.connection.vendor == "postgresql"
    with schema_editor.connection.cursor() as cursor:
        for name, table, _statement in _statements(schema_editor.connection.vendor):
            cursor.execute(f"DROP TRIGGER {name}" + (f" ON {table}" if is_postgresql else ""))


class Migration(migrations.Migration):
    dependencies = [("loyalty", "0013_badges")]

    operations = [migrations.RunPython(create, drop)]
