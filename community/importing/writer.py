"""Writes records in batches, each in a transaction of its own: an import may be stopped anywhere, and goes on there.

Rows are locked in the order of `community.services.counting`: threads, posts, areas, tags, profiles. Nothing is
announced: there are no events, so nobody is told, and nobody gets points.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, NoReturn

from django.db import IntegrityError, connection, transaction
from django.db.models import F
from django.utils.translation import gettext as _

from community import rendering
from community.hot import hot_of
from community.importing import texts
from community.importing.errors import RowError, SourceError
from community.importing.people import digest_of, digests_of, make_people
from community.models import (
    Area,
    CommunityProfile,
    ImportedRow,
    ImportSource,
    Post,
    Solution,
    State,
    Tag,
    TagSynonym,
    Thread,
    ThreadState,
    ThreadToIndex,
    Vote,
    policy,
)
from community.models.tag import fold_tag
from community.services.texts import language_of
from portal.core.scopes import content_changed
from portal.core.text import fold, normalise_input, slugify_unicode

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from django.db.models import Model

    from community.importing.records import Acceptance, Beginning, Reply, Text, Voice
    from community.importing.report import Report
    from community.importing.store import Store

_FIRST_STATUS: Final = {Area.Kind.QUESTIONS.value: Thread.Status.OPEN, Area.Kind.IDEAS.value: Thread.Status.NEW}
_PERSON, _POST, _VOTE = ImportedRow.Kind.PERSON, ImportedRow.Kind.POST, ImportedRow.Kind.VOTE

#: A change of more scopes than `portal.core.scopes.MAX_SCOPES` would be one of everything.
_SCOPES_AT_ONCE: Final = 60
#: Only in the store of a dry run.
_SOLUTION: Final = 4
_VOTER_OF_POST: Final = 5
#: Votes that are made at once.
_VOTES_AT_ONCE: Final = 2_000


@dataclass(slots=True)
class _Place:
    """Where a post is: keys of post and thread; both are 0 of what a dry run would have made."""

    post: int = 0
    thread: int = 0
    number: int = 1
    is_question: bool = False
    is_visible: bool = True
    #: Key of the author; of one whom a dry run would have made the digest.
    author: int | str | None = None

    @property
    def may_be_accepted(self) -> bool:
        return self.is_question and self.number != 1 and self.is_visible

    def noted(self) -> str:
        """Return what the store of a dry run keeps of it."""
        return f"{self.number:d} {self.is_question:d} {self.author or ''}"

    @classmethod
    def from_note(cls, note: str) -> _Place:
        number, is_question, author = note.split(" ")
        # A digest has 32 letters, a key never so many digits.
        known = int(author) if author and len(author) < 32 else author or None
        return cls(number=int(number), is_question=is_question == "1", author=known)


@dataclass(slots=True)
class _Ready:
    """A record that can be written."""

    record: Any
    text: texts.Stored
    title: str = ""
    area: Area | None = None
    post: Post | None = None
    where: _Place = field(default_factory=_Place)
    #: Id over there of the post it answers, if that is not the first one of the thread.
    answers: str = ""


class Writer:
    """Writes the records of one source. `areas` finds areas by slug or title; `area` is the default."""

    def __init__(
        self,
        *,
        source_name: str,
        store: Store,
        report: Report,
        area: Area | None,
        area_of: Mapping[str, str],
        keeps_personal_data: bool,
    ) -> None:
        self._name = source_name
        self._store = store
        self._report = report
        self._area = area
        self._keeps_personal_data = keeps_personal_data
        self._dry = report.dry_run
        self._source = self._find_source()
        areas = list(Area.objects.order_by("pk"))
        self._areas = {fold(str(name)): each for each in areas for name in (*each.title.values(), each.slug)}
        for theirs, ours in area_of.items():
            self._areas[fold(theirs)] = self._areas[fold(ours)]

    def _find_source(self) -> ImportSource | None:
        if self._dry:
            return ImportSource.objects.filter(name=self._name).first()
        return ImportSource.objects.get_or_create(name=self._name)[0]

    # What is known --------------------------------------------------------------------------------------------------

    def _known(self, kind: int, ids: Collection[str]) -> dict[str, int | None]:
        """Return what became of these rows in earlier batches and runs, by their ids; 0 in this one, if it is dry."""
        found: dict[str, int | None] = {}
        if self._source is not None:
            rows = ImportedRow.objects.filter(source=self._source, kind=kind, external_id__in=ids)
            found.update(rows.values_list("external_id", "object_id"))
        if self._dry:
            found |= dict.fromkeys(self._store.seen(kind, ids), 0)
        return found

    def _remember(self, kind: int, objects: Mapping[str, int]) -> None:
        rows = [
            ImportedRow(source=self._source, kind=kind, external_id=external_id, object_id=object_id)
            for external_id, object_id in objects.items()
        ]
        try:
            ImportedRow.objects.bulk_create(rows)
        except IntegrityError as error:  # these rows are all that two imports could both write
            raise SourceError(
                _("Another import of the same source is running. Start again when it has ended.")
            ) from error

    def _new(self, kind: str, row_kind: int, records: Sequence[Any]) -> list[Any]:
        """Return the records nobody has imported yet; of two with one id the first.

        The source stays locked until the batch is written: another import of it waits, and then knows what was new.
        """
        if self._source is not None and not self._dry:
            ImportSource.objects.select_for_update(no_key=True).get(pk=self._source.pk)
        known = self._known(row_kind, [record.id for record in records])
        self._report.counts[kind].known += sum(record.id in known for record in records)
        fresh: dict[str, Any] = {}
        for record in records:
            if record.id in fresh:
                self._report.skip(kind, _("The same id appears twice."), record.place)
            elif record.id not in known:
                if len(record.id) > 80 or not record.id:
                    self._report.skip(kind, _("Its id is empty or too long."), record.place)
                else:
                    fresh[record.id] = record
        return list(fresh.values())

    def _people(self, records: Iterable[Text]) -> dict[str, Any]:
        """Return the accounts of authors by their ids over there; those who have none yet get one.

        Somebody who has left stays away: None. In a dry run those who would get one have their digests.
        """
        ids = sorted({record.author for record in records if record.author})
        known = self._known_people(ids)
        unknown = {each: digest_of(self._name, each) for each in ids if each not in known}
        named = {unknown[each]: about for each, about in self._store.people(list(unknown)).items()}
        self._report.counts["people"].made += len(named)
        if self._dry:
            self._store.see(_PERSON, list(named))
            return known | {each: digest for each, digest in unknown.items() if digest in named}
        made = make_people(named)
        self._remember(_PERSON, made)
        return known | {each: made.get(digest) for each, digest in unknown.items()}

    def _known_people(self, ids: Iterable[str]) -> dict[str, int | str | None]:
        """Return the accounts of those who have had one, by their ids over there; in a dry run perhaps digests."""
        digests = {each: digests_of(self._name, each) for each in ids}
        rows = self._known(_PERSON, [digest for of_one in digests.values() for digest in of_one])
        found: dict[str, int | str | None] = {}
        for each, of_one in digests.items():
            digest = next((digest for digest in of_one if digest in rows), None)
            if digest is not None:
                pk = rows[digest]
                found[each] = digest if pk == 0 else pk
        return found

    # Threads --------------------------------------------------------------------------------------------------------

    @transaction.atomic
    def threads(self, records: Sequence[Beginning]) -> None:
        """Write a batch of threads with their first posts."""
        ready = [found for record in self._new("threads", _POST, records) if (found := self._ready_thread(record))]
        self._report.counts["threads"].made += len(ready)
        people = self._people([each.record for each in ready])
        if self._dry:
            places = {
                each.record.id: _Place(
                    is_question=_area_of(each).kind == Area.Kind.QUESTIONS, author=people.get(each.record.author)
                )
                for each in ready
            }
            self._store.see(_POST, {each: place.noted() for each, place in places.items()})
            return
        threads = Thread.objects.bulk_create([self._thread(each, people) for each in ready])
        posts = Post.objects.bulk_create(
            self._post(each, thread, 1, thread.author_id) for each, thread in zip(ready, threads, strict=True)
        )
        self._remember(_POST, {each.record.id: post.pk for each, post in zip(ready, posts, strict=True)})
        self._vote_nameless(zip(ready, posts, strict=True))
        _to_index(threads)
        for area_id, count in sorted(Counter(thread.area_id for thread in threads).items()):
            Area.objects.filter(pk=area_id).update(thread_count=F("thread_count") + count)
        self._tag(ready, threads)
        counts: defaultdict[int, Counter[str]] = defaultdict(Counter)
        for each, thread in zip(ready, threads, strict=True):
            if thread.author_id:
                counts[thread.author_id].update(thread_count=1, helpful_count=each.record.votes)
        _count_profiles(counts)
        content_changed("community")

    def _ready_thread(self, record: Beginning) -> _Ready | None:
        try:
            area = self._areas.get(fold(record.area)) if record.area else self._area
            area = area or self._area
            if area is None:
                _refuse(_("There is no such area here, and no default."), detail=record.area[:40])
            if record.created is None:
                _refuse(_("It has no time."))
            text = texts.stored(record, keeps_personal_data=self._keeps_personal_data)
            title = texts.stored_title(record.title, text, keeps_personal_data=self._keeps_personal_data)
        except RowError as error:
            self._report.skip("threads", error.reason, record.place, detail=error.detail)
            return None
        if text.is_cut:
            self._report.note("threads", _("It was too long and is cut."), record.place)
        return _Ready(record, text, title=title, area=area)

    def _thread(self, ready: _Ready, people: Mapping[str, int | None]) -> Thread:
        record, area = ready.record, _area_of(ready)
        author_id = people.get(record.author)
        thread = Thread(
            area=area,
            audience=area.effective_audience,
            kind=area.kind,
            author_id=author_id,
            title=ready.title,
            language=language_of(f"{ready.title} {ready.text.plain}"),
            excerpt=ready.text.excerpt,
            status=_FIRST_STATUS.get(area.kind, Thread.Status.NONE),
            state=ThreadState.VISIBLE,
            highest_number=1,
            helpful_count=record.votes,
            view_count=max(0, record.views),
            created_at=record.created,
            last_post_at=record.created,
            last_author_id=author_id,
            is_locked=record.is_closed,
        )
        thread.slug = thread.make_slug()[:100]
        thread.hot = hot_of(thread)
        return thread

    @staticmethod
    def _post(ready: _Ready, thread: Thread, number: int, author_id: int | None) -> Post:
        record = ready.record
        return Post(
            thread=thread,
            number=number,
            author_id=author_id,
            body=ready.text.body,
            html=ready.text.html,
            render_version=rendering.VERSION,
            language=ready.text.language,
            state=State.VISIBLE,
            helpful_count=record.votes,
            created_at=record.created,
            published_at=record.created,
            edited_at=record.edited if record.edited and record.edited > record.created else None,
        )

    def _tag(self, ready: Sequence[_Ready], threads: Sequence[Thread]) -> None:
        most = policy().max_tags
        wanted = [
            {key: name for word in each.record.tags[:most] if (key := fold_tag(name := _tag_name(word))[:40])}
            for each in ready
        ]
        names = {key: name for of_one in wanted for key, name in of_one.items()}
        tags = _tags(names)
        links = [
            Thread.tags.through(thread_id=thread.pk, tag_id=tag_id)
            for thread, of_one in zip(threads, wanted, strict=True)
            for tag_id in sorted({tags[key] for key in of_one})
        ]
        Thread.tags.through.objects.bulk_create(links)
        for tag_id, count in sorted(Counter(link.tag_id for link in links).items()):
            Tag.objects.filter(pk=tag_id).update(thread_count=F("thread_count") + count)

    # Replies --------------------------------------------------------------------------------------------------------

    @transaction.atomic
    def replies(self, records: Sequence[Reply]) -> None:
        """Write a batch of replies, which get the next numbers of their threads."""
        new = self._new("replies", _POST, records)
        places = self._places({record.parent for record in new})
        ready = []
        here: dict[str, _Ready] = {}
        for record in new:
            found = self._ready_reply(record, places, here)
            if found is not None:
                ready.append(found)
                here[record.id] = found
        self._report.counts["replies"].made += len(ready)
        people = self._people([each.record for each in ready])
        if self._dry:
            for each in ready:
                each.where.author = people.get(each.record.author)
            self._store.see(_POST, {each.record.id: each.where.noted() for each in ready})
            return
        threads = _lock_threads({each.where.thread for each in ready})
        for each in ready:
            thread = threads[each.where.thread]
            thread.highest_number += 1
            thread.reply_count += 1
            thread.helpful_count += each.record.votes
            each.post = self._post(each, thread, thread.highest_number, people.get(each.record.author))
            parent = places.get(each.answers)
            each.post.reply_to_id = parent.post if parent else None
            thread.last_post_at, thread.last_author_id = each.post.created_at, each.post.author_id
        posts = Post.objects.bulk_create(each.post for each in ready if each.post is not None)
        self._remember(_POST, {each.record.id: post.pk for each, post in zip(ready, posts, strict=True)})
        self._answer_each_other(ready, here)
        self._vote_nameless(zip(ready, posts, strict=True))
        _store_threads(threads.values(), "highest_number", "reply_count", "last_post_at", "last_author")
        counts: defaultdict[int, Counter[str]] = defaultdict(Counter)
        for each, post in zip(ready, posts, strict=True):
            if post.author_id:
                counts[post.author_id].update(reply_count=1, helpful_count=each.record.votes)
        _count_profiles(counts)

    def _ready_reply(self, record: Reply, places: Mapping[str, _Place], here: Mapping[str, _Ready]) -> _Ready | None:
        try:
            parent = places.get(record.parent) or (here[record.parent].where if record.parent in here else None)
            if parent is None:
                _refuse(_("What it answers was not imported."), detail=record.parent[:40])
            if record.created is None:
                _refuse(_("It has no time."))
            text = texts.stored(record, keeps_personal_data=self._keeps_personal_data)
        except RowError as error:
            self._report.skip("replies", error.reason, record.place, detail=error.detail)
            return None
        if text.is_cut:
            self._report.note("replies", _("It was too long and is cut."), record.place)
        is_to_first = record.parent in places and parent.number == 1
        where = _Place(thread=parent.thread, number=2, is_question=parent.is_question)
        return _Ready(record, text, where=where, answers="" if is_to_first else record.parent)

    @staticmethod
    def _answer_each_other(ready: Sequence[_Ready], here: Mapping[str, _Ready]) -> None:
        """Set what replies of one batch answer, which have a key only now."""
        changed = []
        for each in ready:
            if each.answers in here and each.post is not None:
                each.post.reply_to = here[each.answers].post
                changed.append(each.post)
        _update(changed, "reply_to")

    def _places(self, ids: Collection[str]) -> dict[str, _Place]:
        """Return where posts are that were imported, and are still there; by their ids over there."""
        known = self._known(_POST, list(ids))
        posts = Post.objects.filter(pk__in=[pk for pk in known.values() if pk]).exclude(
            thread__state=ThreadState.MERGED
        )
        rows = {
            post.pk: _Place(
                post=post.pk,
                thread=post.thread_id,
                number=post.number,
                is_question=post.thread.is_question,
                is_visible=post.is_visible,
                author=post.author_id,
            )
            for post in posts.select_related("thread").only(
                "thread", "number", "state", "author", "thread__kind", "thread__state"
            )
        }
        found = {each: rows[pk] for each, pk in known.items() if pk in rows}
        if self._dry:
            found |= {each: _Place.from_note(note) for each, note in self._store.seen(_POST, ids).items()}
        return found

    # Votes and solutions --------------------------------------------------------------------------------------------

    @staticmethod
    def _vote_nameless(written: Iterable[tuple[_Ready, Post]]) -> None:
        votes = (
            Vote(post=post, helper_id=post.author_id, created_at=post.created_at)
            for each, post in written
            for _each in range(each.record.votes)
        )
        while portion := list(islice(votes, _VOTES_AT_ONCE)):
            Vote.objects.bulk_create(portion)

    @transaction.atomic
    def solutions(self, records: Sequence[Acceptance]) -> None:
        """Accept a batch of replies."""
        report, counts = self._report, self._report.counts["solutions"]
        places = self._places({record.post for record in records})
        if self._dry:
            self._would_accept(records, places)
            return
        threads = _lock_threads({place.thread for place in places.values()})
        posts = _lock_posts(place.post for place in places.values())
        settled = set(Solution.objects.filter(post__in=posts).values_list("post_id", flat=True))
        new: dict[int, Solution] = {}
        for record in records:
            place = places.get(record.post)
            if place is None:
                report.skip("solutions", _("What was accepted was not imported."), record.place)
                continue
            post, thread = posts[place.post], threads[place.thread]
            if post.pk in settled or post.pk in new:
                counts.known += 1
            elif not thread.is_question or post.is_first or not post.is_visible:
                report.skip("solutions", _("It is no visible reply to a question."), record.place)
            else:
                new[post.pk] = Solution(
                    thread=thread,
                    post=post,
                    helper_id=post.author_id,
                    is_for_another=post.author_id != thread.author_id,
                    accepted_by_id=thread.author_id,
                    accepted_at=max(record.at or post.created_at, post.created_at),
                )
        counts.made += len(new)
        Solution.objects.bulk_create(new.values())
        Post.objects.filter(pk__in=new).update(is_solution=True)
        self._settle({solution.thread_id for solution in new.values()}, threads)
        people: defaultdict[int, Counter[str]] = defaultdict(Counter)
        for solution in new.values():
            if solution.helper_id and solution.is_for_another:
                people[solution.helper_id].update(solution_count=1)
        _count_profiles(people)

    def _would_accept(self, records: Sequence[Acceptance], places: Mapping[str, _Place]) -> None:
        settled = Solution.objects.filter(post__in=[place.post for place in places.values() if place.post])
        known = set(settled.values_list("post_id", flat=True))
        counts = self._report.counts["solutions"]
        for record in records:
            if record.post not in places:
                self._report.skip("solutions", _("What was accepted was not imported."), record.place)
            elif places[record.post].post in known or self._store.seen(_SOLUTION, [record.post]):
                counts.known += 1
            elif not places[record.post].may_be_accepted:
                self._report.skip("solutions", _("It is no visible reply to a question."), record.place)
            else:
                counts.made += 1
                self._store.see(_SOLUTION, [record.post])

    @staticmethod
    def _settle(changed: Collection[int], threads: Mapping[int, Thread]) -> None:
        """Set what threads store of their first solution."""
        for solution in Solution.objects.active().filter(thread__in=changed).reverse():  # the first one last
            thread = threads[solution.thread_id]
            thread.solution_id, thread.solved_at = solution.post_id, solution.accepted_at
            thread.status = Thread.Status.SOLVED
        _store_threads([threads[pk] for pk in changed], "solution", "solved_at", "status")

    @transaction.atomic
    def votes(self, records: Sequence[Voice]) -> None:
        """Write a batch of votes. Of a voter who is not known here only that there was one."""
        new = self._new("votes", _VOTE, records)
        places = self._places({record.post for record in new})
        voters = self._known_people({each.voter for each in new if each.voter})
        ready = []
        for record in new:
            if record.post in places:
                ready.append(record)
            else:
                self._report.skip("votes", _("What it is for was not imported."), record.place, is_problem=False)
        if self._dry:
            self._would_vote(ready, places, voters)
            return
        threads = _lock_threads({places[record.post].thread for record in ready})
        posts = _lock_posts(places[record.post].post for record in ready)
        made = self._make_votes(ready, places, posts, voters)
        for vote in made:
            posts[vote.post_id].helpful_count += 1
        changed = [posts[pk] for pk in sorted({vote.post_id for vote in made})]
        _update(changed, "helpful_count")
        people: defaultdict[int, Counter[str]] = defaultdict(Counter)
        for vote in made:
            post = posts[vote.post_id]
            if post.is_visible:
                threads[post.thread_id].helpful_count += 1
                if post.author_id:
                    people[post.author_id].update(helpful_count=1)
        _store_threads(threads.values())
        _count_profiles(people)

    def _would_vote(
        self, ready: Sequence[Voice], places: Mapping[str, _Place], voters: Mapping[str, int | str | None]
    ) -> None:
        pairs = {record.id: f"{voters.get(record.voter)} {record.post}" for record in ready}
        given = set(self._store.seen(_VOTER_OF_POST, list(pairs.values())))
        posts = [place.post for place in places.values() if place.post]
        here = set(Vote.objects.filter(post__in=posts, user__isnull=False).values_list("post_id", "user_id"))
        made = []
        for record in ready:
            voter, place, pair = voters.get(record.voter), places[record.post], pairs[record.id]
            if voter is not None and (voter == place.author or (place.post, voter) in here or pair in given):
                self._report.skip("votes", _("It is a second one, or for the voter's own post."), record.place)
                continue
            if voter is not None:
                given.add(pair)
            made.append(record.id)
        self._report.counts["votes"].made += len(made)
        self._store.see(_VOTE, made)
        self._store.see(_VOTER_OF_POST, given)

    def _make_votes(
        self,
        ready: Sequence[Voice],
        places: Mapping[str, _Place],
        posts: Mapping[int, Post],
        voters: Mapping[str, Any],
    ) -> list[Vote]:
        given = set(Vote.objects.filter(post__in=posts, user__isnull=False).values_list("post_id", "user_id"))
        votes: dict[str, Vote] = {}
        for record in ready:
            post = posts[places[record.post].post]
            voter = voters.get(record.voter)
            if voter is not None and (voter == post.author_id or (post.pk, voter) in given):
                self._report.skip("votes", _("It is a second one, or for the voter's own post."), record.place)
                continue
            if voter is not None:
                given.add((post.pk, voter))
            created = max(record.created or post.created_at, post.created_at)
            votes[record.id] = Vote(post=post, user_id=voter, helper_id=post.author_id, created_at=created)
        self._report.counts["votes"].made += len(votes)
        made = Vote.objects.bulk_create(votes.values())
        self._remember(_VOTE, {each: vote.pk for each, vote in zip(votes, made, strict=True)})
        return made


def _area_of(ready: _Ready) -> Area:
    assert ready.area is not None  # noqa: S101 - `_ready_thread` asked for it
    return ready.area


def _tag_name(word: str) -> str:
    return " ".join(normalise_input(word).lstrip("#").split())[:40]


def _tags(names: Mapping[str, str]) -> dict[str, int]:
    """Return the tags by their folded names; those that do not exist are made."""
    found = dict(TagSynonym.objects.filter(key__in=names).values_list("key", "tag_id"))
    found |= dict(Tag.objects.filter(key__in=names).values_list("key", "pk"))
    for key, name in names.items():
        if key not in found:
            slug = slugify_unicode(name, max_length=60) or key
            if Tag.objects.filter(slug=slug).exists():
                slug = key
            found[key] = Tag.objects.get_or_create(key=key, defaults={"name": name, "slug": slug})[0].pk
    return found


def _lock_threads(ids: Collection[int]) -> dict[int, Thread]:
    rows = Thread.objects.select_for_update(no_key=True).filter(pk__in=ids).order_by("pk")
    return {thread.pk: thread for thread in rows}


def _lock_posts(ids: Iterable[int]) -> dict[int, Post]:
    rows = Post.objects.select_for_update(no_key=True).filter(pk__in=set(ids)).order_by("pk")
    return {post.pk: post for post in rows}


def _store_threads(threads: Iterable[Thread], *fields: str) -> None:
    """Write fields of locked threads, and how hot they are; search hears of them at the end."""
    rows = list(threads)
    for thread in rows:
        thread.hot = hot_of(thread)
    _update(rows, "hot", "helpful_count", *fields)
    _to_index(rows)
    for start in range(0, len(rows), _SCOPES_AT_ONCE):
        content_changed(*(f"thread:{thread.pk}" for thread in rows[start : start + _SCOPES_AT_ONCE]))
    content_changed("community")


def _to_index(threads: Iterable[Thread]) -> None:
    ThreadToIndex.objects.bulk_create(
        [ThreadToIndex(thread=thread) for thread in threads],
        update_conflicts=True,
        unique_fields=["thread"],
        update_fields=["is_indexed"],
    )


def _count_profiles(counts: Mapping[int, Counter[str]]) -> None:
    """Add to the counters of members. Their levels follow at their next act here, not by what an import says."""
    if not counts:
        return
    CommunityProfile.objects.bulk_create(
        [CommunityProfile(user_id=pk, is_level_due=False) for pk in sorted(counts)], ignore_conflicts=True
    )
    profiles = list(CommunityProfile.objects.select_for_update(no_key=True).filter(pk__in=counts).order_by("pk"))
    names = ("thread_count", "reply_count", "solution_count", "helpful_count")
    for profile in profiles:
        for name in names:
            setattr(profile, name, getattr(profile, name) + counts[profile.pk][name])
    _update(profiles, *names)


def _update(rows: Sequence[Model], *names: str) -> None:
    """Write fields of locked rows of one model. `bulk_update` does it in one statement, which takes longer to make."""
    if not rows:
        return
    meta: Any = rows[0]._meta  # noqa: SLF001 - Django's documented name
    fields = [meta.get_field(name) for name in names]
    quoted = connection.ops.quote_name
    columns = ", ".join(f"{quoted(field.column)} = %s" for field in fields)
    statement = f"UPDATE {quoted(meta.db_table)} SET {columns} WHERE {quoted(meta.pk.column)} = %s"  # noqa: S608 - names of ours
    fields.append(meta.pk)
    values = [[field.get_db_prep_save(getattr(row, field.attname), connection) for field in fields] for row in rows]
    with connection.cursor() as cursor:
        cursor.executemany(statement, values)


def _refuse(reason: str, *, detail: str = "") -> NoReturn:
    raise RowError(reason, detail=detail)
