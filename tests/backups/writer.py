"""Writes without a pause: ``python writer.py <database> <media folder>``."""

from __future__ import annotations

import os
import sys
from itertools import count
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings.test")

import django
from django.conf import settings
from django.db import transaction


def main(database: str, media: Path) -> None:
    settings.DATABASES["default"]["NAME"] = database
    django.setup()
    from portal.catalog.models import Topic

    for number in count(1):
        with (media / "media" / f"{number}.bin").open("w") as file:
            for _ in range(10):
                file.write(f"{number}" * 100)
                file.flush()
        with transaction.atomic():
            for code in ("one", "two"):
                Topic.objects.filter(code=code).update(name={"fa": f"{number}"})
        if number == 3:
            print("writing", flush=True)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
