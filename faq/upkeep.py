"""Keeping articles true: what was published, which translations lag behind, and who looks at what again, and when.

A major change of an article, in any language, marks its translations out of date (`TranslationDebt`) until they are
published or confirmed. Reviews change no version of an article, so nobody's draft and nothing that readers see.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.db import transaction
from django.db.models import OuterRef, Subquery
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.utils.translation import gettext as _
from django.utils.translation import pgettext
from wagtail.log_actions import log
from wagtail.permissions import page_permission_policy
from wagtail_localize.models import Translation

from faq.models import ArticlePage, Publication, Significance, TranslationDebt, family_scope
from portal.core.mail import send_mail
from portal.core.scopes import content_changed

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from uuid import UUID

    from django.db.models import QuerySet
    from wagtail.models import Page, Revision

    from faq.models import ArticlePageQuerySet
    from portal.accounts.models import User
    from portal.core.pages import AnyUser

#: Name of the entry in the log of a page.
CONFIRMED: Final = "faq.confirmed"
#: Articles named in one mail.
IN_MAIL: Final = 15
#: Who publishes so much has read the whole article.
_LOOKED_AT: Final = (Significance.MEDIUM, Significance.MAJOR)


def may_edit_any(user: AnyUser) -> bool:
    """Return whether somebody may change any page at all."""
    return bool(page_permission_policy.user_has_permission(user, "change"))


def editable_by(user: AnyUser) -> ArticlePageQuerySet:
    """Return the articles that somebody may change, published or not."""
    pages = page_permission_policy.instances_user_has_permission_for(user, "change")
    return ArticlePage.objects.filter(pk__in=pages.order_by().values("pk"))


# States of translations -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class LanguageState:
    """What there is of an article in one language; `article_id` is None if there is nothing."""

    language: str
    article_id: int | None
    text: str
    is_late: bool


def language_states(families: Collection[UUID]) -> dict[UUID, list[LanguageState]]:
    """Return the states of articles in every language of the portal, by translation key; one query."""
    versions = (
        ArticlePage.objects.filter(translation_key__in=families)
        .order_by()
        .values_list("translation_key", "locale__language_code", "pk", "live", "has_unpublished_changes", "debt__since")
    )
    found: dict[tuple[UUID, str], LanguageState] = {}
    names = dict(settings.LANGUAGES)
    for family, language, article_id, is_live, has_draft, late_since in versions:
        is_late = bool(is_live and late_since)
        text = _state_in_words(is_live=is_live, has_draft=has_draft, is_late=is_late)
        found[family, language] = LanguageState(str(names.get(language, language)), article_id, text, is_late)
    return {
        family: [
            found.get((family, code)) or LanguageState(str(name), None, _("missing"), is_late=False)
            for code, name in settings.LANGUAGES
        ]
        for family in families
    }


def with_late_since(pages: QuerySet[Page]) -> QuerySet[Page]:
    """Add to pages of any kind since when they lag behind another language (`late_since`); None for most. No query."""
    return pages.annotate(late_since=Subquery(TranslationDebt.objects.filter(article=OuterRef("pk")).values("since")))


def _state_in_words(*, is_live: bool, has_draft: bool, is_late: bool) -> str:
    if is_late:
        return _("out of date")
    if not is_live:
        return _("draft")
    return _("published, with a newer draft") if has_draft else pgettext("state of an article", "published")


# Publishing -----------------------------------------------------------------------------------------------------------


@transaction.atomic
def note_publication(article: ArticlePage, revision: Revision) -> None:
    """Record what changed with a version, when it is published for the first time, and what follows from it."""
    significance, note = article.change_significance, article.change_note
    _publication, is_new = Publication.objects.get_or_create(
        article=article,
        revision_number=revision.pk,
        defaults={
            "significance": significance,
            "note": note,
            "published_at": article.last_published_at or timezone.now(),
            "audience": article.effective_audience,
            "by_id": revision.user_id,
        },
    )
    if not is_new:
        return
    changes: dict[str, object] = {}
    if significance or note:
        changes |= {"change_significance": "", "change_note": ""}
    if significance in _LOOKED_AT:
        changes["next_review_on"] = article.review_date_after(timezone.localdate())
    if changes:
        ArticlePage.objects.filter(pk=article.pk).update(**changes)
    if not _pay_debt(article, significance) and significance == Significance.MAJOR:
        _mark_translations(article)


def _mark_translations(article: ArticlePage) -> None:
    """Mark the translations of an article out of date; one that already was stays so since then."""
    others = ArticlePage.objects.filter(translation_key=article.translation_key, alias_of=None).exclude(pk=article.pk)
    now = timezone.now()
    debts = [TranslationDebt(article_id=pk, source=article, since=now) for pk in others.values_list("pk", flat=True)]
    if TranslationDebt.objects.bulk_create(debts, ignore_conflicts=True):
        content_changed(family_scope(article.translation_key))


def _pay_debt(article: ArticlePage, significance: str) -> bool:
    """Note that a translation was published; return whether it was out of date. It still is after a small change.

    It is brought up to date by catching up, which is no news for the other languages, however much changed in it.
    """
    debt = TranslationDebt.objects.filter(article=article).first()
    if debt is None:
        return False
    if significance != Significance.TYPO and _says_everything(article, debt.since):
        debt.delete()
        content_changed(family_scope(article.translation_key))
    return True


def _says_everything(article: ArticlePage, since: dt.datetime) -> bool:
    """Return whether a translation made with the translation tool was made of the changed text, and completely.

    One without the tool is up to whoever publishes it.
    """
    translation = (
        Translation.objects.filter(
            source__object_id=article.translation_key, target_locale=article.locale_id, enabled=True
        )
        .select_related("source")
        .first()
    )
    if translation is None:
        return True
    texts, translated = translation.get_progress()
    return bool(translation.source.last_updated_at >= since and translated >= texts)


@transaction.atomic
def confirm_translations(*, article_ids: Collection[int], by: User) -> int:
    """Note that translations are right as they are, though another language changed. Returns how many were marked."""
    debts = TranslationDebt.objects.filter(article__in=editable_by(by).filter(pk__in=article_ids))
    found = list(debts.select_related("article"))
    for debt in found:
        log(instance=debt.article, action=CONFIRMED, user=by)
        content_changed(family_scope(debt.article.translation_key))
    TranslationDebt.objects.filter(pk__in=[debt.pk for debt in found]).delete()
    return len(found)


# Reviewing ------------------------------------------------------------------------------------------------------------


def due_for_review() -> ArticlePageQuerySet:
    """Return the published articles that somebody should look at again, whoever may see them."""
    return ArticlePage.objects.filter(live=True, next_review_on__lte=timezone.localdate())


@transaction.atomic
def confirm(*, article_ids: Collection[int], by: User) -> dict[str, str]:
    """Note that articles are still correct: they are due again after their interval. For `unconfirm`.

    Returns by id when those that were due had been due. The number of queries grows only with the log.
    """
    chosen = editable_by(by).filter(pk__in=article_ids, pk__gt=0)
    locked = due_for_review().filter(pk__in=chosen.values("pk")).select_for_update(of=("self",)).order_by("pk")
    earlier: dict[str, str] = {}
    by_date: dict[dt.date | None, list[int]] = defaultdict(list)
    for article in locked.defer_streamfields():
        earlier[str(article.pk)] = article.next_review_on.isoformat()
        by_date[article.review_date_after(timezone.localdate())].append(article.pk)
        log(instance=article, action=CONFIRMED, user=by)
    _set_dates(by_date)
    return earlier


@transaction.atomic
def unconfirm(*, earlier: Mapping[str, str], by: User) -> int:
    """Undo `confirm` with what it returned. Returns how many are due again."""
    mine = {str(pk) for pk in editable_by(by).filter(pk__in=list(map(int, earlier))).values_list("pk", flat=True)}
    by_date: dict[dt.date | None, list[int]] = defaultdict(list)
    for article, day in earlier.items():
        if article in mine:
            by_date[parse_date(day)].append(int(article))
    _set_dates(by_date)
    return sum(map(len, by_date.values()))


def _set_dates(by_date: Mapping[dt.date | None, Collection[int]]) -> None:
    for day, articles in by_date.items():
        ArticlePage.objects.filter(pk__in=articles).update(next_review_on=day)


# Weekly mail ----------------------------------------------------------------------------------------------------------


def has_owners_to_mail(last_end: dt.datetime | None) -> bool:
    """Return whether `mail_owners` has anything to do: once in a calendar week. One query; writes nothing."""
    this_week = timezone.localdate().isocalendar()[:2]
    if last_end is not None and timezone.localdate(last_end).isocalendar()[:2] == this_week:
        return False
    return _with_owner().exists()


def mail_owners() -> int:
    """Mail to every owner which of their articles are due for review, in their language; returns to how many.

    Who has none gets none. Once in a calendar week, however often it is called.
    """
    year, week, _day = timezone.localdate().isocalendar()
    due: dict[int, list[ArticlePage]] = defaultdict(list)
    rows = _with_owner().select_related("owner", "locale").defer_streamfields().order_by("next_review_on", "pk")
    for article in rows.iterator(500):
        due[article.owner_id].append(article)
    return sum(_mail(articles, key=f"{year}-{week}") for articles in due.values())


def _with_owner() -> ArticlePageQuerySet:
    return due_for_review().filter(owner__is_active=True, owner__is_staff=True).exclude(owner__email="")


def _mail(articles: list[ArticlePage], *, key: str) -> bool:
    owner = articles[0].owner
    shown = [
        (article, f"{settings.BASE_URL}{reverse('wagtailadmin_pages:edit', args=[article.pk])}")
        for article in articles[:IN_MAIL]
    ]
    with transaction.atomic():
        number = send_mail(
            to=owner.email,
            template="faq/email/review",
            context={
                "owner": owner,
                "articles": shown,
                "count": len(articles),
                "more": len(articles) - len(shown),
                "report_url": f"{settings.BASE_URL}{reverse('review_report:index')}?owner={owner.pk}",
            },
            language=owner.language or settings.LANGUAGE_CODE,
            key=f"faq.review:{owner.pk}:{key}",
            valid_for=dt.timedelta(days=6),
        )
    return number is not None
