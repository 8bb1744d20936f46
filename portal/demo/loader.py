"""The steps that load the demo, called by `manage.py load_demo` and the tests."""

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
from portal.core.file_check import check
from portal.core.models import OutboxMessage
from portal.core.scopes import content_changed
from portal.demo import pictures, sounds
from portal.demo.answers import load_answers
from portal.demo.captured import load_captured
from portal.demo.catalogue import load_catalogue
from portal.demo.community import load_community
from portal.demo.downloads import load_downloads
from portal.demo.feedback import load_feedback
from portal.demo.messages import load_messages
from portal.demo.offers import load_offers
from portal.demo.people import load_people
from portal.demo.rewards import load_rewards
from portal.demo.searches import load_searches
from portal.demo.site import DemoSite
from portal.demo.troubleshooters import load_troubleshooters
from portal.demo.upkeep import load_upkeep
from portal.home.models import HomePage, InfoPage
from search import registry, services
from search.activity.popular import renew_popular
from search.events import EntriesChanged, PageTreeChanged

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ARTICLES_FOLDER: Final = Path(__file__).resolve().parent / "content" / "articles"
#: Apparent age in days of the newest article, whenever the demo is loaded.
_NEWEST_DAYS: Final = 2


@dataclass(frozen=True, slots=True)
class DemoReport:
    """Result of loading the demo: the report on articles, and the number of answers."""

    articles: ImportReport
    feedback: int


def is_site_empty() -> bool:
    """Return whether there is nothing the demo could be mixed up with: no home page, no article, no account."""
    return not (HomePage.objects.exists() or ArticlePage.objects.exists() or User.objects.exists())


def load(*, progress: Callable[[str, int, int | None], None] | None = None) -> DemoReport:
    """Load everything; what exists already stays. `progress` gets the name of a step, how much is done, and of how
    much.

    Runs in one transaction: an interrupted load leaves nothing behind. Search is notified once, at the end.
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
            load_downloads()  # an article shows the newest release of one
            articles = import_articles(
                ARTICLES_FOLDER,
                user=editor,
                pictures=Path(folder),
                progress=lambda done, total: tell("articles", done, total),
            )
            _make_recent()
            tell("feedback", 0, None)
            feedback = load_feedback()
            load_upkeep(editor)
            weigh_votes()
            tell("searches", 0, None)
            load_searches()
            load_answers(editor)
            tell("community", 0, None)
            load_community()
            load_captured(editor)
            load_messages()
            load_rewards()
            load_offers()
            load_troubleshooters()
            content_changed()
            tell("search", 0, None)
        renew_popular()  # tries frequent questions, now that the articles can be found
    return DemoReport(articles, feedback)


def _make_recent() -> None:
    """Shift all dates of publication by the same number of whole days, so that the newest is two days old.

    Forward or back; a second load finds nothing to shift.
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
    """Have Wagtail's reference index written once per page instead of after each save."""
    with disable_reference_index_auto_update():
        yield
    for model in (HomePage, InfoPage, HelpIndexPage, TopicPage, ArticlePage):
        for page in model.objects.all():
            ReferenceIndex.create_or_update_for_object(page)
    check(mend=True)  # who may fetch which file follows from the references


@contextmanager
def _announced_together() -> Iterator[None]:
    """Announce all changes to search at once, instead of each page several times. Inside the transaction."""
    before = OutboxMessage.objects.aggregate(last=Max("pk"))["last"] or 0
    yield
    piecemeal = [EntriesChanged.name, PageTreeChanged.name]
    OutboxMessage.objects.filter(pk__gt=before, event__in=piecemeal).delete()
    for document in registry.all_documents():
        services.announce(kind=document.name, object_ids=list(document.get_queryset().values_list("pk", flat=True)))
