"""The application that `portal.serve` starts in each server process."""

import os

os.umask(0o077)  # as manage.py does
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings.production")

import django  # noqa: E402 - the settings first

django.setup(set_prefix=False)

from portal.core.running import announce  # noqa: E402 - needs the settings
from portal.core.serving.application import Application  # noqa: E402 - needs the apps
from portal.core.serving.limits import Limits  # noqa: E402
from portal.core.serving.permissions import who_sends_more  # noqa: E402

announce()
application = Application(Limits.from_settings(), who_sends_more=who_sends_more)
