"""The demo, step by step: what `manage.py load_demo` and the tests call."""

from __future__ import annotations

import datetime as dt
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from django.db import transaction
from django.db.models import F, Max
from django.utils import timezone
from wagtail.models import Page, ReferenceIndex
from wagtail.signal_handlers import disable_reference_index_auto_update

from faq.importing import ImportReport, import_articles
from faq.models import ArticlePage, HelpIndexPage, TopicPage
from faq.services import weigh_votes
from portal.accounts.models import User
from portal.core.models import OutboxMessage
from portal.core.scopes import content_changed
from portal.demo import pictures, sounds
from portal.demo.answers import load_answers
from portal.demo.catalogue import load_catalogue
from portal.demo.feedback import load_feedback
from portal.demo.people import load_people
from portal.demo.searches import load_searches
from portal.demo.site import DemoSite
from portal.home.models import HomePage, InfoPage
from search import registry, services
from search.activity.popular import renew_popular
from search.events import EntriesChanged, PageTreeChanged

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ARTICLES_FOLDER: Final = Path(__file__).resolve().parent / "content" / "articles"
#: The newest article looks this old, whenever the demo is loaded.
_NEWEST_DAYS: Final = 2


@dataclass(frozen=True, slots=True)
class DemoReport:
    """What was loaded."""

    articles: ImportReport
    feedback: int


def is_site_empty() -> bool:
    """Whether nothing would be mixed with the demo: no home page, no article, nobody with an account."""
    return not (HomePage.objects.exists() or ArticlePage.objects.exists() or User.objects.exists())


def load(*, progress: Callable[[str, int, int | None], None] | None = None) -> DemoReport:
    """Load everything; what is there already stays. `progress` gets the step's name, how much is done, and of how much.

    One transaction: an interrupted load leaves nothing half done. Search hears of everything once, at the end.
    """
    tell = progress or (lambda _step, _done, _total: None)
    with tempfile.TemporaryDirectory(prefix="demo-") as folder:
        for number, name in enumerate(pictures.PICTURES, start=1):
            pictures.draw(name).save(Path(folder) / name)
            tell("pictures", number, len(pictures.PICTURES))
        sounds.make_all(Path(folder))
        with transaction.atomic(), _announced_together(), _references_counted_once():
            tell("people and products", 0, None)
            load_catalogue()
            editor = load_people()
            DemoSite(editor).load()
            articles = import_articles(
                ARTICLES_FOLDER,
                user=editor,
                pictures=Path(folder),
                progress=lambda done, total: tell("articles", done, total),
            )
            _make_recent()
            tell("feedback", 0, None)
            feedback = load_feedback()
            weigh_votes()
            tell("searches", 0, None)
            load_searches()
            load_answers(editor)
            content_changed()
            tell("search", 0, None)
        renew_popular()  # what many ask is tried, now that it can be found
    return DemoReport(articles, feedback)


def _make_recent() -> None:
    """Move all dates of publication by the same time, so that the newest is two days old.

    Only forward or back by whole days; a second load finds nothing to move.
    """
    newest = ArticlePage.objects.aggregate(newest=Max("last_published_at"))["newest"]
    if newest is None:
        return
    shift = dt.timedelta(days=(timezone.localdate() - timezone.localdate(newest)).days - _NEWEST_DAYS)
    if shift:
        pages = Page.objects.filter(pk__in=ArticlePage.objects.values("pk"))
        pages.update(
            last_published_at=F("last_published_at") + shift,
            first_published_at=F("first_published_at") + shift,
        )


@contextmanager
def _references_counted_once() -> Iterator[None]:
    """Wagtail's list of what refers to what is written once per page, not after each of its savings."""
    with disable_reference_index_auto_update():
        yield
    for model in (HomePage, InfoPage, HelpIndexPage, TopicPage, ArticlePage):
        for page in model.objects.all():
            ReferenceIndex.create_or_update_for_object(page)


@contextmanager
def _announced_together() -> Iterator[None]:
    """Announce everything to search once, instead of each page several times. Inside the transaction of the changes."""
    before = OutboxMessage.objects.aggregate(last=Max("pk"))["last"] or 0
    yield
    piecemeal = [EntriesChanged.name, PageTreeChanged.name]
    OutboxMessage.objects.filter(pk__gt=before, event__in=piecemeal).delete()
    for document in registry.all_documents():
        services.announce(kind=document.name, object_ids=list(document.get_queryset().values_list("pk", flat=True)))
