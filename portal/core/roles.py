"""The roles an installation begins with, and which rights each app gives to them.

    # faq/roles.py: a module `roles` is found in every app
    give(CONTENT_EDITORS, "faq.view_feedback", "faq.change_feedback")

A role is a group. It is made after `migrate`, and every declared right is given to it once: rights that a later version
declares are given to the groups of older installations too, and what an administrator takes away is not given again.
An administrator may rename the group; one that is deleted is made anew, with all rights, after the next `migrate`.
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
from wagtail.models import Collection, GroupCollectionPermission, GroupPagePermission, Page

from portal.core.models import RoleGroup

if TYPE_CHECKING:
    from collections.abc import Iterable

logger = logging.getLogger(__name__)


class Where(StrEnum):
    """What a right is for."""

    EVERYWHERE = ""
    #: The whole tree of pages.
    PAGES = "pages"
    #: Pictures, documents and media in every collection.
    COLLECTIONS = "collections"


@dataclass(frozen=True, slots=True)
class Role:
    """`code` never changes; `name` is what the group is called until an administrator renames it."""

    code: str
    name: str


@dataclass(frozen=True, slots=True)
class Right:
    """A Django permission, ``app_label.codename``, and where it holds."""

    permission: str
    where: Where = Where.EVERYWHERE

    def __str__(self) -> str:
        """How it is remembered: never changes for a right that was once declared."""
        return f"{self.where}:{self.permission}" if self.where else self.permission

    @property
    def app_label(self) -> str:
        return self.permission.partition(".")[0]


#: Write and publish: pages, pictures, media, and what belongs to them. Nothing of customers.
CONTENT_EDITORS: Final = Role("content-editors", "Content editors")
#: Look after what customers write.
COMMUNITY_MANAGERS: Final = Role("community-managers", "Community managers")

#: Rights by role, in the order of declaration.
_rights: Final[dict[Role, dict[Right, None]]] = {CONTENT_EDITORS: {}, COMMUNITY_MANAGERS: {}}


def give(role: Role, *permissions: str, where: Where = Where.EVERYWHERE) -> None:
    """Declare that members of `role` have `permissions` (``app_label.codename``). Repeating a declaration is harmless."""
    _rights[role].update(dict.fromkeys(Right(permission, where) for permission in permissions))


def actions_on(model: str, *actions: str) -> list[str]:
    """``actions_on("faq.feedback", "view", "change")``: the names of Django's permissions for a model."""
    app_label, name = model.split(".")
    return [f"{app_label}.{action}_{name}" for action in actions]


def rights_of(role: Role) -> list[Right]:
    """All rights declared for `role`."""
    return list(_rights[role])


def group_of(role: Role) -> Group:
    """The group of a role, whatever it is called by now. Raises `Group.DoesNotExist` while it was not made."""
    return Group.objects.get(pk__in=RoleGroup.objects.filter(role=role.code).values("group"))


def make_roles(**kwargs: Any) -> None:
    """Make the groups that are missing and give them the declared rights they were never given; runs after `migrate`.

    Nothing happens while the tables it needs are missing, as between the steps of a migration.
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
    for label in dict.fromkeys(right.app_label for right in new):  # Django's own turn comes after ours
        create_permissions(apps.get_app_config(label), verbosity=0)
    made.given = sorted(given.union(str(right) for right in new if _add(made.group, right)))
    made.save(update_fields=["given"])


def _add(group: Group, right: Right) -> bool:
    """Returns whether the permission exists; one that does not is tried again after the next `migrate`."""
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
    *actions_on("wagtailmedia.media", "add", "change"),  # the library asks for these, whatever the model is
    where=Where.COLLECTIONS,
)
