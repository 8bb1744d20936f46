"""The community of the demo: areas, members, and a year of conversations from ``content/community/``.

Everything is done by the services, so that counters, search and the moderators' queue are as in real life; dates are
moved back afterwards. The audit log keeps the time of loading: its entries never change.

A file is a list of threads. ``days`` is a thread's age, ``after`` the hours since the post before; ``helpful``, ``me_too``
and ``votes`` say how many members agree. ``post:@2`` in a text is the address of post 2 of its thread.
"""

from __future__ import annotations

import datetime as dt
import random
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml
from allauth.account.models import EmailAddress
from django.contrib.auth.hashers import make_password
from django.utils import timezone

from community import services, telling, trust
from community.hot import hot_of
from community.models import (
    Area,
    CommunityProfile,
    Flag,
    IdeaStatusChange,
    IdeaVote,
    MeToo,
    MovedPosts,
    Poll,
    PollVote,
    Post,
    ReviewItem,
    Solution,
    State,
    Thread,
    Vote,
)
from portal.accounts.models import User
from portal.catalog.models import Product
from portal.core.localized import LocalizedText
from portal.demo.people import PEOPLE

CONVERSATIONS_FOLDER: Final = Path(__file__).resolve().parent / "content" / "community"
_SEED: Final = 1405
_DAYS_SEEN: Final = 40
#: What people of the demo wrote in these days is unread for those who sign in.
_UNREAD_DAYS: Final = 14
_MODERATOR: Final = "omid-community"
_POST_ADDRESS: Final = re.compile(r"post:@(\d+)")


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

#: Handle, name and language of members who only write; nobody can sign in as one of them.
MEMBERS: Final = (
    ("kaveh_net", "کاوه رستمی", "fa"), ("mina.k", "مینا کریمی", "fa"), ("farhad_fiber", "فرهاد یزدی", "fa"),
    ("niloofar", "نیلوفر احمدی", "fa"), ("behrouz55", "بهروز صالحی", "fa"), ("shirin.t", "شیرین توکلی", "fa"),
    ("پویا", "پویا مرادی", "fa"), ("مریم_گیلان", "مریم پورحسن", "fa"), ("hamed-gamer", "حامد جعفری", "fa"),
    ("golnaz", "گلناز رحیمی", "fa"), ("آرش", "آرش فتحی", "fa"),
    ("tom_w", "Tom Whitfield", "en"), ("priya.r", "Priya Raman", "en"), ("old_copper", "Graham Bell", "en"),
    ("lucia", "Lucía Ferrer", "en"), ("mesh-nerd", "Daniel Okafor", "en"), ("annek", "Anneke Visser", "en"),
    ("nightowl", "Jess Turner", "en"), ("sam-plays", "Sam Novak", "en"), ("hania", "Hania Zielińska", "en"),
)  # fmt: skip
#: Without a confirmed address: what they write waits for a moderator.
NEWCOMERS: Final = (("سپهر۷۷", "سپهر ندایی", "fa"), ("dealfinder", "Chris Dale", "en"))


@dataclass(slots=True)
class _Dates:
    """When everything happened, by primary key."""

    threads: dict[int, dt.datetime] = field(default_factory=dict)
    posts: dict[int, dt.datetime] = field(default_factory=dict)
    accepted: dict[int, dt.datetime] = field(default_factory=dict)
    steps: dict[int, dt.datetime] = field(default_factory=dict)


def conversations() -> list[dict[str, Any]]:
    """Return the threads of all files, the oldest first."""
    found: list[dict[str, Any]] = []
    for path in sorted(CONVERSATIONS_FOLDER.glob("*.yaml")):
        found += yaml.safe_load(path.read_text(encoding="utf-8"))
    return sorted(found, key=lambda row: -row["days"])


def load_community() -> int:
    """Create areas, members and the conversations that are missing; return how many threads. Safe to repeat."""
    people = _load_members()
    areas = _load_areas()
    known = set(Post.objects.filter(author__in=people.values()).values_list("token", flat=True))
    rows = [row for row in conversations() if _token(row, 1) not in known]
    if not rows:
        return 0
    dates = _Dates()
    with telling.quietly():  # it is said to have happened long ago
        made = {row["id"]: _Conversation(row, people, areas, dates).load() for row in rows}
        for row in rows:
            if "merged_into" in row:
                services.merge_threads(thread=made[row["id"]], into=made[row["merged_into"]], by=people[_MODERATOR])
    _move_back(dates)
    trust.update_due_levels()
    return len(rows)


def _load_members() -> dict[str, User]:
    now = timezone.now()
    newcomers = {handle for handle, _name, _language in NEWCOMERS}
    for number, (handle, name, language) in enumerate((*MEMBERS, *NEWCOMERS), start=1):
        is_new = handle in newcomers
        user, created = User.objects.get_or_create(
            handle=handle,
            defaults={
                "email": f"member{number}@noora.example",
                "name": name,
                "language": language,
                "password": make_password(None),
                "date_joined": now - dt.timedelta(days=1 if is_new else 400 - number),
            },
        )
        if created and not is_new:
            EmailAddress.objects.create(user=user, email=user.email, primary=True, verified=True)
            CommunityProfile.objects.update_or_create(user=user, defaults={"days_seen": _DAYS_SEEN + number})
    handles = [person.handle for person in PEOPLE] + [row[0] for row in (*MEMBERS, *NEWCOMERS)]
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


def _token(row: dict[str, Any], number: int) -> str:
    return f"demo:{row['id']}:{number}"


class _Conversation:
    """One thread with all that people do with it."""

    def __init__(self, row: dict[str, Any], people: dict[str, User], areas: dict[str, Area], dates: _Dates) -> None:
        self.row, self.people, self.areas, self.dates = row, people, areas, dates
        self.chance = random.Random(f"{_SEED}:{row['id']}")
        self.staff = people[_MODERATOR]
        language = people[row["by"]].language
        self.crowd = [people[handle] for handle, _name, of in MEMBERS if of == language]

    def load(self) -> Thread:
        row = self.row
        now = timezone.now()
        moment = (now - dt.timedelta(days=row["days"])).replace(minute=self.chance.randint(0, 59), second=0)
        products = Product.objects.filter(code__in=row.get("products", ()))
        poll = row.get("poll")
        thread = services.start_thread(
            author=self.people[row["by"]],
            area=self.areas[row["area"]],
            title=row["title"],
            body=row["body"],
            token=_token(row, 1),
            products=products,
            tags=services.tags_named(row.get("tags", ()), may_create=True),
            poll=services.NewPoll(question=poll["question"], options=list(poll["options"])) if poll else None,
        )
        posts = {1: thread.posts.get(number=1)}
        self.dates.threads[thread.pk] = self.dates.posts[posts[1].pk] = moment
        self._react(posts[1], row, moment)
        for number, reply in enumerate(row.get("posts", ()), start=2):
            moment = min(_awake(moment + dt.timedelta(hours=reply["after"])), now - dt.timedelta(minutes=20 - number))
            body = _POST_ADDRESS.sub(lambda match: f"post:{posts[int(match[1])].pk}", reply["body"])
            posts[number] = services.post_reply(
                author=self.people[reply["by"]],
                thread=thread,
                body=body,
                token=_token(row, number),
                reply_to=posts.get(reply.get("to")),
            )
            self.dates.posts[posts[number].pk] = moment
            self._react(posts[number], reply, moment)
        self._agree(thread, row)
        return thread

    def _some(self, count: int, *, but: User | None) -> list[User]:
        return self.chance.sample([user for user in self.crowd if user != but], count)

    def _react(self, post: Post, row: dict[str, Any], moment: dt.datetime) -> None:
        for user in self._some(row.get("helpful", 0), but=post.author):
            services.vote_helpful(post=post, user=user)
        if row.get("accepted"):
            asker = self.people[self.row["by"]]
            solution = services.accept_solution(post=post, by=asker)
            self.dates.accepted[solution.pk] = min(moment + dt.timedelta(hours=2), timezone.now())
        if flag := row.get("flag"):
            services.flag_post(post=post, user=self.people[flag["by"]], reason=flag["reason"], note=flag["note"])
        if hidden := row.get("hidden"):
            services.hide_post(post=post, by=self.staff, reason=hidden["reason"], note=hidden["note"])

    def _agree(self, thread: Thread, row: dict[str, Any]) -> None:
        for user in self._some(row.get("me_too", 0), but=thread.author):
            services.say_me_too(thread=thread, user=user)
        for user in self._some(row.get("votes", 0), but=thread.author):
            services.vote_idea(thread=thread, user=user)
        for step in row.get("steps", ()):
            change = services.set_idea_status(thread=thread, status=step["status"], by=self.staff, note=step["note"])
            if change is not None:
                self.dates.steps[change.pk] = timezone.now() - dt.timedelta(days=step["days"])
        if "poll" in row:
            poll = Poll.objects.get(thread=thread)
            options = list(poll.options.order_by("position"))
            voters = self._some(sum(row["poll"]["options"].values()), but=None)
            for option, count in zip(options, row["poll"]["options"].values(), strict=True):
                for _vote in range(count):
                    services.vote_in_poll(poll=poll, user=voters.pop(), option_ids=[option.pk])
        if row.get("closed"):
            services.lock(thread=thread, by=self.staff, note=row["closed"])
        if row.get("pinned"):
            services.pin_until(thread=thread, by=self.staff, until=None)


def _awake(moment: dt.datetime) -> dt.datetime:
    """Return the moment, or the morning after it if people sleep then."""
    hour = timezone.localtime(moment).hour
    return moment + dt.timedelta(hours=8 - hour) if 1 <= hour < 8 else moment


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
    of_posts: tuple[Any, ...] = (Vote, Flag, ReviewItem)
    for model in of_posts:
        rows = model.objects.filter(post__in=dates.posts).values_list("pk", "post_id")
        _move(model, {pk: {"created_at": _later(dates.posts[of])} for pk, of in rows})
    of_threads: tuple[Any, ...] = (MeToo, IdeaVote, Poll)
    for model in of_threads:
        rows = model.objects.filter(thread__in=dates.threads).values_list("pk", "thread_id")
        _move(model, {pk: {"created_at": _later(dates.threads[of])} for pk, of in rows})
    votes = PollVote.objects.filter(poll__thread__in=dates.threads).values_list("pk", "poll__thread_id")
    _move(PollVote, {pk: {"created_at": _later(dates.threads[of])} for pk, of in votes})
    moved = MovedPosts.objects.filter(from_thread__in=dates.threads).values_list("pk", "from_thread_id")
    _move(MovedPosts, {pk: {"moved_at": _later(dates.threads[of])} for pk, of in moved})
    _move_threads(dates)
    since = timezone.now() - dt.timedelta(days=_UNREAD_DAYS)
    CommunityProfile.objects.filter(user__handle__in=[person.handle for person in PEOPLE]).update(read_floor=since)


def _later(moment: dt.datetime) -> dt.datetime:
    return min(moment + dt.timedelta(hours=5), timezone.now())


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
