"""What articles are made of, and who is thanked: for the feature that has articles, and those that hold texts of people.

    register(ThreadSource())                   ready() of the app with the texts
    register_maker(address_of_new_article)     ready() of the app with the articles

A reference such as ``forum:thread:12`` is stored with the article: the name of the source, and the number of a row. Neither
app knows the other. Names are not stored: whoever reads the article is shown those whose text they may read now, so that a
person who left, or a text that was hidden, is named no more. See docs/decisions/0030-capture.md.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Final

from portal.core.text import row_number

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from portal.core.pages import AnyUser

#: Longest reference.
MAX_LENGTH: Final = 60


@dataclass(frozen=True, slots=True)
class MaterialPicture:
    """A picture in the text. `read` returns at most as many bytes as it is given; raises `OSError`."""

    name: str
    read: Callable[[int], bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """What a draft is filled with."""

    title: str
    language: str
    #: Markdown, as people write it. Pictures in it have the keys of `pictures` as addresses.
    body: str
    #: Its beginning as one plain line.
    beginning: str
    #: Who may read the source: the draft is for nobody else.
    audience: str
    #: The texts it was taken from: their authors are thanked.
    part_ids: tuple[int, ...]
    product_ids: tuple[int, ...] = ()
    keywords: str = ""
    pictures: Mapping[str, MaterialPicture] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Thanked:
    """Somebody whose text is in an article."""

    name: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Credit:
    """Where an article comes from, as one reader may know it. Without a title, the reader must not know."""

    people: tuple[Thanked, ...] = ()
    title: str = ""
    url: str = ""
    language: str = ""
    #: What a page with it depends on, also where it shows nothing of it (`portal.core.scopes`).
    scopes: tuple[str, ...] = ()


class ArticleSource:
    """What an app declares whose texts become articles."""

    #: Stored with articles: never changes.
    name: ClassVar[str]

    def material(self, user: AnyUser, number: int) -> Material | None:
        """Return what an article can be made of; None if `user` may not see it, or there is no answer in it."""
        raise NotImplementedError

    def credit(self, user: AnyUser, number: int, part_ids: Sequence[int]) -> Credit:
        """Return where texts come from, and who wrote them, as far as `user` may see each. One query."""
        raise NotImplementedError

    def readers(self, part_ids: Sequence[int]) -> str:
        """Return who may read all these texts now, whoever asks; empty if they are gone. One query."""
        raise NotImplementedError


_sources: dict[str, ArticleSource] = {}
_makers: list[Callable[[AnyUser, str, str], str]] = []


def register(source: ArticleSource) -> None:
    """Declare a source; called in `ready()`."""
    _sources[source.name] = source


def register_maker(address: Callable[[AnyUser, str, str], str]) -> None:
    """Declare who makes articles: `address` is called for a person, a reference and a language (`address_for`)."""
    _makers.append(address)


def reference_to(name: str, number: int) -> str:
    """Return the reference to a row of the source called `name`."""
    return f"{name}:{number}"


def number_in(reference: str, name: str) -> int | None:
    """Return the number of the row if the reference is to the source called `name`, else None."""
    before, _colon, number = reference.rpartition(":")
    return row_number(number) if before == name and len(reference) <= MAX_LENGTH else None


def material_for(user: AnyUser, reference: str) -> Material | None:
    """Return what a reference leads to, for `user`; None for one that leads nowhere."""
    for source in _sources.values():
        if (number := number_in(reference, source.name)) is not None:
            return source.material(user, number)
    return None


def credit_for(user: AnyUser, reference: str, part_ids: Sequence[int]) -> Credit:
    """Return whom an article owes something to, as `user` may know it. One query; none without a reference."""
    for source in _sources.values():
        if (number := number_in(reference, source.name)) is not None:
            return source.credit(user, number, part_ids)
    return Credit()


def readers_of(reference: str, part_ids: Sequence[int]) -> str:
    """Return who may read what an article was made of: an audience; empty if it is gone, or was made of nothing."""
    for source in _sources.values():
        if number_in(reference, source.name) is not None:
            return source.readers(part_ids)
    return ""


def may_make_articles(user: AnyUser) -> bool:
    """Return whether `user` may make an article of anything."""
    return bool(address_for(user, "", ""))


def address_for(user: AnyUser, reference: str, language: str) -> str:
    """Return where `user` makes an article of something, or finds the one that was made; empty if they may not."""
    return next(filter(None, (address(user, reference, language) for address in _makers)), "")
