"""Export of everything the help pages hold, as JSON lines and files, and taking it in again.

The format is described in docs/export-format.md. `export_articles` writes an export; `faq.importing.import_articles` recognises one
and takes it in (`faq.exporting.taking`).
"""

from faq.exporting.archive import ExportError
from faq.exporting.writer import ExportReport, Wish, export_articles

__all__ = ["ExportError", "ExportReport", "Wish", "export_articles"]
