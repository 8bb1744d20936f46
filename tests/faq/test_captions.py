"""Captions are checked when they are uploaded, and what is said in them can be read and found."""

from __future__ import annotations

import contextlib

import pytest
from django.core.exceptions import ValidationError
from django.core.files.base import ContentFile
from hypothesis import given
from hypothesis import strategies as st

from faq.captions import CaptionsError, cues_in, decoded, words_in
from faq.models import HelpMedia
from tests.factories.faq import HelpMediaFactory

pytestmark = pytest.mark.django_db

SOUND = """WEBVTT - راهنما

STYLE
::cue { color: red }

NOTE a --> b

1
00:00.000 --> 00:02.500 line:0
<v سارا>نخست مودم را

00:02.500 --> 01:00:04.000
خاموش &amp; روشن کنید.

00:05.000 --> 00:06.000
خاموش &amp; روشن کنید.

00:06.000 --> 00:07.000
بعد
صبر کنید.
"""


def test_what_is_said_is_a_text_to_read():
    assert [(cue.begin, cue.end) for cue in cues_in(SOUND)][:2] == [(0, 2500), (2500, 3604000)]
    assert words_in(SOUND.replace("\n", "\r\n")) == "نخست مودم را خاموش & روشن کنید.\nبعد صبر کنید."


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("1\n00:00:01,000 --> 00:00:02,000\nسلام", "SubRip"),
        ("webvtt\n\n00:01.000 --> 00:02.000\na", "WEBVTT"),
        ("WEBVTT\n\n00:01.000 --> 00:02,000\na", "سطر ۳"),
        ("WEBVTT\n\nیک\n00:01.000 --> 00:61.000\na", "سطر ۴"),
        ("WEBVTT\n\n00:01.000 --> 00:02.000\na\n\nb", "سطر ۶"),
        ("WEBVTT\n\n00:03.000 --> 00:02.000\na", "سطر ۳"),
        ("WEBVTT\n\nNOTE a", "گفته نشده"),
        (b"WEBVTT\n\n\xe3", "UTF-8"),
    ],
    ids=["SRT", "head", "comma", "seconds", "no time", "backwards", "silent", "another code page"],
)
def test_captions_no_browser_would_show_are_refused_with_the_line(content, said):
    content = content if isinstance(content, bytes) else content.encode()
    file = HelpMediaFactory.build(captions=ContentFile(content, name="a.vtt"))

    with pytest.raises(ValidationError) as refused:
        file.clean()

    assert said in refused.value.message_dict["captions"][0]


@given(st.text(alphabet="WEBVT \n\r-->:.0123<>aNOTE", max_size=200))
def test_any_text_is_read_or_refused(text):
    for each in (text, f"WEBVTT\n\n{text}"):
        with contextlib.suppress(CaptionsError):
            assert all(cue.end > cue.begin for cue in cues_in(each))


def test_a_transcript_follows_its_captions_until_somebody_writes_one():
    file = HelpMediaFactory(transcript="", captions="")

    def transcript_after(captions, **written):
        known = HelpMedia.objects.get(pk=file.pk)
        known.captions = ContentFile(captions.encode(), name="new.vtt")
        for name, value in written.items():
            setattr(known, name, value)
        known.save()
        return HelpMedia.objects.get(pk=file.pk).transcript

    assert transcript_after(SOUND) == words_in(SOUND)
    assert transcript_after("WEBVTT\n\n00:00.000 --> 00:01.000\nOther words") == "Other words"
    assert transcript_after(SOUND, transcript="از آنِ ما") == "از آنِ ما"


def test_characters_that_cannot_be_stored_are_left_out():
    assert words_in(decoded("WEBVTT\n\n00:00.000 --> 00:01.000\na\x00b\u202e\n".encode())) == "ab"
