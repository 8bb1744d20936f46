"""The demo's sound: three telephone tones of 425 Hz, with captions and a transcript, made by code."""

from __future__ import annotations

import math
import struct
import wave
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

NAME: Final = "phone-tones"
_RATE: Final = 8000
_PITCH_HERTZ: Final = 425
_LOUDNESS: Final = 0.35
#: A click is heard where a tone begins or ends abruptly.
_FADE_SECONDS: Final = 0.008
_PAUSE_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class Tone:
    """A tone that comes and goes; durations in seconds."""

    on: float
    off: float
    times: int
    caption_fa: str
    caption_en: str

    @property
    def seconds(self) -> float:
        return (self.on + self.off) * self.times

    def caption(self, language: str) -> str:
        return self.caption_fa if language == "fa" else self.caption_en


TONES: Final = (
    Tone(1.0, 4.0, 2, "بوق زنگ: یک ثانیه بوق، چهار ثانیه سکوت", "Ringing tone: one second of tone, four of silence"),
    Tone(0.5, 0.5, 5, "بوق اشغال: نیم ثانیه بوق، نیم ثانیه سکوت", "Busy tone: half a second of tone, half of silence"),
    Tone(0.25, 0.25, 10, "بوق شلوغی شبکه: همان بوق، دو برابر تندتر", "Network busy tone: the same, twice as fast"),
)
_TRANSCRIPTS: Final = {
    "fa": (
        "سه صدا را پشت سر هم می‌شنوید. اول بوق زنگ: یک ثانیه بوق و چهار ثانیه سکوت، دو بار. "
        "بعد بوق اشغال: نیم ثانیه بوق و نیم ثانیه سکوت، پنج بار. "
        "آخر بوق شلوغی شبکه: یک‌چهارم ثانیه بوق و یک‌چهارم ثانیه سکوت، ده بار."
    ),
    "en": (
        "You hear three tones, one after another. First the ringing tone: one second of tone and four of silence, twice. "
        "Then the busy tone: half a second of tone and half of silence, five times. "
        "Last the network busy tone: a quarter of a second of tone and a quarter of silence, ten times."
    ),
}


def make_all(folder: Path) -> None:
    """Write the sound with its captions and transcripts to a folder, as `import_articles` expects them."""
    write_sound(folder / f"{NAME}.wav")
    for language, transcript in _TRANSCRIPTS.items():
        (folder / f"{NAME}.{language}.vtt").write_text(captions(language), encoding="utf-8")
        (folder / f"{NAME}.{language}.txt").write_text(transcript + "\n", encoding="utf-8")


def write_sound(path: Path) -> None:
    """The tones as a WAV file: mono, 16 bit, 8 kHz, as on a telephone line."""
    samples: list[int] = []
    for tone in TONES:
        for _repeat in range(tone.times):
            samples.extend(_beep(tone.on))
            samples.extend([0] * round(tone.off * _RATE))
        samples.extend([0] * round(_PAUSE_SECONDS * _RATE))
    with wave.open(str(path), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(_RATE)
        sound.writeframes(struct.pack(f"<{len(samples)}h", *samples))


def _beep(seconds: float) -> list[int]:
    count = round(seconds * _RATE)
    fade = round(_FADE_SECONDS * _RATE)
    return [
        round(
            32767
            * _LOUDNESS
            * min(1.0, (n + 1) / fade, (count - n) / fade)
            * math.sin(2 * math.pi * _PITCH_HERTZ * n / _RATE)
        )
        for n in range(count)
    ]


def captions(language: str) -> str:
    """The captions as WebVTT: one for each tone while it sounds."""
    lines = ["WEBVTT", ""]
    start = 0.0
    for tone in TONES:
        end = start + tone.seconds
        lines += [f"{_clock(start)} --> {_clock(end)}", tone.caption(language), ""]
        start = end + _PAUSE_SECONDS
    return "\n".join(lines)


def _clock(seconds: float) -> str:
    whole = int(seconds)
    return f"{whole // 3600:02}:{whole // 60 % 60:02}:{whole % 60:02}.{round((seconds - whole) * 1000):03}"
