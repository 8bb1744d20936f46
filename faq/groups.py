"""The roles every installation starts with. Made once; what an administrator changes afterwards stays."""

from __future__ import annotations

from typing import Any, Final

from django.apps import apps
from django.contrib.auth.management import create_permissions
from django.contrib.auth.models import Group, Permission
from django.db import transaction
from wagtail.models import Collection, GroupCollectionPermission, GroupPagePermission, Page

CONTENT_EDITORS: Final = "Content editors"
COMMUNITY_MANAGERS: Final = "Community managers"

_APPS: Final = (
    "wagtailcore",
    "wagtailadmin",
    "wagtailimages",
    "wagtaildocs",
    "wagtailredirects",
    "wagtailmedia",
    "wagtail_localize",
    "faq",
    "catalog",
    "search",
    "wagtailsearchpromotions",
)
_PAGE: Final = ("add", "change", "publish", "lock", "unlock", "bulk_delete")
_COLLECTION: Final = (
    ("wagtailimages", "image", ("add", "change", "choose")),
    ("wagtaildocs", "document", ("add", "change", "choose")),
    ("wagtailmedia", "media", ("add", "change")),  # the library asks for these, whatever the model is
)
_MODELS: Final = (
    ("wagtailadmin", "access_admin"),
    ("wagtail_localize", "submit_translation"),
    *(("wagtailredirects", f"{action}_redirect") for action in ("add", "change", "delete")),
    *(("faq", f"{action}_reusablecontent") for action in ("view", "add", "change", "delete")),
    *(("faq", f"{action}_feedback") for action in ("view", "change")),
    ("search", "view_report"),
    *(("search", f"{action}_synonym") for action in ("view", "add", "change", "delete")),
    *(("wagtailsearchpromotions", f"{action}_searchpromotion") for action in ("add", "change", "delete")),
    *(
        ("catalog", f"{action}_{model}")
        for action in ("view", "add", "change")
        for model in ("product", "productversion", "topic")
    ),
)


@transaction.atomic
def make_groups(**_kwargs: Any) -> None:
    """Content editors: articles, pictures, media, feedback and search, and nothing of customers. Community managers: none yet.

    Runs after every migration; a group that exists is left alone.
    """
    Group.objects.get_or_create(name=COMMUNITY_MANAGERS)
    root, collection = Page.objects.filter(depth=1).first(), Collection.objects.filter(depth=1).first()
    if root is None or collection is None or Group.objects.filter(name=CONTENT_EDITORS).exists():
        return
    for label in _APPS:  # their own turn comes later
        create_permissions(apps.get_app_config(label), verbosity=0)
    group = Group.objects.create(name=CONTENT_EDITORS)
    group.permissions.set([permission for label, code in _MODELS for permission in _permission(label, code)])
    for action in _PAGE:
        for permission in _permission("wagtailcore", f"{action}_page"):
            GroupPagePermission.objects.create(group=group, page=root, permission=permission)
    for label, model, actions in _COLLECTION:
        for action in actions:
            for permission in _permission(label, f"{action}_{model}"):
                GroupCollectionPermission.objects.create(group=group, collection=collection, permission=permission)


def _permission(label: str, code: str) -> list[Permission]:
    return list(Permission.objects.filter(content_type__app_label=label, codename=code))
