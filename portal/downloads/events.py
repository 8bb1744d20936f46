"""Domain events of downloads."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import ClassVar

from portal.core.events import DomainEvent


@dataclass(frozen=True, kw_only=True)
class ReleasePublished(DomainEvent):
    """A version can be fetched that nobody could fetch before."""

    name: ClassVar[str] = "downloads.release_published"
    release_id: int
    at: dt.datetime


@dataclass(frozen=True, kw_only=True)
class FileUploaded(DomainEvent):
    """A file is stored and has to be looked at before anybody may fetch it."""

    name: ClassVar[str] = "downloads.file_uploaded"
    file_id: int
