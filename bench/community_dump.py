"""Writes a StackExchange dump of any size: the same bytes for the same size, row by row, in bounded memory.

    python bench/community_dump.py FOLDER --posts 10000

A post is a question, an answer or a comment, since each becomes a post of the community. Threads run beside each other,
as in a real dump. One has 5,000 posts (half of a dump with fewer than 10,000); in each group of fifty one has twenty.
"""

from __future__ import annotations

import argparse
import datetime as dt
import random
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, TextIO
from xml.sax.saxutils import quoteattr

if TYPE_CHECKING:
    from collections.abc import Iterator

_LONGEST: Final = 5_000
#: Posts of the threads that are measured; they fill one page.
FULL_PAGE: Final = 20
_GROUP: Final = 50
_YEARS: Final = 8
_END: Final = dt.datetime(2026, 6, 1)  # noqa: DTZ001 - dumps have no zone
_TAGS: Final = tuple(
    f"{word}-{number}" for word in ("router", "wifi", "dns", "billing", "app", "tv") for number in range(30)
)
_ENGLISH: Final = (
    "modem router wifi signal lamp cable reboot firmware setting channel antenna speed address gateway password"
)
_PERSIAN: Final = "مودم چراغ قطع وای‌فای تنظیم کابل سرعت رمز نشانی به‌روزرسانی خاموش روشن اینترنت می‌شود نمی‌شود دوباره"
_WORDS: Final = (*_ENGLISH.split(), *_PERSIAN.split())


@dataclass(frozen=True)
class Size:
    """How much a dump holds."""

    posts: int
    threads: int
    people: int

    @property
    def longest(self) -> int:
        """Posts of the longest thread, with the question."""
        return min(_LONGEST, self.posts // 2)

    @classmethod
    def of(cls, posts: int) -> Size:
        """A million posts are 150,000 threads by 100,000 people; smaller dumps have the same proportions."""
        return cls(posts, max(posts * 15 // 100, 2 * _GROUP), max(posts // 10, 100))


def write_dump(folder: Path, size: Size) -> None:
    """Write Users.xml, Tags.xml, Posts.xml, Comments.xml and Votes.xml."""
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        files = {name: stack.enter_context(_file(folder / f"{name}.xml", name.lower())) for name in _FILES}
        _Dump(size, {name: file.stream for name, file in files.items()}).write()


_FILES: Final = ("Users", "Tags", "Posts", "Comments", "Votes")


class _file:  # noqa: N801 - a context manager
    def __init__(self, path: Path, root: str) -> None:
        self.stream: TextIO = path.open("w", encoding="utf-8", buffering=1 << 20)
        self._root = root

    def __enter__(self) -> _file:
        self.stream.write(f'<?xml version="1.0" encoding="utf-8"?>\n<{self._root}>\n')
        return self

    def __exit__(self, *_error: object) -> None:
        self.stream.write(f"</{self._root}>\n")
        self.stream.close()


class _Dump:
    def __init__(self, size: Size, files: dict[str, TextIO]) -> None:
        self._size, self._files = size, files
        self._chance = random.Random(size.posts)
        self._bodies = [self._body() for _ in range(400)]
        self._ids = dict.fromkeys(_FILES, 0)
        self._step = dt.timedelta(days=365 * _YEARS) / size.posts
        self._now = _END - dt.timedelta(days=365 * _YEARS)

    def write(self) -> None:
        for number in range(1, self._size.people + 1):
            self._row("Users", Id=number, DisplayName=f"Person {number}", CreationDate=self._time())
        for number, tag in enumerate(_TAGS, 1):
            self._row("Tags", Id=number, TagName=tag, Count=0)
        groups = self._size.threads // _GROUP
        replies = self._size.posts - self._size.threads - (self._size.longest - 1)
        longest = 0
        for group in range(groups):
            count = _portion(replies, group, groups)
            here = self._group(self._size.threads - (groups - 1) * _GROUP if group == groups - 1 else _GROUP, count)
            for _ in range(_portion(self._size.longest - 1, group, groups)):
                longest = longest or here[0]
                self._reply(longest, is_comment=False)

    def _group(self, threads: int, replies: int) -> list[int]:
        """Write questions and their replies; return the ids of the questions."""
        questions = [self._question() for _ in range(threads)]
        full = FULL_PAGE - 1
        order = [questions[1]] * full
        busy = [question for question in questions[2:] if self._chance.random() < 0.75]
        order += self._chance.choices(busy, k=max(replies - full, 0))
        self._chance.shuffle(order)
        first_answers: dict[int, int] = {}
        for question in order:
            is_comment = question in first_answers and self._chance.random() < 0.18
            answer = self._reply(question, is_comment=is_comment)
            if not is_comment and question not in first_answers:
                first_answers[question] = answer
        for question, answer in first_answers.items():
            if self._chance.random() < 0.6:
                self._vote(answer, kind=1)
            for post in (question, answer):
                for _ in range(min(int(self._chance.expovariate(0.6)), 20)):
                    self._vote(post, kind=2)
        return questions

    def _question(self) -> int:
        tags = "".join(f"<{tag}>" for tag in self._chance.sample(_TAGS, 2))
        return self._row(
            "Posts", PostTypeId=1, CreationDate=self._time(), Score=1, ViewCount=self._chance.randrange(5000),
            OwnerUserId=self._person(), Title=f"{self._sentence(6)} {self._ids['Posts']}", Tags=tags, Body=self._text(),
        )  # fmt: skip

    def _reply(self, question: int, *, is_comment: bool) -> int:
        if is_comment:
            return self._row(
                "Comments", PostId=question, Score=0, Text=self._sentence(20), CreationDate=self._time(),
                UserId=self._person(),
            )  # fmt: skip
        return self._row(
            "Posts", PostTypeId=2, ParentId=question, CreationDate=self._time(), Score=1, OwnerUserId=self._person(),
            Body=self._text(),
        )  # fmt: skip

    def _vote(self, post: int, *, kind: int) -> None:
        self._row("Votes", PostId=post, VoteTypeId=kind, CreationDate=self._now.strftime("%Y-%m-%dT00:00:00.000"))

    def _row(self, name: str, **values: object) -> int:
        self._ids[name] += 1
        attributes = "".join(
            f" {key}={quoteattr(str(value))}" for key, value in {"Id": self._ids[name], **values}.items()
        )
        self._files[name].write(f"  <row{attributes} />\n")
        return self._ids[name]

    def _time(self) -> str:
        self._now += self._step
        return self._now.isoformat(timespec="milliseconds")

    def _person(self) -> int:
        """Some write much, most once: the square of a chance."""
        return 1 + int(self._size.people * self._chance.random() ** 2)

    def _sentence(self, words: int) -> str:
        return " ".join(self._chance.choices(_WORDS, k=words))

    def _text(self) -> str:
        return f"<p>{self._sentence(8)}.</p>\n{self._chance.choice(self._bodies)}"

    def _body(self) -> str:
        return "\n".join(self._blocks())

    def _blocks(self) -> Iterator[str]:
        for _ in range(self._chance.randrange(1, 4)):
            yield f"<p>{self._sentence(self._chance.randrange(10, 45))} <strong>{self._sentence(2)}</strong>.</p>"
        if self._chance.random() < 0.3:
            lines = "\n".join(f"set {word} = {self._chance.randrange(100)}" for word in self._chance.sample(_WORDS, 5))
            yield f"<pre><code>{lines}\n</code></pre>"
        if self._chance.random() < 0.2:
            yield "<ul>" + "".join(f"<li>{self._sentence(5)}</li>" for _ in range(3)) + "</ul>"
        if self._chance.random() < 0.2:
            yield f'<p><a href="https://example.com/{self._chance.randrange(999)}">{self._sentence(3)}</a></p>'


def _portion(total: int, part: int, parts: int) -> int:
    """How much of a total one of equal parts gets, so that all together are the total."""
    return total * (part + 1) // parts - total * part // parts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--posts", type=int, default=10_000)
    arguments = parser.parse_args()
    write_dump(arguments.folder, Size.of(arguments.posts))


if __name__ == "__main__":
    main()
