"""Uploaded files: range requests, conditional requests, and what is never served."""

from __future__ import annotations

from pathlib import Path

import pytest

from portal.core.files import parse_range
from portal.core.memo import forget_all
from portal.core.models import FileAudience, StoredFile
from tests.factories.accounts import UserFactory

pytestmark = pytest.mark.django_db

CONTENT = bytes(range(256)) * 8


def entered(*paths, audiences="public"):
    """Enter files as those of one object that these audiences see."""
    owner = FileAudience.objects.create(kind="faq.helpmedia", object_id=paths[0], audiences=audiences)
    StoredFile.objects.bulk_create(StoredFile(path=path, owner=owner) for path in paths)
    return owner


@pytest.fixture
def clip(settings, tmp_path):
    settings.MEDIA_ROOT = str(tmp_path)
    folder = tmp_path / "media"
    folder.mkdir()
    (folder / "clip.wav").write_bytes(CONTENT)
    (folder / "page.html").write_text("<script>alert(1)</script>")
    originals = tmp_path / "original_images"
    originals.mkdir()
    (originals / "photo.jpg").write_bytes(b"with its place and time")
    entered("media/clip.wav", "media/page.html")
    return "/media/media/clip.wav"


def body(response) -> bytes:
    return b"".join(response.streaming_content) if response.streaming else response.content


def test_whole_file_says_that_ranges_are_accepted(client, clip):
    response = client.get(clip)

    assert body(response) == CONTENT
    assert response["Accept-Ranges"] == "bytes"
    assert response["Content-Length"] == str(len(CONTENT))


@pytest.mark.parametrize(
    ("header", "expected", "content_range"),
    [
        ("bytes=0-9", CONTENT[:10], "bytes 0-9/2048"),
        ("bytes=2040-", CONTENT[2040:], "bytes 2040-2047/2048"),
        ("bytes=-5", CONTENT[-5:], "bytes 2043-2047/2048"),
        ("bytes=2000-99999", CONTENT[2000:], "bytes 2000-2047/2048"),
        ("bytes=-99999", CONTENT, "bytes 0-2047/2048"),
    ],
)
def test_a_range_is_answered_with_just_those_bytes(client, clip, header, expected, content_range):
    response = client.get(clip, headers={"range": header})

    assert response.status_code == 206
    assert body(response) == expected
    assert response["Content-Range"] == content_range
    assert response["Content-Length"] == str(len(expected))


@pytest.mark.parametrize("header", ["bytes=2048-", "bytes=-0", "bytes=9999-10000"])
def test_a_range_outside_the_file_is_refused_with_its_size(client, clip, header):
    response = client.get(clip, headers={"range": header})

    assert response.status_code == 416
    assert response["Content-Range"] == "bytes */2048"


@pytest.mark.parametrize("header", ["bytes=9-3", "lines=1-2", "bytes=a-b", "bytes=-", "bytes=0-1,4-5", ""])
def test_a_range_that_makes_no_sense_is_ignored(client, clip, header):
    response = client.get(clip, headers={"range": header})

    assert response.status_code == 200
    assert body(response) == CONTENT


def test_if_range_of_an_older_file_gets_the_whole_new_one(client, clip):
    response = client.get(clip, headers={"range": "bytes=0-9", "if-range": '"older"'})

    assert response.status_code == 200
    assert body(response) == CONTENT


def test_a_known_etag_is_answered_without_a_body(client, clip):
    etag = client.get(clip)["ETag"]

    response = client.get(clip, headers={"if-none-match": etag})

    assert (response.status_code, response.content) == (304, b"")


def test_head_says_the_length_only(client, clip):
    response = client.head(clip)

    assert response["Content-Length"] == str(len(CONTENT))


def test_a_page_someone_uploaded_is_saved_and_never_shown(client, clip):
    response = client.get("/media/media/page.html")

    assert response["Content-Disposition"] == 'attachment; filename="page.html"'
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Content-Security-Policy"] == "default-src 'none'; sandbox"


@pytest.mark.parametrize(
    "path",
    ["/media/original_images/photo.jpg", "/media/media/../original_images/photo.jpg", "/media/media/%2e%2e/x",
     "/media/media/", "/media/media/none.wav", "/media/portal.sqlite3", "/media/media/a%00b",
     "/media/media/../media/clip.wav", "/media/" + "x" * 300],
)  # fmt: skip
def test_originals_and_everything_else_are_not_served(client, clip, path):
    assert client.get(path, follow=True).status_code == 404


def test_anybody_keeps_a_public_file_for_minutes_and_asks_again(client, clip):
    first = client.get(clip)

    again = client.get(clip, headers={"if-modified-since": first["Last-Modified"]})

    assert first["Cache-Control"] == again["Cache-Control"] == "public, max-age=300"
    assert "Cookie" not in first.get("Vary", "")
    assert again.status_code == 304


def test_an_old_address_stops_when_the_audience_narrows(client, clip):
    etag = client.get(clip)["ETag"]
    FileAudience.objects.update(audiences="partner")
    forget_all()

    response = client.get(clip, headers={"if-none-match": etag})

    assert response.status_code == 404
    assert response["Cache-Control"] == "private, no-store"


def test_what_few_may_fetch_is_kept_by_nobody(client, clip):
    FileAudience.objects.update(audiences="partner")
    client.force_login(UserFactory(partner=True))

    whole, part = client.get(clip), client.get(clip, headers={"range": "bytes=0-9"})

    assert (whole.status_code, part.status_code) == (200, 206)
    assert whole["Cache-Control"] == part["Cache-Control"] == "private, no-store"


def test_private_and_missing_files_answer_alike(client, clip, django_assert_max_num_queries):
    FileAudience.objects.update(audiences="partner")
    client.get("/media/media/cccc.wav")  # the frame of the page is read once

    with django_assert_max_num_queries(3):
        private = client.get(clip)
    with django_assert_max_num_queries(3):
        missing = client.get("/media/media/cccc.wav")

    assert private.status_code == missing.status_code == 404
    assert private.text.replace("clip", "cccc") == missing.text
    assert private.headers.keys() == missing.headers.keys()


def test_a_public_file_costs_one_query_and_then_none(client, clip, django_assert_num_queries):
    with django_assert_num_queries(1):
        body(client.get(clip))
    with django_assert_num_queries(0):
        body(client.get(clip))


def test_the_web_server_in_front_may_send_the_file(client, clip, settings):
    settings.MEDIA_ACCEL_PREFIX = "/files-of-the-portal/"
    entered("media/بوق.wav")
    (Path(settings.MEDIA_ROOT) / "media" / "بوق.wav").write_bytes(CONTENT)

    response = client.get("/media/media/بوق.wav")

    assert response["X-Accel-Redirect"] == "/files-of-the-portal/media/%D8%A8%D9%88%D9%82.wav"
    assert (response.content, response["Content-Type"]) == (b"", "audio/x-wav")
    assert response["Cache-Control"] == "public, max-age=300"
    assert "X-Accel-Redirect" not in client.get("/media/media/none.wav")


def test_an_empty_file_has_no_range():
    with pytest.raises(ValueError, match="bytes=-1"):
        parse_range("bytes=-1", 0)
