"""Two functions with which PostgreSQL books a journal: what is asked about a wallet, and what is written.

Each stands for several statements. The database keeps their plans for as long as a connection lives, and is asked twice
for a journal instead of seven times. What is booked is decided between the two, for all databases by the same code
(`loyalty.services.ledger.posting`); they know tables, not rules. The triggers judge what they write as they judge
everything else. SQLite is part of the process: nothing is gained there.
"""

from django.db import migrations

#: Plans are kept while tables grow: they may use indexes only.
_SETTINGS = "SET enable_seqscan = off SET enable_bitmapscan = off"

FUNCTIONS = {
    # Volatile, so every statement sees what was committed when it began: whoever waited for the lock then finds the journal
    # for which it waited.
    "loyalty_open_book": f"""
        CREATE FUNCTION loyalty_open_book(
            wallet bigint, programme bigint, wanted text,
            OUT programme_id bigint, OUT status text, OUT no_earning boolean, OUT no_spending boolean,
            OUT number bigint, OUT available bigint, OUT pending bigint, OUT held bigint, OUT debt bigint,
            OUT journal bigint, OUT request_hash text
        ) LANGUAGE plpgsql {_SETTINGS} AS $body$
        #variable_conflict use_column
        BEGIN
            SELECT w.programme_id, w.status, p.is_earning_stopped, p.is_spending_stopped
            INTO programme_id, status, no_earning, no_spending
            FROM loyalty_wallet w JOIN loyalty_programme p ON p.id = w.programme_id
            WHERE w.id = wallet FOR NO KEY UPDATE OF w;
            SELECT j.id, j.request_hash INTO journal, request_hash
            FROM loyalty_journal j WHERE j.programme_id = programme AND j.key = wanted;
            SELECT j.number, j.available, j.pending, j.held, j.debt INTO number, available, pending, held, debt
            FROM loyalty_journal j WHERE j.wallet_id = wallet ORDER BY j.number DESC LIMIT 1;
        END $body$""",
    # The lock is the one that an INSERT takes, before the ids are: whoever holds a lock against inserts knows that no lower
    # id will appear later (`settled_journal`).
    "loyalty_write": f"""
        CREATE FUNCTION loyalty_write(places json, legs json, journals json) RETURNS bigint[]
        LANGUAGE plpgsql {_SETTINGS} AS $body$
        DECLARE
            ids bigint[];
            accounts bigint[];
            place record;
            account bigint;
        BEGIN
            FOR place IN
                SELECT * FROM json_to_recordset(places)
                AS t(programme bigint, wallet bigint, kind smallint, ref text, bucket date)
            LOOP
                LOOP
                    IF place.wallet IS NULL THEN
                        SELECT a.id INTO account FROM loyalty_account a WHERE a.programme_id = place.programme
                        AND a.wallet_id IS NULL AND a.kind = place.kind AND a.ref = place.ref;
                    ELSE
                        SELECT a.id INTO account FROM loyalty_account a WHERE a.wallet_id = place.wallet
                        AND a.kind = place.kind AND a.ref = place.ref AND a.bucket = place.bucket;
                    END IF;
                    EXIT WHEN FOUND;
                    INSERT INTO loyalty_account
                        (programme_id, wallet_id, kind, ref, bucket, credits, debits, last_posting)
                    VALUES (place.programme, place.wallet, place.kind, place.ref, place.bucket, 0, 0, 0)
                    ON CONFLICT DO NOTHING;
                END LOOP;
                accounts := accounts || account;
            END LOOP;
            LOCK TABLE loyalty_posting IN ROW EXCLUSIVE MODE;
            ids := ARRAY(SELECT nextval('loyalty_journal_id_seq') FROM json_array_elements(journals));
            INSERT INTO loyalty_posting (journal_id, seq, debit_id, credit_id, amount)
            SELECT ids[t.journal], t.seq, accounts[t.debit], accounts[t.credit], t.amount
            FROM json_to_recordset(legs) AS t(journal int, seq smallint, debit int, credit int, amount bigint)
            ORDER BY t.journal, t.seq;
            INSERT INTO loyalty_journal (
                id, programme_id, wallet_id, number, code, key, request_hash, amount, legs, available, pending, held,
                debt, reverses_id, source, reason, actor, approver, occurred_at, created_at)
            SELECT ids[t.place], t.programme_id, t.wallet_id, t.number, t.code, t.key, t.request_hash, t.amount, t.legs,
                t.available, t.pending, t.held, t.debt, t.reverses_id, t.source, t.reason, t.actor, t.approver,
                t.occurred_at, t.created_at
            FROM json_to_recordset(journals) AS t(
                place int, programme_id bigint, wallet_id bigint, number bigint, code text, key text, request_hash text,
                amount bigint, legs smallint, available bigint, pending bigint, held bigint, debt bigint,
                reverses_id bigint, source text, reason text, actor text, approver text, occurred_at timestamptz,
                created_at timestamptz)
            ORDER BY t.place;
            RETURN ids;
        END $body$""",
}


def create(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        with schema_editor.connection.cursor() as cursor:
            for statement in FUNCTIONS.values():
                cursor.execute(statement)


def drop(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        with schema_editor.connection.cursor() as cursor:
            for name in FUNCTIONS:
                cursor.execute(f"DROP FUNCTION {name}")


class Migration(migrations.Migration):
    dependencies = [("loyalty", "0019_rewards_for_tiers")]

    operations = [migrations.RunPython(create, drop)]
