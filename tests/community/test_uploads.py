"""Uploaded files: cleaned, or refused with a reason."""

from __future__ import annotations

import datetime as dt
from io import BytesIO

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone, translation
from PIL import Image

from community import services
from community.exceptions import UploadError
from community.models import Post, Upload
from community.services import texts
from community.services.uploads import MAX_WAITING, tidy_uploads
from portal.core.pictures import PICTURE_FORMATS
from tests.factories.community import AreaFactory, MemberFactory, token

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _media(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path


def add(name, content, owner=None):
    owner = owner or MemberFactory()
    if name.rpartition(".")[2].lower() in {*PICTURE_FORMATS, "svg"}:
        return services.accept_picture(owner=owner, file=SimpleUploadedFile(name, content))
    return services.add_file(owner=owner, name=name, file=BytesIO(content))


def picture(kind="JPEG", size=(60, 40), mode="RGB", colour="teal", **options):
    file = BytesIO()
    Image.new(mode, size, colour).save(file, kind, **options)
    return file.getvalue()


def photo(*, orientation=1):
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x8825] = {1: "N", 2: (35.0, 41.0, 0.0)}
    exif[0x010E] = "<script>alert(1)</script>"
    return picture(exif=exif, comment=b"<script>alert(2)</script>")


def test_picture_keeps_its_pixels_and_nothing_else():
    raw = photo(orientation=6)
    assert b"<script>" in raw

    upload = add("عکس مودم.jpg", raw + b"<?php system($_GET['c']); ?>PK\x03\x04")

    stored = upload.file.read()
    with Image.open(BytesIO(stored)) as image:
        assert (image.format, image.size, dict(image.getexif())) == ("JPEG", (40, 60), {})
        assert "exif" not in image.info
    assert b"script" not in stored
    assert b"<?php" not in stored
    assert (upload.name, upload.kind, upload.content_type) == ("عکس-مودم.jpg", "picture", "image/jpeg")
    assert (upload.width, upload.height, upload.size) == (40, 60, len(stored))


@pytest.mark.parametrize(
    ("kind", "name", "stored"),
    [("PNG", "a.png", "png"), ("GIF", "a.gif", "png"), ("WEBP", "a.webp", "webp"), ("JPEG", "A.JPEG", "jpeg")],
)
def test_usual_pictures_are_accepted(kind, name, stored):
    assert add(name, picture(kind)).content_type == f"image/{stored}"


def test_transparency_is_kept_and_large_pictures_are_made_smaller():
    with Image.open(BytesIO(add("a.png", picture("PNG", mode="RGBA", colour=(0, 90, 90, 60))).file.read())) as image:
        assert image.mode == "RGBA"
    assert add("b.png", picture("PNG", size=(4000, 100))).width == 2400


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.svg", b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"),
        ("a.html", b"<script>alert(1)</script>"),
        ("a.exe", b"MZ"),
        ("a.png.exe", b"\x89PNG"),
        ("a", b"x"),
        ("a.png", b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"),
        ("a.gif", b"GIF89a<script>alert(1)</script>"),
        ("a.png", picture("PNG")[:60]),
        ("a.jpg", b""),
        ("a.pdf", b"<script>"),
        ("a.txt", b"MZ\x00\x01"),
        ("a.txt", "سلام".encode("utf-16")),
        ("a.txt", b""),
        ("a.txt", b"x" * (2 * 1024 * 1024 + 1)),
        ("a.jpg", b"x" * (5 * 1024 * 1024 + 1)),
    ],
)
def test_what_is_not_what_its_name_says_is_refused_with_a_reason(name, content):
    with translation.override("fa"), pytest.raises(UploadError) as error:
        add(name, content)

    assert any("\u0600" <= letter <= "\u06ff" for letter in str(error.value))
    assert not Upload.objects.exists()


def test_bomb_is_refused_before_it_is_decoded():
    with pytest.raises(UploadError):
        add("bomb.png", picture("PNG", size=(20_000, 20_000), mode="1", colour=1))


def animation(sizes, kind="GIF"):
    """An animation whose frames have these sizes; they differ, so that none is dropped."""
    frames = [Image.new("RGB", size, (number * 41 % 256, number // 256, 0)) for number, size in enumerate(sizes)]
    file = BytesIO()
    frames[0].save(file, kind, save_all=True, append_images=frames[1:])
    return file.getvalue()


def grown(content):
    """The same GIF, whose screen is said to be smaller than its frames."""
    return content[:6] + (10).to_bytes(2, "little") * 2 + content[10:]


def many_scans(content):
    """The same JPEG, whose last scan is there a thousand times."""
    start = content.rindex(b"\xff\xda")
    return content[:-2] + content[start:-2] * 1000 + content[-2:]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("too many pixels.png", picture("PNG", size=(4000, 3600))),
        ("too many pixels.jpg", picture(size=(4000, 3600))),
        ("large frames.gif", animation([(1500, 1000)] * 8)),
        ("large frames.webp", animation([(1500, 1000)] * 8, "WEBP")),
        ("tiny frames.gif", animation([(2, 2)] * 1500)),
        ("growing.gif", animation([(10, 10)])[:-1] + grown(animation([(3000, 3000)]))[13:]),
        ("scans.jpg", many_scans(picture(progressive=True))),
    ],
)
def test_what_takes_long_to_decode_is_refused_with_a_reason(name, content, monkeypatch):
    """Nothing of that size is decoded or encoded: the process would serve nobody else meanwhile."""
    encoded = []
    monkeypatch.setattr(Image.Image, "save", lambda image, *_arguments, **_options: encoded.append(image.size))

    with translation.override("fa"), pytest.raises(UploadError) as error:
        add(name, content)

    assert any("\u0600" <= letter <= "\u06ff" for letter in str(error.value))
    assert encoded == []


@pytest.mark.parametrize(
    ("name", "content", "stored"),
    [
        ("telephone.jpg", picture(size=(4080, 3072)), "jpeg"),
        ("screen.png", picture("PNG", size=(2560, 1600)), "png"),
        ("short.gif", animation([(300, 200)] * 100), "webp"),
    ],
)
def test_what_telephones_and_screen_recorders_make_is_accepted(name, content, stored):
    assert add(name, content).content_type == f"image/{stored}"


def test_photo_with_further_pictures_in_it_stays_a_photo():
    file = BytesIO()
    Image.new("RGB", (60, 40), "teal").save(
        file, "MPO", save_all=True, append_images=[Image.new("RGB", (60, 40), "black")]
    )

    upload = add("depth.jpg", file.getvalue())

    assert (upload.content_type, upload.width) == ("image/jpeg", 60)


def test_log_of_a_device_is_kept_as_it_is():
    content = "21:04:11 wan0 : PADT received\nچراغ قرمز".encode()

    upload = add("../../etc/log 1.txt", content)

    assert (upload.name, upload.kind, upload.content_type) == ("log-1.txt", "file", "text/plain")
    assert upload.file.read() == content
    assert "etc" not in upload.file.name


def test_name_of_the_stored_file_cannot_be_guessed():
    owner = MemberFactory()
    one, two = add("a.png", picture("PNG"), owner), add("a.png", picture("PNG"), owner)

    assert one.sha256 == two.sha256
    assert one.file.name != two.file.name


def test_one_person_has_a_limited_number_of_files_in_no_post():
    owner = MemberFactory()
    for _ in range(MAX_WAITING):
        Upload.objects.create(owner=owner, kind="file", name="a.txt", size=1)

    with pytest.raises(UploadError):
        add("a.png", picture("PNG"), owner)


def test_file_is_attached_to_the_post_that_shows_it_and_the_rest_is_tidied_away():
    owner = MemberFactory()
    shown, forgotten = add("a.png", picture("PNG"), owner), add("b.png", picture("PNG"), owner)
    services.start_thread(
        author=owner, area=AreaFactory(), title="چراغ قرمز", body=f"![چراغ](upload:{shown.pk})", token=token()
    )
    Upload.objects.update(created_at=timezone.now() - dt.timedelta(days=3))

    assert tidy_uploads() == 1

    assert list(Upload.objects.all()) == [shown]
    assert not forgotten.file.storage.exists(forgotten.file.name)
    assert shown.file.storage.exists(shown.file.name)


@pytest.mark.parametrize("by", ["edit", "rendering"])
def test_a_picture_taken_out_of_a_post_is_its_owners_alone_and_waits_again(by):
    owner = MemberFactory()
    removed, kept = add("a.png", picture("PNG"), owner), add("b.png", picture("PNG"), owner)
    thread = services.start_thread(
        author=owner,
        area=AreaFactory(),
        title="چراغ قرمز",
        body=f"![چراغ](upload:{removed.pk}) ![سیم](upload:{kept.pk})",
        token=token(),
    )
    Upload.objects.update(created_at=timezone.now() - dt.timedelta(days=3))
    post, without = thread.posts.get(), f"بی‌چراغ ![سیم](upload:{kept.pk})"

    if by == "edit":
        services.edit_post(post=post, editor=owner, body=without, version=1)
    else:  # removed when files still stayed with the post
        Post.objects.update(body=without, render_version=0)
        texts.render_again(thread.posts.get())

    assert [set(Upload.objects.visible_to(who)) for who in (None, owner)] == [{kept}, {kept, removed}]
    assert tidy_uploads() == 0
    services.edit_post(post=post, editor=owner, body=f"{without} ![x](upload:{removed.pk})", version=2 - (by != "edit"))
    assert set(Upload.objects.visible_to(None)) == {kept, removed}
