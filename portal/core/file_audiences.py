"""Who may fetch a stored file: those who may see at least one place that shows it; nobody but staff if there is none.

    register(HelpMedia, fields=("file", "thumbnail", "captions"))     apps.py: its files are where the editors put it
    register(Attachment, fields=("file",), audiences=of_attachments)  apps.py: the app says itself who sees its files
    refresh(Attachment, [attachment.pk])                              the service that changed it, in its transaction
    shown_with(ReusableContent)                                       apps.py: what it shows is seen where it is used
    shown_to(SiteBrand, PUBLIC)                                       apps.py: what it shows is seen by everybody

`FileAudience` holds the answer for each object with files and `StoredFile` the paths of these files, so that a request
costs one query or, while nothing changes, none (`audiences_at`). Where a picture, a document or a recording is shown is
read from Wagtail's reference index. Everything that changes an answer computes it anew in the same transaction: pages
that are stored, unpublished, moved, restricted or deleted, and parts of pages that are saved or deleted.

Two transactions that change the places of one file compute its answer one after the other: the row is locked first, and
what it rests on is read afterwards. `portal.core.file_check` finds what differs nevertheless. See docs/decisions/0022-files.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from django.db import transaction
from django.db.models.signals import post_delete, post_save, pre_delete, pre_save
from wagtail.documents import get_document_model
from wagtail.images import get_image_model
from wagtail.models import Collection, CollectionViewRestriction, Page, ReferenceIndex
from wagtail.users.models import UserProfile

from portal.core.audience import PUBLIC, STAFF, Audience, audience_keys
from portal.core.file_places import PORTION, base_type, holders, portions, shown_by, where_shown
from portal.core.memo import Memo
from portal.core.models import FileAudience, StoredFile
from portal.core.pages import inherited_changed, page_changes, page_has_changed
from portal.core.scopes import content_changed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from collections.abc import Collection as Some

    from django.db.models import Model

    from portal.core.file_places import Node
    from portal.core.pages import AnyUser, PortalPage

    #: Returns the audiences that see an object, by primary key; objects left out are seen by staff only.
    Audiences = Callable[[type[Model], Some[Any]], Mapping[Any, Iterable[str]]]

#: Scope of everything that is known about files (`portal.core.scopes`).
FILES: Final = "files"


@dataclass(frozen=True, slots=True)
class FileKind:
    """A model whose objects have files."""

    model: type[Model]
    fields: tuple[str, ...]
    audiences: Audiences
    #: Model of the files made from the object (its foreign key is `image`), or None.
    renditions: type[Model] | None = None

    @property
    def name(self) -> str:
        return self.model._meta.label_lower  # noqa: SLF001 - Django's documented model API


kinds: Final[dict[str, FileKind]] = {}


# Declarations --------------------------------------------------------------------------------------------------------


def register(
    model: type[Model],
    *,
    fields: tuple[str, ...],
    audiences: Audiences | None = None,
    renditions: type[Model] | None = None,
) -> None:
    """Declare that objects of `model` have files in these fields, or made from them as `renditions`.

    Without `audiences` an object is where editors put it (`file_places.where_shown`). With it, the app says who sees an object,
    and calls `refresh` when that changes.
    """
    kind = FileKind(model, fields, audiences or where_shown, renditions)
    kinds[kind.name] = kind
    post_save.connect(_object_saved, sender=model, dispatch_uid="core.files")
    post_delete.connect(_object_deleted, sender=model, dispatch_uid="core.files")
    if renditions is not None:
        post_delete.connect(_rendition_deleted, sender=renditions, dispatch_uid="core.files")


def shown_with(model: type[Model]) -> None:
    """Declare that objects of `model` are parts of pages: who sees a page that refers to one sees the files it shows."""
    _hold(model, None)


def shown_to(model: type[Model], audience: str) -> None:
    """Declare that what objects of `model` show is seen by `audience`, such as a logo in the settings."""
    _hold(model, str(Audience.parse(audience)))


def _hold(model: type[Model], audience: str | None) -> None:
    holders[model] = audience
    for signal in (pre_save, pre_delete):
        signal.connect(_holder_changes, sender=model, dispatch_uid="core.files")
    post_save.connect(_holder_saved, sender=model, dispatch_uid="core.files")
    post_delete.connect(_holder_deleted, sender=model, dispatch_uid="core.files")


def connect() -> None:
    """Declare the files of Wagtail and listen to pages; called once when the apps are ready."""
    image = get_image_model()
    # Originals of pictures are not among the files: nobody gets them, only what was made from them.
    register(image, fields=(), renditions=image.get_rendition_model())
    register(get_document_model(), fields=("file",))
    register(UserProfile, fields=("avatar",), audiences=lambda _model, _ids: {})
    page_changes.connect(_page_changes, dispatch_uid="core.files")
    page_has_changed.connect(_page_has_changed, dispatch_uid="core.files")
    inherited_changed.connect(_pages_inherited, dispatch_uid="core.files")
    pre_delete.connect(_page_is_deleted, sender=Page, dispatch_uid="core.files")
    post_delete.connect(_page_has_changed, sender=Page, dispatch_uid="core.files")
    for signal in (post_save, post_delete):
        signal.connect(_collections_changed, sender=CollectionViewRestriction, dispatch_uid="core.files")
    post_save.connect(_collections_changed, sender=Collection, dispatch_uid="core.files")


# Answers -------------------------------------------------------------------------------------------------------------


class _NoFileError(Exception):
    """Raised inside the cache for an unknown path: those are not cached, since their number is unlimited."""


_answers: Memo[tuple[str, ...]] = Memo(max_size=4096, scopes=(FILES,))


def audiences_at(path: str) -> tuple[str, ...] | None:
    """Return the audiences that may fetch the file with this storage path, or None if no object has it.

    Each of them is enough; staff always may. At most one query.
    """
    return _cached(("path", path), StoredFile.objects.filter(path=path))


def document_at(document_id: str) -> tuple[str, tuple[str, ...]] | None:
    """Return the storage path of a document's file and the audiences that may fetch it, or None. One query."""
    kind = get_document_model()._meta.label_lower  # noqa: SLF001 - Django's documented model API
    rows = StoredFile.objects.filter(owner__kind=kind, owner__object_id=document_id)
    for path, audiences in rows.values_list("path", "owner__audiences"):
        return path, _split(audiences)
    return None


def admits(audiences: Iterable[str], user: AnyUser) -> bool:
    """Return whether one of the audiences admits this person."""
    keys = audience_keys(user)
    return STAFF in keys or any(Audience.parse(audience).admits(keys) for audience in audiences)


def adopt(path: str) -> bool:
    """Enter a file of a picture that was made but not entered yet, and return whether there is one.

    Wagtail makes several at once without telling anybody. Call it for files that exist; costs a scan of their table.
    """
    for kind in kinds.values():
        if kind.renditions is None:
            continue
        found = kind.renditions._default_manager.filter(file=path).values_list("image_id", flat=True)[:1]  # noqa: SLF001
        for object_id in found:
            refresh(kind.model, [object_id])
            enter(kind.name, {path: str(object_id)})
            return True
    return False


def _cached(key: tuple[str, str], rows: Any) -> tuple[str, ...] | None:
    def read() -> tuple[str, ...]:
        audiences = rows.values_list("owner__audiences", flat=True).first()
        if audiences is None:
            raise _NoFileError
        return _split(audiences)

    try:
        return _answers.get(key, read)
    except _NoFileError:
        return None


# Computing -----------------------------------------------------------------------------------------------------------


def refresh(model: type[Model], pks: Iterable[Any]) -> int:
    """Compute anew who may fetch the files of these objects; return for how many the answer changed.

    Call it in the transaction of the change, after it. Repeating it is harmless.
    """
    return refresh_all({model._meta.label_lower: {str(pk) for pk in pks}})  # noqa: SLF001


@transaction.atomic
def refresh_all(objects: Mapping[str, Some[str]]) -> int:
    """Compute the answers of these objects, keys by kind. Rows are locked in one order, before anything is read."""
    changed = 0
    for name in sorted(objects):
        kind = kinds[name]
        for portion in portions(sorted(objects[name])):
            rows = locked(name, portion)
            missing = set(portion) - {row.object_id for row in rows}
            if missing:
                there = kind.model._base_manager.filter(pk__in=missing).values_list("pk", flat=True)  # noqa: SLF001
                new = [FileAudience(kind=name, object_id=str(pk)) for pk in there]
                FileAudience.objects.bulk_create(new, ignore_conflicts=True)
                rows = locked(name, portion) if new else rows
            found = {str(pk): value for pk, value in kind.audiences(kind.model, _keys(kind, rows)).items()}
            other = []
            for row in rows:
                audiences = joined(found.get(row.object_id, ()))
                if audiences != row.audiences:
                    row.audiences = audiences
                    other.append(row)
            if other:
                FileAudience.objects.bulk_update(other, ["audiences"], batch_size=PORTION)
                changed += len(other)
    if changed:
        content_changed(FILES)
    return changed


def locked(name: str, pks: Some[str]) -> list[FileAudience]:
    rows = FileAudience.objects.filter(kind=name, object_id__in=pks)
    return list(rows.select_for_update(no_key=True).order_by("pk"))


def _keys(kind: FileKind, rows: Iterable[FileAudience]) -> list[Any]:
    key = kind.model._meta.pk  # noqa: SLF001
    assert key is not None  # noqa: S101 - every model has one
    return [key.to_python(row.object_id) for row in rows]


def joined(audiences: Iterable[str]) -> str:
    """Return the audiences as stored: one a line, without those that say nothing more."""
    texts = {str(Audience.parse(audience)) for audience in audiences}
    return PUBLIC if PUBLIC in texts else "\n".join(sorted(texts - {STAFF}))


def _split(audiences: str) -> tuple[str, ...]:
    return tuple(audiences.splitlines())


# What happens ---------------------------------------------------------------------------------------------------------


def _shown_by(*nodes: Node) -> dict[str, set[str]]:
    return shown_by(nodes, {base_type(kind.model): kind.name for kind in kinds.values()})


def _page_changes(*, page: PortalPage, **_kwargs: Any) -> None:
    page._files_before = _shown_by((base_type(Page), str(page.pk))) if page.pk else {}  # noqa: SLF001 - for the next receiver


def _page_is_deleted(*, instance: Page, **_kwargs: Any) -> None:
    instance._files_before = _shown_by((base_type(Page), str(instance.pk)))  # noqa: SLF001 - for the next receiver


def _page_has_changed(*, page: Page | None = None, instance: Page | None = None, **_kwargs: Any) -> None:
    """Answer anew for what the page showed and for what it shows now; Wagtail has updated the reference index."""
    changed = page or instance
    assert changed is not None  # noqa: S101 - both signals name the page
    before: dict[str, set[str]] = changed.__dict__.pop("_files_before", {})
    if page is not None:
        node = (base_type(Page), str(page.pk))
        _lock_holders(node)
        before = _both(before, _shown_by(node))
    if before:
        refresh_all(before)


def _lock_holders(node: Node) -> None:
    """Lock the parts of a page: somebody may be changing what they show, and could not know of this page."""
    for holder in sorted(holders, key=lambda model: model._meta.label):  # noqa: SLF001
        used = ReferenceIndex.objects.filter(
            base_content_type_id=node[0], object_id=node[1], to_content_type_id=base_type(holder)
        )
        pks = set(used.values_list("to_object_id", flat=True))
        if pks:
            list(holder._base_manager.select_for_update(no_key=True).filter(pk__in=pks).order_by("pk").values("pk"))  # noqa: SLF001


def _pages_inherited(*, page_ids: Iterable[int], **_kwargs: Any) -> None:
    page_type = base_type(Page)
    if shown := _shown_by(*((page_type, str(pk)) for pk in page_ids)):
        refresh_all(shown)


def _holder_changes(*, instance: Model, raw: bool = False, **_kwargs: Any) -> None:
    if instance.pk and not raw:
        instance._files_before = _shown_by((base_type(type(instance)), str(instance.pk)))  # type: ignore[attr-defined]  # noqa: SLF001 - for the next receiver


def _holder_saved(*, instance: Model, raw: bool = False, **_kwargs: Any) -> None:
    if raw:
        return
    with transaction.atomic():
        ReferenceIndex.create_or_update_for_object(type(instance)._base_manager.get(pk=instance.pk))  # noqa: SLF001
        before = instance.__dict__.pop("_files_before", {})
        if shown := _both(before, _shown_by((base_type(type(instance)), str(instance.pk)))):
            refresh_all(shown)


def _holder_deleted(*, instance: Model, **_kwargs: Any) -> None:
    with transaction.atomic():
        ReferenceIndex.remove_for_object(instance)
        if before := instance.__dict__.pop("_files_before", {}):
            refresh_all(before)


def _both(one: Mapping[str, set[str]], other: Mapping[str, set[str]]) -> dict[str, set[str]]:
    return {name: one.get(name, set()) | other.get(name, set()) for name in one.keys() | other.keys()}


def _object_saved(*, instance: Model, raw: bool = False, **_kwargs: Any) -> None:
    """Enter the files of an object that was saved."""
    if raw:
        return
    kind = kinds[type(instance)._meta.label_lower]  # noqa: SLF001
    with transaction.atomic():
        refresh(kind.model, [instance.pk])
        if kind.fields:
            paths = {str(value.name) for name in kind.fields if (value := getattr(instance, name))}
            gone = StoredFile.objects.filter(owner__kind=kind.name, owner__object_id=str(instance.pk))
            if gone.exclude(path__in=paths).delete()[0]:
                content_changed(FILES)
            enter(kind.name, dict.fromkeys(paths, str(instance.pk)))


def _object_deleted(*, instance: Model, **_kwargs: Any) -> None:
    name = type(instance)._meta.label_lower  # noqa: SLF001
    if FileAudience.objects.filter(kind=name, object_id=str(instance.pk)).delete()[0]:
        content_changed(FILES)


def _rendition_deleted(*, instance: Any, **_kwargs: Any) -> None:
    if StoredFile.objects.filter(path=instance.file.name).delete()[0]:
        content_changed(FILES)


def enter(name: str, paths: Mapping[str, str]) -> None:
    """Store paths with the keys of their objects, which have answers already. One path belongs to one object."""
    known = set(StoredFile.objects.filter(path__in=paths).values_list("path", flat=True))
    new = {path: pk for path, pk in paths.items() if path not in known}
    if not new:
        return
    owners = dict(
        FileAudience.objects.filter(kind=name, object_id__in=set(new.values())).values_list("object_id", "pk")
    )
    rows = [StoredFile(path=path, owner_id=owners[pk]) for path, pk in new.items() if pk in owners]
    StoredFile.objects.bulk_create(rows, ignore_conflicts=True)


def _collections_changed(*, instance: Model, raw: bool = False, **_kwargs: Any) -> None:
    """Answer anew for everything in a collection, and below it, whose restrictions or place may have changed."""
    if raw or (isinstance(instance, Collection) and not CollectionViewRestriction.objects.exists()):
        return
    collection = instance if isinstance(instance, Collection) else getattr(instance, "collection", None)
    for kind in kinds.values():
        if collection is not None and hasattr(kind.model, "collection"):
            there = kind.model._base_manager.filter(collection__path__startswith=collection.path)  # noqa: SLF001
            refresh(kind.model, there.values_list("pk", flat=True))
