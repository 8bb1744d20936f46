"""Import of other forums: StackExchange dumps, exports of Discourse, tables.

`import_community` is the whole public interface; `manage.py import_community` is a thin wrapper. The forms of the files
are described in community/importing/README.md.
"""

from community.importing.errors import SourceError
from community.importing.report import Report
from community.importing.service import FORMATS, import_community

__all__ = ["FORMATS", "Report", "SourceError", "import_community"]
