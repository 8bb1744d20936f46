"""Campaigns for members of some segments. What was published does not change its segments either, whoever writes."""

from django.db import migrations, models

_TABLE = "loyalty_campaign"
_COLUMNS = (
    *("id", "programme_id", "code", "name", "percent", "starts_at", "ends_at", "weekdays", "hour_from"),
    *("hour_to", "rules", "budget", "published_at", "published_by"),
)


def _trigger(schema_editor, columns):
    """The trigger of migration 0004, which refuses to change what was published."""
    is_postgresql = schema_editor.connection.vendor == "postgresql"
    differs = "NEW.{0} IS DISTINCT FROM OLD.{0}" if is_postgresql else "NEW.{0} IS NOT OLD.{0}"
    changed = " OR ".join(differs.format(column) for column in columns)
    refused = f"OLD.state = 'retired' OR (OLD.state = 'published' AND (NEW.state <> 'retired' OR {changed}))"
    name = f"{_TABLE}_update"
    with schema_editor.connection.cursor() as cursor:
        if is_postgresql:
            cursor.execute(f"DROP TRIGGER {name} ON {_TABLE}")
            cursor.execute(
                f"CREATE TRIGGER {name} BEFORE UPDATE ON {_TABLE} FOR EACH ROW WHEN ({refused}) EXECUTE FUNCTION loyalty_refuse()"
            )
        else:
            cursor.execute(f"DROP TRIGGER {name}")
            cursor.execute(
                f"CREATE TRIGGER {name} BEFORE UPDATE ON {_TABLE} WHEN {refused}\n"
                f"BEGIN SELECT RAISE(ABORT, '{name}: refused by the ledger'); END"
            )


def with_segments(apps, schema_editor):
    _trigger(schema_editor, (*_COLUMNS, "segments"))


def without_segments(apps, schema_editor):
    _trigger(schema_editor, _COLUMNS)


class Migration(migrations.Migration):
    dependencies = [("loyalty", "0032_challenges")]

    operations = [
        migrations.AddField(
            model_name="campaign",
            name="segments",
            field=models.JSONField(blank=True, null=True, verbose_name="only for members of these segments"),
        ),
        migrations.RunPython(with_segments, without_segments),
    ]
