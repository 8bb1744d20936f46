"""The body of a row as blocks. What cannot be shown never loses the article: it becomes text, with a note."""

from __future__ import annotations

import inspect
import re
from typing import TYPE_CHECKING, Any, Final

from faq.importing.errors import RowError
from faq.importing.loose import parse_loosely
from faq.importing.markdown import Body, parse_body

if TYPE_CHECKING:
    from faq.importing.markdown import Resolver

_KNOWS_FORMS: Final = "form" in inspect.signature(parse_body).parameters
_TAG: Final = re.compile(r"<[^>]*>")
_BREAK: Final = re.compile(r"</(?:p|li|h\d|div|tr)>|<br\s*/?>", re.IGNORECASE)


def read_body(text: str, *, form: str, language: str, key: str, resolver: Resolver, first_line: int) -> Body:
    """Return the blocks of a text."""
    options: dict[str, Any] = {"form": form} if _KNOWS_FORMS else {}
    if form == "html" and not _KNOWS_FORMS:
        text = _TAG.sub("", _BREAK.sub("\n\n", text))
    try:
        return parse_body(text, language=language, key=key, resolver=resolver, first_line=first_line, **options)
    except RowError as error:
        body = parse_loosely(text, language=language, key=key, resolver=resolver)
        known = {problem.message for problem in error.problems}
        body.notes = [*error.problems, *(note for note in body.notes if note.message not in known)]
        return body
