"""Uploading a picture: bounded before it is decoded, whatever it claims; damaged ones are a message."""

from __future__ import annotations

import io

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from PIL import Image as Pillow
from PIL import ImageFile
from wagtail.images import get_image_model

from portal.core.pictures import what_is_wrong_with_picture
from tests.factories.accounts import UserFactory

#: Addresses that take a picture → the name of the field that holds the file.
DOORS = {"wagtailimages:add": "file", "wagtailimages:add_multiple": "files[]", "wagtailimages_chooser:create": "image-chooser-upload-file"}  # fmt: skip


def picture(kind: str = "JPEG", size: tuple[int, int] = (600, 400), frames: int = 1) -> bytes:
    # The frames differ: a format that keeps only differences would drop equal ones.
    pictures = [Pillow.new("L", size, color=frame * 80 % 256) for frame in range(frames)]
    stream = io.BytesIO()
    pictures[0].save(stream, kind, **({"save_all": True, "append_images": pictures[1:]} if frames > 1 else {}))
    return stream.getvalue()


@pytest.fixture
def decoded(monkeypatch) -> list[tuple[int, int]]:
    """The sizes of what was decoded."""
    sizes: list[tuple[int, int]] = []
    load = ImageFile.ImageFile.load

    def noting(image):
        sizes.append(image.size)
        return load(image)

    monkeypatch.setattr(ImageFile.ImageFile, "load", noting)
    return sizes


@pytest.fixture
def upload(client, db, settings):
    settings.STAFF_SECOND_FACTOR = False
    client.force_login(UserFactory(superuser=True))

    def post(door: str, name: str, content: bytes):
        prefix = DOORS[door].removesuffix("file") if DOORS[door] != "files[]" else ""
        data = {f"{prefix}title": "مودم", f"{prefix}collection": 1, DOORS[door]: SimpleUploadedFile(name, content)}
        return client.post(reverse(door), data, headers={"X-Requested-With": "XMLHttpRequest"})

    return post


def stored() -> int:
    return int(get_image_model().objects.count())


@pytest.mark.parametrize("door", DOORS)
def test_a_picture_is_taken_at_every_door(upload, door):
    upload(door, "x.jpg", picture())

    assert stored() == 1


@pytest.mark.parametrize("door", DOORS)
def test_a_truncated_picture_is_a_message_at_every_door(upload, door):
    content = picture()

    response = upload(door, "x.jpg", content[: len(content) // 2])

    assert response.status_code == 200
    assert "آسیب دیده" in response.text.encode().decode("unicode_escape", "ignore") or "آسیب دیده" in response.text
    assert stored() == 0


@pytest.mark.parametrize(
    ("kind", "size", "frames"),
    [("WEBP", (3000, 3000), 2), ("GIF", (4000, 4000), 3), ("PNG", (1500, 1500), 20), ("PNG", (9000, 5000), 1)],
)
def test_too_many_pixels_in_all_frames_are_refused_before_any_is_decoded(upload, decoded, kind, size, frames):
    content = picture(kind, size, frames)
    decoded.clear()

    response = upload("wagtailimages:add", f"x.{kind.lower()}", content)

    assert len(content) < 400_000
    assert "میلیون پیکسل" in response.text, kind
    assert (decoded, stored()) == ([], 0)


@pytest.mark.parametrize(("kind", "size", "frames"), [("GIF", (400, 300), 30), ("WEBP", (400, 300), 3)])
def test_an_ordinary_animation_is_taken(upload, kind, size, frames):
    upload("wagtailimages:add", f"x.{kind.lower()}", picture(kind, size, frames))

    assert stored() == 1


@pytest.mark.parametrize("kind", ["jpg", "png", "webp", "gif"])
@pytest.mark.parametrize("content", [b"", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"RIFF\0\0\0\0WEBPVP8 ", b"\xff\xd8\xff"])
def test_what_is_no_picture_is_said_to_be_none(kind, content):
    assert what_is_wrong_with_picture(io.BytesIO(content), kind)
