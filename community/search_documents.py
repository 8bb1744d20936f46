"""Search document of threads."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from django.db.models import F, Prefetch
from django.urls import reverse
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from community import rendering
from community.merged import merged_questions, shown_questions
from community.models import Area, Post, State, Tag, Thread
from portal.core.formats import format_number
from portal.core.memo import Memo
from portal.core.text import row_number
from search.documents import AnswerCard, Badge, Evidence, Facet, HitDetails, SearchDocument, SearchEntry
from search.facets import PRODUCT
from search.registry import register

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from django.db.models import QuerySet

    from community.models.access import AnyUser

#: Posts of a thread whose words are indexed: the first, the accepted answers, the most helpful ones.
_POSTS_INDEXED: Final = 20
#: Tags whose names the facet knows, the most used first.
_TAGS_KNOWN: Final = 500
_ANSWER_LENGTH: Final = 320

_areas: Final[Memo[list[Area]]] = Memo(max_size=1, scopes=("community:areas",))
_tags: Final[Memo[dict[str, str]]] = Memo(max_size=1, scopes=("community:tags",))


def _states() -> Mapping[str, str]:
    return {"solved": gettext("Solved"), "open": gettext("Open")}


def _area_labels() -> Mapping[str, str]:
    """Names of all areas; readers see those of which they find threads."""
    return {area.slug: str(area) for area in _areas.get("", lambda: list(Area.objects.in_order()))}


def _tag_labels() -> Mapping[str, str]:
    def read() -> dict[str, str]:
        return dict(Tag.objects.order_by("-thread_count", "pk").values_list("slug", "name")[:_TAGS_KNOWN])

    return _tags.get("", read)


STATE: Final = Facet(
    name="state",
    label=_("State"),
    labels=_states,
    order=30,
    has_fixed_values=True,
    badges={"solved": Badge(icon="circle-check")},
)
AREA: Final = Facet(name="area", label=_("Area"), labels=_area_labels, order=40, is_in_trail=True)
TAG: Final = Facet(name="thread_tag", label=_("Tag"), labels=_tag_labels, order=50)
#: An answered question is worth more than one that waits.
SOLVED: Final = Evidence(name="solved", per_mille=60)


@register
class ThreadDocument(SearchDocument[Thread]):
    """Threads that everybody in the audience of their area sees, in the language they are written in.

    The address is the one without a language: it leads to the thread in the reader's own.
    """

    name = "community.thread"
    model = Thread
    label = _("thread")
    label_plural = _("Community")
    icon = "messages-square"
    order = 20
    suggestions: ClassVar[int] = 3
    facets = (PRODUCT, STATE, AREA, TAG)
    evidence = (SOLVED,)

    def get_queryset(self) -> QuerySet[Thread]:
        posts = Post.objects.filter(state=State.VISIBLE).order_by(
            F("is_solution").desc(), F("helpful_count").desc(), "number"
        )
        first = Post.objects.filter(state=State.VISIBLE, number=1)
        return (
            Thread.objects.listed()
            .select_related("area")
            .prefetch_related(
                "products",
                "tags",
                Prefetch("merged", Thread.objects.only("merged_into")),
                Prefetch("posts", first, to_attr="beginning"),
                Prefetch("posts", posts[:_POSTS_INDEXED], to_attr="weighty"),
            )
        )

    def visible_to(self, user: AnyUser, ids: Collection[int]) -> set[int]:
        found = Thread.objects.listed().visible_to(user).filter(pk__in=ids)  # without what only the index reads
        return set(found.order_by().values_list("pk", flat=True))

    def address(self, url: str) -> str:
        """The thread within the pages the reader is in; its short address follows the language of the browser."""
        pk = row_number(url.rpartition("/")[2])
        return url if pk is None else reverse("community:thread", args=[pk, "-"])

    def to_entry(self, instance: Thread) -> SearchEntry:
        beginning: list[Post] = instance.beginning  # type: ignore[attr-defined]  # prefetched
        posts = {post.number: post for post in [*beginning, *instance.weighty]}  # type: ignore[attr-defined]  # prefetched
        answer = next((post for post in posts.values() if post.pk == instance.solution_id), None)
        titles = _merged_titles(instance) if instance.merged.all() else []
        states = ["solved" if instance.is_solved else "open"] if instance.is_question else []
        return self.entry(
            instance,
            language=instance.language,
            title=instance.title,
            short_answer=rendering.excerpt(answer.html, _ANSWER_LENGTH) if answer else "",
            body="\n".join(
                [*titles, *(rendering.words_of(rendering.without_quotes(post.html)) for post in posts.values())]
            ),
            url=rendering.THREAD_PATH.format(thread_id=instance.pk),
            audience=instance.audience,
            facets={
                PRODUCT: [product.code for product in instance.products.all()],
                STATE: states,
                AREA: [instance.area.slug],
                TAG: [tag.slug for tag in instance.tags.all()],
            },
            evidence={SOLVED: 100 if instance.is_solved else 0},
            updated=instance.last_post_at,
        )

    def answer_card(self, object_id: int) -> AnswerCard | None:
        """Return the beginning of the solution; None for a thread without one."""
        solution = Post.objects.filter(thread=object_id, thread__solution=F("pk"), state=State.VISIBLE)
        html = solution.values_list("html", flat=True).first()
        return AnswerCard(short_answer=rendering.excerpt(html, _ANSWER_LENGTH)) if html else None

    def details(self, ids: Collection[int]) -> Mapping[int, HitDetails]:
        """Return the number of replies."""
        rows = Thread.objects.listed().filter(pk__in=ids).order_by().values_list("pk", "reply_count")
        return {pk: HitDetails(facts=(_replies(count),)) for pk, count in rows}


def _merged_titles(thread: Thread) -> list[str]:
    """Return what the threads were called that were merged into this one: those whose first post can be seen. Few queries."""
    merged = merged_questions(thread.pk)
    shown = shown_questions(thread.pk, merged)
    return [merged[number].title for number in sorted(merged) if merged[number].thread_id in shown]


def _replies(count: int) -> str:
    return ngettext("%(number)s reply", "%(number)s replies", count) % {"number": format_number(count)}
