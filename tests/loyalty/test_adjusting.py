"""Corrections by staff: who may, when a second person decides, and that everything is booked once."""

from __future__ import annotations

import datetime as dt
import uuid

import pytest
from django.contrib.auth.models import Permission
from django.db import IntegrityError, transaction
from django.utils import timezone

from loyalty.buckets import today_of
from loyalty.exceptions import (
    ChangedError,
    DecidedError,
    FileError,
    InsufficientPointsError,
    InvalidDateError,
    KeyReusedError,
    NoRightError,
    NotReversibleError,
    OwnPointsError,
    SamePersonError,
    StaffError,
    WalletClosedError,
)
from loyalty.liability import report_of
from loyalty.models import Adjustment, Journal, PointsFile, PointsFileRow, Posting, Wallet
from loyalty.queries import lapsed, summary
from loyalty.services import adjusting, ledger
from loyalty.services.adjusting import files
from loyalty.services.members import export_corrections, forget_member, wallet_for
from tests.factories.accounts import UserFactory
from tests.factories.loyalty import EarningFactory
from tests.loyalty.books import everything

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases("loyalty.models.adjustments")]

DAY = dt.date(2030, 1, 31)


def with_rights(*rights, **values):
    person = UserFactory(is_staff=True, **values)
    for right in rights:
        person.user_permissions.add(Permission.objects.get(codename=right, content_type__app_label="loyalty"))
    return person


def asker(**values):
    return with_rights("add_adjustment", "add_pointsfile", **values)


def decider(**values):
    return with_rights("approve_adjustment", **values)


@pytest.fixture
def programme():
    return EarningFactory().programme


def ask(member, programme, points, by, **how):
    how = {"reason": "goodwill", "token": uuid.uuid4(), **how}
    return adjusting.ask(member=member, programme=programme, points=points, by=by, **how)


def available(member, programme):
    return ledger.statements.last_balances(wallet_for(user=member, programme=programme).pk).available


# One member ----------------------------------------------------------------------------------------------------------


def test_a_small_correction_is_booked_at_once_and_a_sent_form_asks_once(programme):
    member, by, token = UserFactory(), asker(), uuid.uuid4()

    first = ask(member, programme, 300, by, token=token, note="شماره 09123456789", expires_on=DAY)
    again = ask(member, programme, 300, by, token=token, expires_on=DAY)

    assert first.pk == again.pk
    assert "09123456789" not in first.note
    journal = Journal.objects.get()
    assert (journal.amount, journal.reason, journal.actor, journal.approver) == (300, "goodwill", f"user:{by.pk}", "")
    assert first.journal_id == journal.pk
    with pytest.raises(KeyReusedError):
        ask(member, programme, 299, by, token=token, expires_on=DAY)
    ask(member, programme, -100, by)
    assert available(member, programme) == 200
    assert list(ledger.check()) == []


def test_a_large_one_waits_for_somebody_else_and_is_booked_once(programme):
    member, by, other = UserFactory(), with_rights("add_adjustment", "approve_adjustment"), decider()
    asked = ask(member, programme, 501, by)
    assert asked.is_waiting
    assert not Journal.objects.exists()

    with pytest.raises(SamePersonError):
        adjusting.approve(asked, by=by)
    adjusting.approve(asked, by=other)
    adjusting.approve(asked, by=other)

    journal = Journal.objects.get()
    assert (journal.amount, journal.actor, journal.approver) == (501, f"user:{by.pk}", f"user:{other.pk}")
    for act in (adjusting.approve, adjusting.refuse):
        with pytest.raises(DecidedError):
            act(asked, by=decider())


def test_many_small_ones_of_a_day_count_together(programme):
    by, member = asker(), UserFactory()
    assert ask(member, programme, 400, by).state == "done"
    assert ask(UserFactory(), programme, 101, by).state == "waiting"
    assert ask(UserFactory(), programme, 100, asker()).state == "done"
    Adjustment.objects.update(asked_at=timezone.now() - dt.timedelta(hours=25))
    assert ask(member, programme, -101, by).state == "done"


def test_nobody_corrects_or_approves_their_own_points(programme):
    by, member = asker(), decider()
    with pytest.raises(OwnPointsError):
        ask(by, programme, 1, by)
    waiting = ask(member, programme, 900, by)
    for act in (adjusting.approve, adjusting.refuse):
        with pytest.raises(OwnPointsError):
            act(waiting, by=member)
    wallet = wallet_for(user=member, programme=programme)
    owner = with_rights("add_adjustment", "freeze_wallet")
    own = wallet_for(user=owner, programme=programme)
    with pytest.raises(OwnPointsError):
        adjusting.ask_to_extend(wallet=own, bucket=DAY, to=None, reason="other-reason", by=owner, token=uuid.uuid4())
    with pytest.raises(OwnPointsError):
        adjusting.set_frozen(own, is_frozen=False, reason="all-well", by=owner)
    assert not Journal.objects.exists()
    assert wallet.status == "open"


def test_the_database_refuses_one_person_and_a_missing_second(programme):
    asked = ask(UserFactory(), programme, 900, asker())
    for values in ({"decided_by": asked.asked_by}, {"state": "done"}, {"points": 0}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Adjustment.objects.filter(pk=asked.pk).update(**values)
    with pytest.raises(TypeError):
        asked.delete()


def test_a_request_ends_by_time_refusal_or_withdrawal(programme):
    by, other = asker(), decider()
    late, refused, mine = (ask(UserFactory(), programme, 900, by) for _number in range(3))
    Adjustment.objects.filter(pk=late.pk).update(expires_at=timezone.now())
    late.refresh_from_db()
    assert late.is_too_late
    assert not late.is_waiting
    with pytest.raises(DecidedError):
        adjusting.approve(late, by=other)
    assert adjusting.refuse(refused, by=other).state == "refused"
    with pytest.raises(NoRightError):
        adjusting.withdraw(mine, by=other)
    assert adjusting.withdraw(mine, by=by).state == "withdrawn"
    for asked in (refused, mine):
        with pytest.raises(DecidedError):
            adjusting.approve(asked, by=other)
        with pytest.raises(DecidedError):
            adjusting.withdraw(asked, by=by)
    assert not Journal.objects.exists()


def test_what_cannot_be_booked_is_refused_and_an_approval_may_be_tried_again(programme):
    by, member, other = asker(), UserFactory(), decider()
    with pytest.raises(InsufficientPointsError):
        ask(member, programme, -1, by)
    with pytest.raises(InvalidDateError):
        ask(member, programme, 5, by, expires_on=dt.date(2020, 1, 1))
    wallet = wallet_for(user=member, programme=programme)
    ledger.earn(wallet=wallet, amount=800, key="e")
    asked = ask(member, programme, -800, by)
    ledger.hold(wallet=wallet, hold="h", amount=1)
    with pytest.raises(InsufficientPointsError):
        adjusting.approve(asked, by=other)
    asked.refresh_from_db()
    assert asked.is_waiting
    assert not asked.decided_by
    ledger.release(wallet=wallet, hold="h")
    assert adjusting.approve(asked, by=other).state == "done"
    assert available(member, programme) == 0

    more = ask(member, programme, 900, by)
    ledger.close(wallet=wallet, reason="x", actor="y")
    with pytest.raises(WalletClosedError):
        adjusting.approve(more, by=other)
    with pytest.raises(WalletClosedError):
        ask(member, programme, 5, by)
    assert list(ledger.check()) == []


def test_expired_points_are_given_again_out_of_what_expired_and_never_more(programme):
    member, by, other = UserFactory(), asker(), decider()
    wallet = wallet_for(user=member, programme=programme)
    ledger.earn(wallet=wallet, amount=700, key="e", expires_on=DAY)
    journal = ledger.expire(wallet=wallet, today=DAY + dt.timedelta(days=1)).journal_id
    to = DAY + dt.timedelta(days=31)

    def reinstate(**how):
        how = {"reason": "mistake", "token": uuid.uuid4(), "by": by, "to": to, **how}
        return adjusting.ask_to_reinstate(wallet=wallet, journal_id=journal, **how)

    for points in (701, -1):
        with pytest.raises(NotReversibleError):
            reinstate(points=points)
    with pytest.raises(InvalidDateError):
        reinstate(to=today_of(programme) - dt.timedelta(days=1))
    of_asker = wallet_for(user=by, programme=programme)
    with pytest.raises(OwnPointsError):
        adjusting.ask_to_reinstate(
            wallet=of_asker, journal_id=journal, to=to, reason="mistake", by=by, token=uuid.uuid4()
        )
    token = uuid.uuid4()
    few = [reinstate(points=100, token=token) for _time in range(2)]
    assert few[0].pk == few[1].pk
    assert [(lot.last_day, lot.points) for lot in summary(wallet).expiring] == [(to, 100)]
    all_of_them = [reinstate() for _time in range(2)]
    assert all(one.is_waiting and one.points == 600 for one in all_of_them)

    adjusting.approve(all_of_them[0], by=other)
    with pytest.raises(NotReversibleError):
        adjusting.approve(all_of_them[1], by=other)

    assert lapsed(wallet) == []
    assert summary(wallet).spendable == 700
    booked = Journal.objects.filter(code="reinstate").order_by("pk").values_list("amount", "reverses", "approver")
    assert list(booked) == [(100, journal, ""), (600, journal, f"user:{other.pk}")]
    [flow] = report_of(programme).flows
    assert (flow.expired, flow.adjusted, flow.outstanding) == (0, 0, 700)
    assert list(ledger.check()) == []


def test_expiry_is_postponed_the_same_way_and_for_no_more_points_than_were_asked_for(programme):
    member, by, other = UserFactory(), asker(), decider()
    wallet = wallet_for(user=member, programme=programme)

    def extend(bucket, to, **how):
        how = {"reason": "goodwill", "token": uuid.uuid4(), **how}
        return adjusting.ask_to_extend(wallet=wallet, bucket=bucket, to=to, by=by, **how)

    with pytest.raises(InsufficientPointsError):
        extend(DAY, None)
    ledger.earn(wallet=wallet, amount=600, key="e", expires_on=DAY)
    with pytest.raises(InvalidDateError):
        extend(DAY, DAY)
    asked = extend(DAY, DAY + dt.timedelta(days=31))
    assert asked.is_waiting
    ledger.earn(wallet=wallet, amount=1, key="more", expires_on=DAY)
    with pytest.raises(ChangedError):
        adjusting.approve(asked, by=other)
    ledger.hold(wallet=wallet, hold="h", amount=1)
    adjusting.approve(asked, by=other)
    assert Journal.objects.get(code="extend").amount == 600
    assert list(ledger.check()) == []


@pytest.mark.parametrize(
    ("missing", "act"),
    [
        ("add_adjustment", lambda by, member, programme, _row: ask(member, programme, 1, by)),
        (
            "add_adjustment",
            lambda by, member, programme, _row: adjusting.ask_to_extend(
                wallet=wallet_for(user=member, programme=programme), bucket=DAY, to=None, reason="goodwill", by=by,
                token=uuid.uuid4(),
            ),
        ),
        ("approve_adjustment", lambda by, _member, _programme, row: adjusting.approve(row, by=by)),
        ("approve_adjustment", lambda by, _member, _programme, row: adjusting.refuse(row, by=by)),
        ("add_pointsfile", lambda by, _member, programme, _row: adjusting.look(b"", programme=programme, by=by)),
        (
            "add_pointsfile",
            lambda by, _m, programme, _row: adjusting.ask_by_file(b"", programme=programme, reason="goodwill", by=by),
        ),
        (
            "freeze_wallet",
            lambda by, member, programme, _row: adjusting.set_frozen(
                wallet_for(user=member, programme=programme), is_frozen=True, reason="x", by=by
            ),
        ),
        (
            "switch_programme",
            lambda by, _member, programme, _row: adjusting.switch(programme, reason="x", by=by, stop_earning=True),
        ),
        (
            "change_pointspolicy",
            lambda by, _member, programme, _row: adjusting.save_policy(adjusting.policy_of(programme), by=by),
        ),
        ("view_member", lambda by, _member, _programme, _row: adjusting.find_members("someone", by=by)),
    ],
)  # fmt: skip
def test_every_act_needs_its_own_right(programme, missing, act):
    rights = {
        "add_adjustment", "approve_adjustment", "add_pointsfile", "freeze_wallet", "switch_programme",
        "change_pointspolicy", "view_member",
    }  # fmt: skip
    waiting = ask(UserFactory(), programme, 900, asker())
    with pytest.raises(NoRightError):
        act(with_rights(*(rights - {missing})), UserFactory(), programme, waiting)
    with pytest.raises(NoRightError):
        act(with_rights(missing, is_active=False), UserFactory(), programme, waiting)


def test_a_wallet_is_frozen_and_a_programme_stopped_with_a_reason(programme):
    member = UserFactory()
    wallet = wallet_for(user=member, programme=programme)
    by = with_rights("freeze_wallet", "switch_programme")

    adjusting.set_frozen(wallet, is_frozen=True, reason="account-taken", by=by)
    assert Wallet.objects.get().status == "frozen"
    adjusting.set_frozen(wallet, is_frozen=False, reason="looked-into", by=by)
    adjusting.switch(programme, reason="incident", by=by, stop_spending=True)

    programme.refresh_from_db()
    assert (programme.is_earning_stopped, programme.is_spending_stopped) == (False, True)
    records = ledger.commands.SwitchRecord.objects.values_list("change", "reason", "actor")
    assert list(records) == [
        ("freeze", "account-taken", f"user:{by.pk}"),
        ("unfreeze", "looked-into", f"user:{by.pk}"),
        ("stop spending", "incident", f"user:{by.pk}"),
    ]


def test_members_get_what_was_noted_about_them_and_it_goes_with_them(programme):
    member = UserFactory()
    ask(member, programme, 10, asker(), note="تماس گرفت")

    [row] = export_corrections(member)
    assert (row["points"], row["note"], row["state"]) == (10, "تماس گرفت", "done")
    assert not {"asked_by", "decided_by"} & row.keys()

    forget_member(member)
    assert Adjustment.objects.get().note == ""


# Files ---------------------------------------------------------------------------------------------------------------


def table(*rows, header="member,points"):
    return "\n".join([header, *(",".join(map(str, row)) for row in rows)]).encode()


def send(content, programme, by, **how):
    return adjusting.ask_by_file(content, programme=programme, reason="mistake", by=by, **how)


def test_a_file_is_looked_at_without_writing_and_says_what_is_wrong_with_each_row(programme):
    by = asker()
    rich, poor, twice, gone = UserFactory(email="rich@example.com"), UserFactory(), UserFactory(), UserFactory()
    ledger.earn(wallet=wallet_for(user=rich, programme=programme), amount=50, key="e")
    ledger.close(wallet=wallet_for(user=gone, programme=programme), reason="x", actor="y")
    key = str(ledger.commands.Wallet.objects.order_by("pk").first().member_key)
    content = table(
        ("RICH@example.com", "۱۰"), (poor.handle, "'-1"), (twice.handle, 5), (twice.email, 5), ("nobody", 5),
        (UserFactory().handle, "2.5"), (by.handle, 5), (gone.handle, 5),
    )  # fmt: skip
    before = everything()

    trial = adjusting.look(content, programme=programme, by=by)

    assert [row.problem for row in trial.rows] == [
        "", "below-zero", "twice", "twice", "unknown", "number", "own", "closed",
    ]  # fmt: skip
    assert (trial.rows[0].before, trial.rows[0].after) == (50, 60)
    with pytest.raises(FileError):
        send(content, programme, by)
    assert everything() == before
    assert not PointsFile.objects.exists()
    [by_key] = adjusting.look(table((key, "+5")), programme=programme, by=by).rows
    assert by_key.user == rich


@pytest.mark.parametrize(
    "content",
    [
        b"", b"\xff\xfe", b"member,points\n", b"who,points\nx,1\n", b'member,points\n"x,1\n', b"member,points\nx\0,1",
        b"member,points\n" + b"x,1\n" * 5001, b"x" * 1_000_001,
    ],
)  # fmt: skip
def test_what_is_no_table_is_refused_with_words(programme, content):
    with pytest.raises(FileError) as refused:
        adjusting.look(content, programme=programme, by=asker())
    assert str(refused.value)


def test_a_file_is_booked_row_by_row_in_portions_and_the_same_rows_never_again(programme, monkeypatch):
    monkeypatch.setattr(files, "PORTION", 2)
    by, people = asker(), UserFactory.create_batch(5)
    rows = [(person.handle, 10) for person in people]

    sent = send(table(*rows), programme, by)
    assert sent.state == "approved"
    assert files._book_portion(sent) == 2  # the job dies after a portion
    assert tuple(adjusting.progress_of(sent)) == (3, 2, 0, 0)
    assert adjusting.book_files() == 3

    sent.refresh_from_db()
    assert sent.state == "done"
    saved_again = "﻿عضو;امتیاز\r\n" + "\r\n".join(f"{person.email};۱۰" for person in people)
    assert send(saved_again.encode(), programme, by).pk == sent.pk
    assert adjusting.book_files() == 0
    assert Journal.objects.count() == Posting.objects.count() == 5
    assert set(Journal.objects.values_list("reason", "actor", "approver")) == {("mistake", f"user:{by.pk}", "")}
    assert list(ledger.check()) == []


def test_a_row_with_an_id_is_booked_once_whatever_file_it_is_in(programme):
    by, one, other = asker(), UserFactory(), UserFactory()
    send(table((one.handle, 10, "a1"), header="member,points,id"), programme, by)
    adjusting.book_files()

    second = table((one.handle, 10, "a1"), (other.handle, 10, "a2"), header="member,points,id")
    trial = adjusting.look(second, programme=programme, by=by)
    assert [(row.is_known, row.problem) for row in trial.rows] == [(True, ""), (False, "")]
    assert trial.given == 10
    sent = send(second, programme, by)
    adjusting.book_files()

    assert tuple(adjusting.progress_of(sent)) == (0, 1, 1, 0)
    assert Journal.objects.count() == 2
    changed = table(
        (one.handle, 11, "a1"), (other.handle, 1, "b"), (UserFactory().handle, 1, "b"), header="عضو,امتیاز,شناسه"
    )
    assert [row.problem for row in adjusting.look(changed, programme=programme, by=by).rows] == [
        "other", "same-id", "same-id",
    ]  # fmt: skip


def test_a_file_over_the_limit_waits_for_somebody_who_is_not_in_it(programme):
    by, member, inside = asker(), UserFactory(), decider()
    sent = send(table((member.handle, 400), (inside.handle, 101)), programme, by)
    assert sent.state == "waiting"
    assert adjusting.book_files() == 0

    with pytest.raises(OwnPointsError):
        adjusting.approve_file(sent, by=inside)
    with pytest.raises(NoRightError):
        adjusting.approve_file(sent, by=asker())
    other = decider()
    adjusting.approve_file(sent, by=other)
    adjusting.book_files()
    adjusting.approve_file(sent, by=other)
    assert Journal.objects.count() == 2
    assert set(Journal.objects.values_list("approver", flat=True)) == {f"user:{other.pk}"}
    for act in (adjusting.approve_file, adjusting.refuse_file):
        with pytest.raises(DecidedError):
            act(sent, by=decider())
    with pytest.raises(IntegrityError), transaction.atomic():
        PointsFile.objects.update(decided_by="")


def test_a_refused_file_can_be_sent_again(programme):
    by, member, other = asker(), UserFactory(), decider()
    sent = send(table((member.handle, 900)), programme, by)
    adjusting.refuse_file(sent, by=other)
    again = send(table((member.handle, 900)), programme, by)
    assert (again.pk, again.state) == (sent.pk, "waiting")
    with pytest.raises(NoRightError):
        adjusting.withdraw_file(again, by=other)
    assert adjusting.withdraw_file(again, by=by).state == "withdrawn"
    with pytest.raises(StaffError):
        adjusting.withdraw_file(again, by=by)


def test_rows_that_cannot_be_booked_any_more_say_why_and_the_others_are(programme):
    by, poor, gone, closed, well = asker(), *UserFactory.create_batch(4)
    wallet = wallet_for(user=poor, programme=programme)
    ledger.earn(wallet=wallet, amount=10, key="e")
    sent = send(table((poor.handle, -10), (gone.handle, 1), (closed.handle, 1), (well.handle, 1)), programme, by)
    ledger.hold(wallet=wallet, hold="h", amount=5)
    gone.delete()
    ledger.close(wallet=wallet_for(user=closed, programme=programme), reason="x", actor="y")

    adjusting.book_files()

    assert list(PointsFileRow.objects.order_by("number").values_list("state", "problem")) == [
        ("failed", "below-zero"), ("failed", "gone"), ("failed", "closed"), ("done", ""),
    ]  # fmt: skip
    sent.refresh_from_db()
    assert sent.state == "done"
    assert list(ledger.check()) == []


def test_looking_takes_the_same_queries_for_many_rows(programme, django_assert_max_num_queries):
    by, people = asker(), UserFactory.create_batch(30)
    for person in people[:10]:
        ledger.earn(wallet=wallet_for(user=person, programme=programme), amount=5, key=str(person.pk))
    content = table(*((person.email, 1) for person in people))
    by.has_perm("loyalty.add_pointsfile")
    with django_assert_max_num_queries(8):
        adjusting.look(content, programme=programme, by=by)
