"""StreamField blocks of an article. Each block has a template in templates/faq/blocks/."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.functional import cached_property
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy
from wagtail import blocks
from wagtail.admin.telepath import register
from wagtail.admin.widgets import AdminAutoHeightTextInput
from wagtail.blocks.struct_block import StructBlockAdapter
from wagtail.contrib.typed_table_block.blocks import TypedTableBlock
from wagtail.documents.blocks import DocumentChooserBlock
from wagtail.images.blocks import ImageChooserBlock
from wagtail.snippets.blocks import SnippetChooserBlock
from wagtailmedia.blocks import AbstractMediaChooserBlock

from portal.core import releases
from portal.core.audience import reader

#: "kbd" and "mark" are ours, see `portal.core.wagtail_hooks`; the others are Wagtail's.
INLINE_FEATURES = ["bold", "italic", "link", "code", "strikethrough", "superscript", "subscript", "kbd", "mark"]
TEXT_FEATURES = [*INLINE_FEATURES, "ul", "ol", "h3", "hr", "document-link"]
HEADING_LENGTH = 150
TITLE_LENGTH = 200
CAPTION_LENGTH = 250
TAB_LENGTH = 100


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


class AlternativeBlock(blocks.CharBlock):
    """What a picture shows. The editor's page fills in the description of the picture (`picture.js`) and says so."""

    def __init__(self, **kwargs: Any) -> None:
        read_aloud = _("Read aloud to people who do not see the picture.")
        filled_in = _("The description of the picture is filled in: change it to what matters here.")
        super().__init__(**{**kwargs, "help_text": format_lazy("{} {}", read_aloud, filled_in)})

    def deconstruct(self) -> tuple[str, tuple[Any, ...], dict[str, Any]]:
        """Be plain text in migrations, as before."""
        return "wagtail.blocks.CharBlock", *self._constructor_args


class PictureBlock(blocks.StructBlock):
    image = ImageChooserBlock(label=_("Picture"))
    alt = AlternativeBlock(
        label=_("What is seen"),
        max_length=CAPTION_LENGTH,
        help_text=_("Read aloud to people who do not see the picture."),
    )
    caption = blocks.CharBlock(label=_("Caption"), required=False, max_length=CAPTION_LENGTH)

    class Meta:
        icon = "image"
        label = _("Picture")
        template = "faq/blocks/picture.html"


class TableBlock(TypedTableBlock):
    class Meta:
        icon = "table"
        label = _("Table")
        template = "faq/blocks/table.html"


def table_block() -> TableBlock:
    return TableBlock([("text", blocks.RichTextBlock(label=_("Text"), features=INLINE_FEATURES, required=False))])


class CodeTextBlock(blocks.FieldBlock):
    """Text of which every space counts. It is not offered to translators; Wagtail copies it to the translations."""

    def __init__(self, *, required: bool = True, **kwargs: Any) -> None:
        self._required = required
        super().__init__(**kwargs)

    @cached_property
    def field(self) -> forms.CharField:
        widget = AdminAutoHeightTextInput(attrs={"rows": 4, "dir": "ltr", "spellcheck": "false", "class": "code"})
        return forms.CharField(required=self._required, strip=False, widget=widget)

    def get_searchable_content(self, value: Any) -> list[str]:
        return [str(value)] if value else []


class CodeLanguageBlock(blocks.CharBlock):
    """Name of a programming language."""

    has_no_words = True  # see faq.body


class CodeBlock(blocks.StructBlock):
    """Commands or program code, always written from left to right."""

    title = blocks.CharBlock(
        label=_("Title"), required=False, max_length=HEADING_LENGTH, help_text=_("Of the file, for example.")
    )
    language = CodeLanguageBlock(
        label=pgettext_lazy("of code", "Language"),
        required=False,
        max_length=30,
        help_text=_("For example bash, json, yaml."),
    )
    code = CodeTextBlock(label=_("Code"))

    class Meta:
        icon = "code"
        label = _("Code")
        template = "faq/blocks/code.html"


class MoreBlock(blocks.StreamBlock):
    """What may follow the text of a note, a step or an answer."""

    paragraph = ParagraphBlock()
    code = CodeBlock()
    table = table_block()
    picture = PictureBlock()


class StepBlock(blocks.StructBlock):
    title = blocks.CharBlock(label=_("What to do"), max_length=TITLE_LENGTH)
    text = blocks.RichTextBlock(label=_("Details"), features=TEXT_FEATURES, required=False)
    image = ImageChooserBlock(label=_("Picture"), required=False)
    alt = AlternativeBlock(label=_("What is seen"), required=False, max_length=CAPTION_LENGTH)
    more = MoreBlock(label=_("More"), required=False)

    def clean(self, value: Any) -> Any:
        cleaned = super().clean(value)
        if cleaned.get("image") and not cleaned.get("alt") and not self.is_deferred_validation:
            raise blocks.StructBlockValidationError({"alt": ValidationError(_("Say what the picture shows."))})
        return cleaned

    class Meta:
        icon = "list-ol"
        label = _("Step")


class _PictureAdapter(StructBlockAdapter):
    """Gives the editor's page the script that fills in what a picture shows."""

    js_constructor = "faq.blocks.PictureBlock"

    @cached_property
    def media(self) -> forms.Media:
        return super().media + forms.Media(js=["faq/picture.js"])


register(_PictureAdapter(), PictureBlock)
register(_PictureAdapter(), StepBlock)


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
    title = blocks.CharBlock(label=_("Title"), required=False, max_length=HEADING_LENGTH)
    text = blocks.RichTextBlock(label=_("Text"), features=[*INLINE_FEATURES, "ul", "ol"], required=False)
    more = MoreBlock(label=_("More"), required=False)

    class Meta:
        icon = "warning"
        label = _("Note")
        template = "faq/blocks/note.html"


class ItemContentBlock(blocks.StreamBlock):
    """The content of an item of a list."""

    paragraph = ParagraphBlock()
    code = CodeBlock()
    table = table_block()
    picture = PictureBlock()
    note = NoteBlock()

    class Meta:
        label = _("Item")


class ItemsBlock(blocks.StructBlock):
    """A list whose items hold more than text, or that goes on with the numbers of an earlier one."""

    numbered = blocks.BooleanBlock(label=_("With numbers"), required=False)
    start = blocks.IntegerBlock(label=_("First number"), default=1, min_value=0, max_value=1_000_000)
    items = blocks.ListBlock(ItemContentBlock(), label=_("Items"))

    class Meta:
        icon = "list-ul"
        label = _("List with code or pictures")
        template = "faq/blocks/items.html"


class MediaChooserBlock(AbstractMediaChooserBlock):
    def render_basic(self, value: Any, context: dict[str, Any] | None = None) -> str:
        return str(value.title) if value else ""


class MediaBlock(blocks.StructBlock):
    media = MediaChooserBlock(label=_("Video or sound"))
    caption = blocks.CharBlock(label=_("Caption"), required=False, max_length=CAPTION_LENGTH)

    def clean(self, value: Any) -> Any:
        cleaned = super().clean(value)
        media = cleaned.get("media")
        if media is not None and not media.captions and not self.is_deferred_validation:
            raise blocks.StructBlockValidationError(
                {"media": ValidationError(_("Add captions (WebVTT) to this file first: some people do not hear it."))}
            )
        return cleaned

    class Meta:
        icon = "media"
        label = _("Video or sound")
        template = "faq/blocks/media.html"


class AccordionItemBlock(blocks.StructBlock):
    question = blocks.CharBlock(label=_("Question"), max_length=TITLE_LENGTH)
    answer = blocks.RichTextBlock(label=_("Answer"), features=TEXT_FEATURES, required=False)
    more = MoreBlock(label=_("More"), required=False)

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
    label = blocks.CharBlock(label=_("Text of the link"), required=False, max_length=HEADING_LENGTH)

    class Meta:
        icon = "download"
        label = _("Download")
        template = "faq/blocks/download.html"


class DownloadChoiceBlock(blocks.ChoiceBlock):
    """The slug of one of the portal's downloads."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"choices": releases.choices, **kwargs})

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        """Keep what there is to choose from out of migrations."""
        return "faq.blocks.DownloadChoiceBlock", [], {"label": self.label} if self.label else {}

    def words_of(self, value: str) -> str:
        """Return the name of a download everybody may see: what search finds of it."""
        found = releases.newest(None, [value]).get(value)
        return found.title if found is not None else ""


class NewestReleaseBlock(blocks.StructBlock):
    """The newest release of a download, whichever that is when the article is read."""

    download = DownloadChoiceBlock(label=_("Download"))

    def get_context(self, value: Any, parent_context: dict[str, Any] | None = None) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context(value, parent_context)
        slug = value.get("download") or ""
        known = context.get("releases")
        context["newest"] = (releases.newest(reader(), [slug]) if known is None else known).get(slug)
        return context

    class Meta:
        icon = "download"
        label = _("Newest version of a download")
        template = "faq/blocks/newest_release.html"


class TabBlock(blocks.StructBlock):
    title = blocks.CharBlock(label=_("Title"), max_length=TAB_LENGTH)
    content = blocks.StreamBlock(
        [
            ("paragraph", ParagraphBlock()),
            ("steps", StepsBlock()),
            ("note", NoteBlock()),
            ("code", CodeBlock()),
            ("table", table_block()),
            ("picture", PictureBlock()),
            ("items", ItemsBlock()),
            ("accordion", AccordionBlock()),
        ],
        label=_("Content"),
    )

    class Meta:
        icon = "table"
        label = _("Tab")


class TabsBlock(blocks.ListBlock):
    """The same in several ways, one of which is read: by system, by language, by version."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(TabBlock(), **kwargs)

    class Meta:
        icon = "table"
        label = _("Tabs")
        template = "faq/blocks/tabs.html"


class ProductVariantBlock(blocks.StructBlock):
    products = blocks.ListBlock(SnippetChooserBlock("catalog.Product", label=_("Product")), label=_("For"), min_num=1)
    content = blocks.StreamBlock(
        [
            ("paragraph", ParagraphBlock()),
            ("steps", StepsBlock()),
            ("picture", PictureBlock()),
            ("note", NoteBlock()),
            ("code", CodeBlock()),
            ("table", table_block()),
            ("items", ItemsBlock()),
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
    code = CodeBlock()
    table = table_block()
    items = ItemsBlock()


class ArticleBody(blocks.StreamBlock):
    """The body of an article."""

    heading = HeadingBlock(max_length=HEADING_LENGTH)
    paragraph = ParagraphBlock()
    steps = StepsBlock()
    note = NoteBlock()
    table = table_block()
    code = CodeBlock()
    picture = PictureBlock()
    items = ItemsBlock()
    tabs = TabsBlock()
    media = MediaBlock()
    accordion = AccordionBlock()
    product_switch = ProductSwitchBlock()
    download = DownloadBlock()
    newest_release = NewestReleaseBlock()
    reusable = ReusableBlock()
    related_article = RelatedArticleBlock()
