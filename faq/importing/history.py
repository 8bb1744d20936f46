"""Display of imports in a page's history in the admin; registered by `faq.wagtail_hooks`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from wagtail.log_actions import LogFormatter

if TYPE_CHECKING:
    from wagtail.log_actions import LogActionRegistry
    from wagtail.models import PageLogEntry

LOG_ACTION: Final = "faq.import"


class ImportFormatter(LogFormatter):
    """Log entry that names the file and line from which the text came."""

    label = gettext_lazy("Import")

    def format_message(self, log_entry: PageLogEntry) -> str:
        if "undoes" in log_entry.data:
            return _("An import was undone")
        place = {"file": log_entry.data.get("file", ""), "line": log_entry.data.get("line", "")}
        return _("Imported from %(file)s, line %(line)s") % place


def register_import_action(actions: LogActionRegistry) -> None:
    """Register the log action; for Wagtail's hook ``register_log_actions``."""
    actions.register_action(LOG_ACTION)(ImportFormatter)
