"""Unanswered questions for somebody who was just helped: about what they own, and like what they solved."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.db.models import prefetch_related_objects
from django.utils.translation import gettext as _

from community import rules
from community.listing import Row, row_of
from community.models import Solution, Thread
from portal.catalog.models import Ownership
from portal.core.text import isolate

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from portal.accounts.models import User

#: Questions that are offered.
OFFERED: Final = 3
#: The newest unanswered questions that are looked through, and the threads that say what somebody knows.
_LOOKED_THROUGH: Final = 200
_KNOWN_FROM: Final = 50
#: A product somebody owns says more than a tag.
_PRODUCT_WEIGHT: Final = 3


def questions_for(user: User) -> list[Row]:
    """Return up to three unanswered questions of others that the person may see and reply to.

    Those come first that are about products they own or solved something with, and have tags of what they solved; then
    the newest. Only languages they read or write. The number of queries does not depend on that of questions.
    """
    if not rules.can_write(user):
        return []
    own = Thread.objects.visible_to(user).filter(author=user).order_by("-created_at", "-pk")
    mine = list(own.values_list("pk", "language", "solved_at")[:_KNOWN_FROM])
    helped = Solution.objects.filter(helper=user, revoked_at=None).order_by("-accepted_at")
    solved = {pk for pk, _language, solved_at in mine if solved_at is not None}
    solved.update(helped.values_list("thread_id", flat=True)[:_KNOWN_FROM])
    owned = set(Ownership.objects.filter(user=user).values_list("product_id", flat=True))
    products = owned | {pk for some in _of(user, solved, "products").values() for pk in some}
    tags = {pk for some in _of(user, solved, "tags").values() for pk in some}
    languages = {user.language or settings.LANGUAGE_CODE, *(language for _pk, language, _solved in mine)}
    waiting = (
        Thread.objects.visible_to(user)
        .listed()
        .unanswered()
        .filter(language__in=languages)
        .exclude(author=user)
        .recent_first()
    )
    ids = list(waiting.values_list("pk", flat=True)[:_LOOKED_THROUGH])
    weights: Counter[int] = Counter(dict.fromkeys(ids, 0))
    for pk, some in _of(user, ids, "products", among=products).items():
        weights[pk] += _PRODUCT_WEIGHT * len(some)
    for pk, some in _of(user, ids, "tags", among=tags).items():
        weights[pk] += len(some)
    best = [pk for pk, _weight in weights.most_common(OFFERED)]  # equal ones stay in their order
    found = Thread.objects.visible_to(user).for_listing().prefetch_related("tags").in_bulk(best)
    threads = [found[pk] for pk in best if pk in found]
    prefetch_related_objects(threads, "products")
    return [replace(row_of(thread), because=_because(thread, owned, tags)) for thread in threads]


def _of(
    user: User, threads: Collection[int], relation: str, *, among: Collection[int] | None = None
) -> Mapping[int, set[int]]:
    """Return the ``products`` or ``tags`` of threads, if wanted only some of them; one query."""
    found: dict[int, set[int]] = defaultdict(set)
    for thread_id, pk in Thread.objects.visible_to(user).filter(pk__in=threads).values_list("pk", relation):
        if pk is not None and (among is None or pk in among):
            found[thread_id].add(pk)
    return found


def _because(thread: Thread, owned: Collection[int], tags: Collection[int]) -> str:
    """Return why this question, in words; empty if it is only new."""
    product = next((each for each in thread.products.all() if each.pk in owned), None)
    if product is not None:
        return _("You have this: %(product)s") % {"product": isolate(str(product))}
    tag = next((each for each in thread.tags.all() if each.pk in tags), None)
    return _("Like what you solved: %(tag)s") % {"tag": isolate(str(tag))} if tag is not None else ""
