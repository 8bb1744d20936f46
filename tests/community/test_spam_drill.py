"""A drill: fifty new accounts post links and nearly the same text at once, between members who go on as always."""

from __future__ import annotations

import random
import re
from typing import TYPE_CHECKING

import pytest
from django.urls import reverse
from django.utils.crypto import get_random_string

from community import services
from community.forms import started_now
from community.models import CommunityProfile, Level, Policy, Post, ReviewItem, State, Thread
from community.similarity import NEAR, distance, fingerprint
from portal.core import outbox
from tests.factories.accounts import UserFactory
from tests.factories.community import AreaFactory, MemberFactory, ThreadFactory, moderator, token

if TYPE_CHECKING:
    from community.models import Area
    from portal.accounts.models import User

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.both_databases(
        "community.screening", "community.services.writing", "community.services.moderating", "portal.desk.queries"
    ),
]

ACCOUNTS = 50


@pytest.fixture(autouse=True)
def _slow_typists(monkeypatch):
    """The forms were open for long: nothing is held for being typed too fast."""
    monkeypatch.setattr("community.forms.FASTEST_SECONDS", -1)


_COPIED = (
    "فروش ویژهٔ فالوور واقعی و ارزان با ضمانت بازگشت پول، همین امروز پیام بدهید و از تخفیف آخر هفته استفاده کنید، "
    "پشتیبانی شبانه‌روزی داریم"
)
#: The same text as programs vary it: other letters and digits, half-spaces, stretched letters, signs, a number at the end.
_VARIED = [
    _COPIED,
    _COPIED.replace("ی", "ي").replace("ک", "ك"),
    _COPIED.replace(" ", "\u200c", 6),
    _COPIED.replace("فالوور", "فالــــوور") + " !!!",
    f"{_COPIED} {{number}}",
]
_QUESTIONS = [
    "مودم X2 از دیشب هر ده دقیقه قطع می‌شود و چراغ سوم نارنجی است؛ کابل را هم عوض کرده‌ام ولی درست نشد.",
    "چگونه رمز وای‌فای مهمان را از رمز اصلی جدا کنم تا مهمان‌ها به چاپگر خانه دسترسی نداشته باشند؟",
    "صورت‌حساب این ماه دو بار برای من فرستاده شده است و نمی‌دانم کدام را باید پرداخت کنم تا خط قطع نشود.",
    "در طبقهٔ بالا سرعت نصف می‌شود. آیا مش برای خانهٔ دو طبقه با دیوار آجری کافی است یا سیم بکشم؟",
    "سیم‌کارت تازه در گوشی دوسیم‌کارته فقط پیامک می‌گیرد و اینترنت ندارد، با اینکه تنظیمات را دستی زدم.",
]


def spam(number: int) -> str:
    if number % 2:
        return _VARIED[number // 2 % len(_VARIED)].format(number=number)
    links = " ".join(f"https://cheap-{number}-{place}.example/{get_random_string(6)}" for place in range(3))
    return f"سلام دوستان، این را ببینید {links}"


def words(seed: str) -> str:
    """A text that is like no other one, and has nothing in it that looks like personal data."""
    letters = random.Random(seed)  # noqa: S311 - no secret
    return " ".join("".join(letters.choices("ابپتجدرزسشفقکگلمنوهی", k=5)) for _word in range(40))


def ask(client, person, area: Area, title: str, body: str) -> int:
    """Ask with the form; return the status of the answer."""
    client.force_login(person)
    typed = {"title": title, "area": area.pk, "body": body, "token": token()}
    typed |= {"started": started_now(), "do": "post"}
    return client.post(reverse("community:ask"), typed).status_code


def newcomers(count: int, *, posted_before: int = 0) -> list[User]:
    people = MemberFactory.create_batch(count, level=Level.NEW)
    CommunityProfile.objects.filter(user__in=people).update(reply_count=posted_before)
    return people


def visible_to_all() -> set[str]:
    return set(Thread.objects.visible_to(None).listed().values_list("title", flat=True))


def test_all_spam_is_held_and_members_are_not_disturbed(client):
    area, members = AreaFactory(), MemberFactory.create_batch(len(_QUESTIONS))
    asked = set()

    for number, account in enumerate(newcomers(ACCOUNTS)):
        ask(client, account, area, f"فروش ویژه {number}", spam(number))
        if number % 10 == 9:
            place = number // 10
            asked.add(f"پرسش واقعی {place}")
            ask(client, members[place], area, f"پرسش واقعی {place}", _QUESTIONS[place])

    assert visible_to_all() == asked
    assert ReviewItem.objects.filter(decision="").count() == ACCOUNTS
    reasons = [{code for code, _share in each} for each in ReviewItem.objects.values_list("reasons", flat=True)]
    assert sum("links" in each for each in reasons) == ACCOUNTS // 2
    assert sum(not each & {"links", "duplicate"} for each in reasons) == 1  # there was nothing before the first copy


def test_accounts_that_waited_for_their_first_post_to_be_seen_are_held_for_links_and_copies(client):
    """The worst case: each account has a harmless post that was approved, so that nothing is held for being the first."""
    area = AreaFactory()

    for number, account in enumerate(newcomers(ACCOUNTS, posted_before=1)):
        ask(client, account, area, f"فروش ویژه {number}", spam(number))

    assert visible_to_all() == {"فروش ویژه 1"}, "only the first copy is like nothing before it"


def test_one_account_is_limited(client, settings):
    area, rules = AreaFactory(), Policy()
    (account,) = newcomers(1, posted_before=1)

    statuses = [
        ask(client, account, area, f"فروش {number}", spam(2)) for number in range(rules.newcomer_posts_per_hour + 3)
    ]

    assert statuses == [302] * rules.newcomer_posts_per_hour + [429] * 3
    assert visible_to_all() == set()


def test_nobody_is_told_of_spam_that_is_held(client):
    watcher, question = MemberFactory(), ThreadFactory()
    outbox.drain()
    (account,) = newcomers(1)
    client.force_login(account)
    body = f"@{watcher.handle} {spam(0)}"

    client.post(reverse("community:reply", args=[question.pk]), {"body": body, "token": token(), "do": "post"})
    outbox.drain()

    assert Post.objects.get(author=account).state == State.HELD
    assert watcher.notifications.count() == question.author.notifications.count() == 0


def test_the_panic_switch_holds_all_new_accounts_until_it_is_off(client, settings):
    settings.STAFF_SECOND_FACTOR = False
    manager, area, member = moderator(), AreaFactory(), MemberFactory()
    harmless = newcomers(12, posted_before=3)  # nothing about them is suspicious

    def switch(*, on: bool) -> None:
        client.force_login(manager)
        page = client.get(reverse("desk:settings")).text
        values = dict(re.findall(r'<input type="text" name="(\w+)" value="([0-9۰-۹]+)"', page))
        assert client.post(reverse("desk:settings"), {**values, "holds_newcomers": "on"} if on else values).url

    def asked(name: str, people: list[User]) -> set[str]:
        for number, person in enumerate(people):
            ask(client, person, area, f"{name} {number}", words(f"{name} {number}"))
        return {title for title in visible_to_all() if title.startswith(name)}

    assert asked("پیش", harmless[:4]) == {f"پیش {number}" for number in range(4)}
    switch(on=True)
    assert asked("هنگام", [*harmless[4:8], member]) == {"هنگام 4"}, "members are not held"
    held = ReviewItem.objects.filter(decision="")
    assert [each.reasons for each in held] == [[["panic", 50]]] * 4
    switch(on=False)
    assert asked("پس", harmless[8:]) == {f"پس {number}" for number in range(4)}
    for item in held:
        services.approve_post(post=item.post, by=manager)
    assert len({title for title in visible_to_all() if title.startswith("هنگام")}) == 5


def test_the_drill_is_cleared_in_the_queue(client, settings):
    settings.STAFF_SECOND_FACTOR = False
    area, person = AreaFactory(), UserFactory()
    for number, account in enumerate(newcomers(8)):
        ask(client, account, area, f"فروش ویژه {number}", spam(number))
    client.force_login(moderator())

    for item in ReviewItem.objects.filter(decision=""):
        typed = {"act": "hide", "reason": "spam", "version": item.post.version}
        client.post(reverse("desk:decide", args=[item.pk]), typed)

    assert not ReviewItem.objects.filter(decision="").exists()
    assert Post.objects.filter(state=State.HIDDEN).count() == 8
    client.force_login(person)
    assert "فروش ویژه" not in client.get(reverse("community:index")).text


def test_a_different_text_with_a_near_fingerprint_is_no_copy():
    """These two have nothing in common but fingerprints of which few bits differ."""
    Policy(first_posts_held=0).save()
    one = (
        "رمز را عوض کنید؛ همه یک بار بیرون می‌افتند و فقط آن‌هایی که رمز تازه را دارند برمی‌گردند. "
        "رمز را هم نام خانوادگی به‌اضافهٔ سال تولد نگذارید."
    )
    other = "همه هم‌زمان آنلاین می‌شوند، عمد لازم نیست. ولی اگر اندازه گرفته‌اید عددها را بگذارید، با هم نگاه کنیم."
    assert distance(fingerprint(one), fingerprint(other)) <= NEAR
    thread = ThreadFactory()

    said = [
        services.post_reply(thread=thread, author=MemberFactory(), body=body, token=token())
        for body in (one, other, one.replace("تازه", "جدید"))
    ]

    assert [post.state for post in said] == [State.VISIBLE, State.VISIBLE, State.HELD]
