"""Names of things in an export that mean the same in every portal, in place of the numbers of rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.utils.functional import cached_property
from wagtail.blocks import PageChooserBlock
from wagtail.documents import get_document_model
from wagtail.documents.blocks import DocumentChooserBlock
from wagtail.images import get_image_model
from wagtail.images.blocks import ImageChooserBlock
from wagtail.models import Page
from wagtail.snippets.blocks import SnippetChooserBlock
from wagtailmedia.blocks import AbstractMediaChooserBlock

from faq.exporting.files import described
from faq.models import ArticlePage, HelpIndexPage, HelpMedia, ReusableContent, TopicPage
from portal.catalog.models import Product
from portal.core.text import row_number

if TYPE_CHECKING:
    from uuid import UUID

    from django.db.models import Model
    from wagtail.blocks import Block

    from portal.core.exchange import Row, Sink

IMAGES: Final = "images"
DOCUMENTS: Final = "documents"
MEDIA: Final = "media"
SHARED: Final = "shared_texts"


def kind_of(block: Block) -> str:
    """Return what a chooser chooses: "page", the name of a model, or one of the kinds of files."""
    if isinstance(block, PageChooserBlock):
        return "page"
    if isinstance(block, ImageChooserBlock):
        return IMAGES
    if isinstance(block, DocumentChooserBlock):
        return DOCUMENTS
    if isinstance(block, AbstractMediaChooserBlock):
        return MEDIA
    if isinstance(block, SnippetChooserBlock):
        return str(block.target_model._meta.model_name)  # noqa: SLF001 - Django's documented model API
    raise TypeError(type(block).__name__)


def of_family(key: UUID | str, language: str) -> str:
    """Return the name of an object that has translations."""
    return f"{key}:{language}"


class Names:
    """Names of everything an export refers to. Remembers which files are used; `articles` are those in the export."""

    def __init__(self, sink: Sink, *, drafts: bool) -> None:
        self._sink = sink
        self._drafts = drafts
        #: Lines of the files that are used, by kind and name.
        self.used: dict[str, dict[str, Row]] = {IMAGES: {}, DOCUMENTS: {}, MEDIA: {}}
        #: What is used and whose file is gone.
        self.missing: list[str] = []
        self._files: dict[tuple[str, int], str | None] = {}

    # The questions of `faq.exporting.bodies.Change` --------------------------------------------------------------

    def choice(self, block: Block, value: Any) -> str | None:
        """Return the name of what a block refers to, None if it is gone or not in the export."""
        number = row_number(str(value))
        kind = kind_of(block)
        if number is None:
            return None
        if kind == "page":
            return self.page(number)
        if kind == "product":
            return self._products.get(number)
        if kind == "reusablecontent":
            return self._shared.get(number)
        return self.file(kind, number)

    def link(self, kind: str, name: str) -> str | None:
        """Return the name of what a link leads to."""
        number = row_number(name)
        if number is None:
            return None
        return self.page(number) if kind == "page" else self.file(DOCUMENTS, number) if kind == "document" else None

    def text(self, text: str) -> str:
        """Return a text as it is: it was stored here."""
        return text

    # Pages -----------------------------------------------------------------------------------------------------------

    def page(self, number: int) -> str | None:
        """Return the name of a page: of an article or topic by its family, of others by their place."""
        return self._pages.get(number)

    @cached_property
    def _pages(self) -> dict[int, str]:
        articles = ArticlePage.objects.filter(alias_of=None)
        if not self._drafts:
            articles = articles.filter(live=True)
        fields = ("pk", "translation_key", "locale__language_code")
        found = {
            pk: f"article:{of_family(key, language)}"
            for pk, key, language in articles.order_by().values_list(*fields).iterator(2000)
        }
        for pk, key, language in TopicPage.objects.order_by().values_list(*fields):
            found[pk] = f"topic:{of_family(key, language)}"
        for pk, language in HelpIndexPage.objects.order_by().values_list("pk", "locale__language_code"):
            found[pk] = f"help:{language}"
        others = Page.objects.filter(depth__gt=1).exclude(pk__in=found).not_type(ArticlePage).order_by()
        for pk, path, language in others.values_list("pk", "url_path", "locale__language_code"):
            found[pk] = f"page:{language}:{path.strip('/').partition('/')[2]}"
        return found

    @cached_property
    def _products(self) -> dict[int, str]:
        return dict(Product.objects.values_list("pk", "code"))

    @cached_property
    def _shared(self) -> dict[int, str]:
        rows = ReusableContent.objects.values_list("pk", "translation_key", "locale__language_code")
        return {pk: of_family(key, language) for pk, key, language in rows}

    # Files -----------------------------------------------------------------------------------------------------------

    def file(self, kind: str, number: int) -> str | None:
        """Return the name of a picture, document or recording, which is in the export from now on."""
        known = (kind, number)
        if known not in self._files:
            self._files[known] = self._described(kind, number)
        return self._files[known]

    def _described(self, kind: str, number: int) -> str | None:
        model: type[Model] = {IMAGES: get_image_model(), DOCUMENTS: get_document_model(), MEDIA: HelpMedia}[kind]
        found = model._default_manager.filter(pk=number).first()  # noqa: SLF001 - Django's documented model API
        if found is None:
            return None
        row = described(kind, found, self._sink)
        if row is None:
            self.missing.append(f"{kind}: {found}")
            return None
        self.used[kind][row["key"]] = row
        return str(row["key"])
