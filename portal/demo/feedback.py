"""Three months of readers' feedback on the articles, the same every time for the same articles."""

from __future__ import annotations

import datetime as dt
import hashlib
import random
from typing import Final

from django.utils import timezone

from faq.models import ArticlePage, Feedback
from portal.accounts.models import User
from portal.core.visitors import SECTORS, VISITOR_LENGTH

DAYS: Final = 90
_SEED: Final = 1405

_REASON: Final = Feedback.Reason
#: Comments of readers, by reason: (Persian, English).
COMMENTS: Final[dict[str, tuple[tuple[str, str], ...]]] = {
    _REASON.OUTDATED: (
        ("در نسخهٔ جدید برنامه جای این گزینه عوض شده.", "The option has moved in the new version of the app."),
        ("عکس با مودم من فرق دارد؛ من ۴٫۱۲ نصب کرده‌ام.", "The picture differs from mine; I have 4.12 installed."),
        ("قیمت‌ها مال ماه پیش است.", "The prices are last month's."),
    ),
    _REASON.WRONG: (
        ("گام سوم برای X1 درست نیست، دکمه پشت دستگاه است.", "Step three is wrong for the X1: the button is at the back."),
        ("کد را زدم ولی پیام خطا داد.", "I dialled the code and only got an error."),
        ("به من گفتند سه روز، اینجا نوشته یک روز.", "I was told three days; this says one."),
    ),
    _REASON.INCOMPLETE: (
        ("ننوشته‌اید اگر رمز صفحهٔ تنظیمات را ندانیم چه کنیم.", "You don't say what to do without the password of the settings page."),
        ("برای آیفون هم بنویسید.", "Please add the steps for an iPhone."),
        ("هزینه‌اش چقدر است؟ پیدا نکردم.", "How much does it cost? I couldn't find it."),
        ("کاش یک عکس از پشت دستگاه هم بود.", "A picture of the back would help."),
    ),
    _REASON.UNCLEAR: (
        ("نفهمیدم کابل خط کدام است.", "I couldn't tell which one is the line cable."),
        ("گام دوم را سه بار خواندم تا فهمیدم.", "Had to read step two three times."),
        ("«پل» یعنی چه؟", "What is “bridge mode” supposed to mean?"),
    ),
    _REASON.NOT_MY_QUESTION: (
        ("من دنبال قطعی محله بودم، نه تنظیم مودم.", "I was looking for an outage in my street, not a setting."),
        ("مشکل من با تلویزیون بود.", "Mine was about the TV."),
    ),
    _REASON.POLICY: (
        ("چرا باید برای جابه‌جایی پول بدهیم؟", "Why do I have to pay for moving at all?"),
        ("ای کاش حجم شبانه تا ساعت هشت بود.", "I wish night data lasted until eight."),
    ),
    _REASON.LANGUAGE: (
        ("خیلی فنی بود.", "Too technical for me."),
        ("ساده‌تر بنویسید لطفاً، برای مادرم می‌خواستم.", "Simpler words please, it was for my mother."),
    ),
}  # fmt: skip
_THANKS: Final = (
    ("درست شد، ممنون.", "That fixed it, thanks."),
    ("با گام دوم حل شد.", "Step two did it."),
    ("همین را لازم داشتم.", "Just what I needed."),
)
#: Relative frequency of the reasons.
_WEIGHTS: Final = {
    _REASON.INCOMPLETE: 5,
    _REASON.UNCLEAR: 4,
    _REASON.OUTDATED: 3,
    _REASON.NOT_MY_QUESTION: 3,
    _REASON.WRONG: 2,
    _REASON.POLICY: 1,
    _REASON.LANGUAGE: 1,
}


def load_feedback() -> int:
    """Create feedback for every live article that has none and return how much. Safe to repeat."""
    now = timezone.now()
    customers = list(User.objects.filter(email__in=["sara@noora.example", "reza@noora.example"]).order_by("pk"))
    articles = (
        ArticlePage.objects.live()
        .filter(feedback=None)
        .exclude(external_id="")
        .select_related("locale")
        .only("external_id", "live_revision_id", "locale__language_code", "featured", "keywords")
        .order_by("external_id", "locale__language_code")
    )
    made: list[Feedback] = []
    for article in articles:
        made.extend(_answers(article, now, customers))
    moments = [answer.created_at for answer in made]
    Feedback.objects.bulk_create(made, batch_size=200)
    for answer, moment in zip(made, moments, strict=True):  # bulk_create stores the current time
        answer.created_at = answer.updated_at = moment
    Feedback.objects.bulk_update(made, ["created_at", "updated_at"], batch_size=200)
    return len(made)


def _answers(article: ArticlePage, now: dt.datetime, customers: list[User]) -> list[Feedback]:
    language = article.locale.language_code
    chance = random.Random(f"{_SEED}:{article.external_id}:{language}")
    readers = chance.randint(4, 14) + (chance.randint(6, 16) if article.featured else 0)
    readers = readers if language == "fa" else readers // 3 + 1
    quality = min(0.97, max(0.45, chance.gauss(0.8, 0.11)))
    found = [_answer(article, number, quality=quality, chance=chance, now=now) for number in range(readers)]
    if article.external_id in {"red-light", "receipt", "see-usage"} and customers and language == "fa":
        owner = customers[len(article.external_id) % len(customers)]
        found[0].user, found[0].visitor = owner, ""
    return found


def _answer(article: ArticlePage, number: int, *, quality: float, chance: random.Random, now: dt.datetime) -> Feedback:
    language = article.locale.language_code
    place = 0 if language == "fa" else 1
    solved = chance.random() < quality
    reason, comment = "", ""
    if solved:
        comment = chance.choice(_THANKS)[place] if chance.random() < 0.08 else ""
    elif chance.random() < 0.85:
        reason = chance.choices(list(_WEIGHTS), list(_WEIGHTS.values()))[0]
        comment = chance.choice(COMMENTS[reason])[place] if chance.random() < 0.5 else ""
    searched = chance.random() < 0.45
    keywords = [word.strip() for word in article.keywords.split(",") if word.strip()]
    # More feedback recently than three months ago, and little at night.
    day = DAYS * chance.random() ** 1.3
    moment = (now - dt.timedelta(days=day)).replace(
        hour=chance.choice((5, 6, 8, 9, 10, 12, 14, 15, 16, 17, 18, 19)), minute=chance.randint(0, 59), microsecond=0
    )
    visitor = hashlib.sha256(f"{_SEED}:{article.external_id}:{language}:{number}".encode()).hexdigest()[:VISITOR_LENGTH]
    return Feedback(
        article=article,
        revision_id=article.live_revision_id,
        revision_read=article.live_revision_id or 0,
        visitor=visitor,
        network=visitor,
        sector=int(visitor[:4], 16) % SECTORS,
        solved=solved,
        reason=reason,
        comment=comment,
        came_from_search=chance.choice(keywords) if searched and keywords else "",
        created_at=min(moment, now - dt.timedelta(minutes=5)),
    )
