"""Triggers that keep published rules and campaigns, events and decisions as they are, whoever writes.

Changing a table on SQLite creates it anew, without its triggers: a migration that alters one of these tables must create
its triggers again.
"""

from django.db import migrations

#: Tables whose rows are neither changed nor deleted → what another row may not have in common with one.
APPEND_ONLY = {
    "loyalty_loyaltyevent": "id = NEW.id OR (\"trigger\" = NEW.\"trigger\" AND source_id = NEW.source_id)",
    "loyalty_decision": "id = NEW.id OR (event_id = NEW.event_id AND wallet_id = NEW.wallet_id AND round = NEW.round)",
}
#: The same of tables with drafts, which may be changed; what was published may only be ended.
PUBLISHED = {
    "loyalty_ruleversion": (
        "id = NEW.id OR (rule_id = NEW.rule_id AND number = NEW.number) "
        "OR (rule_id = NEW.rule_id AND state = NEW.state AND state IN ('draft', 'published'))",
        (
            *("id", "rule_id", "number", '"trigger"', "conditions", "points", "per_fact", "per_units", "rounding"),
            *("priority", "stack_group", "stacking", "stop", "cap_mode", "cap_day", "cap_week", "cap_month"),
            *("times_day", "times_ever", "pending_days", "published_at", "published_by"),
        ),
    ),
    "loyalty_campaign": (
        "id = NEW.id OR (programme_id = NEW.programme_id AND code = NEW.code)",
        (
            *("id", "programme_id", "code", "name", "percent", "starts_at", "ends_at", "weekdays", "hour_from"),
            *("hour_to", "rules", "budget", "published_at", "published_by"),
        ),
    ),
}


def _changed(columns, template):
    return " OR ".join(template.format(column=column) for column in columns)


def _sqlite():
    def refuse(name, event, table, condition):
        when = f"WHEN {condition}" if condition else ""
        return (
            f"CREATE TRIGGER {name} BEFORE {event} ON {table} {when}\n"
            f"BEGIN SELECT RAISE(ABORT, '{name}: refused by the ledger'); END"
        )

    for table, condition in APPEND_ONLY.items():
        yield refuse(f"{table}_update", "UPDATE", table, "")
        yield refuse(f"{table}_delete", "DELETE", table, "")
        yield refuse(f"{table}_replace", "INSERT", table, f"EXISTS (SELECT 1 FROM {table} WHERE {condition})")
    for table, (condition, columns) in PUBLISHED.items():
        changed = _changed(columns, "NEW.{column} IS NOT OLD.{column}")
        yield refuse(
            f"{table}_update", "UPDATE", table,
            f"OLD.state = 'retired' OR (OLD.state = 'published' AND (NEW.state <> 'retired' OR {changed}))",
        )  # fmt: skip
        yield refuse(f"{table}_delete", "DELETE", table, "OLD.state <> 'draft'")
        yield refuse(f"{table}_born", "INSERT", table, "NEW.state <> 'draft'")
        yield refuse(f"{table}_replace", "INSERT", table, f"EXISTS (SELECT 1 FROM {table} WHERE {condition})")


def _postgresql():
    def refuse(name, event, table, condition, each="ROW"):
        when = f"WHEN ({condition})" if condition else ""
        return (
            f"CREATE TRIGGER {name} BEFORE {event} ON {table} FOR EACH {each} {when} EXECUTE FUNCTION loyalty_refuse()"
        )

    for table in APPEND_ONLY:
        yield refuse(f"{table}_update", "UPDATE", table, "")
        yield refuse(f"{table}_delete", "DELETE", table, "")
        yield refuse(f"{table}_truncate", "TRUNCATE", table, "", "STATEMENT")
    for table, (_condition, columns) in PUBLISHED.items():
        changed = _changed(columns, "NEW.{column} IS DISTINCT FROM OLD.{column}")
        yield refuse(
            f"{table}_update", "UPDATE", table,
            f"OLD.state = 'retired' OR (OLD.state = 'published' AND (NEW.state <> 'retired' OR {changed}))",
        )  # fmt: skip
        yield refuse(f"{table}_delete", "DELETE", table, "OLD.state <> 'draft'")
        yield refuse(f"{table}_born", "INSERT", table, "NEW.state <> 'draft'")
        yield refuse(f"{table}_truncate", "TRUNCATE", table, "", "STATEMENT")


def create(apps, schema_editor):
    statements = _postgresql() if schema_editor.connection.vendor == "postgresql" else _sqlite()
    with schema_editor.connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def drop(apps, schema_editor):
    is_postgresql = schema_editor.connection.vendor == "postgresql"
    with schema_editor.connection.cursor() as cursor:
        for statement in _postgresql() if is_postgresql else _sqlite():
            name, table = statement.split()[2], statement.split(" ON ")[1].split()[0]
            cursor.execute(f"DROP TRIGGER {name}" + (f" ON {table}" if is_postgresql else ""))


class Migration(migrations.Migration):
    dependencies = [("loyalty", "0003_earning")]

    operations = [migrations.RunPython(create, drop)]
