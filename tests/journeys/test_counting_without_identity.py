"""Nobody makes a question popular or lifts an article alone, whatever browsers, cookies or addresses they invent."""

from __future__ import annotations

import datetime as dt
import random

import pytest
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import override

from faq.models import Feedback, ShortLink, VoteEvidence
from faq.services import weigh_votes
from portal.core import limits, page_cache, visitors
from portal.core.memo import forget_all
from portal.insight.recorder import recorder
from search import services
from search.activity import recording
from search.activity.choices import weigh_clicks
from search.activity.counting import count_days
from search.activity.popular import popular_searches, renew_popular
from search.models import ClickEvidence, SearchClick, SearchLog
from tests.factories.faq import ArticlePageFactory

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.both_databases("search.activity.choices", "search.activity.popular", "faq.services"),
]
TEXT = "چراغ قرمز مودم"
_chance = random.Random(28)  # noqa: S311 - no secret

ATTACKERS = {
    "one address, invented browsers": [("203.0.113.7", f"Mozilla/5.0 ({number})") for number in range(40)],
    "one /24": [(f"203.0.113.{number}", "Mozilla/5.0") for number in range(40)],
    "one IPv6 /64, random hosts": [
        (f"2001:db8:7:1:{_chance.getrandbits(16):x}::{number:x}", f"Mozilla/5.0 ({number})") for number in range(40)
    ],
    "four addresses, invented browsers": [
        (f"198.51.{number % 4}.7", f"Mozilla/5.0 ({number})") for number in range(40)
    ],
}
HONEST = [(f"203.0.{number}.7", "Mozilla/5.0") for number in range(113, 118)]


@pytest.fixture(autouse=True)
def _nothing_known():
    def forget():
        visitors.forget_remembered_salts()
        recording.forget_asked()
        recorder.forget()
        cache.clear()
        limits._local_counts.clear()
        page_cache.answers.clear()
        forget_all()

    forget()
    yield
    forget()


@pytest.fixture
def article(after_commit):
    with after_commit():
        found = ArticlePageFactory(title=TEXT)
    services.rebuild()
    return found


def address(name: str) -> str:
    with override("fa"):
        return reverse(f"search:{name}")


def ask(client, who: str, agent: str) -> None:
    client.cookies.clear()
    headers = {"User-Agent": agent}
    assert client.get(address("results"), {"q": TEXT}, REMOTE_ADDR=who, headers=headers).status_code == 200


def choose(client, who: str, agent: str, article) -> None:
    headers = {"User-Agent": agent, "Sec-Fetch-Site": "same-origin"}
    posted = {"q": TEXT, "hit": f"faq.article:{article.pk}", "place": "1", "source": "results", "page": ""}
    client.post(address("click"), posted, REMOTE_ADDR=who, headers=headers)


def popular() -> list[str]:
    recorder.flush()
    count_days()
    renew_popular()
    return popular_searches("fa")


@pytest.mark.parametrize("attack", ATTACKERS)
def test_an_attacker_makes_nothing_popular_and_lifts_nothing(client, article, attack):
    for who, agent in ATTACKERS[attack]:
        ask(client, who, agent)
        choose(client, who, agent, article)

    assert popular() == []
    assert weigh_clicks() == {}
    assert SearchLog.objects.count() >= 40  # they were recorded
    assert SearchClick.objects.values("visit").distinct().count() >= 40


def test_one_network_fills_the_log_only_so_far(client, monkeypatch):
    monkeypatch.setattr(recording, "_RECORDED_PER_HOUR", 5)
    for number in range(8):
        ask(client, f"203.0.113.{number}", f"Mozilla/5.0 ({number})")
    ask(client, "203.0.114.7", "Mozilla/5.0")

    recorder.flush()

    assert SearchLog.objects.count() == 6


def test_invented_sessions_write_no_rows(client):
    article = ArticlePageFactory()
    for number in range(3):
        for path in ("/fa/", address("results") + "?q=x", article.url, "/fa/accounts/login/", "/health/"):
            client.cookies.clear()
            client.cookies["sessionid"] = f"{number:032x}"
            assert client.get(path).status_code == 200

    assert Session.objects.count() == 0


def test_five_honest_addresses_count(client, article):
    for who, agent in HONEST[:4]:
        ask(client, who, agent)
        choose(client, who, agent, article)
    assert popular() == []

    ask(client, *HONEST[4])
    choose(client, *HONEST[4], article)

    assert popular() == [TEXT]
    assert weigh_clicks() == {"faq.article": [article.pk]}
    assert ClickEvidence.objects.get().clicked == 20  # five of five, and twenty who did not


@pytest.mark.parametrize("attack", ATTACKERS)
def test_an_attacker_lifts_no_article_by_votes(client, attack):
    article = ArticlePageFactory()

    for who, agent in ATTACKERS[attack]:
        vote(client, article, who, agent)

    assert Feedback.objects.count() >= 3
    assert Feedback.objects.count() <= 20
    assert weigh_votes() == []


@pytest.mark.parametrize("days_between", [0, 1])
def test_five_honest_votes_count(client, days_between):
    article = ArticlePageFactory()

    for number, (who, agent) in enumerate(HONEST):
        vote(client, article, who, agent)
        moment = timezone.now() - dt.timedelta(days=days_between * number)
        Feedback.objects.filter(pk=Feedback.objects.latest("pk").pk).update(created_at=moment, sector=number)

    assert weigh_votes() == [article.pk]
    assert VoteEvidence.objects.get().helpful == 57


def test_invented_cookies_are_no_more_voters_than_invented_browsers(client):
    article = ArticlePageFactory()

    answers = [vote(client, article, "203.0.113.7", "Mozilla/5.0", cookie=f"{number:024x}") for number in range(8)]

    assert answers == [302] * 3 + [429] * 5
    assert weigh_votes() == []


def vote(client, article, who: str, agent: str, cookie: str = "") -> int:
    client.cookies.clear()
    if cookie:
        client.cookies["visitor"] = cookie
    posted = {"solved": "yes", "language": "fa", "revision": str(article.live_revision_id)}
    headers = {"User-Agent": agent, "Sec-Fetch-Site": "same-origin"}
    number = ShortLink.objects.get(translation_key=article.translation_key).pk
    address = reverse("faq:article_feedback", args=[number])
    return client.post(address, posted, REMOTE_ADDR=who, headers=headers).status_code
