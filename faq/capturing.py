"""Making an article of what somebody wrote elsewhere (`portal.core.article_sources`): a draft, for an editor to finish.

The draft exists at once, with the pictures of the text copied: whoever wants the same article a second time is led to
it. Nothing is published.
"""

from __future__ import annotations

import json
from html import unescape
from typing import TYPE_CHECKING, Any, Final

from django.db import transaction
from django.utils.html import strip_tags
from wagtail.log_actions import log
from wagtail.models import Page

from faq.importing.errors import FileProblemError
from faq.importing.files import FoundFile
from faq.importing.loose import parse_loosely
from faq.importing.markdown import bidi_safe
from faq.importing.media import MediaLibrary
from faq.models import SHORT_ANSWER_LENGTH, ArticlePage
from portal.catalog.models import Product
from search.index.plan import Filters
from search.queries import search

if TYPE_CHECKING:
    from collections.abc import Mapping

    from faq.models import TopicPage
    from portal.accounts.models import User
    from portal.core.article_sources import Material, MaterialPicture
    from search.showing.results import Hit

#: Articles shown to who is about to write another one.
SIMILAR: Final = 5
_KEYWORDS_LENGTH: Final = 300
_KIND: Final = "faq.article"


def article_made_of(reference: str) -> ArticlePage | None:
    """Return the article that was made of this, published or not; the first, if it was copied or translated."""
    return ArticlePage.objects.filter(source=reference).order_by("pk").first()


def articles_like(title: str, user: User, language: str) -> list[Hit]:
    """Return published articles like what is to become one: perhaps it need not. One search."""
    return search(text=title, user=user, language=language, filters=Filters(kind=[_KIND])).hits[:SIMILAR]


def make_draft(*, reference: str, material: Material, topic: TopicPage, by: User) -> ArticlePage:
    """Make a draft below a topic, or return the article that was made before."""
    library = MediaLibrary(_Finder(material.pictures))
    try:
        with transaction.atomic():
            # One after the other: two people who press the same button get the same draft.
            Page.objects.select_for_update(of=("self",)).get(depth=1)
            return article_made_of(reference) or _make(reference, material, topic, by, library)
    except BaseException:
        library.undo()
        raise


def _make(reference: str, material: Material, topic: TopicPage, by: User, library: MediaLibrary) -> ArticlePage:
    language = material.language
    body = parse_loosely(
        material.body, language=language, key=f"{reference}:{language}", resolver=_Resolver(library, material.title)
    )
    title = bidi_safe(material.title, language)
    page = ArticlePage(
        title=title,
        draft_title=title,
        short_answer=bidi_safe(material.beginning[:SHORT_ANSWER_LENGTH], language)[:SHORT_ANSWER_LENGTH],
        body=json.dumps([] if _says_only(body.blocks, material.beginning) else body.blocks),
        keywords=material.keywords[:_KEYWORDS_LENGTH],
        audience=material.audience,
        source=reference,
        source_parts=list(material.part_ids),
        owner=by,
        locale_id=topic.locale_id,
        live=False,
        has_unpublished_changes=True,
    )
    topic.add_child(instance=page)
    page.products = list(Product.objects.filter(pk__in=material.product_ids))
    page.save_revision(user=by)
    log(instance=page, action="wagtail.create", user=by, content_changed=True)
    return page


def _says_only(blocks: list[dict[str, Any]], text: str) -> bool:
    """Return whether blocks are one paragraph that readers of the short answer would read twice."""
    if [block["type"] for block in blocks] != ["paragraph"]:
        return False
    return " ".join(strip_tags(unescape(str(blocks[0]["value"]))).split()) == " ".join(text.split())


class _Resolver:
    """Stores pictures; nothing else in such a text can be resolved."""

    def __init__(self, library: MediaLibrary, title: str) -> None:
        self._library, self._title = library, title

    def page_id(self, _article: str) -> int | None:
        return None

    def picture_id(self, name: str) -> int:
        return self._library.store_picture(name, near="")

    def media_id(self, _kind: str, name: str, _title: str) -> int:
        raise FileProblemError(name)

    def product_id(self, _code: str) -> int | None:
        return None


class _Pictures:
    """The pictures of a text as files, under their names."""

    def __init__(self, pictures: Mapping[str, MaterialPicture]) -> None:
        self._by_name = {picture.name: picture for picture in pictures.values()}

    def names(self) -> list[str]:
        return sorted(self._by_name)

    def has(self, name: str) -> bool:
        return name in self._by_name

    def read(self, name: str, limit: int) -> bytes:
        try:
            content = self._by_name[name].read(limit + 1)
        except OSError as error:
            raise FileProblemError(name) from error
        if len(content) > limit:
            raise FileProblemError(name)
        return content


class _Finder:
    """Finds the pictures of a text by the addresses they have in it."""

    def __init__(self, pictures: Mapping[str, MaterialPicture]) -> None:
        self._pictures, self._files = pictures, _Pictures(pictures)

    def find(self, name: str, *, near: str = "") -> FoundFile | None:
        picture = self._pictures.get(name)
        return FoundFile(picture.name, self._files) if picture is not None else None
