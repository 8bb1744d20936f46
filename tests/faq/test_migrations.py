"""Upgrades from earlier versions, on real tables with rows."""

from __future__ import annotations

import pytest
from django.contrib.auth.management import create_permissions
from django.contrib.auth.models import Group
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone
from wagtail.models import ModelLogEntry, Site

from portal.core.localized import LocalizedText
from portal.core.models import SupportSettings
from tests.factories.accounts import UserFactory

pytestmark = pytest.mark.both_databases("faq.migrations")

BEFORE = [("faq", "0002_search_rights_of_editors")]
AFTER = [("faq", "0004_delete_help_settings")]


def migrate(targets):
    executor = MigrationExecutor(connection)
    executor.migrate(targets)
    ContentType.objects.clear_cache()
    return executor.loader.project_state(targets).apps


@pytest.fixture(autouse=True)
def _newest_tables(transactional_db):
    """Migrate to the latest tables after each test."""
    yield
    migrate(MigrationExecutor(connection).loader.graph.leaf_nodes())


def tables() -> set[str]:
    return set(connection.introspection.table_names())


def test_the_support_contact_comes_along_with_its_rights_and_its_history():
    old = migrate(BEFORE)
    site = Site.objects.get(is_default_site=True)
    old.get_model("faq", "HelpSettings").objects.create(
        site_id=site.pk, support_phone="+98 21 9100 0000", support_hours=LocalizedText(fa="۸ تا ۲۰", en="8 to 20")
    )
    config = old.get_app_config("faq")
    config.models_module = True  # apps in a migration state have none, and would be skipped
    create_permissions(config, apps=old, verbosity=0)
    content_type = ContentType.objects.get(app_label="faq", model="helpsettings")
    editors = Group.objects.create(name="Telephone")
    editors.permissions.add(content_type.permission_set.get(codename="change_helpsettings"))
    entry = ModelLogEntry.objects.create(
        content_type=content_type, object_id="1", label="x", action="wagtail.edit", timestamp=timezone.now()
    )
    ContentType.objects.filter(app_label="core", model="supportsettings").delete()

    migrate(AFTER)

    contact = SupportSettings.objects.get()
    assert (contact.site, contact.support_phone) == (site, "+98 21 9100 0000")
    assert dict(contact.support_hours) == {"fa": "۸ تا ۲۰", "en": "8 to 20"}
    member = UserFactory(staff=True)
    member.groups.add(editors)
    assert member.get_all_permissions() == {"core.change_supportsettings"}
    entry.refresh_from_db()
    assert entry.content_type == ContentType.objects.get_for_model(SupportSettings)
    assert "faq_helpsettings" not in tables()


def test_the_support_contact_goes_back_with_an_older_version():
    site = Site.objects.get(is_default_site=True)
    SupportSettings.objects.create(site=site, support_phone="110", support_hours={"fa": "همیشه"})

    old = migrate(BEFORE)

    found = old.get_model("faq", "HelpSettings").objects.get()
    assert (found.site_id, found.support_phone, str(found.support_hours["fa"])) == (site.pk, "110", "همیشه")
    assert not SupportSettings.objects.exists()
