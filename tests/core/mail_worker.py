"""The outbox worker as a process, with a mail server: ``python -m tests.core.mail_worker <port> <time-out>``."""

from __future__ import annotations

import sys
import threading

import django
from django.apps import apps
from django.conf import settings

if not apps.ready:
    django.setup()

from portal.core import worker

if __name__ == "__main__":
    settings.MAIL_TRANSPORT = "portal.core.mail_transports.SmtpBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", int(sys.argv[1])
    settings.EMAIL_TIMEOUT = float(sys.argv[2])
    worker.work(threading.Event(), interval=0.1)
