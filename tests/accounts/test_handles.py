"""Public names that pose as staff or as another member, in every form that sets one."""

from __future__ import annotations

import hashlib

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.db.migrations.executor import MigrationExecutor
from django.urls import reverse
from wagtail.models import Site

from portal.accounts.handles import handle_key, marks_of
from portal.accounts.models import FormerHandle, User
from portal.core.roles import CONTENT_EDITORS
from tests.factories.accounts import UserFactory

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases("portal.accounts.models", "portal.accounts.migrations")]

RESERVED = "کنار گذاشته شده"
AS_STAFF = [
    "Admin", "admin24", "adminreza", "real_admin", "AdminReza", "adm1n", "ＡＤＭＩＮ", "a.d.m.i.n", "supp0rt", "support_ali",
    "nooraSupport", "noorateam", "team.noora", "sup-port", "officiaI", "مدیر", "نورا_مدیر", "پشتیبانی۲۴", "پشتيباني", "ادمین_سایت", "کارشناس-نورا",
]  # fmt: skip
ORDINARY = ["badminton", "stafford", "mehran-modiri", "مدیری", "نورالدین", "رضا.م", "unofficial", "helpful", "سارا۲", "user-1a2b3c4d", "ali_24"]  # fmt: skip
TAKEN = "alireza"
LIKE_TAKEN = ["ali_reza", "alireza_", "ALIREZA.", "aIireza", "álireza", "a1ireza"]


def refusals(handle: str, **fields: object) -> str:
    user = UserFactory.build(handle=handle, **fields)
    try:
        user.clean()
    except ValidationError as error:
        return "\n".join(error.messages)
    return ""


@pytest.mark.parametrize("handle", AS_STAFF)
def test_nobody_poses_as_staff_but_staff(handle):
    if "noora" in handle.lower() or "نورا" in handle:
        Site.objects.filter(is_default_site=True).update(site_name="Noora نورا")

    assert RESERVED in refusals(handle)
    assert RESERVED not in refusals(handle, is_staff=True)


@pytest.mark.parametrize("handle", ORDINARY)
def test_an_ordinary_name_is_free(handle):
    assert refusals(handle) == ""


@pytest.mark.parametrize("handle", LIKE_TAKEN)
def test_nobody_poses_as_another_member(handle):
    UserFactory(handle=TAKEN)

    assert "از آنِ کس دیگری است" in refusals(handle)
    assert "از آنِ کس دیگری است" in refusals(handle, is_staff=True)


@pytest.mark.parametrize("how", ["changed", "deleted", "changed, then deleted"])
@pytest.mark.parametrize("handle", [TAKEN, "Ali.Reza"])
def test_nobody_gets_a_name_that_somebody_had(handle, how):
    person = UserFactory(handle=TAKEN)
    if "changed" in how:
        person.handle = "reza-new"
        person.save()
    if "deleted" in how:
        person.delete()

    assert "از آنِ کس دیگری است" in refusals(handle)


def test_ones_own_former_name_is_free_for_oneself():
    person = UserFactory(handle=TAKEN)
    for handle in ("reza-new", TAKEN, "reza-new"):
        person.handle = handle
        person.clean()
        person.save(update_fields=["handle"])
    person.name = "رضا"
    person.save()

    assert "از آنِ کس دیگری است" in refusals(TAKEN)
    assert User.objects.get(pk=person.pk).former_handles.count() == 2


def test_a_former_name_is_kept_as_a_mark_that_needs_the_secret_key_and_outlives_its_change(settings):
    person = UserFactory(handle=TAKEN)
    person.handle = "reza-new"
    person.save()
    (mark,) = FormerHandle.objects.values_list("mark", flat=True)
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "another key " * 5, [settings.SECRET_KEY]

    assert mark != hashlib.sha256(handle_key(TAKEN).encode()).hexdigest()
    assert "از آنِ کس دیگری است" in refusals(TAKEN)
    settings.SECRET_KEY_FALLBACKS = []
    assert mark not in marks_of(handle_key(TAKEN))


def test_a_name_that_was_never_stored_is_not_kept():
    person = UserFactory(handle=TAKEN)
    person.handle = "reza-new"
    person.save(update_fields=["name"])

    assert FormerHandle.objects.count() == 0


def test_a_name_written_in_letters_of_another_alphabet_poses_too():
    UserFactory(handle="coco")

    assert "از آنِ کس دیگری است" in refusals("сосо")


@pytest.mark.parametrize("handle", ["رضاali", "аdmin", "ali_رضا", "alirezа"])
def test_a_name_is_of_one_alphabet(handle):
    assert "یک الفبا" in refusals(handle)


@pytest.mark.parametrize("handle", ["...", "-._", "123", "1.2", "a.."])
def test_a_name_has_letters(handle):
    assert "دست‌کم یک حرف" in refusals(handle)


def test_one_keeps_a_name_from_before_there_were_rules(signed_in, person):
    User.objects.filter(pk=person.pk).update(handle="support")

    response = signed_in.post("/fa/account/details/", {"name": "سارا", "handle": "support", "phone": ""})

    assert response.status_code == 302


@pytest.mark.parametrize("handle", ["supp0rt", "ali_reza", "..."])
def test_every_form_that_sets_a_name_asks(client, settings, handle):
    settings.STAFF_SECOND_FACTOR = False
    UserFactory(handle=TAKEN)
    person, editor = UserFactory(), UserFactory(role=CONTENT_EDITORS)
    User.objects.filter(pk=editor.pk).update(is_staff=False)
    inline = {"audience_memberships-TOTAL_FORMS": "0", "audience_memberships-INITIAL_FORMS": "0"}
    doors = [
        (person, reverse("accounts:details"), {"handle": handle}),
        (editor, "/admin/account/", {"name_email-handle": handle, "name_email-name": "x"}),
        (UserFactory(superuser=True), f"/admin/users/edit/{person.pk}/", {"handle": handle, "email": person.email, "is_active": "on"}),
        (UserFactory(superuser=True), reverse("wagtailusers_users:add"), {"handle": handle, "email": "new@example.com"}),
        (UserFactory(superuser=True), reverse("admin:accounts_user_change", args=[person.pk]), {"handle": handle, "email": person.email, **inline}),
    ]  # fmt: skip
    before = set(User.objects.values_list("pk", "handle"))

    for user, path, data in doors:
        client.force_login(user)
        assert any(word in client.post(path, data).text for word in (RESERVED, "کس دیگری است", "دست‌کم یک حرف")), path

    assert set(User.objects.values_list("pk", "handle")) == before


def test_of_two_who_take_similar_names_at_once_one_gets_it():
    UserFactory(handle=TAKEN)

    with pytest.raises(IntegrityError), transaction.atomic():
        UserFactory(handle="ali_reza")


@pytest.mark.django_db(transaction=True)
def test_similar_names_from_before_stay():
    before = [("accounts", "0002_normal_addresses")]
    executor = MigrationExecutor(connection)
    executor.migrate(before)
    users = executor.loader.project_state(before).apps.get_model("accounts", "User").objects
    for number, handle in enumerate((TAKEN, "ali_reza", "Mina")):
        users.create(email=f"{number}@example.com", handle=handle)

    executor = MigrationExecutor(connection)
    executor.migrate(executor.loader.graph.leaf_nodes())
    for user in User.objects.all():
        user.save()

    assert list(User.objects.order_by("email").values_list("handle", "handle_key")) == [(TAKEN, handle_key(TAKEN)), ("ali_reza", ""), ("Mina", handle_key("mina"))]  # fmt: skip
