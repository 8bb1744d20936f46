"""News of articles that were made of what members wrote."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from community.models import CapturedAnswer, Post
from community.notifications.common import isolated_title, number_in
from community.see_also import articles_of_families
from portal.core.text import isolate
from portal.notifications.registry import Group, Notice, NotificationKind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from django.utils.functional import _StrPromise

    from portal.accounts.models import User
    from portal.notifications.registry import Fact


class BecameArticle(NotificationKind):
    """An article was made of the person's answer, named by ``captured_id``; no news while they cannot read it."""

    name: ClassVar[str] = "community.became_article"
    group: ClassVar[Group] = Group.SOLUTION
    label: ClassVar[_StrPromise] = gettext_lazy("An article made of your answer")
    icon: ClassVar[str] = "book-open"
    rank: ClassVar[int] = 20

    def visible_to(self, person: User, facts: Sequence[Fact]) -> Mapping[int, Any]:
        """Return the article and the thread's title by fact; three queries."""
        numbers = {fact.id: number_in(fact, "captured_id") for fact in facts}
        captured = CapturedAnswer.objects.in_bulk(set(numbers.values()))
        posts = Post.objects.visible_to(person).filter(author=person).select_related("thread").defer("body", "html")
        by_post = posts.in_bulk({each.post_id for each in captured.values()})
        families = list({(each.kind, each.family) for each in captured.values()})
        articles = articles_of_families(person, families)
        found: dict[int, Any] = {}
        for pk, number in numbers.items():
            row = captured.get(number)
            post = by_post.get(row.post_id) if row else None
            article = next((each for each in articles if row and each.family == row.family), None)
            if post is not None and article is not None:
                found[pk] = (article, post.thread.title)
        return found

    def render(self, facts: Sequence[Fact], about: Any) -> Notice:
        article, title = about
        return Notice(
            title=_("Your answer in “%(title)s” became an article") % {"title": isolated_title(title)},
            text=isolate(article.title),
            url=article.url,
            mail_subject=title,
        )
