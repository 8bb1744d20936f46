from __future__ import annotations

from importlib import import_module

import pytest
from django.apps import apps
from django.contrib.auth.models import Group, Permission
from django.core.management import call_command
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from wagtail.models import Page

from portal.core import roles
from portal.core.models import RoleGroup
from portal.core.roles import COMMUNITY_MANAGERS, CONTENT_EDITORS, Where, give, group_of, make_roles, rights_of
from portal.our_apps import OUR_FOLDERS
from tests.factories.accounts import UserFactory

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases("portal.core.roles")]

EDITORS_RIGHTS = {
    "catalog": {
        "view_product", "add_product", "change_product",
        "view_productversion", "add_productversion", "change_productversion",
        "view_topic", "add_topic", "change_topic",
    },
    "faq": {
        "view_reusablecontent", "add_reusablecontent", "change_reusablecontent", "delete_reusablecontent",
        "view_feedback", "change_feedback", "view_export", "add_export",
    },
    "downloads": {"view_download", "add_download", "change_download", "publish_download"},
    "loyalty": {"view_offer", "change_offer", "publish_offer"},
    "troubleshooters": {
        "view_troubleshooter", "add_troubleshooter", "change_troubleshooter", "publish_troubleshooter",
    },
    "search": {"view_report", "view_synonym", "add_synonym", "change_synonym", "delete_synonym"},
    "wagtailsearchpromotions": {"add_searchpromotion", "change_searchpromotion", "delete_searchpromotion"},
    "wagtailadmin": {"access_admin"},
    "wagtail_localize": {"submit_translation"},
    "wagtailredirects": {"add_redirect", "change_redirect", "delete_redirect"},
}  # fmt: skip
EDITORS_PAGES = {"add_page", "change_page", "publish_page", "lock_page", "unlock_page", "bulk_delete_page"}
EDITORS_COLLECTIONS = {
    "add_image", "change_image", "choose_image", "add_document", "change_document", "choose_document", "add_media", "change_media",
}  # fmt: skip
MANAGERS_RIGHTS = {
    "community": {
        "moderate",
        "view_area", "add_area", "change_area",
        "view_tag", "add_tag", "change_tag", "delete_tag",
        "view_tagsynonym", "add_tagsynonym", "change_tagsynonym", "delete_tagsynonym",
        "view_watchedword", "add_watchedword", "change_watchedword", "delete_watchedword",
        "view_policy", "change_policy",
    },
    "loyalty": {
        "view_badge", "change_badge", "publish_badge", "view_challenge", "change_challenge", "publish_challenge",
        "view_member", "view_decision", "add_adjustment", "freeze_wallet",
        "view_votingreview", "decide_votingreview", "decide_referral",
    },
    "wagtailadmin": {"access_admin"},
}  # fmt: skip
RIGHTS = {CONTENT_EDITORS: EDITORS_RIGHTS, COMMUNITY_MANAGERS: MANAGERS_RIGHTS}
#: The permissions of each role, apart from those on pages and collections.
PERMITTED = {role: {f"{label}.{name}" for label, names in held.items() for name in names} for role, held in RIGHTS.items()}  # fmt: skip


#: Apps whose rights are younger than the record of what a role was given.
LATER_APPS = {"downloads", "loyalty", "troubleshooters"}
#: Rights on models of earlier apps that came later.
LATER_RIGHTS = {"faq.view_export", "faq.add_export"}


@pytest.fixture
def new_right(monkeypatch):
    """A permission that a later version declares."""

    def declare(permission="catalog.delete_topic", where=Where.EVERYWHERE):
        monkeypatch.setattr(roles, "_rights", {role: dict(rights) for role, rights in roles._rights.items()})
        give(CONTENT_EDITORS, permission, where=where)

    return declare


@pytest.fixture
def _afresh():
    RoleGroup.objects.all().delete()
    Group.objects.filter(name__in=[role.name for role in RIGHTS]).delete()
    make_roles()


def permissions_of(group: Group) -> set[str]:
    return {f"{label}.{name}" for label, name in group.permissions.values_list("content_type__app_label", "codename")}


@pytest.mark.usefixtures("_afresh")
@pytest.mark.parametrize("role", RIGHTS, ids=lambda role: role.code)
def test_a_role_has_exactly_its_rights(role):
    group = group_of(role)
    pages = set(group.page_permissions.values_list("permission__codename", flat=True))
    collections = set(group.collection_permissions.values_list("permission__codename", flat=True))

    assert permissions_of(group) == PERMITTED[role]
    assert (pages, collections) == ((EDITORS_PAGES, EDITORS_COLLECTIONS) if role is CONTENT_EDITORS else (set(), set()))


@pytest.mark.usefixtures("_afresh")
@pytest.mark.parametrize("role", RIGHTS, ids=lambda role: role.code)
def test_a_member_may_do_exactly_what_the_role_may(role):
    member = UserFactory(staff=True)
    member.groups.add(group_of(role))
    own = {app.label for app in apps.get_app_configs() if app.name.partition(".")[0] in OUR_FOLDERS}
    all_permissions = Permission.objects.filter(
        content_type__app_label__in={*own, *EDITORS_RIGHTS, "wagtailusers", "auth"}
    )
    names = {f"{label}.{name}" for label, name in all_permissions.values_list("content_type__app_label", "codename")}

    assert names >= PERMITTED[role] | {"accounts.view_user", "auth.change_group"}
    assert {name for name in names if member.has_perm(name)} == PERMITTED[role]
    assert UserFactory(staff=True).get_all_permissions() == set()


def test_every_declared_right_exists():
    for role in RIGHTS:
        for right in rights_of(role):
            app_label, codename = right.permission.split(".")
            assert Permission.objects.filter(content_type__app_label=app_label, codename=codename).exists(), right


@pytest.mark.usefixtures("_afresh")
def test_making_roles_again_changes_nothing(django_assert_num_queries):
    before = {role: permissions_of(group_of(role)) for role in RIGHTS}

    with django_assert_num_queries(2 + 3 * len(RIGHTS)):  # two of the three are the savepoint
        make_roles()

    assert {role: permissions_of(group_of(role)) for role in RIGHTS} == before
    assert Group.objects.filter(name__in=[role.name for role in RIGHTS]).count() == len(RIGHTS)


@pytest.mark.usefixtures("_afresh")
def test_what_an_administrator_took_away_stays_away():
    group = group_of(CONTENT_EDITORS)
    group.permissions.clear()
    group.page_permissions.all().delete()
    group.collection_permissions.all().delete()

    make_roles()

    assert group.permissions.count() + group.page_permissions.count() + group.collection_permissions.count() == 0


@pytest.mark.usefixtures("_afresh")
def test_a_right_declared_later_is_given_to_an_existing_group_once(new_right):
    group = group_of(CONTENT_EDITORS)
    group.permissions.remove(Permission.objects.get(codename="delete_synonym"))
    new_right("catalog.delete_topic")

    make_roles()
    assert permissions_of(group) == PERMITTED[CONTENT_EDITORS] - {"search.delete_synonym"} | {"catalog.delete_topic"}

    group.permissions.remove(Permission.objects.get(codename="delete_topic"))
    make_roles()
    assert permissions_of(group) == PERMITTED[CONTENT_EDITORS] - {"search.delete_synonym"}


@pytest.mark.usefixtures("_afresh")
@pytest.mark.parametrize(
    ("permission", "where", "held"),
    [
        ("wagtailcore.delete_page", Where.PAGES, lambda group: group.page_permissions),
        ("wagtaildocs.delete_document", Where.COLLECTIONS, lambda group: group.collection_permissions),
    ],
)
def test_a_right_on_pages_or_collections_declared_later_is_given_once(new_right, permission, where, held):
    group = group_of(CONTENT_EDITORS)
    new_right(permission, where)

    make_roles()
    given = held(group).filter(permission__codename=permission.partition(".")[2])
    assert given.count() == 1

    given.delete()
    make_roles()
    assert given.count() == 0


@pytest.mark.usefixtures("_afresh")
def test_a_right_that_does_not_exist_yet_is_given_when_it_does(new_right, caplog):
    new_right("catalog.paint_topic")
    make_roles()
    assert "There is no permission catalog.paint_topic" in caplog.text

    content_type = Permission.objects.filter(content_type__app_label="catalog").first().content_type
    Permission.objects.create(content_type=content_type, codename="paint_topic", name="Can paint")
    make_roles()

    assert "catalog.paint_topic" in permissions_of(group_of(CONTENT_EDITORS))


@pytest.mark.usefixtures("_afresh")
def test_a_renamed_group_stays_the_group_of_its_role(new_right):
    Group.objects.filter(name=CONTENT_EDITORS.name).update(name="تحریریه")
    new_right("catalog.delete_topic")

    make_roles()

    assert group_of(CONTENT_EDITORS).name == "تحریریه"
    assert "catalog.delete_topic" in permissions_of(group_of(CONTENT_EDITORS))
    assert not Group.objects.filter(name=CONTENT_EDITORS.name).exists()


@pytest.mark.usefixtures("_afresh")
def test_a_deleted_group_is_made_anew_with_all_its_rights():
    group_of(CONTENT_EDITORS).permissions.clear()
    group_of(CONTENT_EDITORS).delete()

    make_roles()

    assert permissions_of(group_of(CONTENT_EDITORS)) == PERMITTED[CONTENT_EDITORS]


@pytest.mark.usefixtures("_afresh")
def test_no_other_group_is_given_anything(new_right):
    other = Group.objects.create(name="Somebody else")
    new_right("catalog.delete_topic")

    make_roles()

    assert permissions_of(other) == set()
    assert "catalog.delete_topic" not in permissions_of(group_of(COMMUNITY_MANAGERS))


def test_nothing_is_made_before_there_are_pages():
    RoleGroup.objects.all().delete()
    Group.objects.all().delete()
    Page.objects.all().delete()

    make_roles()

    assert not Group.objects.exists()


def test_nothing_is_made_between_the_steps_of_a_migration():
    RoleGroup.objects.all().delete()
    between = MigrationLoader(connection).project_state([("core", "0002_visit_salts_and_jobs")]).apps

    make_roles(apps=between)

    assert not RoleGroup.objects.exists()


# Installations of earlier versions ------------------------------------------------------------------------------------


def remember_groups() -> None:
    """Run the data migration of the upgrade, on the models of its state."""
    state = MigrationLoader(connection).project_state([("core", "0003_role_groups")]).apps
    import_module("portal.core.migrations.0004_roles_of_earlier_versions").remember_groups(state, None)


@pytest.fixture
def _of_before():
    """The state that an earlier version left: groups with all their permissions, and no record of them."""
    Group.objects.filter(name__in=[role.name for role in RIGHTS]).delete()
    make_roles()
    RoleGroup.objects.all().delete()


@pytest.mark.usefixtures("_of_before")
def test_an_upgrade_gives_back_nothing_that_was_taken_away_before_it():
    editors = Group.objects.get(name=CONTENT_EDITORS.name)
    editors.permissions.remove(Permission.objects.get(codename="view_report"))
    editors.page_permissions.filter(permission__codename="publish_page").delete()

    remember_groups()
    remember_groups()
    make_roles()

    assert permissions_of(editors) == PERMITTED[CONTENT_EDITORS] - {"search.view_report"}
    pages = set(editors.page_permissions.values_list("permission__codename", flat=True))
    assert pages == EDITORS_PAGES - {"publish_page"}
    assert group_of(CONTENT_EDITORS) == editors
    assert Group.objects.filter(name__in=[role.name for role in RIGHTS]).count() == len(RIGHTS)


@pytest.mark.usefixtures("_of_before")
def test_an_upgrade_remembers_all_that_was_declared_before_it():
    remember_groups()

    declared = [
        right
        for right in rights_of(CONTENT_EDITORS)
        if right.app_label not in LATER_APPS and right.permission not in LATER_RIGHTS
    ]
    assert RoleGroup.objects.get(role="content-editors").given == sorted(map(str, declared))


@pytest.mark.usefixtures("_of_before")
def test_an_upgrade_gives_the_rights_of_the_new_version(new_right):
    new_right("catalog.delete_topic")

    remember_groups()
    make_roles()

    assert permissions_of(group_of(CONTENT_EDITORS)) == PERMITTED[CONTENT_EDITORS] | {"catalog.delete_topic"}


def test_a_new_installation_has_nothing_to_remember():
    Group.objects.filter(name__in=[role.name for role in RIGHTS]).delete()

    remember_groups()

    assert not RoleGroup.objects.exists()


SEARCH_RIGHTS = {
    "view_report", "view_synonym", "add_synonym", "change_synonym", "delete_synonym",
    "add_searchpromotion", "change_searchpromotion", "delete_searchpromotion",
}  # fmt: skip


def upgrade() -> None:
    name = "0002_search_rights_of_editors"
    before = MigrationLoader(connection).project_state([("faq", name)])
    import_module(f"faq.migrations.{name}").give_rights(before.apps, None)


def search_rights(group: Group) -> set[str]:
    found = group.permissions.filter(content_type__app_label__in=["search", "wagtailsearchpromotions"])
    return set(found.values_list("codename", flat=True))


def test_an_upgrade_gives_the_editors_of_before_the_rights_for_search():
    make_roles()
    group = group_of(CONTENT_EDITORS)
    group.permissions.remove(*Permission.objects.filter(codename__in=SEARCH_RIGHTS))
    others = set(group.permissions.values_list("pk", flat=True))
    Permission.objects.filter(codename__in=SEARCH_RIGHTS).delete()  # usually created after the migrations

    upgrade()
    upgrade()

    assert search_rights(group) == SEARCH_RIGHTS
    assert others < set(group.permissions.values_list("pk", flat=True))


def test_an_upgrade_gives_back_nothing_an_administrator_took_from_a_group_that_had_it():
    make_roles()
    group = group_of(CONTENT_EDITORS)
    group.permissions.remove(*Permission.objects.filter(codename__in=["delete_synonym", "add_searchpromotion"]))

    upgrade()
    make_roles()

    assert search_rights(group) == SEARCH_RIGHTS - {"delete_synonym", "add_searchpromotion"}


def test_an_upgrade_makes_no_group_and_gives_no_other_group_anything():
    Group.objects.filter(name=CONTENT_EDITORS.name).delete()
    other = Group.objects.create(name="Somebody else")

    upgrade()

    assert not Group.objects.filter(name=CONTENT_EDITORS.name).exists()
    assert search_rights(other) == set()


def test_migrate_makes_the_roles():
    RoleGroup.objects.all().delete()
    Group.objects.filter(name__in=[role.name for role in RIGHTS]).delete()

    call_command("migrate", verbosity=0)

    assert {role: permissions_of(group_of(role)) for role in RIGHTS} == PERMITTED
