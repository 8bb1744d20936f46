"""Sources for the import tests, written to a folder."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

from PIL import Image

if TYPE_CHECKING:
    from pathlib import Path

PERSIAN = {
    "id": "red-light",
    "language": "fa",
    "topic": "wifi",
    "title": "چراغ اینترنت مودم قرمز است؛ چه کنم؟",
    "slug": "چراغ-قرمز-مودم",
    "short_answer": "مودم را ۳۰ ثانیه از برق بکشید و کابل را محکم کنید.",
}
ENGLISH = {
    "id": "red-light",
    "language": "en",
    "topic": "wifi",
    "title": "The internet light on my router is red",
    "slug": "red-light",
    "short_answer": "Unplug the router for 30 seconds and push the cable in.",
}
BODY = "## اول این‌ها را ببینید\n\nبیشتر وقت‌ها **کابل** شل شده است.\n"


def write_markdown(folder: Path, name: str = "", *, body: str = BODY, **fields: Any) -> Path:
    """Write a file with front matter; `fields` replace those of `PERSIAN`, None omits one."""
    fields = {key: value for key, value in {**PERSIAN, **fields}.items() if value is not None}
    lines = [f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in fields.items()]
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / (name or f"{fields['id']}.{fields['language']}.md")
    path.write_text("\n".join(["---", *lines, "---", body]), encoding="utf-8")
    return path


def picture(size: tuple[int, int] = (60, 40), kind: str = "PNG", colour: str = "#0A6A7A") -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", size, colour).save(stream, kind)
    return stream.getvalue()
