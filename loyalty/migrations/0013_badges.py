"""Tables of badges, and the triggers that keep published badges and all records as they are, whoever writes.

Changing a table on SQLite creates it anew, without its triggers: a migration that alters one of these tables must create
its triggers again.
"""

import django.core.validators
import django.db.models.deletion
import django.utils.timezone
import portal.core.localized
from django.db import migrations, models


_BADGE = "loyalty_badge"
_RECORD = "loyalty_badgerecord"
#: What of a published badge stays as it is when it ends.
_COLUMNS = (
    "id", "programme_id", "code", "name", "text", "icon", "trigger", "target", "period", "days", "starts_on", "ends_on",
    "is_public", "published_at", "published_by",
)


def _ended(changed):
    changes = " OR ".join(changed.format(column=f'"{column}"') for column in _COLUMNS)
    return f"OLD.state = 'retired' OR (OLD.state = 'published' AND (NEW.state <> 'retired' OR {changes}))"


def _sqlite():
    def refuse(name, event, table, condition=""):
        when = f"WHEN {condition}" if condition else ""
        return (
            f"CREATE TRIGGER {table}_{name} BEFORE {event} ON {table} {when}\n"
            f"BEGIN SELECT RAISE(ABORT, '{table}_{name}: refused by the ledger'); END"
        )

    def there(table, condition):
        return f"EXISTS (SELECT 1 FROM {table} WHERE {condition})"

    yield refuse("update", "UPDATE", _RECORD)
    yield refuse("delete", "DELETE", _RECORD)
    same = "id = NEW.id OR (wallet_id = NEW.wallet_id AND badge_id = NEW.badge_id AND number = NEW.number)"
    yield refuse("replace", "INSERT", _RECORD, there(_RECORD, same))
    yield refuse("update", "UPDATE", _BADGE, _ended("NEW.{column} IS NOT OLD.{column}"))
    yield refuse("delete", "DELETE", _BADGE, "OLD.state <> 'draft'")
    yield refuse("born", "INSERT", _BADGE, "NEW.state <> 'draft'")
    same = "id = NEW.id OR (programme_id = NEW.programme_id AND code = NEW.code)"
    yield refuse("replace", "INSERT", _BADGE, there(_BADGE, same))


def _postgresql():
    def refuse(name, event, table, condition="", *, each="ROW"):
        when = f"WHEN ({condition})" if condition else ""
        return (
            f"CREATE TRIGGER {table}_{name} BEFORE {event} ON {table} FOR EACH {each} {when} "
            "EXECUTE FUNCTION loyalty_refuse()"
        )

    yield refuse("update", "UPDATE", _RECORD)
    yield refuse("delete", "DELETE", _RECORD)
    yield refuse("update", "UPDATE", _BADGE, _ended("NEW.{column} IS DISTINCT FROM OLD.{column}"))
    yield refuse("delete", "DELETE", _BADGE, "OLD.state <> 'draft'")
    yield refuse("born", "INSERT", _BADGE, "NEW.state <> 'draft'")
    for table in (_RECORD, _BADGE):
        yield refuse("truncate", "TRUNCATE", table, each="STATEMENT")


def create(apps, schema_editor):
    is_postgresql = schema_editor.connection.vendor == "postgresql"
    with schema_editor.connection.cursor() as cursor:
        for statement in _postgresql() if is_postgresql else _sqlite():
            cursor.execute(statement)


def drop(apps, schema_editor):
    is_postgresql = schema_editor.connection.vendor == "postgresql"
    with schema_editor.connection.cursor() as cursor:
        for statement in _postgresql() if is_postgresql else _sqlite():
            name, table = statement.split()[2], statement.split(" ON ")[1].split()[0]
            cursor.execute(f"DROP TRIGGER {name}" + (f" ON {table}" if is_postgresql else ""))


class Migration(migrations.Migration):

    dependencies = [
        ('loyalty', '0012_offers'),
    ]

    operations = [
        migrations.CreateModel(
            name='Badge',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('state', models.CharField(choices=[('draft', 'Draft'), ('published', 'Published'), ('retired', 'Ended')], default='draft', editable=False, max_length=9, verbose_name='state')),
                ('published_at', models.DateTimeField(editable=False, null=True)),
                ('published_by', models.CharField(default='', editable=False, max_length=64)),
                ('retired_at', models.DateTimeField(editable=False, null=True)),
                ('code', models.SlugField(max_length=40, verbose_name='code')),
                ('name', portal.core.localized.LocalizedTextField(default=portal.core.localized.LocalizedText, verbose_name='name')),
                ('text', portal.core.localized.LocalizedTextField(default=portal.core.localized.LocalizedText, verbose_name='what it is for')),
                ('icon', models.CharField(choices=[('star', 'Star'), ('medal', 'Medal'), ('crown', 'Crown'), ('gem', 'Gem'), ('trophy', 'Trophy'), ('award', 'Rosette'), ('circle-check', 'Tick'), ('thumbs-up', 'Thumb up'), ('sparkles', 'Sparkles'), ('lightbulb', 'Light bulb'), ('flag', 'Flag'), ('message-circle', 'Speech bubble'), ('user-plus', 'Somebody new')], default='award', max_length=20, verbose_name='icon')),
                ('trigger', models.CharField(max_length=50, verbose_name='what happens')),
                ('target', models.PositiveIntegerField(validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(10000)], verbose_name='so many times')),
                ('period', models.CharField(choices=[('ever', 'Whenever'), ('rolling', 'Within so many days, whenever these are'), ('fixed', 'Between two days')], default='ever', max_length=7, verbose_name='when')),
                ('days', models.PositiveSmallIntegerField(blank=True, null=True, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(731)], verbose_name='within so many days')),
                ('starts_on', models.DateField(blank=True, null=True, verbose_name='first day')),
                ('ends_on', models.DateField(blank=True, null=True, verbose_name='last day')),
                ('is_public', models.BooleanField(default=True, help_text='Not for what nobody else should know of somebody, such as purchases.', verbose_name='shown on the public page of the member')),
                ('programme', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='loyalty.programme')),
            ],
            options={
                'verbose_name': 'badge',
                'verbose_name_plural': 'badges',
                'constraints': [models.UniqueConstraint(fields=('programme', 'code'), name='loyalty_badge_code_unique'), models.CheckConstraint(condition=models.Q(('target__gte', 1)), name='loyalty_badge_target'), models.CheckConstraint(condition=models.Q(models.Q(('period', 'rolling'), _negated=True), models.Q(('days__gte', 1), ('days__isnull', False)), _connector='OR'), name='loyalty_badge_rolling'), models.CheckConstraint(condition=models.Q(models.Q(('period', 'fixed'), _negated=True), models.Q(('ends_on__gte', models.F('starts_on')), ('ends_on__isnull', False), ('starts_on__isnull', False)), _connector='OR'), name='loyalty_badge_fixed')],
                'indexes': [models.Index(fields=['programme', 'trigger'], name='loyalty_badge_trigger')],
                'ordering': ['programme_id', 'target', 'code'],
                'permissions': [('publish_badge', 'Can publish and end badges')],
                'default_permissions': ('view', 'change'),
            },
        ),
        migrations.CreateModel(
            name='BadgeRecord',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveIntegerField()),
                ('what', models.CharField(choices=[('awarded', 'Earned'), ('revoked', 'Taken back: what it was for is gone')], max_length=7)),
                ('evidence', models.JSONField(default=dict)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('badge', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='records', to='loyalty.badge')),
                ('wallet', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='loyalty.wallet')),
            ],
            options={
                'verbose_name': 'badge of a member',
                'verbose_name_plural': 'badges of members',
                'constraints': [models.UniqueConstraint(fields=('wallet', 'badge', 'number'), name='loyalty_badgerecord_once')],
                'default_permissions': ('view',),
            },
        ),
        migrations.RunPython(create, drop),
    ]
