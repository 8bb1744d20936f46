"""Models of the help pages: topics, articles and readers' feedback."""

from __future__ import annotations

from calendar import monthrange
from typing import TYPE_CHECKING, Any, ClassVar, Self

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import FileExtensionValidator, MaxLengthValidator, MaxValueValidator
from django.db import models, transaction
from django.db.models import Count, Q, Value
from django.db.models.functions import Coalesce
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy
from modelcluster.fields import ParentalKey, ParentalManyToManyField
from wagtail.admin.panels import FieldPanel, InlinePanel, MultiFieldPanel, ObjectList, PageChooserPanel, TabbedInterface
from wagtail.fields import StreamField
from wagtail.models import Orderable, Page, PageManager, TranslatableMixin
from wagtail_localize.fields import BaseTranslatableField, SynchronizedField
from wagtailmedia.models import AbstractMedia

from faq import captions as webvtt
from faq.blocks import ArticleBody, SharedBody
from faq.body import words_of
from faq.page_forms import ArticlePageForm
from faq.panels import FeedbackPanel, HistoryPanel, PublishedPanel, QualityPanel, SimilarPanel, SourcePanel
from portal.catalog.models import Platform, Product, ProductVersion, Topic
from portal.core import article_sources
from portal.core.audience import MAX_LENGTH as MAX_AUDIENCE_LENGTH
from portal.core.pages import ARTICLES, PortalPage, PortalPageQuerySet
from portal.core.text import reading_minutes
from portal.core.visitors import VISITOR_LENGTH

if TYPE_CHECKING:
    import datetime as dt
    from uuid import UUID

    from django.db.models.manager import Manager
    from django.http import HttpRequest

SHORT_ANSWER_LENGTH = 320
CHANGE_NOTE_LENGTH = 300
TARGET_LENGTH = 300
LINK_TEXT_LENGTH = 150


class Significance(models.TextChoices):
    """How much a published change matters to readers."""

    TYPO = "typo", _("Small: wording or a typing mistake")
    MEDIUM = "medium", _("Medium: something was added or became clearer")
    MAJOR = "major", _("Major: readers must do something else than before")


def default_review_months() -> int:
    """Return after how many months an article is looked at again unless its editor says otherwise; 0 for never."""
    return settings.ARTICLE_REVIEW_MONTHS


class HelpMedia(AbstractMedia):
    """A video or sound with its captions and transcript."""

    captions = models.FileField(
        _("captions (WebVTT)"),
        upload_to="captions",
        blank=True,
        validators=[FileExtensionValidator(["vtt"])],
        help_text=_("Needed before an article can show this file."),
    )
    captions_language = models.CharField(_("language"), max_length=10, default="fa", choices=settings.LANGUAGES)
    transcript = models.TextField(_("transcript"), blank=True, help_text=_("Also found by search."))

    admin_form_fields = (
        "title",
        "file",
        "captions",
        "captions_language",
        "transcript",
        "collection",
        "thumbnail",
        "tags",
    )

    class Meta:
        verbose_name = _("video or sound")
        verbose_name_plural = _("videos and sounds")

    def clean(self) -> None:
        """Refuse new captions that no browser would show. Says what is wrong with them, and where."""
        super().clean()
        try:
            if new := self._new_captions():
                webvtt.cues_in(webvtt.decoded(new))
        except webvtt.CaptionsError as error:
            raise ValidationError({"captions": str(error)}) from error

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Make a transcript of new captions, unless somebody wrote one."""
        new = self._new_captions()
        if new and (not self.transcript.strip() or self.transcript == self._transcript_of_stored()):
            self.transcript = webvtt.words_in(new.decode(errors="replace"))
        super().save(*args, **kwargs)

    def _new_captions(self) -> bytes:
        """Return the content of captions that are not stored yet; empty if there are none."""
        if not self.captions or getattr(self.captions, "_committed", True):  # Django has no public name for it
            return b""
        self.captions.file.seek(0)
        content: bytes = self.captions.file.read(webvtt.MAX_BYTES + 1)
        self.captions.file.seek(0)
        return content

    def _transcript_of_stored(self) -> str:
        """Return the transcript that was made of the captions as they are stored."""
        stored = HelpMedia.objects.filter(pk=self.pk).exclude(captions="").first()
        if stored is None:
            return ""
        try:
            with stored.captions.open("rb") as file:
                return webvtt.words_in(file.read(webvtt.MAX_BYTES).decode(errors="replace"))
        except OSError:
            return ""


class ReusableContent(TranslatableMixin, models.Model):
    """A text used in several articles: edited once, changed everywhere."""

    title = models.CharField(_("title"), max_length=150, help_text=_("For editors only."))
    body = StreamField(SharedBody(), verbose_name=_("text"))

    panels: ClassVar[list[Any]] = [FieldPanel("title"), FieldPanel("body")]

    class Meta(TranslatableMixin.Meta):
        verbose_name = _("shared text")
        verbose_name_plural = _("shared texts")

    def __str__(self) -> str:
        return self.title


class HelpIndexPage(PortalPage):
    """The list of all topics in one language."""

    intro = models.CharField(_("one line"), max_length=250, blank=True)

    content_panels: ClassVar[list[Any]] = [*Page.content_panels, FieldPanel("intro")]
    max_count_per_parent = 1
    parent_page_types: ClassVar[list[str]] = ["home.HomePage"]
    subpage_types: ClassVar[list[str]] = ["faq.TopicPage"]
    template = "faq/help_index_page.html"
    nav_section = "help"
    holds_answers = False

    class Meta:
        verbose_name = _("help")
        verbose_name_plural = _("help")

    @property
    def summary(self) -> str:
        return self.intro

    def get_context(self, request: HttpRequest, *args: Any, **kwargs: Any) -> dict[str, Any]:
        from faq.queries import help_index_data  # noqa: PLC0415 - queries read models, a page asks queries

        return {**super().get_context(request, *args, **kwargs), "data": help_index_data(self, request)}


class TopicPageQuerySet(PortalPageQuerySet):
    def for_serving(self) -> Self:
        return super().for_serving().select_related("topic")


class TopicPage(PortalPage):
    """A topic presented in one language; may contain sub-topics and articles."""

    topic = models.ForeignKey(Topic, verbose_name=_("topic"), on_delete=models.PROTECT, related_name="pages")
    intro = models.CharField(_("one line"), max_length=250, blank=True)

    objects = PageManager.from_queryset(TopicPageQuerySet)()

    content_panels: ClassVar[list[Any]] = [*Page.content_panels, FieldPanel("topic"), FieldPanel("intro")]
    override_translatable_fields: ClassVar[list[Any]] = [
        *PortalPage.override_translatable_fields,
        SynchronizedField("topic", overridable=False),
    ]
    parent_page_types: ClassVar[list[str]] = ["faq.HelpIndexPage", "faq.TopicPage"]
    subpage_types: ClassVar[list[str]] = ["faq.TopicPage", "faq.ArticlePage"]
    template = "faq/topic_page.html"
    nav_section = "help"
    holds_answers = False
    handed_down_fields: ClassVar[tuple[str, ...]] = (*PortalPage.handed_down_fields, "topic_id")

    class Meta:
        verbose_name = _("topic page")
        verbose_name_plural = _("topic pages")

    @property
    def summary(self) -> str:
        return self.intro

    def get_context(self, request: HttpRequest, *args: Any, **kwargs: Any) -> dict[str, Any]:
        from faq.queries import topic_page_data  # noqa: PLC0415 - queries read models, a page asks queries

        return {**super().get_context(request, *args, **kwargs), "data": topic_page_data(self, request)}


def family_scope(translation_key: UUID) -> str:
    """Return the scope of an article in all languages (`portal.core.scopes`)."""
    return f"{ARTICLES}:family:{translation_key}"


class ArticlePageQuerySet(PortalPageQuerySet):
    def for_serving(self) -> Self:
        """Add `number` (of the short link) and `solved_count` in the same query."""
        solved = Feedback.objects.filter(article=models.OuterRef("pk"), solved=True).order_by().values("article")
        return (
            super()
            .for_serving()
            .select_related("topic", "owner")
            .annotate(
                number=models.Subquery(
                    ShortLink.objects.filter(translation_key=models.OuterRef("translation_key")).values("pk")[:1]
                ),
                solved_count=Coalesce(models.Subquery(solved.annotate(votes=Count("pk")).values("votes")), 0),
            )
        )

    def for_listing(self) -> Self:
        """Select what a list of articles shows, in one query."""
        return self.select_related("topic", "locale").only(
            "title", "slug", "url_path", "locale__language_code", "short_answer", "kind", "reading_minutes",
            "first_published_at", "last_published_at", "topic__code", "topic__icon", "topic__tone", "topic__name", "content_type",
            "path", "depth", "numchild", "live", "translation_key", "draft_title",
        )  # fmt: skip


class ArticlePage(PortalPage):
    """An answer: a short FAQ or a longer guide."""

    class Kind(models.TextChoices):
        FAQ = "faq", _("FAQ")
        GUIDE = "guide", _("Guide")

    class Confidence(models.TextChoices):
        WORK_IN_PROGRESS = "work-in-progress", _("Work in progress")
        NOT_VALIDATED = "not-validated", _("Not validated")
        VALIDATED = "validated", _("Validated")

    kind = models.CharField(_("kind"), max_length=10, choices=Kind, default=Kind.FAQ)
    short_answer = models.TextField(
        _("short answer"),
        max_length=SHORT_ANSWER_LENGTH,
        validators=[MaxLengthValidator(SHORT_ANSWER_LENGTH)],
        help_text=_("The answer in two or three sentences. Shown first, in search results and read aloud."),
    )
    spoken_answer = models.TextField(
        _("spoken answer"),
        blank=True,
        max_length=600,
        help_text=_("At most 40 seconds of speech, without addresses. Empty: the short answer is read."),
    )
    body = StreamField(ArticleBody(), verbose_name=_("body"), blank=True)
    topic = models.ForeignKey(
        Topic, verbose_name=_("topic"), on_delete=models.PROTECT, related_name="articles", null=True, editable=False
    )
    products = ParentalManyToManyField(Product, verbose_name=_("products"), blank=True, related_name="articles")
    versions = ParentalManyToManyField(ProductVersion, verbose_name=_("versions"), blank=True, related_name="articles")
    platforms = models.JSONField(_("platforms"), default=list, blank=True)
    keywords = models.CharField(
        _("other words"),
        max_length=300,
        blank=True,
        help_text=_("Words customers use that are not in the text; only for search. Separate with commas."),
    )
    reviewed_by = models.CharField(
        _("reviewed by"), max_length=80, blank=True, help_text=_("For example: network team")
    )
    featured = models.BooleanField(_("show first in its topic"), default=False)
    external_id = models.CharField(_("id in the source"), max_length=120, blank=True, db_index=True)
    #: What it was made of (`portal.core.article_sources`), and of which texts in it; empty for most articles. Drafts, revisions
    #: and translations keep it.
    source = models.CharField(
        max_length=article_sources.MAX_LENGTH, blank=True, default="", db_default="", db_index=True, editable=False
    )
    source_parts = models.JSONField(default=list, db_default=Value([], models.JSONField()), blank=True, editable=False)
    reading_minutes = models.PositiveSmallIntegerField(default=1, editable=False)
    # The state of the article rather than of one version of its text: revisions leave these as they are (`kept_fields`).
    confidence = models.CharField(
        _("confidence"),
        max_length=20,
        choices=Confidence,
        default=Confidence.NOT_VALIDATED,
        db_default=Confidence.NOT_VALIDATED,
        help_text=_("For editors only. Validated: somebody who knows has tried it."),
    )
    review_every = models.PositiveSmallIntegerField(
        _("review every … months"),
        default=default_review_months,
        db_default=12,
        validators=[MaxValueValidator(120)],
        help_text=_("0: never."),
    )
    next_review_on = models.DateField(
        _("next review"),
        null=True,
        blank=True,
        db_index=True,
        help_text=_("Moves on by itself when the article is confirmed, or published with more than a small change."),
    )
    # About one version: said when it is edited, recorded when it is published (`Publication`), and empty after that.
    change_significance = models.CharField(
        _("how much changed"), max_length=10, choices=Significance, blank=True, default="", db_default=""
    )
    change_note = models.CharField(
        _("what changed"),
        max_length=CHANGE_NOTE_LENGTH,
        blank=True,
        default="",
        db_default="",
        help_text=_("One sentence for readers; shown below the article unless the change is small."),
    )

    objects = PageManager.from_queryset(ArticlePageQuerySet)()
    #: Like Wagtail's own `owner`: the same for all versions, so that changing them makes no draft.
    kept_fields: ClassVar[tuple[str, ...]] = ("confidence", "review_every", "next_review_on")

    content_panels: ClassVar[list[Any]] = [
        SourcePanel(),
        *Page.content_panels,
        SimilarPanel(),
        QualityPanel("short_answer"),
        FieldPanel("short_answer"),
        QualityPanel("body"),
        FieldPanel("body"),
        QualityPanel("spoken_answer"),
        FieldPanel("spoken_answer"),
        PublishedPanel(
            [FieldPanel("change_significance"), FieldPanel("change_note")],
            heading=_("What changes with this version"),
        ),
    ]
    review_panels: ClassVar[list[Any]] = [
        FieldPanel("owner"),
        FieldPanel("confidence"),
        FieldPanel("review_every"),
        FieldPanel("next_review_on"),
        HistoryPanel(heading=_("What was published")),
    ]
    applies_panels: ClassVar[list[Any]] = [
        FieldPanel("kind"),
        FieldPanel("products", widget=forms.CheckboxSelectMultiple),
        FieldPanel("versions", widget=forms.CheckboxSelectMultiple),
        FieldPanel("platforms"),
    ]
    related_panels: ClassVar[list[Any]] = [
        InlinePanel(
            "related_articles",
            label=_("Related article"),
            heading=_("Related articles"),
            help_text=_("Empty: articles of the same topic and product are shown."),
            max_num=5,
        ),
        MultiFieldPanel([FieldPanel("keywords"), FieldPanel("featured")], heading=_("Being found")),
        MultiFieldPanel([FieldPanel("reviewed_by"), FieldPanel("external_id")], heading=_("Origin")),
    ]
    edit_handler = TabbedInterface(
        [
            ObjectList(content_panels, heading=_("Content")),
            ObjectList(applies_panels, heading=_("Applies to")),
            ObjectList(related_panels, heading=_("Related")),
            ObjectList(review_panels, heading=_("Review")),
            ObjectList([FeedbackPanel(heading=_("What readers say"))], heading=_("Feedback")),
            ObjectList(PortalPage.settings_panels, heading=_("Settings")),
            ObjectList(Page.promote_panels, heading=_("Promote")),
        ]
    )
    base_form_class = ArticlePageForm
    placing_fields: ClassVar[tuple[str, ...]] = (*PortalPage.placing_fields, "topic_id")
    inherited_fields: ClassVar[tuple[str, ...]] = (*PortalPage.inherited_fields, "topic_id")
    override_translatable_fields: ClassVar[list[Any]] = [
        *PortalPage.override_translatable_fields,
        SynchronizedField("external_id", overridable=False),
        SynchronizedField("source", overridable=False),
        SynchronizedField("source_parts", overridable=False),
        SynchronizedField("products"),
        SynchronizedField("versions"),
        SynchronizedField("platforms"),
        # Each language has its own: neither copied nor translated.
        *map(
            BaseTranslatableField,
            ("confidence", "review_every", "next_review_on", "change_significance", "change_note"),
        ),
    ]
    parent_page_types: ClassVar[list[str]] = ["faq.TopicPage"]
    subpage_types: ClassVar[list[str]] = []
    template = "faq/article_page.html"
    nav_section = "help"

    if TYPE_CHECKING:
        debt: TranslationDebt
        feedback: Manager[Feedback]
        publications: Manager[Publication]
        related_articles: Manager[RelatedArticle]

    class Meta:
        verbose_name = _("article")
        verbose_name_plural = _("articles")

    @transaction.atomic
    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save, update the reading time, and create the short link once the article is live."""
        self.reading_minutes = self.minutes_to_read()
        if self.live and self.next_review_on is None:
            self.next_review_on = self.review_date_after(timezone.localdate())
        super().save(*args, **kwargs)
        if self.live:
            ShortLink.objects.get_or_create(translation_key=self.translation_key)

    def minutes_to_read(self) -> int:
        """Return how long it takes to read, in minutes."""
        return reading_minutes(f"{self.short_answer} {self.body_text()}", self.locale.language_code)

    def with_content_json(self, content: dict[str, Any]) -> ArticlePage:
        """Return a version of the article, with what does not belong to one version as it is now."""
        version: ArticlePage = super().with_content_json(content)
        for name in self.kept_fields:
            setattr(version, name, getattr(self, name))
        return version

    def review_date_after(self, day: dt.date) -> dt.date | None:
        """Return when it is due for review if it was right on `day`; None for never."""
        if not self.review_every:
            return None
        years, month = divmod(day.month - 1 + self.review_every, 12)
        last = monthrange(day.year + years, month + 1)[1]
        return day.replace(year=day.year + years, month=month + 1, day=min(day.day, last))

    @property
    def scopes(self) -> tuple[str, ...]:
        """Return the scopes of what the article shows: others of its topic, and its translations."""
        return (*self.changed_scopes, "catalogue", "site")

    @property
    def changed_scopes(self) -> tuple[str, ...]:
        """Return its topic, where it is listed, and its family (all languages), on which pages linking to it depend."""
        topic = f"{ARTICLES}:topic:{self.topic_id}" if self.topic_id else ARTICLES
        return (topic, family_scope(self.translation_key))

    def inherit_from(self, parent: Page | None) -> None:
        """Inherit the parent's topic as well, because every list filters by it."""
        super().inherit_from(parent)
        self.topic_id = getattr(parent, "topic_id", None)

    def get_context(self, request: HttpRequest, *args: Any, **kwargs: Any) -> dict[str, Any]:
        from faq.queries import article_page_data  # noqa: PLC0415 - queries read models, a page asks queries

        return {**super().get_context(request, *args, **kwargs), "data": article_page_data(self, request)}

    def body_text(self) -> str:
        """Return the words of the body without markup, with shared texts and transcripts."""
        return words_of(self.body)

    @property
    def platform_labels(self) -> list[str]:
        return [str(Platform(code).label) for code in self.platforms if code in Platform.values]


class RelatedArticle(Orderable):
    """A related article chosen by an editor."""

    page = ParentalKey(ArticlePage, on_delete=models.CASCADE, related_name="related_articles")
    article = models.ForeignKey(ArticlePage, verbose_name=_("article"), on_delete=models.CASCADE, related_name="+")

    panels: ClassVar[list[Any]] = [PageChooserPanel("article", "faq.ArticlePage")]

    class Meta(Orderable.Meta):
        constraints = [models.UniqueConstraint(fields=["page", "article"], name="related_article_unique")]

    def __str__(self) -> str:
        return f"{self.page} → {self.article}"


class ShortLink(models.Model):
    """The number in ``/a/<number>``: one for all languages of an article, permanent."""

    translation_key = models.UUIDField(unique=True)

    def __str__(self) -> str:
        return self.get_absolute_url()

    def get_absolute_url(self) -> str:
        return reverse("faq:short_link", args=[self.pk])


class FeedbackQuerySet(models.QuerySet["Feedback"]):
    def unsolved(self) -> Self:
        return self.filter(solved=False)

    def waiting(self) -> Self:
        """Return answers that no editor has handled: not solved, with a reason or comment."""
        return self.unsolved().filter(handled_at=None).exclude(reason="", comment="")


class Feedback(models.Model):
    """One reader's answer to "Did this solve it?", about the revision they read."""

    class Reason(models.TextChoices):
        OUTDATED = "outdated", _("It is outdated")
        WRONG = "wrong", _("It is wrong")
        INCOMPLETE = "incomplete", _("Something is missing")
        UNCLEAR = "unclear", _("I could not follow it")
        NOT_MY_QUESTION = "not-my-question", _("It is not my question")
        POLICY = "policy", _("I do not like the rule")
        LANGUAGE = "language", _("The language is hard")

    article = models.ForeignKey(ArticlePage, on_delete=models.CASCADE, related_name="feedback")
    revision = models.ForeignKey("wagtailcore.Revision", on_delete=models.SET_NULL, null=True, related_name="+")
    #: Number of that revision. It outlives the revision, which may be purged, so that a reader still has one vote.
    revision_read = models.PositiveBigIntegerField(_("revision read"), default=0, help_text=_("0: the page had none."))
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, blank=True, related_name="+"
    )
    visitor = models.CharField(max_length=64, blank=True, help_text=_("A salted hash; says nothing about the person."))
    #: Where it came from (`portal.core.visitors`), so that one network does not outvote all others.
    network = models.CharField(_("network"), max_length=VISITOR_LENGTH, blank=True, default="", db_default="")
    sector = models.PositiveSmallIntegerField(_("sector"), null=True, blank=True)
    solved = models.BooleanField(_("solved"))
    reason = models.CharField(_("reason"), max_length=20, choices=Reason, blank=True)
    comment = models.CharField(_("comment"), max_length=500, blank=True)
    came_from_search = models.CharField(_("search that led here"), max_length=200, blank=True)
    came_from_page = models.CharField(_("page before"), max_length=300, blank=True)
    created_at = models.DateTimeField(_("given"), auto_now_add=True)
    updated_at = models.DateTimeField(_("changed"), auto_now=True)
    owner_told_at = models.DateTimeField(_("owner told"), null=True, blank=True)
    handled_at = models.DateTimeField(_("handled"), null=True, blank=True)
    handled_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )

    objects = FeedbackQuerySet.as_manager()

    class Meta:
        verbose_name = _("feedback")
        verbose_name_plural = _("feedback")
        ordering = ["-created_at"]
        indexes = [models.Index(fields=["article", "solved"], name="feedback_article_solved")]
        constraints = [
            models.UniqueConstraint(
                fields=["article", "revision_read", "user"],
                condition=Q(user__isnull=False),
                name="feedback_once_per_user",
            ),
            models.UniqueConstraint(
                fields=["article", "revision_read", "visitor"],
                condition=~Q(visitor=""),
                name="feedback_once_per_visitor",
            ),
            models.CheckConstraint(
                condition=Q(user__isnull=False, visitor="") | (Q(user__isnull=True) & ~Q(visitor="")),
                name="feedback_has_one_author",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.article_id}: {'yes' if self.solved else 'no'}"


class VoteEvidence(models.Model):
    """Helpfulness of an article by its votes, as weighed by search and by lists. Computed hourly.

    A single vote changes no page, and votes from fewer than five networks change nothing.
    """

    article = models.OneToOneField(
        ArticlePage, on_delete=models.CASCADE, primary_key=True, related_name="vote_evidence"
    )
    helpful = models.PositiveSmallIntegerField(_("helpful"), help_text=_("In hundredths."))
    #: The same, by the votes of the last 90 days.
    recent = models.PositiveSmallIntegerField(_("lately helpful"), default=0, db_default=0)

    class Meta:
        verbose_name = _("evidence of votes")
        verbose_name_plural = _("evidence of votes")

    def __str__(self) -> str:
        return f"{self.article_id}: {self.helpful}"


class Publication(models.Model):
    """One published version of an article, and what changed with it. Rows are added, never changed.

    Unlike revisions, of which old ones may be purged, they stay: readers see from them what changed.
    """

    article = models.ForeignKey(ArticlePage, on_delete=models.CASCADE, related_name="publications")
    #: Number of the revision, which may be purged.
    revision_number = models.PositiveBigIntegerField(_("revision"))
    #: Empty for the first one, and for changes made by a programme.
    significance = models.CharField(_("how much changed"), max_length=10, choices=Significance, blank=True)
    note = models.CharField(_("what changed"), max_length=CHANGE_NOTE_LENGTH, blank=True)
    published_at = models.DateTimeField(_("published"))
    #: Who could read the article then, and may read the note now. Empty where nobody knows: nobody is told.
    audience = models.CharField(max_length=MAX_AUDIENCE_LENGTH, blank=True, default="", db_default="")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")

    class Meta:
        verbose_name = _("publication")
        verbose_name_plural = _("publications")
        ordering = ["-published_at", "-pk"]
        constraints = [
            models.UniqueConstraint(fields=["article", "revision_number"], name="publication_once_per_revision")
        ]

    def __str__(self) -> str:
        return f"{self.article_id}: {self.revision_number}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Write the row. Raises `TypeError` for one that was written before."""
        if self.pk is not None:
            raise TypeError("What was published is never changed.")
        super().save(*args, **kwargs)


class TranslationDebt(models.Model):
    """A translation that does not say yet what changed in another language; the row goes when it does."""

    article = models.OneToOneField(ArticlePage, on_delete=models.CASCADE, primary_key=True, related_name="debt")
    #: The text that is current.
    source = models.ForeignKey(ArticlePage, on_delete=models.CASCADE, related_name="+")
    #: Of the first change that is missing.
    since = models.DateTimeField(_("out of date since"), db_index=True)

    class Meta:
        verbose_name = _("translation that is out of date")
        verbose_name_plural = _("translations that are out of date")

    def __str__(self) -> str:
        return f"{self.article_id} < {self.source_id}"


class BrokenLink(models.Model):
    """A link in a published article that leads nowhere; found, and removed again, by `faq.link_check`."""

    class Reason(models.TextChoices):
        GONE = "gone", _("There is nothing")
        NOT_PUBLISHED = "not-published", _("The page is not published")
        NOT_FOR_READERS = "not-for-readers", _("Not all readers of the article may see the page")
        NO_SECTION = "no-section", _("The page has no such section")

    article = models.ForeignKey(ArticlePage, on_delete=models.CASCADE, related_name="broken_links")
    #: The address, or `page:` and the number of a page.
    target = models.CharField(_("leads to"), max_length=TARGET_LENGTH)
    text = models.CharField(_("text of the link"), max_length=LINK_TEXT_LENGTH, blank=True)
    reason = models.CharField(_("reason"), max_length=20, choices=Reason)
    found_at = models.DateTimeField(_("found"))

    class Meta:
        verbose_name = _("broken link")
        verbose_name_plural = _("broken links")
        ordering = ["-found_at", "-pk"]
        constraints = [models.UniqueConstraint(fields=["article", "target"], name="broken_link_once")]

    def __str__(self) -> str:
        return f"{self.article_id}: {self.target}"


class Export(models.Model):
    """An export of everything (`faq.exporting`) that somebody asked for in the admin; who it was is in the log."""

    class State(models.TextChoices):
        WAITING = "waiting", pgettext_lazy("export", "Being made")
        READY = "ready", pgettext_lazy("export", "Ready")
        FAILED = "failed", pgettext_lazy("export", "Failed")

    with_drafts = models.BooleanField(_("with drafts"), default=False)
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.WAITING, db_index=True)
    #: Nobody fetches it but through its own address (`faq.exporting.admin.download`).
    file = models.FileField(_("file"), upload_to="exports", max_length=255, blank=True)
    size = models.PositiveBigIntegerField(_("size"), default=0)
    articles = models.PositiveIntegerField(_("articles"), default=0)
    asked_at = models.DateTimeField(_("asked for"), auto_now_add=True, db_index=True)

    class Meta:
        verbose_name = _("export")
        verbose_name_plural = _("exports")
        ordering = ["-asked_at", "-pk"]

    def __str__(self) -> str:
        return f"{self.asked_at:%Y-%m-%d %H:%M}"


class ArticleImport(models.Model):
    """One import of articles on screen: what was uploaded, how it is to be read, and what became of it (`faq.intake`)."""

    class State(models.TextChoices):
        TRYING = "trying", _("Being checked")
        TRIED = "tried", _("Checked")
        IMPORTING = "importing", _("Running")
        DONE = "done", _("Done")
        STOPPED = "stopped", _("Stopped")
        FAILED = "failed", _("Failed")
        UNDOING = "undoing", _("Being undone")
        UNDONE = "undone", _("Undone")

    #: States in which the worker is at it, or will be.
    BUSY: ClassVar[tuple[str, ...]] = (State.TRYING, State.IMPORTING, State.UNDOING)

    name = models.CharField(_("file"), max_length=200)
    #: Path in the storage; empty when the upload was removed. No address leads to it.
    stored = models.CharField(max_length=255, blank=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    #: Language of the report.
    interface = models.CharField(max_length=10)
    #: `language`, `topic`, `audience`, `publish` and `columns`, as for `faq.importing.import_articles`.
    choices = models.JSONField(default=dict)
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.TRYING)
    is_stopping = models.BooleanField(default=False)
    done = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(null=True, blank=True)
    #: Why it failed, and notes about the source as a whole.
    message = models.TextField(blank=True)
    counts = models.JSONField(default=dict)
    rows = models.JSONField(default=list)
    #: Titles of articles that were edited since, which undoing left alone.
    left = models.JSONField(default=list)
    #: When the worker last said that it is at it, and how often one began.
    alive_at = models.DateTimeField(null=True, blank=True)
    claims = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(_("uploaded"), auto_now_add=True)
    began_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("import of articles")
        verbose_name_plural = _("imports of articles")
        ordering = ["-pk"]
        default_permissions = ()

    def __str__(self) -> str:
        return self.name

    @property
    def is_busy(self) -> bool:
        return self.state in self.BUSY
