"""Roles that every installation starts with, and the rights that each app gives to them.

    # faq/roles.py: the module `roles` of every app is imported
    give(CONTENT_EDITORS, "faq.view_feedback", "faq.change_feedback")

A role is a group. It is created after `migrate`, and every declared right is given to it once: rights declared by a
later version are also given to the groups of existing installations, and a right removed by an administrator is not
given again. Administrators may rename the group; the next `migrate` creates a deleted group again, with all rights.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from django.apps import apps
from django.contrib.auth.management import create_permissions
from django.contrib.auth.models import Group, Permission
from django.db import transaction
from django.utils.translation import gettext_noop
from wagtail.models import Collection, GroupCollectionPermission, GroupPagePermission, Page

from portal.core.models import RoleGroup

if TYPE_CHECKING:
    from collections.abc import Iterable

logger = logging.getLogger(__name__)


class Where(StrEnum):
    """Objects to which a right applies."""

    EVERYWHERE = ""
    #: The whole page tree.
    PAGES = "pages"
    #: Pictures, documents and media in every collection.
    COLLECTIONS = "collections"


@dataclass(frozen=True, slots=True)
class Role:
    """`code` never changes; `name` is the group's name until an administrator renames it."""

    code: str
    name: str


@dataclass(frozen=True, slots=True)
class Right:
    """A Django permission, ``app_label.codename``, and where it applies."""

    permission: str
    where: Where = Where.EVERYWHERE

    def __str__(self) -> str:
        """Return the stored form: it must not change for a right that was ever declared."""
        return f"{self.where}:{self.permission}" if self.where else self.permission

    @property
    def app_label(self) -> str:
        return self.permission.partition(".")[0]


#: Write and publish pages, pictures, media, and related objects. No access to customers' data.
CONTENT_EDITORS: Final = Role("content-editors", gettext_noop("Content editors"))
#: Moderate what customers write.
COMMUNITY_MANAGERS: Final = Role("community-managers", gettext_noop("Community managers"))

#: Rights by role, in the order of declaration.
_rights: Final[dict[Role, dict[Right, None]]] = {CONTENT_EDITORS: {}, COMMUNITY_MANAGERS: {}}


def give(role: Role, *permissions: str, where: Where = Where.EVERYWHERE) -> None:
    """Declare that `role` has `permissions` (``app_label.codename``). Repeating a declaration has no effect."""
    _rights[role].update(dict.fromkeys(Right(permission, where) for permission in permissions))


def actions_on(model: str, *actions: str) -> list[str]:
    """Return Django's permission names for a model: ``actions_on("faq.feedback", "view", "change")``."""
    app_label, name = model.split(".")
    return [f"{app_label}.{action}_{name}" for action in actions]


def rights_of(role: Role) -> list[Right]:
    """Return all rights declared for `role`."""
    return list(_rights[role])


def all_roles() -> list[Role]:
    """Return every role, in the order of declaration."""
    return list(_rights)


def group_of(role: Role) -> Group:
    """Return the group of a role, whatever its current name. Raises `Group.DoesNotExist` before it is created."""
    return Group.objects.get(pk__in=RoleGroup.objects.filter(role=role.code).values("group"))


def make_roles(**kwargs: Any) -> None:
    """Create missing groups and give them the declared rights they were never given; runs after `migrate`.

    Does nothing while tables it needs are missing, as they are between the steps of a migration.
    """
    migrated = kwargs.get("apps", apps)
    if not all(_is_migrated(migrated, model) for model in (RoleGroup, Group, Page, Collection)):
        return
    if not (Page.objects.filter(depth=1).exists() and Collection.objects.filter(depth=1).exists()):
        return
    for role, rights in _rights.items():
        with transaction.atomic():
            _make(role, rights)


def _is_migrated(migrated: Any, model: type[Any]) -> bool:
    try:
        migrated.get_model(model._meta.label)  # noqa: SLF001 - Django's documented model API
    except LookupError:
        return False
    return True


def _make(role: Role, rights: Iterable[Right]) -> None:
    made = RoleGroup.objects.select_for_update(of=("self",)).select_related("group").filter(role=role.code).first()
    if made is None:
        group, _created = Group.objects.get_or_create(name=role.name)
        made = RoleGroup.objects.create(role=role.code, group=group)
    given = set(made.given)
    new = [right for right in rights if str(right) not in given]
    if not new:
        return
    for label in dict.fromkeys(right.app_label for right in new):  # Django creates its permissions after this
        create_permissions(apps.get_app_config(label), verbosity=0)
    made.given = sorted(given.union(str(right) for right in new if _add(made.group, right)))
    made.save(update_fields=["given"])


def _add(group: Group, right: Right) -> bool:
    """Return whether the permission exists; a missing one is tried again after the next `migrate`."""
    app_label, codename = right.permission.split(".")
    permission = Permission.objects.filter(content_type__app_label=app_label, codename=codename).first()
    if permission is None:
        logger.warning("There is no permission %s to give to %s.", right.permission, group)
        return False
    if right.where is Where.PAGES:
        root = Page.objects.get(depth=1)
        GroupPagePermission.objects.get_or_create(group=group, page=root, permission=permission)
    elif right.where is Where.COLLECTIONS:
        root = Collection.objects.get(depth=1)
        GroupCollectionPermission.objects.get_or_create(group=group, collection=root, permission=permission)
    else:
        group.permissions.add(permission)
    return True


# What belongs to no app of ours ---------------------------------------------------------------------------------------

give(CONTENT_EDITORS, "wagtailadmin.access_admin", "wagtail_localize.submit_translation")
give(CONTENT_EDITORS, *actions_on("wagtailredirects.redirect", "add", "change", "delete"))
give(
    CONTENT_EDITORS,
    *actions_on("wagtailcore.page", "add", "change", "publish", "lock", "unlock", "bulk_delete"),
    where=Where.PAGES,
)
give(
    CONTENT_EDITORS,
    *actions_on("wagtailimages.image", "add", "change", "choose"),
    *actions_on("wagtaildocs.document", "add", "change", "choose"),
    *actions_on("wagtailmedia.media", "add", "change"),  # the library checks for these, whatever the model is
    where=Where.COLLECTIONS,
)
