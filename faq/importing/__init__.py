"""Import of articles from files: a folder (or zip) of Markdown with front matter, or a CSV file.

`import_articles` is the whole public interface; `manage.py import_articles` is a thin wrapper. The format is
described in faq/importing/README.md.
"""

from faq.importing.errors import SourceError, StoppedError
from faq.importing.report import ImportReport, Outcome, Problem, RowReport
from faq.importing.service import import_articles
from faq.importing.undoing import Undone, undo_import

__all__ = [
    "ImportReport",
    "Outcome",
    "Problem",
    "RowReport",
    "SourceError",
    "StoppedError",
    "Undone",
    "import_articles",
    "undo_import",
]
