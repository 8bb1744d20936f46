"""The community of the demo: areas, members, and a year of conversations from ``content/community/``.

What people write and decide is done by the services, so that numbers, search and the moderators' queue are as in real
life; dates are moved back afterwards. The audit log keeps the time of loading: its entries never change. Agreeing is one
row for each click, two thousand in all: these are stored together, and counted as `community.reconcile` counts them.

There is a file for each area and language: ``wifi.fa.yaml``. It is a list of threads. ``days`` is a thread's age, ``after``
the hours since the post before; ``helpful``, ``me_too`` and ``votes`` say how many members agree, ``solved_it`` how many
readers without an account. ``accepted`` is true or who accepted the answer, if that was not the asker; ``said`` what the
asker answers when asked whether it is solved. ``post:@2`` in a text is the address of post 2 of its thread, ``thread:ID``
that of another, older one.
"""

from __future__ import annotations

import datetime as dt
import random
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import yaml
from allauth.account.models import EmailAddress
from django.contrib.auth.hashers import make_password
from django.db.models import F, Max
from django.utils import timezone

from community import services, telling, trust
from community.drafting import NEW
from community.events import SeeAlsoWanted
from community.hot import hot_of
from community.models import (
    Area,
    CommunityProfile,
    Flag,
    FollowUp,
    IdeaStatusChange,
    IdeaVote,
    MeToo,
    MovedPosts,
    Poll,
    PollVote,
    Post,
    ReviewItem,
    Solution,
    SolvedIt,
    State,
    Thread,
    ThreadState,
    Vote,
)
from community.notifications.common import area_target, thread_target
from community.reconcile import mend
from community.services.following_up import STEPS
from portal.accounts.models import User
from portal.catalog.models import Product
from portal.core.localized import LocalizedText
from portal.core.models import OutboxMessage
from portal.core.roles import COMMUNITY_MANAGERS, group_of
from portal.core.visitors import SECTORS, Origin
from portal.demo.people import PEOPLE
from portal.notifications.models import Follow

if TYPE_CHECKING:
    from collections.abc import Mapping

CONVERSATIONS_FOLDER: Final = Path(__file__).resolve().parent / "content" / "community"
_SEED: Final = 1405
_DAYS_SEEN: Final = 40
#: What people of the demo wrote in these days is unread for those who sign in.
_UNREAD_DAYS: Final = 14
_MODERATOR: Final = "omid-community"
_POST_ADDRESS: Final = re.compile(r"post:@(\d+)")
_THREAD_ADDRESS: Final = re.compile(r"thread:([a-z0-9-]+)")
#: Younger threads keep their time of day; older ones get one at which people write.
_EXACT_DAYS: Final = 4
#: How many of 100 posts are written in each hour from 8 in the morning.
_HOURS: Final = (3, 4, 4, 4, 4, 5, 5, 5, 5, 6, 7, 8, 9, 10, 11, 10)
_OFFICE_HOURS: Final = range(9, 16)
_THURSDAY: Final = 3


@dataclass(frozen=True, slots=True)
class DemoArea:
    slug: str
    kind: Area.Kind
    icon: str
    tone: str
    title: tuple[str, str]
    line: tuple[str, str]
    is_locked: bool = False


_QUESTIONS, _IDEAS, _TALK, _NEWS = Area.Kind.QUESTIONS, Area.Kind.IDEAS, Area.Kind.DISCUSSIONS, Area.Kind.ANNOUNCEMENTS

#: Titles and lines in Persian and English.
AREAS: Final = (
    DemoArea(
        "news", _NEWS, "megaphone", "saffron", ("خبرهای نورا", "News from Noora"),
        ("نسخه‌های تازه، تعمیرات و تغییرها", "Releases, maintenance and changes"), is_locked=True,
    ),
    DemoArea(
        "wifi", _QUESTIONS, "wifi", "", ("اینترنت و وای‌فای", "Internet & Wi-Fi"),
        ("سرعت، قطعی و پوشش خانه", "Speed, drop-outs and coverage at home"),
    ),
    DemoArea(
        "routers", _QUESTIONS, "router", "lapis", ("مودم و تنظیمات", "Routers & settings"),
        ("X1، X2 و Mesh 6، از چراغ تا درگاه", "X1, X2 and Mesh 6, from lights to ports"),
    ),
    DemoArea(
        "mobile", _QUESTIONS, "smartphone", "pist", ("سیم‌کارت و موبایل", "SIM & mobile"),
        ("eSIM، ترابرد، رومینگ و حجم", "eSIM, porting, roaming and data"),
    ),
    DemoArea(
        "tv", _QUESTIONS, "tv", "pom", ("تلویزیون نورا", "Noora TV"),
        ("کانال‌ها، ضبط و تی‌وی باکس", "Channels, recordings and the TV Box"),
    ),
    DemoArea(
        "billing", _QUESTIONS, "receipt", "lapis", ("قبض و اشتراک", "Bills & plans"),
        ("قبض، طرح و جابه‌جایی", "Bills, plans and moving home"),
    ),
    DemoArea(
        "ideas", _IDEAS, "lightbulb", "saffron", ("پیشنهادها", "Ideas"),
        ("بگویید نورا چه چیزی کم دارد و رأی بدهید", "Say what Noora lacks, and vote"),
    ),
    DemoArea(
        "lounge", _TALK, "coffee", "pist", ("گپ و گفت", "The lounge"),
        ("معرفی، تجربه‌ها و هر چه جای دیگری ندارد", "Hellos, stories, and what fits nowhere else"),
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class DemoMember:
    """Somebody who only writes; nobody can sign in as them."""

    handle: str
    name: str
    language: str
    #: Days since they joined.
    days_here: int
    is_staff: bool = False


MEMBERS: Final = (
    DemoMember("kaveh_net", "کاوه رستمی", "fa", 412), DemoMember("mina.k", "مینا کریمی", "fa", 398),
    DemoMember("farhad_fiber", "فرهاد یزدی", "fa", 405), DemoMember("niloofar", "نیلوفر احمدی", "fa", 379),
    DemoMember("behrouz55", "بهروز صالحی", "fa", 366), DemoMember("shirin.t", "شیرین توکلی", "fa", 391),
    DemoMember("پویا", "پویا مرادی", "fa", 371), DemoMember("مریم_گیلان", "مریم پورحسن", "fa", 383),
    DemoMember("hamed-gamer", "حامد جعفری", "fa", 375), DemoMember("golnaz", "گلناز رحیمی", "fa", 388),
    DemoMember("آرش", "آرش فتحی", "fa", 369), DemoMember("iraj_k", "ایرج کمالی", "fa", 394),
    DemoMember("vahid.dev", "وحید شریفی", "fa", 372), DemoMember("رعنا", "رعنا اکبری", "fa", 377),
    DemoMember("سمیرا", "سمیرا حاتمی", "fa", 318), DemoMember("hessam", "حسام نادری", "fa", 291),
    DemoMember("ماهرخ", "ماهرخ یوسفی", "fa", 262), DemoMember("amir_tv", "امیر قاسمی", "fa", 247),
    DemoMember("نازنین_ز", "نازنین زمانی", "fa", 212), DemoMember("babak.m", "بابک مهاجر", "fa", 176),
    DemoMember("زهرا_یزد", "زهرا دهقان", "fa", 158), DemoMember("داوود", "داوود رنجبر", "fa", 130),
    DemoMember("kian_88", "کیان افشار", "fa", 103), DemoMember("نسیم", "نسیم پارسا", "fa", 72),
    DemoMember("یاسمن", "یاسمن ایزدی", "fa", 52), DemoMember("sadat_m", "سادات موسوی", "fa", 25),
    DemoMember("tom_w", "Tom Whitfield", "en", 386), DemoMember("priya.r", "Priya Raman", "en", 393),
    DemoMember("old_copper", "Graham Bell", "en", 401), DemoMember("lucia", "Lucía Ferrer", "en", 370),
    DemoMember("mesh-nerd", "Daniel Okafor", "en", 396), DemoMember("annek", "Anneke Visser", "en", 374),
    DemoMember("nightowl", "Jess Turner", "en", 381), DemoMember("sam-plays", "Sam Novak", "en", 367),
    DemoMember("hania", "Hania Zielińska", "en", 378), DemoMember("fatou", "Fatou Diallo", "en", 384),
    DemoMember("ewan", "Ewan MacLeod", "en", 332), DemoMember("grandma_jo", "Joanna Reed", "en", 276),
    DemoMember("ravi-null", "Ravi Menon", "en", 229), DemoMember("yuki", "Yuki Tanaka", "en", 172),
    DemoMember("chiara", "Chiara Conti", "en", 128), DemoMember("olga_p", "Olga Petrova", "en", 83),
    DemoMember("ben.c", "Ben Carter", "en", 34),
    DemoMember("niki", "نیکی شریف", "fa", 420, is_staff=True),
)  # fmt: skip
#: Without a confirmed address: what they write first waits for a moderator.
NEWCOMERS: Final = (
    DemoMember("سپهر۷۷", "سپهر ندایی", "fa", 1), DemoMember("dealfinder", "Chris Dale", "en", 1),
    DemoMember("الهام", "الهام صفری", "fa", 2), DemoMember("ida-berg", "Ida Berg", "en", 1),
)  # fmt: skip
#: Helpers whom the community managers invited to be advocates.
ADVOCATES: Final = ("kaveh_net", "old_copper")


@dataclass(slots=True)
class _Dates:
    """When everything happened, by primary key."""

    threads: dict[int, dt.datetime] = field(default_factory=dict)
    posts: dict[int, dt.datetime] = field(default_factory=dict)
    accepted: dict[int, dt.datetime] = field(default_factory=dict)
    steps: dict[int, dt.datetime] = field(default_factory=dict)
    #: Helpful votes, votes for ideas and the like, with their times.
    agreements: list[Vote | MeToo | IdeaVote] = field(default_factory=list)
    #: What askers said when they were asked, by primary key of the thread.
    said: dict[int, list[str]] = field(default_factory=dict)


#: The one written in C, where there is one: it is ten times as fast.
_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def conversations() -> list[dict[str, Any]]:
    """Return the threads of all files, the oldest first."""
    found: list[dict[str, Any]] = []
    for path in sorted(CONVERSATIONS_FOLDER.glob("*.yaml")):
        area, _dot, _rest = path.name.partition(".")
        rows = yaml.load(path.read_text(encoding="utf-8"), Loader=_LOADER)  # noqa: S506 - a safe one
        found += [{"area": area} | row for row in rows]
    return sorted(found, key=lambda row: -row["days"])


def load_community() -> int:
    """Create areas, members and the conversations that are missing; return how many threads. Safe to repeat."""
    people = _load_members()
    areas = _load_areas()
    known = set(Post.objects.filter(author__in=people.values()).values_list("token", flat=True))
    rows = [row for row in conversations() if known.isdisjoint(stored_tokens(_token(row, 1), NEW))]
    if not rows:
        return 0
    dates = _Dates()
    before = OutboxMessage.objects.aggregate(last=Max("pk"))["last"] or 0
    made: dict[str, Thread] = {}
    with telling.quietly():  # it is said to have happened long ago
        for row in rows:
            made[row["id"]] = _Conversation(row, people, areas, dates, made).load()
        for row in rows:
            if "merged_into" in row:
                services.merge_threads(thread=made[row["id"]], into=made[row["merged_into"]], by=people[_MODERATOR])
    _agree_together(dates)
    _move_back(dates)
    _follow_up(dates)
    _follow(dates, areas)
    # Each thread is compared with all others once, when all are there.
    OutboxMessage.objects.filter(pk__gt=before, event=SeeAlsoWanted.name, payload__spreads=True).delete()
    for handle in ADVOCATES:
        trust.set_advocate(user_id=people[handle].pk, is_advocate=True)
    trust.update_due_levels()
    return len(rows)


def _load_members() -> dict[str, User]:
    now = timezone.now()
    for number, member in enumerate((*MEMBERS, *NEWCOMERS), start=1):
        user, created = User.objects.get_or_create(
            handle=member.handle,
            defaults={
                "email": f"member{number}@noora.example",
                "name": member.name,
                "language": member.language,
                "password": make_password(None),
                "date_joined": now - dt.timedelta(days=member.days_here, minutes=97 * number % 720),
                "is_staff": member.is_staff,
            },
        )
        if created and member not in NEWCOMERS:
            EmailAddress.objects.create(user=user, email=user.email, primary=True, verified=True)
            seen = {"days_seen": member.days_here // 3, "last_seen_on": now.date() - dt.timedelta(days=number % 5)}
            CommunityProfile.objects.update_or_create(user=user, defaults=seen)
            if member.is_staff:
                user.groups.add(group_of(COMMUNITY_MANAGERS))
    for person in PEOPLE:
        if not person.is_staff:
            user = User.objects.get(handle=person.handle)
            CommunityProfile.objects.get_or_create(user=user, defaults={"days_seen": max(1, person.days_here // 3)})
    handles = [person.handle for person in PEOPLE] + [member.handle for member in (*MEMBERS, *NEWCOMERS)]
    return {user.handle: user for user in User.objects.filter(handle__in=handles)}


def _load_areas() -> dict[str, Area]:
    for position, area in enumerate(AREAS, start=1):
        Area.objects.get_or_create(
            slug=area.slug,
            defaults={
                "title": LocalizedText(fa=area.title[0], en=area.title[1]),
                "description": LocalizedText(fa=area.line[0], en=area.line[1]),
                "kind": area.kind,
                "icon": area.icon,
                "tone": area.tone,
                "position": position,
                "is_locked": area.is_locked,
            },
        )
    return {area.slug: area for area in Area.objects.filter(slug__in=[area.slug for area in AREAS])}


def stored_tokens(token: str, purpose: str) -> set[str]:
    """Return how the token of what was loaded before is stored: by earlier versions as it is."""
    return {token, services.token_for(purpose, token)}


def _token(row: dict[str, Any], number: int) -> str:
    return f"demo:{row['id']}:{number}"


class _Conversation:
    """One thread with all that people do with it."""

    def __init__(
        self,
        row: dict[str, Any],
        people: dict[str, User],
        areas: dict[str, Area],
        dates: _Dates,
        made: Mapping[str, Thread],
    ) -> None:
        self.row, self.people, self.areas, self.dates, self.made = row, people, areas, dates, made
        self.chance = random.Random(f"{_SEED}:{row['id']}")
        self.staff = people[_MODERATOR]
        language = people[row["by"]].language
        self.crowd = [
            people[member.handle] for member in MEMBERS if member.language == language and not member.is_staff
        ]

    def load(self) -> Thread:
        row = self.row
        now = timezone.now()
        moment = self._begun_at(now)
        products = Product.objects.filter(code__in=row.get("products", ()))
        poll = row.get("poll")
        thread = services.start_thread(
            author=self.people[row["by"]],
            area=self.areas[row["area"]],
            title=row["title"],
            body=self._linked(row["body"]),
            token=_token(row, 1),
            products=products,
            tags=services.tags_named(row.get("tags", ()), may_create=True),
            poll=services.NewPoll(question=poll["question"], options=list(poll["options"])) if poll else None,
        )
        posts = {1: thread.posts.get(number=1)}
        self.dates.threads[thread.pk] = self.dates.posts[posts[1].pk] = moment
        self._react(posts[1], row, moment)
        for number, reply in enumerate(row.get("posts", ()), start=2):
            moment = min(
                _awake(moment + dt.timedelta(hours=reply["after"], minutes=self.chance.randint(0, 29))),
                now - dt.timedelta(minutes=60 - number),
            )
            body = _POST_ADDRESS.sub(lambda match: f"post:{posts[int(match[1])].pk}", self._linked(reply["body"]))
            posts[number] = services.post_reply(
                author=self.people[reply["by"]],
                thread=thread,
                body=body,
                token=_token(row, number),
                reply_to=posts.get(reply.get("to")),
            )
            self.dates.posts[posts[number].pk] = moment
            self._react(posts[number], reply, moment)
        self._agree(thread, row, moment=self.dates.threads[thread.pk])
        self.dates.said[thread.pk] = list(row.get("said", ()))
        for post in posts.values():  # or a text of another month would be held as one posted twice today
            Post.objects.filter(pk=post.pk).update(created_at=self.dates.posts[post.pk])
        return thread

    def _begun_at(self, now: dt.datetime) -> dt.datetime:
        """Return when the thread began: many in the evening and at the weekend, those of the company in its office."""
        moment = now - dt.timedelta(days=self.row["days"])
        if self.row["days"] < _EXACT_DAYS:
            return moment.replace(minute=self.chance.randint(0, 59), second=self.chance.randint(0, 59))
        moment = timezone.localtime(moment)
        if self.people[self.row["by"]].is_staff:
            hour = self.chance.choice(_OFFICE_HOURS)
        else:
            hour = self.chance.choices(range(8, 24), _HOURS)[0]
            since = (moment.weekday() - _THURSDAY) % 7
            if since <= _EXACT_DAYS and self.chance.random() < 1 / 2:  # Thursday and Friday are the weekend
                moment -= dt.timedelta(days=since - self.chance.randint(0, min(since, 1)))
        return moment.replace(hour=hour, minute=self.chance.randint(0, 59), second=self.chance.randint(0, 59))

    def _linked(self, body: str) -> str:
        """Return the text with the addresses of the threads it names."""
        return _THREAD_ADDRESS.sub(lambda match: f"/t/{self.made[match[1]].pk}", body)

    def _some(self, count: int, *, but: User | None, moment: dt.datetime) -> list[User]:
        """Return some members who were there at that time."""
        return self.chance.sample([user for user in self.crowd if user != but and user.date_joined < moment], count)

    def _soon(self, moment: dt.datetime) -> dt.datetime:
        """Return some time of the next days that is over: when somebody reads what was written at that moment."""
        later, now = moment + dt.timedelta(minutes=self.chance.randint(10, 4000)), timezone.now()
        return later if later < now else moment + max(dt.timedelta(), now - moment) * self.chance.random()

    def _react(self, post: Post, row: dict[str, Any], moment: dt.datetime) -> None:
        voters = self._some(row.get("helpful", 0), but=post.author, moment=moment)
        self.dates.agreements += [
            Vote(post=post, user=user, helper=post.author, created_at=self._soon(moment)) for user in voters
        ]
        if by := row.get("accepted"):
            asker = self.people[self.row["by"] if by is True else by]
            solution = services.accept_solution(post=post, by=asker)
            self.dates.accepted[solution.pk] = min(moment + dt.timedelta(hours=2), timezone.now())
        if flag := row.get("flag"):
            services.flag_post(post=post, user=self.people[flag["by"]], reason=flag["reason"], note=flag["note"])
        if row.get("kept"):
            services.approve_post(post=post, by=self.staff)
        if hidden := row.get("hidden"):
            services.hide_post(post=post, by=self.staff, reason=hidden["reason"], note=hidden["note"])
            if warning := hidden.get("warning"):
                services.warn_member(user=self.people[row["by"]], by=self.staff, note=warning, post=post)
            if appeal := hidden.get("appeal"):
                services.appeal(post=post, author=self.people[row["by"]], text=appeal)

    def _agree(self, thread: Thread, row: dict[str, Any], *, moment: dt.datetime) -> None:
        agreeing = self._some(row.get("me_too", 0), but=thread.author, moment=moment)
        self.dates.agreements += [MeToo(thread=thread, user=user, created_at=self._soon(moment)) for user in agreeing]
        voters = self._some(row.get("votes", 0), but=thread.author, moment=moment)
        self.dates.agreements += [IdeaVote(thread=thread, user=user, created_at=self._soon(moment)) for user in voters]
        for number in range(row.get("solved_it", 0)):
            visitor = f"demo:{thread.pk}:{number}"
            services.say_solved_it(thread=thread, visitor=visitor, origin=Origin(visitor, number % SECTORS))
        for step in row.get("steps", ()):
            change = services.set_idea_status(thread=thread, status=step["status"], by=self.staff, note=step["note"])
            if change is not None:
                self.dates.steps[change.pk] = timezone.now() - dt.timedelta(days=step["days"])
        self._vote_in_poll(thread, row, moment=moment)
        if row.get("closed"):
            services.lock(thread=thread, by=self.staff, note=row["closed"])
        if row.get("pinned"):
            services.pin_until(thread=thread, by=self.staff, until=None)

    def _vote_in_poll(self, thread: Thread, row: dict[str, Any], *, moment: dt.datetime) -> None:
        if "poll" in row:
            poll = Poll.objects.get(thread=thread)
            options = list(poll.options.order_by("position"))
            voters = self._some(sum(row["poll"]["options"].values()), but=None, moment=moment)
            for option, count in zip(options, row["poll"]["options"].values(), strict=True):
                for _vote in range(count):
                    services.vote_in_poll(poll=poll, user=voters.pop(), option_ids=[option.pk])


def _awake(moment: dt.datetime) -> dt.datetime:
    """Return the moment, or the morning after it if people sleep then."""
    hour = timezone.localtime(moment).hour
    return moment + dt.timedelta(hours=8 - hour) if 1 <= hour < 8 else moment


def _agree_together(dates: _Dates) -> None:
    """Store all that members agreed with, count it, and see who is due for another level."""
    kinds: tuple[Any, ...] = (Vote, MeToo, IdeaVote)
    for kind in kinds:
        kind.objects.bulk_create([one for one in dates.agreements if isinstance(one, kind)], batch_size=200)
    mend()
    CommunityProfile.objects.update(is_level_due=True)


def _note_first_help() -> None:
    """Set when each member first helped somebody."""
    first: dict[int, dt.datetime] = {}
    helped = [
        *Vote.objects.values_list("helper", "created_at"),
        *Solution.objects.filter(is_for_another=True).values_list("helper", "accepted_at"),
    ]
    for helper_id, moment in helped:
        first[helper_id] = min(moment, first.get(helper_id, moment))
    profiles = list(CommunityProfile.objects.filter(pk__in=first))
    for profile in profiles:
        profile.first_help_at = first[profile.pk]
    CommunityProfile.objects.bulk_update(profiles, ["first_help_at"])


def _move_back(dates: _Dates) -> None:
    """Give everything the time at which it is said to have happened; what is derived from times follows."""
    posts = list(Post.objects.filter(pk__in=dates.posts))
    for post in posts:
        post.created_at = dates.posts[post.pk]
        post.published_at = post.created_at if post.published_at else None
        post.state_changed_at = post.created_at if post.state_changed_at else None
    Post.objects.bulk_update(posts, ["created_at", "published_at", "state_changed_at"], batch_size=100)
    _move(Solution, {pk: {"accepted_at": moment} for pk, moment in dates.accepted.items()})
    _move(IdeaStatusChange, {pk: {"changed_at": moment} for pk, moment in dates.steps.items()})
    of_posts: tuple[Any, ...] = (Flag, ReviewItem)
    for model in of_posts:
        rows = model.objects.filter(post__in=dates.posts).values_list("pk", "post_id")
        _move(model, {pk: {"created_at": _later(dates.posts[of])} for pk, of in rows})
    polls = Poll.objects.filter(thread__in=dates.threads).values_list("pk", "thread_id")
    _move(Poll, {pk: {"created_at": dates.threads[of]} for pk, of in polls})
    votes = PollVote.objects.filter(poll__thread__in=dates.threads).values_list("pk", "poll__thread_id")
    _move(PollVote, {pk: {"created_at": _later(dates.threads[of])} for pk, of in votes})
    moved = MovedPosts.objects.filter(from_thread__in=dates.threads).values_list("pk", "from_thread_id")
    _move(MovedPosts, {pk: {"moved_at": _later(dates.threads[of])} for pk, of in moved})
    said = SolvedIt.objects.filter(thread__in=dates.threads).values_list("pk", "thread_id")
    _move(SolvedIt, {pk: {"created_at": _later(dates.threads[of])} for pk, of in said})
    _move_threads(dates)
    _note_first_help()
    since = timezone.now() - dt.timedelta(days=_UNREAD_DAYS)
    CommunityProfile.objects.filter(user__handle__in=[person.handle for person in PEOPLE]).update(read_floor=since)


def _later(moment: dt.datetime) -> dt.datetime:
    """Return the same evening: when people react to what was written at that moment."""
    return min(moment + dt.timedelta(hours=5), timezone.now())


#: Areas that customers of the demo follow, by handle.
_FOLLOWED: Final = {"sara": ("wifi", "ideas"), "reza": ("routers",), "emma": ("tv",)}


def _follow(dates: _Dates, areas: Mapping[str, Area]) -> None:
    """Have everybody follow what they wrote in, from then on, as the forms would; and a few follow areas."""
    follows = {
        (post.author_id, thread_target(post.thread_id)): post.created_at
        for post in Post.objects.filter(thread__in=dates.threads, author__isnull=False).order_by("-number")
    }
    for user in User.objects.filter(handle__in=_FOLLOWED):
        places = (areas[slug] for slug in _FOLLOWED[user.handle])
        follows |= {(user.pk, area_target(area.pk)): user.date_joined for area in places}
    rows = [
        Follow(person_id=person, target=target, since=since) for (person, target), since in follows.items() if person
    ]
    Follow.objects.bulk_create(rows, ignore_conflicts=True, batch_size=500)


def _follow_up(dates: _Dates) -> None:
    """Store when askers were asked whether the replies solved it, as the hourly work would have done."""
    now = timezone.now()
    answers = Post.objects.filter(thread__in=dates.threads, number__gt=1, state=State.VISIBLE)
    others = answers.exclude(author=F("thread__author")).order_by("-number")
    first = dict(others.values_list("thread", "created_at"))  # of each thread the last one stays: its first answer
    rows = []
    questions = Thread.objects.filter(kind=Area.Kind.QUESTIONS, state=ThreadState.VISIBLE, is_locked=False)
    for thread in questions.filter(pk__in=first):
        said = list(dates.said[thread.pk])
        for step, pause in enumerate(STEPS, start=1):
            due = first[thread.pk] + pause
            if thread.solved_at is not None and thread.solved_at < due:
                break
            if due > now:
                rows.append(FollowUp(thread=thread, step=step, due_at=due))
                break
            is_last = thread.solved_at is not None and thread.solved_at < first[thread.pk] + _after(step)
            answer = said.pop(0) if said else FollowUp.Answer.YES if is_last else ""
            rows.append(
                FollowUp(
                    thread=thread,
                    step=step,
                    due_at=due,
                    asked_at=due,
                    answer=answer,
                    answered_at=min(due + dt.timedelta(hours=3), now) if answer else None,
                )
            )
    FollowUp.objects.bulk_create(rows, ignore_conflicts=True)


def _after(step: int) -> dt.timedelta:
    """Return how long after the first answer an asker would be asked after this step."""
    return STEPS[step] if step < len(STEPS) else dt.timedelta(days=3650)


def _move(model: Any, values: dict[int, dict[str, dt.datetime]]) -> None:
    rows = list(model.objects.filter(pk__in=values))
    for row in rows:
        for name, moment in values[row.pk].items():
            setattr(row, name, moment)
    if rows:
        model.objects.bulk_update(rows, list(next(iter(values.values()))), batch_size=200)


def _move_threads(dates: _Dates) -> None:
    threads = list(Thread.objects.filter(pk__in=dates.threads))
    last = dict(
        Post.objects.filter(thread__in=dates.threads, state=State.VISIBLE)
        .order_by("number")
        .values_list("thread_id", "created_at")
    )
    solutions: dict[int, tuple[dt.datetime, int]] = {}
    accepted = Solution.objects.filter(thread__in=dates.threads, revoked_at=None).order_by("-accepted_at", "-pk")
    for thread_id, moment, post_id in accepted.values_list("thread_id", "accepted_at", "post_id"):
        solutions[thread_id] = (moment, post_id)
    for thread in threads:
        thread.created_at = dates.threads[thread.pk]
        thread.last_post_at = last.get(thread.pk, thread.created_at)
        if thread.pk in solutions:
            thread.solved_at, thread.solution_id = solutions[thread.pk]
        chance = random.Random(f"{_SEED}:{thread.title}")
        thread.view_count = 3 * chance.randint(4, 30) * (1 + thread.reply_count) + 7 * thread.me_too_count
        thread.hot = hot_of(thread)
    Thread.objects.bulk_update(
        threads, ["created_at", "last_post_at", "solved_at", "solution", "view_count", "hot"], batch_size=50
    )
