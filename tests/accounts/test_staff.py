"""Accounts in both admins, which have no user names."""

from __future__ import annotations

import pytest
from django.contrib.auth import get_user
from django.contrib.auth.models import Group
from taggit.models import Tag

from portal.accounts.models import User
from tests.factories.accounts import PASSWORD, AudienceMembershipFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin(client):
    client.force_login(UserFactory(superuser=True, second_factor=True, language="fa"))
    return client


def test_people_are_listed_and_found_by_name_address_and_public_name(admin):
    UserFactory(email="mina@example.com", handle="mina-k", name="مینا کریمی")
    UserFactory(email="other@example.com")

    pages = [admin.get("/admin/users/", {"q": query}).text for query in ("مینا", "mina-k", "mina@")]

    assert [("mina@example.com" in page, "other@example.com" in page) for page in pages] == [(True, False)] * 3


def test_a_new_editor_can_sign_in_at_once(admin, client_class):
    admin.post(
        "/admin/users/new/",
        {
            "email": "Editor@example.com",
            "name": "ویراستار",
            "handle": "virastar",
            "is_staff": "on",
            "password1": "سه-واژهٔ-بی-ربط",
            "password2": "سه-واژهٔ-بی-ربط",
            "groups": [Group.objects.get(name="Editors").pk],
        },
    )
    editor = User.objects.get(email="editor@example.com")
    browser = client_class()

    browser.post("/fa/accounts/login/", {"login": editor.email, "password": "سه-واژهٔ-بی-ربط"})

    assert (editor.name, editor.is_staff) == ("ویراستار", True)
    assert get_user(browser) == editor


def test_a_changed_address_is_the_one_to_sign_in_with(admin, client_class):
    person = UserFactory(email="old@example.com")

    response = admin.post(
        f"/admin/users/edit/{person.pk}/",
        {"email": "new@example.com", "name": person.name, "handle": person.handle, "is_active": "on"},
    )

    assert response.status_code == 302
    arrivals = {}
    for address in ("old@example.com", "new@example.com"):
        browser = client_class()
        browser.post("/fa/accounts/login/", {"login": address, "password": PASSWORD})
        arrivals[address] = get_user(browser).is_authenticated
    assert arrivals == {"old@example.com": False, "new@example.com": True}


def test_an_address_somebody_has_is_refused(admin):
    UserFactory(email="taken@example.com")
    person = UserFactory()

    response = admin.post(
        f"/admin/users/edit/{person.pk}/", {"email": "TAKEN@example.com", "name": "", "handle": person.handle}
    )

    person.refresh_from_db()
    assert "با این ایمیل پیش‌تر حسابی ساخته شده است" in response.text
    assert person.email != "taken@example.com"


def test_ones_own_name_is_kept_on_the_admins_account_page(admin):
    me = get_user(admin)

    page = admin.get("/admin/account/")
    admin.post(
        "/admin/account/",
        {
            "name_email-name": "راهبر تازه",
            "name_email-handle": me.handle,
            "locale-preferred_language": "fa",
            "locale-current_time_zone": "Asia/Tehran",
            "theme-theme": "system",
            "theme-contrast": "system",
            "theme-density": "default",
            "theme-keyboard_shortcuts": "on",
        },
    )

    me.refresh_from_db()
    assert 'name="name_email-first_name"' not in page.text
    assert me.name == "راهبر تازه"


@pytest.mark.parametrize(
    "path",
    [
        "accounts/user/",
        "accounts/user/?q=a",
        "accounts/user/add/",
        "usersessions/usersession/?q=a",
        "account/emailaddress/?q=a",
        "mfa/authenticator/",
    ],
)
def test_the_emergency_admin_opens(admin, path):
    assert admin.get(f"/django-admin/{path}").status_code == 200


def test_the_emergency_admin_shows_and_adds_people(admin):
    membership = AudienceMembershipFactory()

    page = admin.get(f"/django-admin/accounts/user/{membership.user_id}/change/")
    admin.post(
        "/django-admin/accounts/user/add/",
        {
            "email": "fresh@example.com",
            "usable_password": "true",
            "password1": "سه-واژهٔ-بی-ربط",
            "password2": "سه-واژهٔ-بی-ربط",
            "audience_memberships-TOTAL_FORMS": "0",
            "audience_memberships-INITIAL_FORMS": "0",
        },
    )

    assert 'value="partner"' in page.text
    assert User.objects.get(email="fresh@example.com").check_password("سه-واژهٔ-بی-ربط")


def test_an_administrator_from_the_command_line_signs_in_without_a_code(client):
    person = User.objects.create_superuser("Root@Example.com", PASSWORD)

    client.post("/fa/accounts/login/", {"login": "root@example.com", "password": PASSWORD})

    assert get_user(client) == person


def test_the_emergency_admins_password_page_is_ours_with_its_limits(admin):
    for method in (admin.get, admin.post):
        assert method("/django-admin/password_change/").url == "/fa/accounts/password/change/"


@pytest.mark.parametrize("chosen", ["", "x", "999999", None])
def test_merging_tags_needs_tags(admin, chosen):
    if chosen is not None:
        session = admin.session
        session["selected_tag_ids"] = chosen
        session.save()

    response = admin.post("/django-admin/taggit/tag/merge-tags/", {"new_tag_name": "تازه"})

    assert response.url == "/django-admin/taggit/tag/"
    assert not Tag.objects.exists()


def test_merging_tags_needs_the_right_to_change_them(client):
    client.force_login(UserFactory(staff=True, second_factor=True))

    assert client.get("/django-admin/taggit/tag/merge-tags/").status_code == 403


def test_chosen_tags_are_merged(admin):
    chosen = [Tag.objects.create(name=name).pk for name in ("مودم", "مودم‌ها")]
    changelist = "/django-admin/taggit/tag/"
    admin.post(changelist, {"action": "render_tag_form", "_selected_action": chosen})

    response = admin.post(f"{changelist}merge-tags/", {"new_tag_name": "مودم تازه"})

    assert response.status_code == 302
    assert Tag.objects.filter(name="مودم تازه").exists()
