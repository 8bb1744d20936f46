"""Pages for readers: walking with and without a path, versions, the outcome, and taking the path along."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone, translation

from portal.core import navigation
from portal.insight.recorder import recorder
from portal.troubleshooters import queries, services
from portal.troubleshooters.graph import Graph, Kind
from portal.troubleshooters.models import Arrival, Outcome, Version
from tests.factories.accounts import UserFactory
from tests.factories.catalog import TopicFactory
from tests.factories.community import AreaFactory
from tests.factories.faq import ArticlePageFactory
from tests.factories.troubleshooters import SMALL, TroubleshooterFactory, contact, question, solution, words

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases("portal.troubleshooters.queries")]
SAME_ORIGIN = {"Sec-Fetch-Site": "same-origin"}


@pytest.fixture(autouse=True)
def _afresh():
    cache.clear()
    with translation.override("fa"):
        yield


def at(it, number, path=None):
    url = reverse("troubleshooters:step", args=[it.slug, number])
    return f"{url}?p={path}" if path else url


def publish(it, graph):
    services.store_draft(troubleshooter=it, graph=graph)
    return services.publish(troubleshooter=it, by=UserFactory(superuser=True))


def test_a_reader_walks_from_the_first_question_to_a_solution_and_back():
    it = TroubleshooterFactory()
    client = Client()

    first = client.get(it.get_absolute_url()).text
    chosen = client.get(it.get_absolute_url(), {"p": "1", "a": "0", "go": "1"})
    second = client.get(chosen["Location"])
    unsure = client.get(chosen["Location"] + "&a=u")

    assert "پرسش 1" in first
    assert "مطمئن نیستم" in first
    assert chosen["Location"] == at(it, 2, "1-1.0")
    assert "پاسخ 1.0" in second.text  # the path so far, to be changed
    assert f'href="{at(it, 1, "1")}"' in second.text
    assert "noindex" in second.text
    assert "noindex" not in first
    assert unsure["Location"] == at(it, 5, "1-1.0-2.u")
    assert "از نو" in client.get(unsure["Location"]).text


def test_who_chooses_nothing_is_told_so_and_nonsense_is_no_answer():
    it = TroubleshooterFactory()

    for query in ("?go=1", "?a=7&go=1", "?a=x&go=1", "?a=-1&go=1"):
        assert 'role="alert"' in Client().get(it.get_absolute_url() + query).text


def test_a_path_that_cannot_be_walked_is_left_out_and_the_step_still_shown():
    it = TroubleshooterFactory()

    page = Client().get(at(it, 4, "1-1.1-2.1")).text

    assert "راه 4" in page
    assert "پاسخ 1.1" not in page
    assert Client().get(at(it, 99)).status_code == 302


def test_who_is_in_the_middle_ends_the_version_they_began_for_a_day(after_commit):
    it = TroubleshooterFactory()
    path = "1-1.0"
    publish(it, Graph((question(1, 3), replace(solution(3), title=words("راه تازه")))))

    during = Client().get(at(it, 2, path))
    fresh = Client().get(it.get_absolute_url()).text
    Version.objects.filter(number=1).update(replaced_at=timezone.now() - dt.timedelta(days=2))
    late = Client().get(at(it, 2, path))
    with after_commit():
        services.withdraw(troubleshooter=it, by=UserFactory(superuser=True))

    assert "پرسش 2" in during.text
    assert "پاسخ 1.1" not in fresh
    assert late["Location"] == it.get_absolute_url()
    assert Client().get(at(it, 2, path)).status_code == 404
    assert Client().get(it.get_absolute_url()).status_code == 404


@pytest.mark.parametrize("way", ["withdrawn", "for others now"])
def test_what_was_taken_away_is_not_walked_again_by_writing_its_number(way, after_commit):
    """Numbers of versions are easily guessed, and who asks need not have begun it."""
    secret = Graph((question(1, 2), replace(solution(2), title=words("راز"))))
    it = TroubleshooterFactory(graph=secret, audience="public" if way == "withdrawn" else "staff")
    with after_commit():
        if way == "withdrawn":
            services.withdraw(troubleshooter=it, by=UserFactory(superuser=True))
        publish(it, Graph((question(1, 2), solution(2))))
        if way == "for others now":
            it.refresh_from_db()
            it.audience = "public"
            services.save_troubleshooter(it)

    page = Client().get(at(it, 2, "1-1.0"))

    assert page.status_code == 200
    assert "راز" not in page.text


def test_one_answer_per_visitor_and_no_leads_on():
    it = TroubleshooterFactory()
    client = Client(headers=SAME_ORIGIN, REMOTE_ADDR="203.0.113.61")
    url = reverse("troubleshooters:outcome", args=[it.slug, 4])

    yes = client.post(url, {"p": "1-1.0-2.1", "solved": "yes"})
    no = client.post(url, {"p": "1-1.0-2.1", "solved": "no"})
    client.post(url, {"p": "1-1.0-2.1", "solved": "maybe"})

    assert yes["Location"] == at(it, 4, "1-1.0-2.1") + "&thanks=1"
    assert "خوشحالیم" in client.get(yes["Location"]).text
    assert no["Location"] == at(it, 5, "1-1.0-2.1-4.u")
    assert [(row.step, row.is_solved) for row in Outcome.objects.all()] == [(4, False)]
    assert Client(REMOTE_ADDR="203.0.113.62").post(url, {"solved": "yes"}).status_code == 403  # of another origin


def test_many_new_voices_of_one_address_are_limited():
    it = TroubleshooterFactory()
    url = reverse("troubleshooters:outcome", args=[it.slug, 4])

    def answer(number):
        client = Client(headers={**SAME_ORIGIN, "User-Agent": f"browser {number}"}, REMOTE_ADDR="198.51.100.9")
        return client.post(url, {"solved": "yes"}).status_code

    assert [answer(number) for number in range(5)] == [303, 303, 303, 429, 429]
    assert Outcome.objects.count() == 3


def test_where_no_branch_is_left_people_take_over_with_the_path():
    it = TroubleshooterFactory(graph=Graph((question(1, 2), solution(2))))
    AreaFactory()
    page = Client().get(reverse("troubleshooters:people", args=[it.slug]) + "?p=1-1.0-2.u").text

    assert "پرسش 1" in page
    assert "حل نشد" in page
    assert f"?from=troubleshooter:{it.slug}:1-1.0-2.u" in page


def test_the_path_is_taken_along_into_a_question():
    it = TroubleshooterFactory(graph=Graph((question(1, 2), solution(2))))
    asker = Client()
    asker.force_login(UserFactory())
    url = reverse("community:ask")

    page = asker.get(f"{url}?from=troubleshooter:{it.slug}:1-1.0-2.u").text
    services.withdraw(troubleshooter=it, by=UserFactory(superuser=True))

    assert str(it.title) in page
    assert "پرسش 1 **پاسخ 1.0**" in page
    for reference in (
        f"troubleshooter:{it.slug}:1-1.0",
        "troubleshooter:x:1-9.9",
        "nobody:x",
        ":",
        "troubleshooter:\0:1",
    ):
        assert "پرسش 1" not in asker.get(url, {"from": reference}).text


def test_an_article_is_a_link_for_who_may_see_it():
    article = ArticlePageFactory(title="مودم را بشناسید")
    step = replace(contact(2), kind=Kind.ARTICLE, article=str(article.translation_key))
    it = TroubleshooterFactory(graph=Graph((question(1, 2), step)), title=words("فارسی") | {"en": ""})
    before = Client().get(at(it, 2, "1-1.0")).text
    article.unpublish()
    after = Client().get(at(it, 2, "1-1.0")).text

    assert article.url in before
    assert article.url not in after
    assert "مودم را بشناسید" not in after


def test_it_is_offered_in_the_languages_it_is_complete_in():
    it = TroubleshooterFactory(title=words("فقط فارسی") | {"en": ""})

    def is_there(code):
        with translation.override(code):
            return any(
                link.name == "troubleshooters" for link in navigation.links_at("footer-help", is_authenticated=False)
            )

    assert (is_there("fa"), is_there("en")) == (True, False)
    assert "فقط فارسی" in Client().get("/fa/troubleshoot/").text
    assert it.slug not in Client().get("/en/troubleshoot/").text
    pages = {code: Client().get(f"/{code}/troubleshoot/{it.slug}/").text for code in ("fa", "en")}
    assert ["noindex" in page for page in pages.values()] == [False, True]
    assert ["BreadcrumbList" in page for page in pages.values()] == [True, False]
    sitemap = Client().get("/sitemap.xml").text
    assert f"/fa/troubleshoot/{it.slug}/" in sitemap
    assert f"/en/troubleshoot/{it.slug}/" not in sitemap


def test_pages_of_a_private_one_are_missing_for_others():
    it = TroubleshooterFactory(audience="segment:fibre")
    urls = [it.get_absolute_url(), at(it, 2), reverse("troubleshooters:people", args=[it.slug])]
    insider = Client()
    insider.force_login(UserFactory(segments=["fibre"]))

    assert {Client().get(url).status_code for url in urls} == {404}
    assert {insider.get(url).status_code for url in urls} == {200}


def test_arrivals_are_counted_once_a_day_by_the_recorder_and_not_by_the_page():
    it = TroubleshooterFactory()
    client = Client(headers={"User-Agent": "Mozilla/5.0 (X11) Firefox/140"}, REMOTE_ADDR="203.0.113.77")

    client.get(it.get_absolute_url())
    client.get(at(it, 2, "1-1.0"))
    client.get(at(it, 2, "1-1.0"))
    assert not Arrival.objects.exists()
    recorder.flush()

    figures = queries.figures_of(it)
    assert {step: (each.seen, each.left) for step, each in figures.items()} == {1: (1, 0), 2: (1, 1)}


@pytest.mark.parametrize("is_known", [False, True])
def test_the_number_of_queries_does_not_grow(is_known):
    client = Client()
    if is_known:
        client.force_login(UserFactory())

    def count(it, path):
        for fresh in range(2):  # the parts that all pages share are made by the first
            with CaptureQueriesContext(connection) as made:
                for url in (reverse("troubleshooters:index"), it.get_absolute_url()):
                    assert client.get(f"{url}?fresh={len(path)}{fresh}").status_code == 200
                assert client.get(at(it, 2, path)).status_code == 200
        return len(made)

    few = count(TroubleshooterFactory(), "1-1.0")
    for _number in range(3):
        TroubleshooterFactory()
    many = [question(number, number + 1, 40) for number in range(3, 40)]
    large = TroubleshooterFactory(graph=Graph((question(1, 2), question(2, 3), *many, solution(40))))

    assert count(large, "1-1.0") == few


def test_the_draft_is_not_what_readers_walk():
    it = TroubleshooterFactory()
    services.store_draft(troubleshooter=it, graph=SMALL.without(3))

    assert Client().get(at(it, 3)).status_code == 200


def test_articles_and_topics_offer_what_leads_on_in_their_topic(after_commit):
    article = ArticlePageFactory()
    with after_commit():
        it = TroubleshooterFactory(topic=article.topic)
        other = TroubleshooterFactory(topic=TopicFactory())
        private = TroubleshooterFactory(topic=article.topic, audience="segment:fibre")

    for page in (article, article.get_parent().specific):
        shown = Client().get(f"{page.url}?fresh=1").text
        assert it.get_absolute_url() in shown
        assert other.get_absolute_url() not in shown
        assert private.get_absolute_url() not in shown


def test_the_navigation_follows_what_is_published():
    def is_there():
        return any(
            link.name == "troubleshooters" for link in navigation.links_at("footer-help", is_authenticated=False)
        )

    before = is_there()
    it = TroubleshooterFactory()
    with_it = is_there()
    services.withdraw(troubleshooter=it, by=UserFactory(superuser=True))

    assert (before, with_it, is_there()) == (False, True, False)
