"""Saved, deleted, published and moved objects are found in their current state only."""

from __future__ import annotations

import pytest
from django.db import transaction
from wagtail.models import Locale, Page, PageViewRestriction

from portal.catalog.models import Topic
from portal.core.models import OutboxMessage
from search import receivers, registry, services
from search.documents import SearchDocument
from search.events import EntriesChanged
from search.index.answering import get_backend
from search.index.plan import Plan
from tests.search.asking import ids

pytestmark = pytest.mark.django_db


def found(text: str) -> list[int]:
    return ids(get_backend(), text)


def indexed() -> list[tuple[int, str]]:
    backend = get_backend()
    return sorted(
        (object_id, language) for kind in backend.kinds() for object_id, language, _digest in backend.digests(kind)
    )


def test_a_saved_object_is_found_after_the_commit(topic_document, after_commit):
    with after_commit():
        topic = Topic.objects.create(code="a", name={"fa": "چراغ قرمز"})

        assert found("چراغ") == []

    assert found("چراغ") == [topic.pk]


def test_a_renamed_object_is_found_by_its_new_name_only(topic_document, after_commit):
    with after_commit():
        topic = Topic.objects.create(code="a", name={"fa": "چراغ", "en": "Light"})
    topic.name = {"fa": "مودم"}

    with after_commit():
        topic.save()

    assert found("چراغ") == found("light") == []
    assert found("مودم") == [topic.pk]
    assert indexed() == [(topic.pk, "fa")]


def test_a_deleted_object_leaves_nothing_behind(topic_document, after_commit):
    with after_commit():
        topic = Topic.objects.create(code="a", name={"fa": "چراغ", "en": "Light"})

    with after_commit():
        topic.delete()

    assert indexed() == []


def test_an_object_that_leaves_the_queryset_leaves_the_index(topic_document, after_commit):
    with after_commit():
        topic = Topic.objects.create(code="a", name={"fa": "چراغ"})
    topic.icon = "draft"

    with after_commit():
        topic.save()

    assert indexed() == []


def test_what_is_rolled_back_is_neither_indexed_nor_announced(topic_document, after_commit):
    with after_commit(), transaction.atomic():
        Topic.objects.create(code="a", name={"fa": "چراغ"})
        transaction.set_rollback(True)

    assert not OutboxMessage.objects.exists()
    assert indexed() == []


def test_a_bulk_update_is_announced_by_reindex(topic_document, after_commit):
    with after_commit():
        Topic.objects.create(code="a", name={"fa": "چراغ"})
    Topic.objects.update(name={"fa": "مودم"})

    with after_commit():
        services.reindex(Topic.objects.filter(code="a"))

    assert found("چراغ") == []
    assert len(found("مودم")) == 1


def test_many_objects_are_announced_in_few_messages(topic_document, after_commit):
    Topic.objects.bulk_create(Topic(code=f"t{n}", name={"fa": "مودم"}) for n in range(150))

    with after_commit():
        services.reindex(Topic.objects.all())

        assert OutboxMessage.objects.count() == 2

    assert len(indexed()) == 150


def test_an_object_saved_again_and_again_is_indexed_once(topic_document, after_commit):
    topic = Topic.objects.create(code="a", name={"fa": "چراغ"})
    services.announce(kind=topic_document.name, object_ids=[topic.pk, 999])
    with after_commit():
        for number in range(20):
            topic.name = {"fa": f"مودم {number}"}
            topic.save()

        assert OutboxMessage.objects.count() == 2  # another one, because it includes another object

    assert found("19") == [topic.pk]


def test_handling_twice_is_handling_once(topic_document):
    topic = Topic.objects.create(code="a", name={"fa": "چراغ", "en": "Light"})
    event = EntriesChanged(kind=topic_document.name, object_ids=[topic.pk, 999])

    for _ in range(2):
        services.handle_entries_changed(event)

    assert indexed() == [(topic.pk, "en"), (topic.pk, "fa")]
    assert found("چراغ") == [topic.pk]


def test_handling_late_reads_what_is_true_now(topic_document):
    topic = Topic.objects.create(code="a", name={"fa": "چراغ"})
    event = EntriesChanged(kind=topic_document.name, object_ids=[topic.pk])
    Topic.objects.update(name={"fa": "مودم"})

    services.handle_entries_changed(event)

    assert found("مودم") == [topic.pk]


def test_a_kind_nobody_declares_any_more_is_removed(topic_document):
    topic = Topic.objects.create(code="a", name={"fa": "چراغ"})
    event = EntriesChanged(kind=topic_document.name, object_ids=[topic.pk])
    services.handle_entries_changed(event)
    registry.unregister(type(topic_document))

    services.handle_entries_changed(event)

    assert indexed() == []


def test_a_model_nobody_can_find_is_not_announced(after_commit, only_topics):
    with after_commit():
        Topic.objects.create(code="a", name={"fa": "چراغ"})

    assert not OutboxMessage.objects.exists()


# Pages --------------------------------------------------------------------------------------------------------------


class PageDocument(SearchDocument[Page]):
    """Live pages without view restrictions."""

    name = "test.page"
    model = Page
    label = "Page"
    label_plural = "Pages"

    def get_queryset(self):
        return Page.objects.live().public().filter(depth__gt=2)

    def to_entry(self, instance):
        return self.entry(instance, language="fa", title=instance.title, url=instance.url_path, audience="public")


@pytest.fixture
def pages(only_topics, after_commit):
    """shelf > book > chapter, and an empty drawer; the first three contain the word «چراغ»."""
    registry.register(PageDocument)
    document = registry.get_document(PageDocument.name)
    receivers.watch(document)
    Locale.objects.get_or_create(language_code="fa")
    top = Page.get_first_root_node() or Page.add_root(instance=Page(title="Root", slug="root"))
    root = top.add_child(instance=Page(title="Library", slug="library"))
    with after_commit():
        shelf = root.add_child(instance=Page(title="چراغ قفسه", slug="shelf"))
        book = shelf.add_child(instance=Page(title="چراغ کتاب", slug="book"))
        chapter = book.add_child(instance=Page(title="چراغ فصل", slug="chapter"))
        drawer = root.add_child(instance=Page(title="کشو", slug="drawer"))
    yield {"shelf": shelf, "book": book, "chapter": chapter, "drawer": drawer}
    receivers.unwatch(document)
    registry.unregister(PageDocument)


def urls() -> dict[int, str]:
    everything = Plan(terms=(), size=0, audiences=("public",), limit=100)
    return {hit.object_id: hit.url for hit in get_backend().search(everything).hits}


def test_a_moved_page_takes_the_addresses_below_it_along(pages, after_commit):
    with after_commit():
        pages["book"].move(pages["drawer"], pos="last-child")

    assert urls()[pages["chapter"].pk].endswith("/drawer/book/chapter/")
    assert urls()[pages["book"].pk].endswith("/drawer/book/")
    assert urls()[pages["shelf"].pk].endswith("/shelf/")


def test_a_renamed_slug_changes_the_addresses_below_it(pages, after_commit):
    pages["shelf"].slug = "rack"

    with after_commit():
        pages["shelf"].save_revision().publish()

    assert urls()[pages["shelf"].pk].endswith("/rack/")
    assert urls()[pages["chapter"].pk].endswith("/rack/book/chapter/")


def test_an_unpublished_page_is_gone_at_once_and_back_when_published(pages, after_commit):
    with after_commit():
        pages["book"].unpublish()

    assert pages["book"].pk not in urls()
    assert pages["chapter"].pk in urls()

    with after_commit():
        Page.objects.get(pk=pages["book"].pk).save_revision().publish()

    assert pages["book"].pk in urls()


def test_a_draft_changes_nothing_until_it_is_published(pages, after_commit):
    pages["book"].title = "مودم"

    with after_commit():
        revision = pages["book"].save_revision()
    assert found("مودم") == []

    with after_commit():
        revision.publish()
    assert found("مودم") == [pages["book"].pk]


def test_deleting_a_page_deletes_everything_below_it(pages, after_commit):
    with after_commit():
        Page.objects.get(pk=pages["shelf"].pk).delete()

    assert set(urls()) & {pages["shelf"].pk, pages["book"].pk, pages["chapter"].pk} == set()
    assert pages["drawer"].pk in urls()


def test_locking_a_page_away_hides_what_is_below_it(pages, after_commit):
    with after_commit():
        restriction = PageViewRestriction.objects.create(
            page=pages["shelf"], restriction_type=PageViewRestriction.LOGIN
        )

    assert set(urls()) & {pages["shelf"].pk, pages["book"].pk, pages["chapter"].pk} == set()

    with after_commit():
        restriction.delete()

    assert pages["chapter"].pk in urls()
