"""Files are as private as what shows them: every kind of file, every kind of reader, every change."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from io import StringIO

import pytest
from django.core.files.base import ContentFile
from django.core.management import CommandError, call_command
from django.db import connections, transaction
from django.test import Client
from wagtail.documents import get_document_model
from wagtail.models import Collection, CollectionViewRestriction, Locale, Page, PageViewRestriction

from faq.models import ArticlePage, HelpMedia, ReusableContent
from portal.core import file_audiences, file_places
from portal.core.file_audiences import audiences_at, refresh, register, shown_to
from portal.core.file_check import check
from portal.core.memo import forget_all
from portal.core.models import FileAudience, StoredFile
from tests.factories.accounts import UserFactory
from tests.factories.faq import (
    ArticlePageFactory,
    HelpMediaFactory,
    ReusableContentFactory,
    TopicPageFactory,
    help_site,
)
from tests.faq.bodies import document, picture
from tests.faq.test_translation import translate

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.both_databases("portal.core.file_audiences", "portal.core.file_check", "portal.core.pages"),
]

NOBODY = ()


def media():
    return HelpMediaFactory(thumbnail=ContentFile(b"GIF89a", name="still.bin"))


def body_with(*, image=None, file=None, recording=None, shared=None):
    blocks = []
    if image:
        blocks.append({"type": "picture", "value": {"image": image.pk, "alt": "مودم", "caption": ""}})
    if file:
        blocks.append({"type": "download", "value": {"document": file.pk, "label": ""}})
    if recording:
        blocks.append({"type": "media", "value": {"media": recording.pk, "caption": ""}})
    if shared:
        blocks.append({"type": "reusable", "value": {"content": shared.pk}})
    return blocks


def article_with(parent=None, *, audience="public", draft=False, **parts):
    return ArticlePageFactory(
        parent=parent or TopicPageFactory(), audience=audience, draft=draft, body=body_with(**parts)
    )


def seen_by(thing):
    """The audiences that may fetch the files of an object, as a request finds them."""
    forget_all()
    row = FileAudience.objects.get(kind=thing._meta.label_lower, object_id=str(thing.pk))
    return tuple(row.audiences.splitlines())


# Where a file is shown -----------------------------------------------------------------------------------------------


def test_a_file_nothing_shows_is_staffs():
    assert [seen_by(thing) for thing in (picture(), document(), media())] == [NOBODY] * 3


@pytest.mark.parametrize("audience", ["public", "signed-in", "partner|segment:fibre"])
def test_a_file_is_seen_by_those_who_see_the_page(audience):
    image, file, recording = picture(), document(), media()

    article_with(audience=audience, image=image, file=file, recording=recording)

    assert [seen_by(thing) for thing in (image, file, recording)] == [(audience,)] * 3


def test_what_two_pages_show_is_seen_by_the_readers_of_either():
    image = picture()

    article_with(audience="partner", image=image)
    article_with(audience="signed-in", image=image)
    assert seen_by(image) == ("partner", "signed-in")

    article_with(image=image)
    assert seen_by(image) == ("public",)


def test_a_draft_shows_nothing_and_a_draft_of_a_live_page_nothing_new():
    image, other = picture(), picture("روتر")

    article_with(draft=True, image=image)
    live = article_with()
    live.body = body_with(image=other)
    live.save_revision()

    assert (seen_by(image), seen_by(other)) == (NOBODY, NOBODY)


def test_publishing_unpublishing_and_editing_are_followed():
    image, other = picture(), picture("روتر")
    article = article_with(draft=True, image=image)

    article.save_revision().publish()
    assert seen_by(image) == ("public",)

    article.refresh_from_db()
    article.body = body_with(image=other)
    article.save_revision().publish()
    assert (seen_by(image), seen_by(other)) == (NOBODY, ("public",))

    article.unpublish()
    assert seen_by(other) == NOBODY


def test_deleting_a_page_and_everything_below_it_is_followed():
    topic = TopicPageFactory()
    image, file = picture(), document()
    article_with(topic, image=image)
    article_with(topic, file=file)

    Page.objects.get(pk=topic.pk).delete()

    assert (seen_by(image), seen_by(file)) == (NOBODY, NOBODY)


def test_the_audience_of_a_topic_is_followed():
    topic = TopicPageFactory()
    image = picture()
    article_with(topic, image=image)

    topic.audience = "partner"
    topic.save_revision().publish()

    assert seen_by(image) == ("partner",)


def test_a_move_is_followed():
    image = picture()
    article = article_with(image=image)

    Page.objects.get(pk=article.pk).move(TopicPageFactory(audience="signed-in"), pos="last-child")

    assert seen_by(image) == ("signed-in",)


@pytest.mark.parametrize(
    ("kind", "left"),
    [
        (PageViewRestriction.LOGIN, ("signed-in",)),
        (PageViewRestriction.GROUPS, NOBODY),
        (PageViewRestriction.PASSWORD, NOBODY),
    ],
)
def test_a_view_restriction_above_the_page_is_followed(kind, left):
    topic = TopicPageFactory()
    image = picture()
    article = article_with(topic, image=image)

    restriction = PageViewRestriction.objects.create(page=topic, restriction_type=kind, password="x")
    assert seen_by(image) == left
    assert not ArticlePage.objects.visible_to(None).filter(pk=article.pk).exists()

    topic.refresh_from_db()
    topic.save()  # an edit keeps what the restriction left
    assert seen_by(image) == left

    restriction.delete()
    assert seen_by(image) == ("public",)


def test_a_restriction_of_the_whole_site_reaches_every_page():
    image = picture()
    article_with(image=image)
    root = Page.objects.get(depth=1)

    PageViewRestriction.objects.create(page=root, restriction_type=PageViewRestriction.LOGIN)

    assert seen_by(image) == ("signed-in",)


def test_a_collection_with_a_restriction_narrows_what_is_in_it():
    file = document()
    article_with(file=file)
    collection = Collection.get_first_root_node().add_child(name="قراردادها")
    file.collection = collection
    file.save()

    restriction = CollectionViewRestriction.objects.create(
        collection=collection, restriction_type=CollectionViewRestriction.LOGIN
    )
    assert seen_by(file) == ("signed-in",)

    restriction.delete()
    assert seen_by(file) == ("public",)


def test_a_shared_text_passes_on_what_it_shows():
    image, other = picture(), picture("روتر")
    shared = ReusableContentFactory(body=body_with(image=image))
    assert seen_by(image) == NOBODY

    article = article_with(audience="partner", shared=shared)
    assert seen_by(image) == ("partner",)

    shared.body = body_with(image=other)
    shared.save()
    assert (seen_by(image), seen_by(other)) == (NOBODY, ("partner",))

    article.unpublish()
    assert seen_by(other) == NOBODY


def test_a_deleted_shared_text_shows_nothing():
    image = picture()
    shared = ReusableContentFactory(body=body_with(image=image))
    article_with(shared=shared)

    ReusableContent.objects.get(pk=shared.pk).delete()

    assert seen_by(image) == NOBODY


def test_a_link_in_a_text_shows_the_document():
    file = document()
    text = f'<p><a linktype="document" id="{file.pk}">راهنما</a></p>'

    ArticlePageFactory(audience="signed-in", body=[{"type": "paragraph", "value": text}])

    assert seen_by(file) == ("signed-in",)


def test_a_translation_shows_its_files_once_it_is_live():
    image = picture()
    article = article_with(audience="signed-in", image=image)
    english = translate(article, title="The light", slug="light", short_answer="Unplug it.")
    english.save_revision().publish()

    article.unpublish()
    assert seen_by(image) == ("signed-in",)

    ArticlePage.objects.get(pk=english.pk).unpublish()
    assert seen_by(image) == NOBODY


def test_a_link_to_a_page_does_not_show_what_the_page_shows():
    image = picture()
    hidden = article_with(audience="staff", image=image)

    ArticlePageFactory(body=[{"type": "related_article", "value": {"page": hidden.pk}}])

    assert seen_by(image) == NOBODY


# Files ---------------------------------------------------------------------------------------------------------------


def test_a_replaced_file_takes_its_address_with_it():
    file = document()
    article_with(file=file)
    old = file.file.name

    file.file = ContentFile(b"%PDF-1.5", name="guide.pdf")
    file.save()

    assert audiences_at(old) is None
    assert audiences_at(file.file.name) == ("public",)


def test_a_deleted_object_and_a_deleted_rendition_are_forgotten():
    image, file = picture(), document()
    rendition = image.get_rendition("width-40")
    file_audiences.adopt(rendition.file.name)

    rendition.delete()
    file.delete()

    assert not StoredFile.objects.exists()
    assert not FileAudience.objects.filter(kind="wagtaildocs.document").exists()


def test_names_cannot_be_guessed_and_readers_do_not_see_why(client):
    file, image = document(), picture()
    article_with(file=file)

    names = {file.file.name, image.file.name, image.get_rendition("width-40").file.name, media().captions.name}
    response = client.get(file.url)

    assert all(len(name.rpartition("__")[2].partition(".")[0]) == 16 for name in names)
    assert response["Content-Disposition"] == 'attachment; filename="guide.pdf"'
    assert client.get(file.url.replace(file.filename, "guide.pdf")).status_code == 404


def test_an_upload_with_a_long_name_keeps_its_random_part():
    long = get_document_model().objects.create(title="x", file=ContentFile(b"%PDF", name="ن" * 200 + ".pdf"))

    assert len(long.file.name) <= 100
    assert len(long.file.name.rpartition("__")[2]) == len("0123456789abcdef.pdf")


# Other apps ----------------------------------------------------------------------------------------------------------


def test_an_app_says_itself_who_sees_its_files(monkeypatch):
    """Recordings stand in for attachments of a forum."""
    monkeypatch.setattr(file_audiences, "kinds", dict(file_audiences.kinds))
    readers = {}
    register(HelpMedia, fields=("file",), audiences=lambda _model, pks: {pk: readers.get(pk, ()) for pk in pks})
    attachment = media()
    assert seen_by(attachment) == NOBODY

    readers[attachment.pk] = ["partner", "segment:fibre&signed-in"]
    assert refresh(HelpMedia, [attachment.pk]) == 1
    assert refresh(HelpMedia, [attachment.pk]) == 0

    assert seen_by(attachment) == ("partner", "segment:fibre&signed-in")
    assert file_audiences.admits(seen_by(attachment), UserFactory(segments=["fibre"]))
    assert not file_audiences.admits(seen_by(attachment), UserFactory(segments=["mobile"]))


def test_what_a_setting_shows_is_seen_by_its_audience(monkeypatch):
    """A shared text stands in for a setting with a logo."""
    monkeypatch.setitem(file_places.holders, ReusableContent, None)
    shown_to(ReusableContent, "public")
    image = picture()

    ReusableContentFactory(body=body_with(image=image))

    assert seen_by(image) == ("public",)


# Cost and repair -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [1, 3])
def test_an_answer_costs_the_same_however_many_places_there_are(count, django_assert_num_queries):
    image = picture()
    shared = ReusableContentFactory(body=body_with(image=image))
    for _number in range(count):
        article_with(image=image)
        article_with(shared=shared)

    with django_assert_num_queries(7):  # two for the savepoint; the row, two levels of references, pages, collections
        refresh(type(image), [image.pk])


def test_drift_is_found_and_mended():
    image, file = picture(), document()
    article_with(image=image, file=file)
    rendition = image.get_rendition("width-40")
    check(mend=True)
    FileAudience.objects.filter(kind="wagtailimages.image").update(audiences="")
    FileAudience.objects.create(kind="wagtailimages.image", object_id="77777", audiences="public")
    StoredFile.objects.filter(path=rendition.file.name).delete()
    FileAudience.objects.filter(kind="wagtaildocs.document").delete()

    said = StringIO()
    with pytest.raises(CommandError):
        call_command("check_files", stdout=said)
    call_command("check_files", "--repair", stdout=said)

    assert said.getvalue().count("wagtailimages.image 77777: is gone") == 2
    assert (seen_by(image), seen_by(file)) == (("public",), ("public",))
    assert audiences_at(rendition.file.name) == audiences_at(file.file.name) == ("public",)
    assert check(mend=False) == []


# Races ---------------------------------------------------------------------------------------------------------------


@pytest.fixture
def _committed(transactional_db):
    """Create what is missing in a flushed database."""
    Locale.objects.get_or_create(language_code="fa")
    if not Page.objects.filter(depth=1).exists():
        Page.add_root(title="Root", slug="root", locale=Locale.objects.get(language_code="fa"))
    if not Collection.objects.filter(depth=1).exists():
        Collection.add_root(name="Root")
    help_site()


def at_once(*tasks):
    start = threading.Barrier(len(tasks))

    def run(task):
        start.wait()
        try:
            for _attempt in range(5):
                task()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(tasks)) as pool:
        for result in [pool.submit(run, task) for task in tasks]:
            result.result()


@pytest.mark.concurrency
@pytest.mark.usefixtures("_committed")
def test_pages_published_and_unpublished_at_once_leave_the_truth():
    image = picture()
    topic = TopicPageFactory()
    shared = ReusableContentFactory(body=body_with(image=image))
    pages = [article_with(topic, audience="partner", draft=True, image=image)]
    pages += [article_with(topic, audience="signed-in", draft=True, shared=shared)]

    def flip(page):
        ArticlePage.objects.get(pk=page.pk).save_revision().publish()
        ArticlePage.objects.get(pk=page.pk).unpublish()

    def edit():
        with transaction.atomic():
            text = ReusableContent.objects.get(pk=shared.pk)
            text.body = body_with(image=image) if not text.body else []
            text.save()

    at_once(*[lambda page=page: flip(page) for page in pages], edit)
    assert check(mend=False) == []

    ArticlePage.objects.get(pk=pages[0].pk).save_revision().publish()
    assert seen_by(image) == ("partner",)
    assert Client().get(f"/media/{image.get_rendition('width-40').file.name}").status_code == 404
