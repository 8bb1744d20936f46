"""Threads of a forum, as their app would declare them, with a facet for solved ones.

Neither this module nor `search` has code specific to the other. Topics stand in for threads; those with a check mark as
their icon are solved.
"""

from __future__ import annotations

from portal.catalog.models import Topic
from search.documents import Badge, Evidence, Facet, SearchDocument, SearchEntry
from search.facets import TOPIC

SOLVED = Facet(
    name="solved",
    label="State",
    labels=lambda: {"yes": "Solved", "no": "Not solved yet"},
    has_fixed_values=True,
    badges={"yes": Badge(tone="ok", icon="check")},
)
HAS_SOLUTION = Evidence(name="solution", per_mille=60)


class ThreadDocument(SearchDocument[Topic]):
    name = "test.thread"
    model = Topic
    label = "Thread"
    label_plural = "Threads"
    facets = (TOPIC, SOLVED)
    evidence = (HAS_SOLUTION,)

    def get_queryset(self):
        return Topic.objects.all()

    def to_entry(self, instance: Topic) -> SearchEntry:
        is_solved = instance.icon == "check"
        return self.entry(
            instance,
            language="fa",
            title=str(instance.name),
            url=f"/fa/threads/{instance.pk}/",
            audience="public",
            facets={TOPIC: ["network"], SOLVED: ["yes" if is_solved else "no"]},
            evidence={HAS_SOLUTION: 100 * is_solved},
        )
