"""Triggers that make the ledger append-only and keep counters, balances and postings in step, whoever writes.

Changing a table on SQLite creates it anew, without its triggers: a migration that alters one of these tables must create
its triggers again. `manage.py ledger_check` reports missing ones.

A journal is inserted after its postings (the foreign key is checked at the commit), so that its own trigger sees them
all, and posting to a journal that exists is refused.
"""

from django.db import migrations

#: Tables whose rows are neither changed nor deleted.
APPEND_ONLY = ("loyalty_journal", "loyalty_posting", "loyalty_checkpoint", "loyalty_switchrecord")
#: Tables whose rows are not deleted.
KEPT = (*APPEND_ONLY, "loyalty_account", "loyalty_wallet")

# SQLite --------------------------------------------------------------------------------------------------------------

#: Of the accounts p of postings: by how much a balance changes. 10 … 13: available, pending, held, debt.
_SUM = "coalesce(sum(CASE WHEN c.kind = {0} THEN p.amount END), 0) - coalesce(sum(CASE WHEN d.kind = {0} THEN p.amount END), 0)"
SUMS = ", ".join(
    f"{_SUM.format(kind)} AS {name}" for kind, name in ((10, "available"), (11, "pending"), (12, "held"), (13, "debt"))
)


def _refuse(table, name, event, condition=""):
    when = f"WHEN {condition}" if condition else ""
    return (
        f"CREATE TRIGGER {name} BEFORE {event} ON {table} {when}\n"
        f"BEGIN SELECT RAISE(ABORT, '{name}: refused by the ledger'); END"
    )


#: INSERT OR REPLACE deletes the row in the way without calling the trigger for deletions: refuse it beforehand.
_REPLACED = {
    "loyalty_journal": "id = NEW.id OR (programme_id = NEW.programme_id AND key = NEW.key) "
    "OR (wallet_id = NEW.wallet_id AND number = NEW.number)",
    "loyalty_posting": "id = NEW.id OR (journal_id = NEW.journal_id AND seq = NEW.seq)",
    "loyalty_checkpoint": "id = NEW.id OR number = NEW.number",
    "loyalty_switchrecord": "id = NEW.id",
    "loyalty_account": "id = NEW.id OR (wallet_id = NEW.wallet_id AND kind = NEW.kind AND ref = NEW.ref AND bucket = NEW.bucket) "
    "OR (wallet_id IS NULL AND NEW.wallet_id IS NULL AND programme_id = NEW.programme_id AND kind = NEW.kind AND ref = NEW.ref)",
    "loyalty_wallet": "id = NEW.id OR (programme_id = NEW.programme_id AND member_key = NEW.member_key)",
}

SQLITE = {
    **{f"{table}_update": _refuse(table, f"{table}_update", "UPDATE") for table in APPEND_ONLY},
    **{f"{table}_delete": _refuse(table, f"{table}_delete", "DELETE") for table in KEPT},
    **{
        f"{table}_replace": _refuse(
            table, f"{table}_replace", "INSERT", f"EXISTS (SELECT 1 FROM {table} WHERE {condition})"
        )
        for table, condition in _REPLACED.items()
    },
    "loyalty_wallet_identity": _refuse(
        "loyalty_wallet", "loyalty_wallet_identity", "UPDATE",
        "NEW.id IS NOT OLD.id OR NEW.programme_id IS NOT OLD.programme_id OR NEW.member_key IS NOT OLD.member_key",
    ),
    "loyalty_account_insert": _refuse(
        "loyalty_account", "loyalty_account_insert", "INSERT",
        "NEW.credits <> 0 OR NEW.debits <> 0 OR NEW.last_posting <> 0 OR (NEW.wallet_id IS NOT NULL AND NOT EXISTS "
        "(SELECT 1 FROM loyalty_wallet w WHERE w.id = NEW.wallet_id AND w.programme_id = NEW.programme_id))",
    ),
    # A counter moves by a posting that it has not counted before, and by nothing else.
    "loyalty_account_update": _refuse(
        "loyalty_account", "loyalty_account_update", "UPDATE",
        "NEW.id IS NOT OLD.id OR NEW.programme_id IS NOT OLD.programme_id OR NEW.wallet_id IS NOT OLD.wallet_id "
        "OR NEW.kind IS NOT OLD.kind OR NEW.ref IS NOT OLD.ref OR NEW.bucket IS NOT OLD.bucket "
        "OR NEW.last_posting <= OLD.last_posting OR NOT EXISTS (SELECT 1 FROM loyalty_posting p "
        "WHERE p.id = NEW.last_posting "
        "AND NEW.credits - OLD.credits = CASE WHEN p.credit_id = NEW.id THEN p.amount ELSE 0 END "
        "AND NEW.debits - OLD.debits = CASE WHEN p.debit_id = NEW.id THEN p.amount ELSE 0 END)",
    ),
    "loyalty_posting_sealed": _refuse(
        "loyalty_posting", "loyalty_posting_sealed", "INSERT",
        "EXISTS (SELECT 1 FROM loyalty_journal WHERE id = NEW.journal_id)",
    ),
    "loyalty_posting_one_wallet": _refuse(
        "loyalty_posting", "loyalty_posting_one_wallet", "INSERT",
        "NOT EXISTS (SELECT 1 FROM loyalty_account d, loyalty_account c WHERE d.id = NEW.debit_id AND c.id = NEW.credit_id "
        "AND d.programme_id = c.programme_id "
        "AND (d.wallet_id IS NULL OR c.wallet_id IS NULL OR d.wallet_id = c.wallet_id))",
    ),
    "loyalty_posting_count": """
        CREATE TRIGGER loyalty_posting_count AFTER INSERT ON loyalty_posting BEGIN
            SELECT RAISE(ABORT, 'loyalty_posting_count: a whole number of points') WHERE typeof(NEW.amount) <> 'integer';
            UPDATE loyalty_account SET debits = debits + NEW.amount, last_posting = NEW.id
            WHERE id = NEW.debit_id AND (wallet_id IS NOT NULL OR kind = 6);
            UPDATE loyalty_account SET credits = credits + NEW.amount, last_posting = NEW.id
            WHERE id = NEW.credit_id AND (wallet_id IS NOT NULL OR kind = 6);
        END""",
    "loyalty_journal_complete": f"""
        CREATE TRIGGER loyalty_journal_complete BEFORE INSERT ON loyalty_journal WHEN
            NEW.legs <> (SELECT count(*) FROM loyalty_posting WHERE journal_id = NEW.id)
            OR (NEW.wallet_id IS NOT NULL AND NOT EXISTS (
                SELECT 1 FROM loyalty_wallet w WHERE w.id = NEW.wallet_id AND w.programme_id = NEW.programme_id))
            OR EXISTS (
                SELECT 1 FROM loyalty_posting p JOIN loyalty_account a ON a.id IN (p.debit_id, p.credit_id)
                WHERE p.journal_id = NEW.id AND (a.programme_id <> NEW.programme_id
                OR (a.wallet_id IS NOT NULL AND a.wallet_id IS NOT NEW.wallet_id)))
            OR NOT EXISTS (
                SELECT 1 FROM (
                    SELECT {SUMS} FROM loyalty_posting p
                    JOIN loyalty_account d ON d.id = p.debit_id JOIN loyalty_account c ON c.id = p.credit_id
                    WHERE p.journal_id = NEW.id) s
                LEFT JOIN loyalty_journal b ON b.wallet_id = NEW.wallet_id AND b.number = NEW.number - 1
                WHERE (NEW.number <= 1 OR b.id IS NOT NULL)
                AND NEW.available = coalesce(b.available, 0) + s.available
                AND NEW.pending = coalesce(b.pending, 0) + s.pending
                AND NEW.held = coalesce(b.held, 0) + s.held
                AND NEW.debt = coalesce(b.debt, 0) + s.debt)
        BEGIN SELECT RAISE(ABORT, 'loyalty_journal_complete: its postings do not lead to its balances'); END""",
    "loyalty_journal_reversed_once": _refuse(
        "loyalty_journal", "loyalty_journal_reversed_once", "INSERT",
        "NEW.reverses_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM loyalty_journal o WHERE o.id = NEW.reverses_id "
        "AND o.wallet_id IS NEW.wallet_id AND o.programme_id = NEW.programme_id "
        "AND NEW.amount + (SELECT coalesce(sum(r.amount), 0) FROM loyalty_journal r WHERE r.reverses_id = o.id) <= o.amount)",
    ),
}  # fmt: skip

# PostgreSQL ----------------------------------------------------------------------------------------------------------

# Once per statement, with all rows it added: a batch costs little more than one journal. The plans are kept for as long
# as a connection lives, and tables grow meanwhile: they may use indexes only.
_FUNCTION = """
    CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql
    SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
    AS $body$ BEGIN {body} RETURN NULL; END $body$"""


def _raise(name):
    return (
        f"RAISE EXCEPTION '{name}: refused by the ledger' "
        f"USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = '{name}';"
    )


POSTGRESQL_FUNCTIONS = {
    "loyalty_refuse": """
        CREATE FUNCTION loyalty_refuse() RETURNS trigger LANGUAGE plpgsql AS $body$ BEGIN
            RAISE EXCEPTION '%: refused by the ledger', TG_NAME
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = TG_NAME;
        END $body$""",
    "loyalty_account_inserted": _FUNCTION.format(
        name="loyalty_account_inserted",
        body=f"""
            IF EXISTS (SELECT 1 FROM added a LEFT JOIN loyalty_wallet w ON w.id = a.wallet_id
                WHERE a.credits <> 0 OR a.debits <> 0 OR a.last_posting <> 0 OR w.programme_id <> a.programme_id)
            THEN {_raise("loyalty_account_insert")} END IF;""",
    ),
    "loyalty_posting_inserted": _FUNCTION.format(
        name="loyalty_posting_inserted",
        body=f"""
            IF EXISTS (SELECT 1 FROM added p JOIN loyalty_account d ON d.id = p.debit_id
                JOIN loyalty_account c ON c.id = p.credit_id
                WHERE d.programme_id <> c.programme_id OR d.wallet_id <> c.wallet_id)
            THEN {_raise("loyalty_posting_one_wallet")} END IF;
            IF EXISTS (SELECT 1 FROM added n JOIN loyalty_journal j ON j.id = n.journal_id
                WHERE j.legs <> (SELECT count(*) FROM loyalty_posting p WHERE p.journal_id = j.id))
            THEN {_raise("loyalty_posting_sealed")} END IF;
            UPDATE loyalty_account a SET credits = a.credits + s.credits, debits = a.debits + s.debits,
                last_posting = greatest(a.last_posting, s.last)
            FROM (
                SELECT account, sum(credits)::bigint AS credits, sum(debits)::bigint AS debits, max(id) AS last
                FROM (
                    SELECT credit_id AS account, amount AS credits, 0 AS debits, id FROM added
                    UNION ALL SELECT debit_id, 0, amount, id FROM added) both_sides
                GROUP BY account) s
            WHERE a.id = s.account AND (a.wallet_id IS NOT NULL OR a.kind = 6);""",
    ),
    "loyalty_journal_inserted": _FUNCTION.format(
        name="loyalty_journal_inserted",
        body=f"""
            IF EXISTS (
                SELECT 1 FROM added n
                LEFT JOIN LATERAL (
                    SELECT count(*) AS legs, {SUMS}, coalesce(bool_or(
                        d.programme_id <> n.programme_id OR c.programme_id <> n.programme_id
                        OR (d.wallet_id IS NOT NULL AND d.wallet_id IS DISTINCT FROM n.wallet_id)
                        OR (c.wallet_id IS NOT NULL AND c.wallet_id IS DISTINCT FROM n.wallet_id)), false) AS is_stray
                    FROM loyalty_posting p JOIN loyalty_account d ON d.id = p.debit_id
                    JOIN loyalty_account c ON c.id = p.credit_id WHERE p.journal_id = n.id) s ON true
                LEFT JOIN loyalty_journal b ON b.wallet_id = n.wallet_id AND b.number = n.number - 1
                LEFT JOIN loyalty_wallet w ON w.id = n.wallet_id
                WHERE n.legs <> s.legs OR s.is_stray OR w.programme_id <> n.programme_id
                OR (n.number > 1 AND b.id IS NULL)
                OR n.available <> coalesce(b.available, 0) + s.available
                OR n.pending <> coalesce(b.pending, 0) + s.pending
                OR n.held <> coalesce(b.held, 0) + s.held
                OR n.debt <> coalesce(b.debt, 0) + s.debt)
            THEN {_raise("loyalty_journal_complete")} END IF;
            IF EXISTS (
                SELECT 1 FROM added n JOIN loyalty_journal o ON o.id = n.reverses_id
                WHERE o.wallet_id IS DISTINCT FROM n.wallet_id OR o.programme_id <> n.programme_id
                OR o.amount < (SELECT sum(r.amount) FROM loyalty_journal r WHERE r.reverses_id = o.id))
            THEN {_raise("loyalty_journal_reversed_once")} END IF;""",
    ),
}


def _refuse_each(table, name, event, condition=""):
    when = f"WHEN ({condition})" if condition else ""
    return f"CREATE TRIGGER {name} BEFORE {event} ON {table} FOR EACH ROW {when} EXECUTE FUNCTION loyalty_refuse()"


def _after_insert(table, name):
    return (
        f"CREATE TRIGGER {name} AFTER INSERT ON {table} REFERENCING NEW TABLE AS added "
        f"FOR EACH STATEMENT EXECUTE FUNCTION {name}()"
    )


POSTGRESQL = {
    **{f"{table}_update": _refuse_each(table, f"{table}_update", "UPDATE") for table in APPEND_ONLY},
    **{f"{table}_delete": _refuse_each(table, f"{table}_delete", "DELETE") for table in KEPT},
    **{
        f"{table}_truncate": f"CREATE TRIGGER {table}_truncate BEFORE TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION loyalty_refuse()"
        for table in KEPT
    },
    "loyalty_wallet_identity": _refuse_each(
        "loyalty_wallet", "loyalty_wallet_identity", "UPDATE",
        "(NEW.id, NEW.programme_id, NEW.member_key) IS DISTINCT FROM (OLD.id, OLD.programme_id, OLD.member_key)",
    ),
    # Only the trigger of postings moves counters.
    "loyalty_account_update": _refuse_each(
        "loyalty_account", "loyalty_account_update", "UPDATE", "pg_trigger_depth() = 0"
    ),
    "loyalty_account_inserted": _after_insert("loyalty_account", "loyalty_account_inserted"),
    "loyalty_posting_inserted": _after_insert("loyalty_posting", "loyalty_posting_inserted"),
    "loyalty_journal_inserted": _after_insert("loyalty_journal", "loyalty_journal_inserted"),
}  # fmt: skip


def create(apps, schema_editor):
    is_postgresql = schema_editor.connection.vendor == "postgresql"
    statements = [*POSTGRESQL_FUNCTIONS.values(), *POSTGRESQL.values()] if is_postgresql else SQLITE.values()
    with schema_editor.connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def drop(apps, schema_editor):
    with schema_editor.connection.cursor() as cursor:
        if schema_editor.connection.vendor == "postgresql":
            for function in POSTGRESQL_FUNCTIONS:
                cursor.execute(f"DROP FUNCTION {function}() CASCADE")
        else:
            for trigger in SQLITE:
                cursor.execute(f"DROP TRIGGER {trigger}")


class Migration(migrations.Migration):
    dependencies = [("loyalty", "0001_ledger")]

    operations = [migrations.RunPython(create, drop)]
