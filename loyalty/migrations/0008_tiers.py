"""Tables of tiers, and the triggers that keep published sets, their tiers, and all moves as they are, whoever writes.

Changing a table on SQLite creates it anew, without its triggers: a migration that alters one of these tables must create
its triggers again.
"""

import django.core.validators
import django.db.models.deletion
import django.utils.timezone
import portal.core.localized
from django.db import migrations, models


_SET = "loyalty_tierset"
_TIER = "loyalty_tier"
_MOVE = "loyalty_tiermembership"
#: What of a published set stays as it is when the set ends.
_COLUMNS = ("id", "tiers_id", "number", "window", "grace_days", "downgrade", "published_at", "published_by")


def _draft(row):
    return f"(SELECT state FROM {_SET} WHERE id = {row}.tier_set_id) = 'draft'"


def _ended(changed):
    changes = " OR ".join(changed.format(column=f'"{column}"') for column in _COLUMNS)
    return f"OLD.state = 'retired' OR (OLD.state = 'published' AND (NEW.state <> 'retired' OR {changes}))"


def _sqlite():
    def refuse(name, event, table, condition):
        when = f"WHEN {condition}" if condition else ""
        return (
            f"CREATE TRIGGER {table}_{name} BEFORE {event} ON {table} {when}\n"
            f"BEGIN SELECT RAISE(ABORT, '{table}_{name}: refused by the ledger'); END"
        )

    def there(table, condition):
        return f"EXISTS (SELECT 1 FROM {table} WHERE {condition})"

    yield refuse("update", "UPDATE", _MOVE, "")
    yield refuse("delete", "DELETE", _MOVE, "")
    same = "id = NEW.id OR (wallet_id = NEW.wallet_id AND number = NEW.number)"
    yield refuse("replace", "INSERT", _MOVE, there(_MOVE, same))
    yield refuse("update", "UPDATE", _SET, _ended("NEW.{column} IS NOT OLD.{column}"))
    yield refuse("delete", "DELETE", _SET, "OLD.state <> 'draft'")
    yield refuse("born", "INSERT", _SET, "NEW.state <> 'draft'")
    same = "id = NEW.id OR (tiers_id = NEW.tiers_id AND (number = NEW.number OR state = NEW.state AND state <> 'retired'))"
    yield refuse("replace", "INSERT", _SET, there(_SET, same))
    yield refuse("update", "UPDATE", _TIER, f"NOT ({_draft('OLD')} AND {_draft('NEW')})")
    yield refuse("delete", "DELETE", _TIER, f"NOT {_draft('OLD')}")
    same = "id = NEW.id OR (tier_set_id = NEW.tier_set_id AND (code = NEW.code OR threshold = NEW.threshold))"
    yield refuse("born", "INSERT", _TIER, f"NOT {_draft('NEW')} OR {there(_TIER, same)}")


_FUNCTION = f"""
    CREATE FUNCTION loyalty_refuse_tier() RETURNS trigger LANGUAGE plpgsql AS $body$ BEGIN
        IF (TG_OP <> 'INSERT' AND NOT {_draft("OLD")}) OR (TG_OP <> 'DELETE' AND NOT {_draft("NEW")}) THEN
            RAISE EXCEPTION '%: refused by the ledger', TG_NAME
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = TG_NAME;
        END IF;
        IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
        RETURN NEW;
    END $body$"""


def _postgresql():
    def refuse(name, event, table, condition="", *, each="ROW", function="loyalty_refuse"):
        when = f"WHEN ({condition})" if condition else ""
        return (
            f"CREATE TRIGGER {table}_{name} BEFORE {event} ON {table} FOR EACH {each} {when} "
            f"EXECUTE FUNCTION {function}()"
        )

    yield refuse("update", "UPDATE", _MOVE)
    yield refuse("delete", "DELETE", _MOVE)
    yield refuse("update", "UPDATE", _SET, _ended("NEW.{column} IS DISTINCT FROM OLD.{column}"))
    yield refuse("delete", "DELETE", _SET, "OLD.state <> 'draft'")
    yield refuse("born", "INSERT", _SET, "NEW.state <> 'draft'")
    yield refuse("draft", "INSERT OR UPDATE OR DELETE", _TIER, function="loyalty_refuse_tier")
    for table in (_MOVE, _SET, _TIER):
        yield refuse("truncate", "TRUNCATE", table, each="STATEMENT")


def create(apps, schema_editor):
    is_postgresql = schema_editor.connection.vendor == "postgresql"
    with schema_editor.connection.cursor() as cursor:
        if is_postgresql:
            cursor.execute(_FUNCTION)
        for statement in _postgresql() if is_postgresql else _sqlite():
            cursor.execute(statement)


def drop(apps, schema_editor):
    is_postgresql = schema_editor.connection.vendor == "postgresql"
    with schema_editor.connection.cursor() as cursor:
        for statement in _postgresql() if is_postgresql else _sqlite():
            name, table = statement.split()[2], statement.split(" ON ")[1].split()[0]
            cursor.execute(f"DROP TRIGGER {name}" + (f" ON {table}" if is_postgresql else ""))
        if is_postgresql:
            cursor.execute("DROP FUNCTION loyalty_refuse_tier()")


class Migration(migrations.Migration):

    dependencies = [
        ('loyalty', '0007_adjustments'),
    ]

    operations = [
        migrations.CreateModel(
            name='TierProgramme',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('source', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='tiers', to='loyalty.programme')),
                ('status', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='tiers_of', to='loyalty.programme')),
            ],
            options={
                'default_permissions': ('view',),
            },
        ),
        migrations.CreateModel(
            name='TierSet',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('state', models.CharField(choices=[('draft', 'Draft'), ('published', 'Published'), ('retired', 'Ended')], default='draft', editable=False, max_length=9, verbose_name='state')),
                ('published_at', models.DateTimeField(editable=False, null=True)),
                ('published_by', models.CharField(default='', editable=False, max_length=64)),
                ('retired_at', models.DateTimeField(editable=False, null=True)),
                ('number', models.PositiveIntegerField(editable=False)),
                ('window', models.CharField(choices=[('rolling', 'The last 365 days'), ('calendar', 'This calendar year or the last one, whichever is better')], default='rolling', max_length=8, verbose_name='points of')),
                ('grace_days', models.PositiveSmallIntegerField(default=30, validators=[django.core.validators.MaxValueValidator(365)], verbose_name='days between the notice and the loss of a tier')),
                ('downgrade', models.CharField(choices=[('step', 'One tier down'), ('full', 'To the tier that the points are enough for')], default='step', max_length=4, verbose_name='who has too few points falls')),
                ('tiers', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='sets', to='loyalty.tierprogramme')),
            ],
            options={
                'verbose_name': 'set of tiers',
                'verbose_name_plural': 'sets of tiers',
                'constraints': [models.UniqueConstraint(fields=('tiers', 'number'), name='loyalty_tierset_number_unique'), models.UniqueConstraint(condition=models.Q(('state', 'published')), fields=('tiers',), name='loyalty_tierset_published_once'), models.UniqueConstraint(condition=models.Q(('state', 'draft')), fields=('tiers',), name='loyalty_tierset_drafted_once')],
                'ordering': ['tiers_id', '-number'],
                'permissions': [('publish_tierset', 'Can publish sets of tiers')],
                'default_permissions': ('view', 'change'),
            },
        ),
        migrations.CreateModel(
            name='Tier',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('code', models.SlugField(max_length=40, verbose_name='code')),
                ('name', portal.core.localized.LocalizedTextField(default=portal.core.localized.LocalizedText, verbose_name='name')),
                ('threshold', models.PositiveIntegerField(verbose_name='from so many points')),
                ('benefits', portal.core.localized.LocalizedTextField(blank=True, default=dict, verbose_name='benefits')),
                ('colour', models.CharField(choices=[('bronze', 'Bronze'), ('silver', 'Silver'), ('gold', 'Gold'), ('diamond', 'Diamond')], default='bronze', max_length=7, verbose_name='colour')),
                ('icon', models.CharField(choices=[('star', 'Star'), ('medal', 'Medal'), ('crown', 'Crown'), ('gem', 'Gem'), ('trophy', 'Trophy')], default='star', max_length=7, verbose_name='icon')),
                ('tier_set', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='rows', to='loyalty.tierset')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('tier_set', 'threshold'), name='loyalty_tier_threshold_unique'), models.UniqueConstraint(fields=('tier_set', 'code'), name='loyalty_tier_code_unique')],
                'ordering': ['tier_set_id', 'threshold'],
                'default_permissions': ('view',),
            },
        ),
        migrations.CreateModel(
            name='TierMembership',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveIntegerField()),
                ('reason', models.CharField(choices=[('upgrade', 'Enough points'), ('notice', 'Too few points: told when the tier ends'), ('kept', 'Enough points again'), ('downgrade', 'Too few points'), ('taken-back', 'Reached by points that were taken back'), ('granted', 'Given by staff'), ('grant-ended', 'What staff gave has ended'), ('replaced', 'The tiers were changed')], max_length=11)),
                ('due_on', models.DateField(null=True)),
                ('grant_reason', models.CharField(choices=[('goodwill', 'Goodwill'), ('correction', 'Correction of a mistake'), ('partner', 'Partner or guest'), ('trial', 'Trial')], default='', max_length=10)),
                ('evidence', models.JSONField(default=dict)),
                ('actor', models.CharField(max_length=64)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('from_tier', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='loyalty.tier')),
                ('to_tier', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='loyalty.tier')),
                ('wallet', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='loyalty.wallet')),
            ],
            options={
                'verbose_name': 'tier of a member',
                'verbose_name_plural': 'tiers of members',
                'permissions': [('grant_tier', 'Can give tiers to members')],
                'default_permissions': ('view',),
                'constraints': [models.UniqueConstraint(fields=('wallet', 'number'), name='loyalty_tiermembership_once')],
            },
        ),
        migrations.RunPython(create, drop),
    ]
