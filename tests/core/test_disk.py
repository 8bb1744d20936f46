"""A disk that is getting full: monitors, staff, and whoever saves something in vain."""

from __future__ import annotations

import errno
import os
from types import SimpleNamespace

import pytest
from django.db import OperationalError
from django.test import Client
from django.urls import reverse

from portal.core import disk

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases("portal.core.disk", "portal.core.views")]

GIGABYTES = {"f_bavail": 1_000_000, "f_frsize": 4096, "f_files": 10_000, "f_favail": 5_000, "f_flag": 0}


@pytest.fixture
def disk_is(monkeypatch):
    def says(**values: int) -> None:
        monkeypatch.setattr(os, "statvfs", lambda _folder: SimpleNamespace(**{**GIGABYTES, **values}))

    says()
    return says


@pytest.mark.parametrize(
    ("values", "state", "status"),
    [
        ({}, "ok", "ok"),
        ({"f_files": 0, "f_favail": 0}, "ok", "ok"),  # a file system without a limit
        ({"f_bavail": 499_000_000 // 4096}, "low", "degraded"),
        ({"f_bavail": 501_000_000 // 4096}, "ok", "ok"),
        ({"f_favail": 10}, "low", "degraded"),
        ({"f_bavail": 100}, "full", "degraded"),
        ({"f_favail": 0}, "full", "degraded"),
        ({"f_flag": os.ST_RDONLY}, "read-only", "degraded"),
    ],
)
def test_monitors_learn_the_state_of_the_disk_and_pages_go_on(disk_is, client, values, state, status):
    disk_is(**values)

    answer = client.get("/health/")

    assert answer.status_code == 200
    assert (answer.json()["disk"], answer.json()["status"]) == (state, status)


def test_the_threshold_is_a_setting(disk_is, settings):
    settings.DISK_FREE_MB = 5000

    assert disk.health() == "low"


def test_the_worst_disk_counts(monkeypatch, settings, tmp_path):
    settings.MEDIA_ROOT = str(tmp_path / "media" / "not" / "yet" / "there")
    free = {str(tmp_path): 100}

    def statvfs(folder):
        if not os.path.exists(folder):  # noqa: PTH110 - pathlib would ask statvfs's neighbours
            raise FileNotFoundError(folder)
        return SimpleNamespace(**{**GIGABYTES, "f_bavail": free.get(str(folder), 1_000_000)})

    monkeypatch.setattr(os, "statvfs", statvfs)

    assert disk.health() == "full"


def test_a_failing_disk_never_raises(monkeypatch):
    def statvfs(_folder):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "statvfs", statvfs)

    assert disk.health() == "read-only"


def test_staff_are_warned_on_the_home_page_of_the_admin(disk_is, client, editor):
    at_ease = client.get(reverse("wagtailadmin_home")).text
    disk_is(f_bavail=25_000_000 // 4096)
    warned = client.get(reverse("wagtailadmin_home")).text

    assert "از مسئول سرور بخواهید جا باز کند" in warned
    assert "فقط ۲۳" in warned  # as sizes are written everywhere
    assert "از مسئول سرور" not in at_ease
    assert client.get("/health/").json()["disk_space"]["free_bytes"] == 25_000_000 // 4096 * 4096


@pytest.mark.parametrize(
    "error",
    [
        OperationalError("database or disk is full"),
        OperationalError("attempt to write a readonly database"),
        OperationalError('could not extend file "base/1": No space left on device'),
        OSError(errno.ENOSPC, "No space left on device"),
    ],
    ids=str,
)
def test_whoever_saves_something_in_vain_is_told_in_both_languages(monkeypatch, error):
    def fail(_request):
        raise error

    monkeypatch.setattr("portal.core.views.home_url", fail)
    answer = Client(raise_request_exception=False).get("/")

    assert (answer.status_code, answer["Retry-After"]) == (503, "600")
    assert "جای ذخیره‌سازی سرور ما تمام شده است" in answer.text
    assert "Our server has no room left" in answer.text


def test_other_errors_are_not_taken_for_a_full_disk():
    others = (OperationalError("no such table"), OSError(errno.EACCES, "no"), ValueError("disk is full"), None)

    assert [disk.is_out_of_space(error) for error in others] == [False] * 4
