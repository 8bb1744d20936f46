"""Doing things at the same moment."""

from __future__ import annotations

import threading

from django.db import connections


def at_once(*works):
    """Run each in a thread of its own, all from the same moment; return what they raised."""
    start, raised = threading.Barrier(len(works)), []

    def run(work):
        try:
            start.wait()
            work()
        except Exception as error:  # noqa: BLE001 - reported by the test
            raised.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=[work]) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return raised
