"""Pictures and sounds are generated deterministically, so that a second load creates no new files."""

from __future__ import annotations

import hashlib
import wave

import pytest

from portal.demo import pictures, sounds


@pytest.mark.parametrize("name", ["x2-red-light.png", "esim-qr.png"])
def test_a_picture_is_the_same_every_time(name):
    first, second = (hashlib.sha256(pictures.draw(name).tobytes()).hexdigest() for _twice in (1, 2))

    assert first == second


def test_the_red_light_is_the_third_of_four():
    picture = pictures.draw("x2-red-light.png").convert("RGB")

    lamps = [picture.getpixel((460 + place * 122, 407)) for place in range(4)]

    assert ["red" if red > green else "green" for red, green, _blue in lamps] == ["green", "green", "red", "green"]


def test_the_tones_last_as_long_as_the_captions_say(tmp_path):
    sounds.make_all(tmp_path)

    with wave.open(str(tmp_path / "phone-tones.wav")) as sound:
        seconds = sound.getnframes() / sound.getframerate()
    assert seconds == pytest.approx(10 + 5 + 5 + 3, abs=0.01)
    for language in ("fa", "en"):
        times = [
            line
            for line in (tmp_path / f"phone-tones.{language}.vtt").read_text(encoding="utf-8").splitlines()
            if "-->" in line
        ]
        assert times == [
            "00:00:00.000 --> 00:00:10.000",
            "00:00:11.000 --> 00:00:16.000",
            "00:00:17.000 --> 00:00:22.000",
        ]
