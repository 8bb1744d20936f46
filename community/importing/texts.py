"""From a record's text to what is stored: the same limits and the same renderer as for members."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django.utils.translation import gettext as _

from community import rendering
from community.exceptions import CommunityError
from community.importing.errors import RowError
from community.importing.html import to_markdown
from community.services import texts
from portal.core.text import normalise_input

if TYPE_CHECKING:
    from community.importing.records import Text

_CUT: Final = "…"
#: Separates @ from a name without being seen: people over there are not those who have that name here.
_JOINER: Final = "\u2060"
#: Where code may begin, in which nothing is changed; or a name.
_CODE_OR_NAME: Final = re.compile(
    rf"^(?P<fence>```+|~~~+)|(?P<ticks>`+)|(?P<name>{rendering.MENTION.pattern})", re.MULTILINE
)
_TICKS: Final = re.compile(r"`+")
#: Ids of posts and files of this portal, which nobody over there can mean.
_OWN_ADDRESS: Final = re.compile(r"(\]\(\s*<?)(post|upload):(?=\d)", re.IGNORECASE)


@dataclass(slots=True)
class Stored:
    """A text as it is stored."""

    body: str
    html: str
    plain: str
    #: The same without code and addresses.
    prose: str
    is_cut: bool

    @property
    def language(self) -> str:
        return texts.language_of(self.prose)

    @property
    def excerpt(self) -> str:
        words = " ".join(self.prose[:2400].split())
        return words if len(words) <= 200 else rendering.cut_words(words, 200)


def stored(record: Text, *, keeps_personal_data: bool) -> Stored:
    """Return the text of a record. Raises `RowError` if there is none."""
    body = normalise_input(to_markdown(record.body) if record.is_html else record.body)
    is_cut = record.is_cut or len(body) > rendering.MAX_LENGTH
    body = _OWN_ADDRESS.sub(r"\1old-\2:", _without_names(body[: rendering.MAX_LENGTH]))
    if is_cut or len(body) > rendering.MAX_LENGTH:  # joiners make it longer
        is_cut = True
        body = body[: rendering.MAX_LENGTH - 200] + _CUT
    try:
        body = texts.clean_body(body, keeps_personal_data=keeps_personal_data)
    except CommunityError as error:
        raise RowError(_("It has no text.")) from error
    parsed = rendering.parse(body)
    if parsed.handles:  # in code that is none for the renderer
        body = rendering.MENTION.sub(rf"@{_JOINER}\1", body)
        parsed = rendering.parse(body)
    return Stored(body[: rendering.MAX_LENGTH], str(parsed.to_html()), parsed.plain_text(), parsed.prose(), is_cut)


def stored_title(title: str, stored_text: Stored, *, keeps_personal_data: bool) -> str:
    """Return a title; of a thread without one the beginning of its text. Raises `RowError`."""
    words = " ".join(title.split()) or stored_text.excerpt
    if len(words) > texts.TITLE_LENGTH:
        words = f"{words[: texts.TITLE_LENGTH - 1]}{_CUT}"
    try:
        cleaned = texts.clean_body(words, keeps_personal_data=keeps_personal_data)
        return texts.clean_title(cleaned[: texts.TITLE_LENGTH])
    except CommunityError as error:
        raise RowError(_("It has no title.")) from error


def _without_names(body: str) -> str:
    """Return the text so that `@name` names nobody, except in code, where it does not anyway."""
    runs: defaultdict[int, list[int]] = defaultdict(list)
    for run in _TICKS.finditer(body):
        runs[len(run[0])].append(run.start())
    parts: list[str] = []
    done = at = 0
    while match := _CODE_OR_NAME.search(body, at):
        if match["name"]:
            parts += [body[done : match.start()], f"@{_JOINER}"]
            done = match.start() + 1
            at = match.end()
        elif fence := match["fence"]:
            end = body.find(f"\n{fence}", match.end())
            at = len(body) if end < 0 else end + 1 + len(fence)
        else:  # to the next run of just as many; without one they are only signs
            length = match.end() - match.start()
            later = bisect_left(runs[length], match.end())
            at = runs[length][later] + length if later < len(runs[length]) else match.end()
    return "".join([*parts, body[done:]])
