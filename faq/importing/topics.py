"""Topics of an import: those that exist are found by code or name, the others are made, with a page in each language used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.utils.translation import override, pgettext
from wagtail.coreutils import find_available_slug, string_to_ascii
from wagtail.log_actions import log
from wagtail.models import Locale, PageLogEntry

from faq.importing.errors import RowError
from faq.importing.history import LOG_ACTION
from faq.importing.layout import readable
from faq.importing.markdown import bidi_safe
from faq.importing.report import Problem
from faq.models import HelpIndexPage, TopicPage
from portal.catalog.models import Topic
from portal.core.localized import LocalizedText
from portal.core.text import fold, slugify_unicode

if TYPE_CHECKING:
    from collections.abc import Mapping

    from portal.accounts.models import User

Way = tuple[str, ...]

GENERAL: Final = "general"
_CODE_LENGTH: Final = 40
_TITLE_LENGTH: Final = 100
_INTRO_LENGTH: Final = 250


def _code(text: str) -> str:
    return slugify(string_to_ascii(text)).strip("-_")[:_CODE_LENGTH].strip("-_")


class Topics:
    """Finds and makes topics. A way of two parts leads to a topic inside another one; the empty way to the general topic."""

    def __init__(
        self, labels: Mapping[tuple[str, Way], str], *, user: User | None, publish: bool, run: int | None = None
    ) -> None:
        self._labels = dict(labels)
        self._user = user
        self._publish = publish
        self._run = run
        self._intros: dict[tuple[str, Way], str] = {}
        self._pages: dict[tuple[str, str], int] = {}
        self._names: dict[str, str] = {}
        self._codes: dict[Way, str] = {}
        pages = TopicPage.objects.order_by("depth", "path").values_list(
            "topic__code", "locale__language_code", "pk", "title"
        )
        for code, language, pk, title in pages:
            self._pages.setdefault((code, language), pk)
            self._names.setdefault(fold(title), code)
        self._topics = set()
        for code, name in Topic.objects.values_list("code", "name"):
            self._topics.add(code)
            for text in dict(name or {}).values():
                self._names[fold(text)] = code
        #: Pages made by this import.
        self.made: set[int] = set()
        self._used: set[int] = set()

    def describe(self, way: Way, language: str, label: str, intro: str = "") -> None:
        """Say what the page of a section calls it."""
        if label:
            self._labels[language, way] = label
        if intro:
            self._intros[language, way] = intro

    def code_of(self, way: Way) -> str:
        """Return the code of the topic, which may not exist yet."""
        if way not in self._codes:
            self._codes[way] = self._find_code(way)
        return self._codes[way]

    def _find_code(self, way: Way) -> str:
        if not way:
            return GENERAL
        last = way[-1]
        if len(way) == 1:
            if last in self._topics:
                return last
            for name in (
                last,
                readable(last),
                *(self._labels.get((code, way), "") for code, _name in settings.LANGUAGES),
            ):
                if name and (found := self._names.get(fold(name))):
                    return found
        wanted = _code(last)
        if len(way) > 1:
            wanted = f"{self.code_of(way[:-1])[: _CODE_LENGTH // 2].strip('-')}-{wanted}"[:_CODE_LENGTH].strip("-")
        wanted = wanted or "topic"
        taken = set(self._codes.values())
        code, number = wanted, 1
        while code in taken:
            number += 1
            code = f"{wanted[: _CODE_LENGTH - 4]}-{number}"
        return code

    def page_of(self, way: Way, language: str) -> int | None:
        """Return the page of a topic, or None if there is none yet."""
        return self._pages.get((self.code_of(way), language))

    def use(self, page: int) -> None:
        """Say that articles are put below the page of a topic (`publish_waiting`)."""
        self._used.add(page)

    def ensure(self, way: Way, language: str) -> int:
        """Return the page of a topic in a language; topic and pages that are missing are made.

        Raises `RowError` when the portal has no list of topics in that language.
        """
        code = self.code_of(way)
        found = self._pages.get((code, language))
        if found is not None:
            self._used.add(found)
            return found
        label = self._label(way, language)
        topic = self._topic(code, label, language)
        parent = self._parent(way, language)
        locale = Locale.objects.get(language_code=language)
        page = TopicPage(
            title=bidi_safe(label, language),
            slug=find_available_slug(parent, slugify_unicode(label) or code),
            topic=topic,
            intro=bidi_safe(self._intros.get((language, way), ""), language)[:_INTRO_LENGTH],
            locale=locale,
            owner=self._user,
            live=False,
        )
        sibling = TopicPage.objects.filter(topic=topic).exclude(locale=locale).order_by("depth", "path").first()
        if (
            sibling is not None
            and not TopicPage.objects.filter(translation_key=sibling.translation_key, locale=locale).exists()
        ):
            page.translation_key = sibling.translation_key
        parent.add_child(instance=page)
        revision = page.save_revision(user=self._user)
        if self._publish:
            revision.publish(user=self._user, skip_permission_checks=True)
        log(
            instance=page,
            action=LOG_ACTION,
            user=self._user,
            revision=revision,
            data={"file": "/".join(way), "line": 0, **({"import": self._run, "made": True} if self._run else {})},
        )
        self._pages[code, language] = page.pk
        self.made.add(page.pk)
        return int(page.pk)

    def publish_waiting(self) -> None:
        """Publish the topics used here that an earlier import made as drafts."""
        waiting = TopicPage.objects.filter(pk__in=self._used - self.made, live=False, first_published_at=None)
        for page in waiting:
            is_ours = PageLogEntry.objects.filter(page=page.pk, action=LOG_ACTION).exists()
            if is_ours and page.latest_revision is not None:
                page.latest_revision.publish(user=self._user, skip_permission_checks=True)

    def _label(self, way: Way, language: str) -> str:
        if not way:
            with override(language):
                return pgettext("topic", "General")
        label = self._labels.get((language, way)) or self._labels.get(("", way)) or readable(way[-1])
        return label[:_TITLE_LENGTH]

    def _topic(self, code: str, label: str, language: str) -> Topic:
        topic = Topic.objects.filter(code=code).first()
        if topic is None:
            topic = Topic(code=code, name=LocalizedText({language: label}), order=Topic.objects.count())
            topic.save()
            self._topics.add(code)
        elif not topic.name.get(language):
            topic.name = LocalizedText({**topic.name, language: label})
            topic.save(update_fields=["name"])
        return topic

    def _parent(self, way: Way, language: str) -> HelpIndexPage | TopicPage:
        if len(way) > 1:
            return TopicPage.objects.get(pk=self.ensure(way[:-1], language))
        pages = HelpIndexPage.objects.filter(locale__language_code=language).order_by("-live", "path")
        parent = pages.first()
        if parent is None:
            message = _("The portal has no list of topics in the language “%(language)s” yet; make its first pages.")
            raise RowError([Problem(message % {"language": language}, field="topic")])
        return parent
