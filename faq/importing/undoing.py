"""Taking back a whole import: what it made is removed, what it changed returns to the former version.

What somebody edited since is left alone and named. What happened is read from the log of pages, which is written with each of
them: an import that was cut short can be undone, too.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from django.apps import apps
from django.db import transaction
from django.db.models import ProtectedError
from wagtail.actions.move_page import MovePageAction
from wagtail.log_actions import log
from wagtail.models import Page, PageLogEntry, ReferenceIndex, Revision

from faq.importing.history import LOG_ACTION
from faq.importing.old_paths import leave
from faq.importing.writing import Turns, free_slug
from faq.models import ArticlePage, TopicPage

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable

    from portal.accounts.models import User

_ACTIONS: Final = ("wagtail.create", LOG_ACTION)


@dataclass(slots=True)
class Undone:
    """What became of the pages of an import. `left` are the titles of those that were edited since."""

    removed: int = 0
    restored: int = 0
    left: list[str] = field(default_factory=list)


def undo_import(
    run: int, *, since: dt.datetime, by: User | None, progress: Callable[[int, int | None], None] | None = None
) -> Undone:
    """Take back what the import with this number did since `since`. Repeating it is harmless."""
    result, turns = Undone(), Turns()
    entries = PageLogEntry.objects.filter(action__in=_ACTIONS, timestamp__gte=since, data__import=run)
    of_page: dict[int, list[PageLogEntry]] = {}
    for entry in entries.order_by("timestamp", "pk"):
        of_page.setdefault(entry.page_id, []).append(entry)
    articles = dict(ArticlePage.objects.filter(pk__in=of_page).values_list("pk", "title"))
    for number, pk in enumerate(articles, start=1):
        with turns.writing(), transaction.atomic():
            _undo_article(pk, of_page[pk], result, run=run, by=by)
        if progress is not None:
            progress(number, len(articles))
    for pk in TopicPage.objects.filter(pk__in=of_page).order_by("-depth").values_list("pk", flat=True):
        topic = TopicPage.objects.get(pk=pk)
        with transaction.atomic():
            _undo_topic(topic, of_page[topic.pk][-1])
    _remove_files([entry for some in of_page.values() for entry in some])
    return result


def _undo_article(pk: int, entries: list[PageLogEntry], result: Undone, *, run: int, by: User | None) -> None:
    page = ArticlePage.objects.select_for_update(of=("self",)).get(pk=pk)
    if PageLogEntry.objects.filter(page=pk, action=LOG_ACTION, data__undoes=run).exists():
        return  # the undoing was cut short, and goes on
    if page.locked or page.latest_revision_id not in {None, entries[-1].revision_id}:
        result.left.append(page.title)
        return
    written = [entry for entry in entries if entry.action == LOG_ACTION]
    if len(written) < len(entries) or written[0].data.get("made"):
        page.delete()
        result.removed += 1
        return
    before = written[0].data
    former = Revision.objects.filter(pk=before.get("former")).first()
    if former is None:  # it was purged
        result.left.append(page.title)
        return
    _restore(page, former, before, by)
    leave(page.pk, before.get("old_paths", []), since=entries[0].timestamp)
    page.refresh_from_db()
    log(
        instance=page, action=LOG_ACTION, user=by, revision=page.latest_revision, content_changed=True,
        data={"content": before.get("former_content", ""), "published": page.live, "undoes": run},
    )  # fmt: skip
    result.restored += 1


def _restore(page: ArticlePage, former: Revision, before: dict[str, Any], by: User | None) -> None:
    """Make the former version the newest one, and what was published published again, where it was."""
    above = Page.objects.filter(pk=before.get("below")).first()
    if above is not None and page.get_parent().pk != above.pk:
        page.slug = free_slug(above, former.content["slug"], page.pk)  # the one it has may be taken there
        page.save(update_fields=["slug"])
        MovePageAction(page, above, pos="last-child", user=by).execute(skip_permission_checks=True)
    live = Revision.objects.filter(pk=before.get("former_live")).first()
    if live is None and page.live:
        page.unpublish(user=by)
        former.as_object().save(clean=False)  # the row held the draft, too
    if live is not None:
        shown = live.as_object().save_revision(user=by, previous_revision=live, log_action=True, clean=False)
        shown.publish(user=by, previous_revision=live, skip_permission_checks=True)
    if live is None or live.pk != former.pk:
        former.as_object().save_revision(user=by, previous_revision=former, log_action=True, clean=False)


def _undo_topic(topic: TopicPage, last: PageLogEntry) -> None:
    """Remove a topic that the import made, if nothing is below it and nobody edited it."""
    code = topic.topic
    if topic.numchild or topic.latest_revision_id not in {None, last.revision_id}:
        return
    topic.delete()
    if not code.pages.exists():
        with suppress(ProtectedError), transaction.atomic():
            code.delete()


def _remove_files(entries: list[PageLogEntry]) -> None:
    """Remove the pictures and recordings that came with it and are shown nowhere any more."""
    for label, pk in {tuple(file) for entry in entries for file in entry.data.get("files", ())}:
        found = apps.get_model(label).objects.filter(pk=pk).first()
        if found is not None and not ReferenceIndex.get_references_to(found).exists():
            found.delete()
