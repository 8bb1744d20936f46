"""How script/server keeps its processes: what cannot be started is tried again, and nothing else is stopped for it."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

import pytest


@pytest.fixture
def keeping(monkeypatch, request):
    monkeypatch.syspath_prepend(str(request.config.rootpath / "script"))
    import _server

    return _server


def ended():
    process = subprocess.Popen([sys.executable, "-c", "pass"], start_new_session=True)
    process.wait(timeout=20)
    return process


def test_what_cannot_be_started_is_tried_again_later(keeping, monkeypatch, capsys):
    now = time.monotonic()
    monkeypatch.setattr(keeping.time, "monotonic", lambda: now)
    attempts = []

    def start_again():
        attempts.append(now)
        if len(attempts) == 1:
            raise FileNotFoundError("no such program")
        return running

    first = ended()
    running = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, start_new_session=True)
    try:
        kept = keeping.Kept("The worker", start_again, first)
        children = [first]
        for seconds in (0, 1.1, 1, 2.1):  # it ended; the first attempt; too early; the second one
            now += seconds
            kept.look_after(children)
        said = capsys.readouterr().out
    finally:
        running.send_signal(signal.SIGKILL)
        running.communicate(timeout=20)

    assert len(attempts) == 2
    assert "could not be started (no such program)" in said
