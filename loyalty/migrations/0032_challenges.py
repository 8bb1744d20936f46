"""Tables of challenges, and the triggers that keep published challenges and all records as they are, whoever writes.

Changing a table on SQLite creates it anew, without its triggers: a migration that alters one of these tables must create
its triggers again.
"""

import django.core.validators
import django.db.models.deletion
import django.utils.timezone
import portal.core.localized
from django.db import migrations, models


_CHALLENGE = "loyalty_challenge"
_RECORD = "loyalty_challengerecord"
#: What of a published challenge stays as it is when it ends.
_COLUMNS = (
    "id", "programme_id", "code", "name", "text", "icon", "trigger", "target", "period", "starts_on", "ends_on", "repeats",
    "points", "is_badge", "segment", "from_tier", "drafted_by", "published_at", "published_by",
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
    same = "id = NEW.id OR (wallet_id = NEW.wallet_id AND challenge_id = NEW.challenge_id AND period = NEW.period AND number = NEW.number)"
    yield refuse("replace", "INSERT", _RECORD, there(_RECORD, same))
    yield refuse("update", "UPDATE", _CHALLENGE, _ended("NEW.{column} IS NOT OLD.{column}"))
    yield refuse("delete", "DELETE", _CHALLENGE, "OLD.state <> 'draft'")
    yield refuse("born", "INSERT", _CHALLENGE, "NEW.state <> 'draft'")
    same = "id = NEW.id OR (programme_id = NEW.programme_id AND code = NEW.code)"
    yield refuse("replace", "INSERT", _CHALLENGE, there(_CHALLENGE, same))


def _postgresql():
    def refuse(name, event, table, condition="", *, each="ROW"):
        when = f"WHEN ({condition})" if condition else ""
        return (
            f"CREATE TRIGGER {table}_{name} BEFORE {event} ON {table} FOR EACH {each} {when} "
            "EXECUTE FUNCTION loyalty_refuse()"
        )

    yield refuse("update", "UPDATE", _RECORD)
    yield refuse("delete", "DELETE", _RECORD)
    yield refuse("update", "UPDATE", _CHALLENGE, _ended("NEW.{column} IS DISTINCT FROM OLD.{column}"))
    yield refuse("delete", "DELETE", _CHALLENGE, "OLD.state <> 'draft'")
    yield refuse("born", "INSERT", _CHALLENGE, "NEW.state <> 'draft'")
    for table in (_RECORD, _CHALLENGE):
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
        ('loyalty', '0031_reward_segments'),
    ]

    operations = [
        migrations.CreateModel(
            name='Challenge',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('state', models.CharField(choices=[('draft', 'Draft'), ('published', 'Published'), ('retired', 'Ended')], default='draft', editable=False, max_length=9, verbose_name='state')),
                ('published_at', models.DateTimeField(editable=False, null=True)),
                ('published_by', models.CharField(default='', editable=False, max_length=64)),
                ('retired_at', models.DateTimeField(editable=False, null=True)),
                ('code', models.SlugField(max_length=40, verbose_name='code')),
                ('name', portal.core.localized.LocalizedTextField(default=portal.core.localized.LocalizedText, verbose_name='name')),
                ('text', portal.core.localized.LocalizedTextField(default=portal.core.localized.LocalizedText, verbose_name='what it takes')),
                ('icon', models.CharField(choices=[('star', 'Star'), ('medal', 'Medal'), ('crown', 'Crown'), ('gem', 'Gem'), ('trophy', 'Trophy'), ('award', 'Rosette'), ('circle-check', 'Tick'), ('thumbs-up', 'Thumb up'), ('sparkles', 'Sparkles'), ('lightbulb', 'Light bulb'), ('flag', 'Flag'), ('message-circle', 'Speech bubble'), ('user-plus', 'Somebody new')], default='flag', max_length=20, verbose_name='icon')),
                ('trigger', models.CharField(max_length=50, verbose_name='what happens')),
                ('target', models.PositiveIntegerField(validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(1000)], verbose_name='so many times')),
                ('period', models.CharField(choices=[('month', 'Within a month of the calendar'), ('fixed', 'Between two days')], default='month', max_length=7, verbose_name='when')),
                ('starts_on', models.DateField(blank=True, null=True, verbose_name='first day')),
                ('ends_on', models.DateField(blank=True, null=True, verbose_name='last day')),
                ('repeats', models.BooleanField(default=True, verbose_name='can be completed again every month')),
                ('points', models.PositiveIntegerField(default=0, help_text='For each completion, by the rule for completed challenges, with its limits. 0: none.', validators=[django.core.validators.MaxValueValidator(100000)], verbose_name='points')),
                ('is_badge', models.BooleanField(default=True, help_text='Others see it on their public page.', verbose_name='stays among the badges of the member')),
                ('segment', models.CharField(blank=True, choices=[('regular', 'Regular contributors'), ('own-thread', 'Participants in their own threads'), ('silent', 'Silent readers')], max_length=10, verbose_name='for members who take part like this')),
                ('from_tier', models.SlugField(blank=True, default='', max_length=40, verbose_name='from which tier on')),
                ('drafted_by', models.CharField(default='', editable=False, max_length=64)),
                ('programme', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='loyalty.programme')),
            ],
            options={
                'verbose_name': 'challenge',
                'verbose_name_plural': 'challenges',
                'constraints': [models.UniqueConstraint(fields=('programme', 'code'), name='loyalty_challenge_code_unique'), models.CheckConstraint(condition=models.Q(('target__gte', 1)), name='loyalty_challenge_target'), models.CheckConstraint(condition=models.Q(models.Q(('period', 'fixed'), _negated=True), models.Q(('ends_on__isnull', False), ('starts_on__isnull', False)), _connector='OR'), name='loyalty_challenge_fixed'), models.CheckConstraint(condition=models.Q(('starts_on__isnull', True), ('ends_on__isnull', True), ('ends_on__gte', models.F('starts_on')), _connector='OR'), name='loyalty_challenge_days')],
                'indexes': [models.Index(fields=['programme', 'trigger'], name='loyalty_challenge_trigger')],
                'ordering': ['programme_id', 'code'],
                'permissions': [('publish_challenge', 'Can publish and end challenges')],
                'default_permissions': ('view', 'change'),
            },
        ),
        migrations.CreateModel(
            name='ChallengeRecord',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('period', models.CharField(max_length=10)),
                ('number', models.PositiveIntegerField()),
                ('what', models.CharField(choices=[('completed', 'Completed'), ('revoked', 'Taken back: what it was for is gone')], max_length=9)),
                ('evidence', models.JSONField(default=dict)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('challenge', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='records', to='loyalty.challenge')),
                ('wallet', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='loyalty.wallet')),
            ],
            options={
                'verbose_name': 'challenge of a member',
                'verbose_name_plural': 'challenges of members',
                'constraints': [models.UniqueConstraint(fields=('wallet', 'challenge', 'period', 'number'), name='loyalty_challengerecord_once')],
                'default_permissions': ('view',),
            },
        ),
        migrations.RunPython(create, drop),
    ]
