"""Pictures without metadata: what is gone, what stays, and what is refused."""

from __future__ import annotations

import io

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from PIL import Image as Pillow
from PIL import ImageCms
from PIL.PngImagePlugin import PngInfo

from portal.core.models import FileAudience, StoredFile
from portal.core.picture_metadata import UnreadablePictureError, without_metadata
from portal.core.storage import clean_stored_pictures

WHERE = b"35.6892N 51.3890E"
PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
KINDS = {"jpg": "JPEG", "png": "PNG", "webp": "WEBP", "gif": "GIF"}


def telling(kind: str, *, orientation: int = 1, frames: int = 1) -> bytes:
    """A picture of 60 × 40 pixels, red on the left, that says where it was taken in every way its format has."""
    picture = Pillow.new("RGB", (60, 40), "blue")
    picture.paste("red", (0, 0, 30, 40))
    exif = Pillow.Exif()
    exif[0x0112] = orientation
    exif[0x010E] = WHERE.decode()
    said = PngInfo()
    said.add_text("Comment", WHERE.decode())
    said.add_itxt("XML:com.adobe.xmp", WHERE.decode())
    given = {
        "jpg": {"exif": exif, "xmp": WHERE, "comment": WHERE, "icc_profile": PROFILE, "progressive": True},
        "png": {"exif": exif, "pnginfo": said, "icc_profile": PROFILE},
        "webp": {"exif": exif.tobytes(), "xmp": WHERE, "icc_profile": PROFILE},
        "gif": {"comment": WHERE, "loop": 0, "duration": 100},
    }[kind]
    if frames > 1:
        given |= {"save_all": True, "append_images": [Pillow.new("RGB", (60, 40), "green")] * (frames - 1)}
    out = io.BytesIO()
    picture.save(out, KINDS[kind], **given)
    return out.getvalue() + WHERE  # and once more behind its end


def pixels(content: bytes) -> list[bytes]:
    with Pillow.open(io.BytesIO(content)) as picture:
        found = []
        for number in range(getattr(picture, "n_frames", 1)):
            picture.seek(number)
            found.append(picture.convert("RGB").tobytes())
        return found


@pytest.mark.parametrize("frames", [1, 3])
@pytest.mark.parametrize("kind", KINDS)
def test_everything_but_the_picture_is_gone(kind, frames):
    before = telling(kind, frames=frames if kind in {"webp", "gif", "png"} else 1)

    after = without_metadata(before, kind.upper())

    assert WHERE in before
    assert WHERE not in after
    assert pixels(after) == pixels(before)
    with Pillow.open(io.BytesIO(after)) as picture:
        assert not picture.getexif()
        assert (picture.info.get("icc_profile") == PROFILE) is (kind != "gif")
        assert picture.info.get("loop") == (0 if kind == "gif" and frames > 1 else picture.info.get("loop"))
    assert without_metadata(after, kind) == after


@pytest.mark.parametrize("kind", ["jpg", "webp", "png"])
def test_a_picture_that_was_turned_by_its_metadata_is_turned(kind):
    after = without_metadata(telling(kind, orientation=6), kind)

    with Pillow.open(io.BytesIO(after)) as picture:
        assert picture.size == (40, 60)
        red, _green, blue = picture.convert("RGB").getpixel((20, 5))
    assert (red > 200, blue < 60) == (True, True)  # the left is now at the top
    assert WHERE not in after


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("length", [0, 1, 30, 100])
def test_what_is_cut_off_or_something_else_is_refused(kind, length):
    for content in (telling(kind)[:length], b"x" * length):
        with pytest.raises(UnreadablePictureError):
            without_metadata(content, kind)


def test_other_files_stay_as_they_are():
    assert without_metadata(b"%PDF-1.4", "pdf") == b"%PDF-1.4"


@pytest.fixture
def folder(settings, tmp_path):
    settings.MEDIA_ROOT = str(tmp_path)
    return tmp_path


@pytest.mark.parametrize("place", ["images", "media_thumbnails", "avatar_images"])
def test_whatever_is_served_is_stored_without_metadata(folder, place):
    name = default_storage.save(f"{place}/modem.jpg", ContentFile(telling("jpg")))

    assert WHERE not in (folder / name).read_bytes()


def test_an_original_keeps_them_because_nobody_gets_it(folder):
    name = default_storage.save("original_images/modem.jpg", ContentFile(telling("jpg")))

    assert WHERE in (folder / name).read_bytes()


def test_a_damaged_picture_is_stored_and_reported(folder, caplog):
    name = default_storage.save("media_thumbnails/modem.jpg", ContentFile(b"none"))

    assert (folder / name).read_bytes() == b"none"
    assert "cannot be read" in caplog.text


@pytest.mark.django_db
def test_pictures_of_earlier_releases_are_cleaned_once(folder):
    (folder / "images").mkdir()
    (folder / "images" / "old.jpg").write_bytes(telling("jpg"))
    (folder / "images" / "bad.jpg").write_bytes(b"none")
    owner = FileAudience.objects.create(kind="wagtailimages.image", object_id="1")
    for name in ("old.jpg", "bad.jpg", "lost.jpg"):
        StoredFile.objects.create(path=f"images/{name}", owner=owner)

    assert (clean_stored_pictures(), clean_stored_pictures()) == (1, 0)
    assert WHERE not in (folder / "images" / "old.jpg").read_bytes()
