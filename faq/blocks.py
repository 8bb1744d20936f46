"""StreamField blocks of an article. Each block has a template in templates/faq/blocks/."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _
from wagtail import blocks
from wagtail.contrib.typed_table_block.blocks import TypedTableBlock
from wagtail.documents.blocks import DocumentChooserBlock
from wagtail.images.blocks import ImageChooserBlock
from wagtail.snippets.blocks import SnippetChooserBlock
from wagtailmedia.blocks import AbstractMediaChooserBlock

INLINE_FEATURES = ["bold", "italic", "link", "code"]
TEXT_FEATURES = ["bold", "italic", "link", "code", "ul", "ol", "h3", "document-link"]


class HeadingBlock(blocks.CharBlock):
    class Meta:
        icon = "title"
        label = _("Heading")
        template = "faq/blocks/heading.html"


class ParagraphBlock(blocks.RichTextBlock):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"features": TEXT_FEATURES, **kwargs})

    class Meta:
        icon = "pilcrow"
        label = _("Text")
        template = "faq/blocks/paragraph.html"


class PictureBlock(blocks.StructBlock):
    image = ImageChooserBlock(label=_("Picture"))
    alt = blocks.CharBlock(
        label=_("What is seen"), max_length=250, help_text=_("Read aloud to people who do not see the picture.")
    )
    caption = blocks.CharBlock(label=_("Caption"), required=False, max_length=250)

    class Meta:
        icon = "image"
        label = _("Picture")
        template = "faq/blocks/picture.html"


class StepBlock(blocks.StructBlock):
    title = blocks.CharBlock(label=_("What to do"), max_length=200)
    text = blocks.RichTextBlock(label=_("Details"), features=TEXT_FEATURES, required=False)
    image = ImageChooserBlock(label=_("Picture"), required=False)
    alt = blocks.CharBlock(label=_("What is seen"), required=False, max_length=250)

    def clean(self, value: Any) -> Any:
        cleaned = super().clean(value)
        if cleaned.get("image") and not cleaned.get("alt"):
            raise blocks.StructBlockValidationError({"alt": ValidationError(_("Say what the picture shows."))})
        return cleaned

    class Meta:
        icon = "list-ol"
        label = _("Step")


class StepsBlock(blocks.ListBlock):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(StepBlock(), **kwargs)

    class Meta:
        icon = "list-ol"
        label = _("Steps")
        template = "faq/blocks/steps.html"


class NoteBlock(blocks.StructBlock):
    kind = blocks.ChoiceBlock(
        label=_("Kind"),
        choices=[("tip", _("Tip")), ("info", _("Information")), ("warning", _("Warning")), ("danger", _("Danger"))],
        default="info",
    )
    title = blocks.CharBlock(label=_("Title"), required=False, max_length=150)
    text = blocks.RichTextBlock(label=_("Text"), features=[*INLINE_FEATURES, "ul", "ol"])

    class Meta:
        icon = "warning"
        label = _("Note")
        template = "faq/blocks/note.html"


class TableBlock(TypedTableBlock):
    class Meta:
        icon = "table"
        label = _("Table")
        template = "faq/blocks/table.html"


def table_block() -> TableBlock:
    return TableBlock([("text", blocks.RichTextBlock(label=_("Text"), features=INLINE_FEATURES))])


class MediaChooserBlock(AbstractMediaChooserBlock):
    def render_basic(self, value: Any, context: dict[str, Any] | None = None) -> str:
        return str(value.title) if value else ""


class MediaBlock(blocks.StructBlock):
    media = MediaChooserBlock(label=_("Video or sound"))
    caption = blocks.CharBlock(label=_("Caption"), required=False, max_length=250)

    def clean(self, value: Any) -> Any:
        cleaned = super().clean(value)
        media = cleaned.get("media")
        if media is not None and not media.captions:
            raise blocks.StructBlockValidationError(
                {"media": ValidationError(_("Add captions (WebVTT) to this file first: some people do not hear it."))}
            )
        return cleaned

    class Meta:
        icon = "media"
        label = _("Video or sound")
        template = "faq/blocks/media.html"


class AccordionItemBlock(blocks.StructBlock):
    question = blocks.CharBlock(label=_("Question"), max_length=200)
    answer = blocks.RichTextBlock(label=_("Answer"), features=TEXT_FEATURES)

    class Meta:
        icon = "help"
        label = _("Question and answer")


class AccordionBlock(blocks.ListBlock):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(AccordionItemBlock(), **kwargs)

    class Meta:
        icon = "collapse-down"
        label = _("Close questions")
        template = "faq/blocks/accordion.html"


class DownloadBlock(blocks.StructBlock):
    document = DocumentChooserBlock(label=_("File"))
    label = blocks.CharBlock(label=_("Text of the link"), required=False, max_length=150)

    class Meta:
        icon = "download"
        label = _("Download")
        template = "faq/blocks/download.html"


class ProductVariantBlock(blocks.StructBlock):
    products = blocks.ListBlock(SnippetChooserBlock("catalog.Product", label=_("Product")), label=_("For"), min_num=1)
    content = blocks.StreamBlock(
        [
            ("paragraph", ParagraphBlock()),
            ("steps", StepsBlock()),
            ("picture", PictureBlock()),
            ("note", NoteBlock()),
        ],
        label=_("Content"),
    )

    class Meta:
        icon = "snippet"
        label = _("Variant")


class ProductSwitchBlock(blocks.ListBlock):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(ProductVariantBlock(), **{"min_num": 2, **kwargs})

    class Meta:
        icon = "snippet"
        label = _("Different by product")
        template = "faq/blocks/product_switch.html"


class ReusableBlock(blocks.StructBlock):
    content = SnippetChooserBlock("faq.ReusableContent", label=_("Shared text"))

    class Meta:
        icon = "repeat"
        label = _("Shared text")
        template = "faq/blocks/reusable.html"


class RelatedArticleBlock(blocks.StructBlock):
    page = blocks.PageChooserBlock(page_type="faq.ArticlePage", label=_("Article"))

    class Meta:
        icon = "link"
        label = _("Link to an article")
        template = "faq/blocks/related_article.html"


class SharedBody(blocks.StreamBlock):
    """The blocks allowed in a shared text."""

    paragraph = ParagraphBlock()
    steps = StepsBlock()
    note = NoteBlock()
    picture = PictureBlock()


class ArticleBody(blocks.StreamBlock):
    """The body of an article."""

    heading = HeadingBlock(max_length=150)
    paragraph = ParagraphBlock()
    steps = StepsBlock()
    note = NoteBlock()
    table = table_block()
    picture = PictureBlock()
    media = MediaBlock()
    accordion = AccordionBlock()
    product_switch = ProductSwitchBlock()
    download = DownloadBlock()
    reusable = ReusableBlock()
    related_article = RelatedArticleBlock()
