"""Uploaded files: range requests, conditional requests, and what is never served."""

from __future__ import annotations

import pytest

from portal.core.files import parse_range

CONTENT = bytes(range(256)) * 8


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

    assert response["Content-Disposition"] == "attachment"
    assert response["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    "path",
    ["/media/original_images/photo.jpg", "/media/media/../original_images/photo.jpg", "/media/media/%2e%2e/x",
     "/media/media/", "/media/media/none.wav", "/media/portal.sqlite3", "/media/media/a%00b"],
)  # fmt: skip
@pytest.mark.django_db
def test_originals_and_everything_else_are_not_served(client, clip, path):
    assert client.get(path, follow=True).status_code == 404


def test_an_empty_file_has_no_range():
    with pytest.raises(ValueError, match="bytes=-1"):
        parse_range("bytes=-1", 0)
