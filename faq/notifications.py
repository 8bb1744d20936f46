"""What the help pages tell people: an article that did not help them was changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from faq.models import ArticlePage, Feedback
from portal.core.pages import page_url
from portal.core.text import isolate
from portal.notifications.registry import Group, Notice, NotificationKind
from portal.notifications.services import notify

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from django.utils.functional import _StrPromise

    from faq.events import ArticleChanged
    from portal.accounts.models import User
    from portal.notifications.registry import Fact

#: Reasons that no change of the article can remove.
_PAST_HELP: Final = (Feedback.Reason.NOT_MY_QUESTION, Feedback.Reason.POLICY)


class ArticleImproved(NotificationKind):
    """An article was changed since the reader said that it did not solve their problem."""

    name: ClassVar[str] = "faq.article_changed"
    group: ClassVar[Group] = Group.FOLLOWED
    label: ClassVar[_StrPromise] = gettext_lazy("A changed article")
    icon: ClassVar[str] = "book-open"

    def visible_to(self, person: User, facts: Sequence[Fact]) -> Mapping[int, Any]:
        """Return the articles by fact; one query."""
        numbers = {fact.id: int(fact.payload["article_id"]) for fact in facts}
        articles = ArticlePage.objects.visible_to(person).in_bulk(set(numbers.values()))
        return {pk: articles[number] for pk, number in numbers.items() if number in articles}

    def render(self, facts: Sequence[Fact], about: Any) -> Notice:
        return Notice(
            title=_("%(article)s was changed") % {"article": isolate(about.title)},
            text=_("You said that it did not solve your problem. Perhaps it does now."),
            url=page_url(about),
            mail_subject=about.title,
        )


def tell_readers_of_change(event: ArticleChanged) -> None:
    """Tell the members whom an earlier revision did not help; each once for the revision they answered."""
    unhelped = Feedback.objects.unsolved().filter(article=event.article_id, user__isnull=False)
    unhelped = unhelped.filter(revision_read__lt=event.revision_id).exclude(reason__in=_PAST_HELP)
    by_revision: dict[int, list[int]] = {}
    for revision, person_id in unhelped.order_by("pk").values_list("revision_read", "user_id"):
        by_revision.setdefault(revision, []).append(person_id)
    for revision, people in by_revision.items():
        notify(
            kind=ArticleImproved.name,
            key=f"faq.article:{event.article_id}:{revision}",
            subject=f"faq.article:{event.article_id}",
            occurred_at=event.at,
            actor_id=event.by_id,
            recipients=people,
            payload={"article_id": event.article_id},
        )
