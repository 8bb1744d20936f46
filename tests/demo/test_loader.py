"""The demo is complete, can be loaded twice without duplicates, every page of it works; its searches are plausible.

One file, because loading is slow and done once per file.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import io
import re
import zipfile
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest
from django.apps import apps
from django.contrib.contenttypes.models import ContentType
from django.db.models import F, Min, Q
from django.utils import timezone
from django.utils.html import escape
from wagtail.contrib.search_promotions.models import SearchPromotion
from wagtail.documents import get_document_model
from wagtail.images import get_image_model
from wagtail.models import Page, ReferenceIndex, Revision

from community.models import (
    Area,
    CommunityProfile,
    Flag,
    FollowUp,
    IdeaVote,
    Level,
    MeToo,
    Poll,
    Post,
    ReviewItem,
    Solution,
    SolvedIt,
    State,
    Thread,
    ThreadState,
    Vote,
)
from community.reconcile import find_drift
from community.see_also import surroundings_of
from faq.importing import Outcome
from faq.models import ArticlePage, Feedback, HelpMedia, TopicPage, TranslationDebt
from faq.upkeep import due_for_review
from loyalty import own_months, own_points
from loyalty.models import (
    ActivityCell,
    Adjustment,
    Campaign,
    Decision,
    Journal,
    LoyaltyEvent,
    PaceReview,
    PointsClaim,
    Programme,
    Redemption,
    Reward,
    TierMembership,
    VotingReview,
)
from loyalty.models.ledger import Code
from loyalty.services import ledger
from loyalty.services.members import wallet_for
from portal.accounts.handles import validate_handle
from portal.accounts.models import User
from portal.catalog.models import Ownership, Product, Topic
from portal.core import outbox
from portal.core.article_sources import credit_for
from portal.core.file_check import check
from portal.core.models import OutboxMessage
from portal.demo.answers import PINS, SYNONYMS
from portal.demo.catalogue import PRODUCTS, TOPICS
from portal.demo.community import AREAS, MEMBERS, NEWCOMERS, conversations, load_community
from portal.demo.downloads import DOWNLOADS, load_downloads
from portal.demo.feedback import DAYS
from portal.demo.loader import ARTICLES_FOLDER, is_site_empty, load
from portal.demo.messages import load_messages
from portal.demo.people import EDITOR_EMAIL, PASSWORD, PEOPLE
from portal.demo.rewards import REWARDS, load_rewards
from portal.demo.searches import DAYS as SEARCH_DAYS
from portal.demo.searches import load_searches
from portal.demo.site import HOME, NAME, is_loaded
from portal.demo.troubleshooters import load_troubleshooters
from portal.demo.upkeep import OUT_OF_DATE, load_upkeep
from portal.downloads.models import Download, File
from portal.home.models import HomePage, InfoPage
from portal.notifications.models import Follow
from portal.troubleshooters.models import Troubleshooter
from search.activity.gaps import tend_gaps
from search.activity.popular import popular_searches
from search.activity.report import Listing, listed
from search.models import ClickEvidence, SearchClick, SearchDay, SearchGap, SearchLog, Synonym
from search.queries import search as ask_search

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.both_databases(
        "portal.demo.answers",
        "portal.demo.catalogue",
        "portal.demo.community",
        "portal.demo.messages",
        "portal.demo.downloads",
        "portal.demo.loader",
        "portal.demo.people",
        "portal.demo.rewards",
        "portal.demo.searches",
        "portal.demo.site",
        "portal.demo.year",
    ),
]


def test_every_article_arrives_in_both_languages_without_a_remark(demo):
    files = len(list(ARTICLES_FOLDER.rglob("*.md")))

    assert files >= 120
    assert demo.articles.counts == {outcome: files * (outcome is Outcome.CREATED) for outcome in Outcome}
    assert [row.where for row in demo.articles.rows if row.problems] == []
    imported = ArticlePage.objects.live().filter(source="")
    languages = Counter(imported.values_list("translation_key", flat=True))
    assert set(languages.values()) == {2}


def test_rewards_are_offered_in_both_languages_and_some_were_taken(demo):
    assert {len(reward.name) for reward in Reward.objects.all()} == {2}
    assert Reward.objects.filter(is_published=True).count() == len(REWARDS) == 6
    assert Counter(Redemption.objects.visible_to(User.objects.get(handle="sara")).values_list("state", flat=True)) == {
        "issued": 2, "delivered": 1, "cancelled": 1, "refunded": 1, "shipped": 1,
    }  # fmt: skip
    assert Redemption.objects.filter(state="ordered").exists()
    assert load_rewards() == 0


def test_a_year_of_points_follows_from_what_people_did(demo):
    year = Journal.objects.filter(programme__code="club")
    months = {(moment.year, moment.month) for moment in year.values_list("created_at", flat=True)}
    codes = set(year.values_list("code", flat=True))
    sara = wallet_for(user=User.objects.get(handle="sara"), programme=Programme.objects.get(code="club"))

    assert list(ledger.check()) == []
    assert len(months) >= 13
    assert codes == set(Code) - {Code.EXTEND, Code.REINSTATE, Code.CLOSE}
    assert not year.filter(created_at__gt=timezone.now()).exists()
    # Nothing was booked but by rules, staff, members and the night's work; and each line says why.
    assert not year.exclude(actor__in=["rules", "member", "job", "shop"]).exclude(actor__startswith="user:").exists()
    lines = list(own_points.all_lines(sara))
    assert len(lines) > 50
    assert {line.booked.code for line in lines if line.why == [str(own_points.WHY[Code.EARN])]} == set()
    assert len(own_months.last_months(sara)) == 6
    # Members reached every tier above the first by what they did, at different times.
    reached = TierMembership.objects.filter(wallet__programme__code="club-status")
    assert set(reached.values_list("to_tier__code", flat=True)) == {"silver", "gold", "diamond"}
    assert len({move.created_at.month for move in reached}) > 5
    status = Journal.objects.filter(programme__code="club-status").exclude(code=Code.REVERSE)
    assert not status.exclude(reason="status").exists()


def test_staff_find_questions_corrections_campaigns_and_a_review(demo):
    now = timezone.now()
    done = Adjustment.objects.filter(state="done", needs_second=True).get()

    assert (done.asked_by != done.decided_by, Adjustment.objects.filter(state="waiting").count()) == (True, 1)
    assert set(PointsClaim.objects.values_list("state", flat=True)) == {"open", "given"}
    assert VotingReview.objects.get().state == "open"
    assert PaceReview.objects.get().state == "open"
    assert set(Reward.objects.exclude(happy_price=None).values_list("happy_price", "happy_from", "happy_to")) == {
        (350, 15, 18)
    }
    assert ActivityCell.objects.count() > 10
    assert len(set(ActivityCell.objects.values_list("cell"))) >= 4
    # Not all in the second in which the demo is made.
    votes = LoyaltyEvent.objects.filter(trigger="community.vote").values_list("occurred_at", flat=True)
    assert Counter(moment.replace(second=0, microsecond=0) for moment in votes).most_common(1)[0][1] <= 3
    assert sorted(campaign.ends_at > now for campaign in Campaign.objects.filter(starts_at__lt=now)) == [False, True]
    assert {decision.reason for decision in Decision.objects.filter(outcome="none")} >= {"own-thread", "voting-review"}
    assert not OutboxMessage.objects.filter(event="loyalty.points_decided").exists()


def test_downloads_are_there_in_both_languages_with_files_that_are_what_they_say(demo):
    assert Download.objects.filter(is_shown=True).count() == len(DOWNLOADS) == 12
    assert {len(download.name) for download in Download.objects.all()} == {2}
    for file in File.objects.filter(release__download__slug="x2-firmware"):
        assert hashlib.sha256(file.file.read()).hexdigest() == file.sha256
    shown = ArticlePage.objects.filter(external_id="update-firmware")
    assert [page.body.raw_data and "x2-firmware" in str(page.body.raw_data) for page in shown] == [True, True]
    papers = {file.name.rpartition(".")[2]: file.file.read() for file in File.objects.filter(platform="any")}
    assert papers["pdf"].startswith(b"%PDF-")
    assert set(zipfile.ZipFile(io.BytesIO(papers["zip"])).namelist()) == {"README.txt", "logo/noora.png", "prices.csv"}
    assert min(File.objects.values_list("size", flat=True)) > 1_000
    assert load_downloads() == 0


def test_troubleshooters_are_complete_in_both_languages(demo):
    rows = list(Troubleshooter.objects.select_related("live"))

    assert {row.slug for row in rows} == {"no-internet", "sim-no-signal", "cannot-sign-in"}
    assert {tuple(row.shown_languages) for row in rows} == {("fa", "en")}
    assert {len(row.live.steps) >= 6 for row in rows} == {True}
    assert load_troubleshooters() == 0


def test_two_threads_became_articles_that_thank_who_answered(demo):
    articles = list(ArticlePage.objects.live().exclude(source="").select_related("locale"))

    assert {article.locale.language_code for article in articles} == {"fa", "en"}
    for article in articles:
        credit = credit_for(None, article.source, article.source_parts)
        thread = Thread.objects.get(pk=article.source.rpartition(":")[2])
        assert len(credit.people) == 1
        assert [each.title for each in surroundings_of(None, thread).became] == [article.title]
        assert article.short_answer


def test_topics_have_articles_and_two_at_most_are_featured(demo):
    for topic in TOPICS:
        articles = ArticlePage.objects.filter(topic__code=topic.code, locale__language_code="fa")
        assert articles.count() >= 6, topic.code
        assert articles.filter(featured=True).count() <= 2, topic.code
    assert TopicPage.objects.count() == 2 * len(TOPICS)


def test_loading_twice_changes_nothing(demo):
    models = [model for app in ("faq", "home", "community") for model in apps.get_app_config(app).get_models()]
    models += [Synonym, SearchPromotion, User, Product, Topic, Ownership, Page, Revision, get_image_model()]
    before = {model._meta.label: model.objects.count() for model in models}
    dates = dict(Page.objects.values_list("pk", "last_published_at"))

    again = load()
    outbox.drain()

    assert again.articles.count(Outcome.UNCHANGED) == len(again.articles.rows)
    assert again.feedback == 0
    assert {model._meta.label: model.objects.count() for model in models} == before
    assert dict(Page.objects.values_list("pk", "last_published_at")) == dates


def test_synonyms_are_many_and_as_an_editor_may_write_them(demo):
    for language, lists in SYNONYMS.items():
        assert len(lists) >= 15
        made = Synonym.objects.filter(language=language)
        assert made.count() == len(lists)
        for synonym in made:
            synonym.full_clean()


@pytest.mark.parametrize("pin", PINS, ids=lambda pin: pin.question)
def test_pinned_articles_stand_above_their_question(demo, pin):
    result = ask_search(text=pin.question, user=None, language=pin.language)

    article = ArticlePage.objects.get(external_id=pin.article, locale__language_code=pin.language)
    assert [(found.title, found.description) for found in result.pins] == [(article.title, pin.description)]


@pytest.mark.parametrize(
    ("language", "text", "article"),
    [
        ("fa", "پسورد وایرلس", "change-wifi-password"),
        ("fa", "اسباب کشی", "move-home"),
        ("fa", "صورتحساب زیاد", "bill-higher"),
        ("en", "wireless passcode", "change-wifi-password"),
    ],
)
def test_words_nobody_wrote_find_their_article(demo, language, text, article):
    found = ask_search(text=text, user=None, language=language)

    page = ArticlePage.objects.get(external_id=article, locale__language_code=language)
    assert page.pk in [hit.object_id for hit in found.hits[:3]]


def test_the_newest_article_is_two_days_old_and_none_is_of_tomorrow(demo):
    ages = [
        (timezone.localdate() - timezone.localdate(moment)).days
        for moment in ArticlePage.objects.values_list("last_published_at", flat=True)
    ]

    assert (min(ages), max(ages) > 100) == (2, True)


def test_people_can_sign_in_and_own_what_they_should(demo, client):
    assert [client.login(email=person.email, password=PASSWORD) for person in PEOPLE] == [True] * len(PEOPLE)
    owned = Ownership.objects.filter(user__email="sara@noora.example")
    assert sorted((item.product.code, item.version and item.version.number) for item in owned) == [
        ("fibre", None),
        ("x2", "4.12.0"),
    ]
    assert Product.objects.count() == len(PRODUCTS)


def test_readers_have_answered_over_three_months_and_editors_have_something_to_do(demo):
    days = {(timezone.now() - moment).days for moment in Feedback.objects.values_list("created_at", flat=True)}

    assert demo.feedback == Feedback.objects.count() > 500
    assert (min(days), max(days) > DAYS - 15, max(days) <= DAYS + 1) == (0, True, True)
    assert Feedback.objects.waiting().exclude(comment="").count() > 20
    shares = Feedback.objects.filter(solved=True).count() / demo.feedback
    assert 0.65 < shares < 0.9


def test_articles_are_due_and_translations_out_of_date_in_both_languages(demo):
    due = set(due_for_review().values_list("locale__language_code", flat=True))
    late = set(TranslationDebt.objects.values_list("article__external_id", "article__locale__language_code"))

    assert due == {"fa", "en"}
    assert late == set(OUT_OF_DATE.items())
    assert set(ArticlePage.objects.values_list("confidence", flat=True)) == set(ArticlePage.Confidence.values)
    assert load_upkeep(User.objects.get(email=EDITOR_EMAIL)) == 0


def test_every_page_answers_in_its_language_with_nothing_left_untranslated(demo, client):
    client.force_login(User.objects.get(email="admin@noora.example"))
    pages = [
        page
        for model in (HomePage, InfoPage, TopicPage, ArticlePage)
        for page in model.objects.select_related("locale")
    ]

    problems = []
    for page in pages:
        response = client.get(page.get_url())
        text = response.text
        language = page.locale.language_code
        title = NAME[language] if isinstance(page, HomePage) else escape(page.title)
        if response.status_code != 200 or f'<html lang="{language}"' not in text or title not in text:
            problems.append((page.get_url(), response.status_code))
        main = text.partition("<main")[2].partition("</main>")[0]
        if re.search(r"\{\{|\{%|article:[a-z]|%\(\w+\)s|:::|!\[", main):
            problems.append((page.get_url(), "markup left over"))
        if re.search(r"<a\b(?!-)(?![^>]*\shref=\"[^\"])[^>]*>", main):
            problems.append((page.get_url(), "a link without address"))

    assert len(pages) >= 140
    assert problems == []


def test_private_articles_are_there_for_those_they_are_for_and_nobody_else(demo, client):
    found = dict(
        ArticlePage.objects.filter(locale__language_code="fa").values_list("external_id", "effective_audience")
    )
    private = {name: who for name, who in found.items() if who != "public"}
    pages = {
        page.external_id: page
        for page in ArticlePage.objects.filter(external_id__in=private, locale__language_code="fa")
    }

    assert set(private.values()) == {"signed-in", "partner", "staff"}
    for email, may_see in [
        (None, set()),
        ("sara@noora.example", {"signed-in"}),
        ("installer@noora.example", {"signed-in", "partner"}),
        ("editor@noora.example", {"signed-in", "partner", "staff"}),
    ]:
        client.logout()
        if email:
            client.force_login(User.objects.get(email=email))
        answers = {who: client.get(pages[name].get_url()).status_code for name, who in private.items()}
        assert {who for who, status in answers.items() if status == 200} == may_see, email


def test_visitors_get_every_picture_sound_and_file_of_the_pages_they_see(demo, client):
    kinds = ContentType.objects.get_for_models(get_image_model(), HelpMedia, get_document_model()).values()
    shown = ReferenceIndex.objects.filter(to_content_type__in=kinds).values_list("object_id", flat=True)
    pages = ArticlePage.objects.visible_to(None).filter(
        pk__in=[int(pk) for pk in set(shown)], locale__language_code="fa"
    )

    files = {
        address
        for page in pages
        for found in re.findall(
            r'(?:src|srcset|poster|href)="(/(?:media|documents)/[^"]+)"', client.get(page.get_url()).text
        )
        for address in re.findall(r"/(?:media|documents)/[^\s,]+", found)
    }
    refused = [address for address in files if client.get(address).status_code != 200]

    assert len(files) > 10
    assert refused == []
    assert check(mend=False) == []


@pytest.mark.parametrize(("language", "searches"), [(code, texts["searches"]) for code, texts in HOME.items()])
def test_popular_searches_find_something(demo, client, language, searches):
    for search in searches:
        assert client.get(f"/{language}/search/", {"q": search}).context["result"].total > 0, search


def test_the_sound_has_captions_and_a_transcript_in_both_languages(demo):
    media = {item.captions_language: item for item in HelpMedia.objects.all()}

    assert set(media) == {"fa", "en"}
    for item in media.values():
        assert item.captions.read().startswith(b"WEBVTT")
        assert item.transcript
        assert item.duration == pytest.approx(23, abs=1)


def test_nothing_waits_in_the_outbox_and_no_page_was_announced_alone(demo):
    assert not OutboxMessage.objects.pending().exists()
    assert OutboxMessage.objects.filter(event__startswith="search.").count() < 10


def test_a_loaded_site_is_not_empty(demo):
    assert (is_loaded(), is_site_empty()) == (True, False)


def test_contents_name_only_pictures_that_are_made():
    from portal.demo.pictures import PICTURES

    texts = [path.read_text(encoding="utf-8") for path in Path(ARTICLES_FOLDER).rglob("*.md")]
    named = {name for text in texts for name in re.findall(r"!\[[^\]]*\]\(([^ )]+)", text)}

    assert named <= set(PICTURES)


# What people searched for ----------------------------------------------------------------------------------------------


def test_searches_of_both_languages_go_back_two_months(demo):
    for language in ("fa", "en"):
        first = SearchDay.objects.filter(language=language).aggregate(first=Min("day"))["first"]
        assert 60 <= (timezone.localdate() - first).days <= SEARCH_DAYS + 1
        for listing in (Listing.TOP, Listing.ZERO, Listing.NO_CLICK):
            assert listed(language, 30, listing).count() >= 1, (language, listing)
    assert SearchClick.objects.exists()
    assert ClickEvidence.objects.exists()


@pytest.mark.parametrize("days_on", range(7))
def test_gaps_are_as_the_hourly_work_would_have_them(demo, monkeypatch, days_on):
    """The result must not depend on the day of the week the demo is loaded: there are fewer searches on Fridays."""
    for model in (SearchLog, SearchClick, SearchDay, SearchGap, ClickEvidence):
        model.objects.all().delete()
    now = timezone.now() + dt.timedelta(days=days_on)
    monkeypatch.setattr(timezone, "now", lambda: now)
    load_searches()
    before = list(SearchGap.objects.order_by("pk").values_list("text", "reason", "state"))
    assert {state for _text, _reason, state in before} == {"open", "closed", "ignored"}

    tend_gaps()

    after = list(SearchGap.objects.order_by("pk").values_list("text", "reason", "state"))
    assert after == before


def test_popular_searches_are_there_from_the_start(demo):
    assert popular_searches("fa", 1) == ["رمز وای فای"]
    # Which of its two spellings is more frequent depends on the days of the week since.
    assert popular_searches("en", 1)[0] in {"wifi password", "Wi-Fi password"}


def test_loading_the_searches_again_adds_nothing(demo):
    before = SearchLog.objects.count()

    assert (load_searches(), SearchLog.objects.count()) == (0, before)


# What members say to each other -----------------------------------------------------------------------------------------


def test_conversations_are_in_both_languages_and_in_every_area(demo):
    languages = Counter(Thread.objects.values_list("language", flat=True))

    assert sum(languages.values()) == len(conversations()) >= 150
    assert Post.objects.count() >= 450
    assert 0.5 < languages["fa"] / sum(languages.values()) < 0.7
    assert {area.slug for area in Area.objects.filter(thread_count__gt=0)} == {area.slug for area in AREAS}
    assert set(Area.objects.values_list("kind", flat=True)) == set(Area.Kind)
    assert all(area.title.in_language(code) for area in Area.objects.all() for code in ("fa", "en"))


def test_counters_of_the_community_are_exact(demo):
    assert list(find_drift()) == []


def test_members_do_all_that_members_do(demo):
    assert Solution.objects.filter(revoked_at=None).count() >= 10
    assert Vote.objects.exists()
    assert IdeaVote.objects.exists()
    assert Poll.objects.get(question="طرح فعلی شما چقدر است؟").voter_count == 10
    ideas = Counter(Thread.objects.filter(kind=Area.Kind.IDEAS).values_list("status", flat=True))
    assert set(ideas) == {"new", "under-review", "planned", "done", "not-now"}
    merged = Thread.objects.filter(state=ThreadState.MERGED)
    assert {thread.merged_into.state for thread in merged} == {ThreadState.VISIBLE}
    assert Post.objects.filter(mentions__isnull=False).exists()
    assert Post.objects.filter(html__contains="<blockquote").exists()
    assert Post.objects.filter(html__contains="<pre").exists()
    assert Post.objects.filter(state=State.HIDDEN).exists()
    assert SolvedIt.objects.exists()
    sara = Follow.objects.filter(person__handle="sara").values_list("target", flat=True)
    assert {target.partition(":")[0] for target in sara} == {"community.thread", "community.area"}
    assert not Follow.objects.filter(since__gt=timezone.now()).exists()
    assert set(FollowUp.objects.values_list("answer", flat=True)) >= {"", "yes", "partly", "no"}
    assert not FollowUp.objects.filter(asked_at=None, due_at__lte=timezone.now()).exists()
    assert set(CommunityProfile.objects.values_list("level", flat=True)) == set(Level)


def test_the_moderators_have_something_to_do(demo):
    assert Post.objects.filter(state=State.HELD).count() == 4
    assert Flag.objects.filter(outcome="").count() == 3
    assert ReviewItem.objects.filter(decision="").exclude(appeal="").count() == 1
    assert ReviewItem.objects.filter(decision="").count() == 8


def test_a_year_of_conversations_is_in_order_and_by_people_who_were_there(demo):
    now = timezone.now()
    posts = list(
        Post.objects.filter(thread__moves_in=None).select_related("author", "thread").order_by("thread", "number")
    )

    assert max((now - post.created_at).days for post in posts) > 300
    assert [post for post in posts if not post.author.date_joined < post.created_at <= now] == []
    for kind in (Vote, MeToo, IdeaVote):
        assert not kind.objects.filter(Q(created_at__lt=F("user__date_joined")) | Q(created_at__gt=now)).exists()
    months = Counter((now - thread.created_at).days // 30 for thread in Thread.objects.all())
    assert [month for month in range(12) if months[month] < 3] == []
    assert [
        (one, other)
        for one, other in pairwise(posts)
        if one.thread_id == other.thread_id and one.created_at >= other.created_at
    ] == []


def test_members_have_names_that_everybody_could_choose(demo):
    assert len((*MEMBERS, *NEWCOMERS)) >= 40
    for member in (*MEMBERS, *NEWCOMERS):
        validate_handle(member.handle)
        user = User.objects.get(handle=member.handle)
        user.full_clean(exclude=["password"])
        assert not user.has_usable_password()


def test_no_post_refers_to_what_is_not_there(demo):
    handles = set(User.objects.values_list("handle", flat=True))
    threads = set(Thread.objects.values_list("pk", flat=True))
    for post in Post.objects.prefetch_related("mentions__user"):
        assert "post:@" not in post.body
        assert "thread:" not in post.body
        assert "[…]" not in post.body
        assert "lorem" not in post.body.lower()
        code_less = re.sub(r"```.*?```|`[^`]*`", "", post.body, flags=re.DOTALL)
        named = {name.rstrip(".") for name in re.findall(r"(?<!\w)@([\w.-]+)", code_less)}
        assert named == {mention.user.handle for mention in post.mentions.all()} <= handles, post.body
        assert {int(pk) for pk in re.findall(r"\(/t/(\d+)\)", post.body)} <= threads


def test_what_members_write_is_spelt_with_care_and_never_twice_the_same():
    """Persian letters only (ی and ک are not the Arabic ones), and half-spaces where Persian has them."""
    texts = [
        text for row in conversations() for text in (row["body"], *(post["body"] for post in row.get("posts", ())))
    ]
    titles = [row["title"] for row in conversations()]
    keys = [row["id"] for row in conversations()]

    assert [text for text in (*titles, *texts) if re.search("[\u064a\u0643\u0649\u06c0\u0660-\u0669]", text)] == []
    broken = re.compile(r"(?<!\w)(می|نمی) [آ-ی]|[آ-ی] (ها|های|هایی|ترین)(?!\w)|\u200c(?!\w)|(?<!\w)\u200c")
    assert [found[0] for text in (*titles, *texts) if (found := broken.search(text))] == []
    bare = [re.sub(r"```.*?```|`[^`]*`|@[\w.-]+", "", text, flags=re.DOTALL) for text in (*titles, *texts)]
    persian = [
        line
        for text in bare
        for line in text.splitlines()
        if len(re.findall("[آ-ی]", line)) > len(re.findall("[A-Za-z]", line))
    ]
    # A line goes the way of its first letter: one in Persian must not begin with a Latin name.
    assert [line for line in persian if re.match("[^آ-یA-Za-z]*[A-Za-z]", line)] == []
    for unique in (texts, titles, keys):
        assert [text for text, count in Counter(unique).items() if count > 1] == []
    assert [title for title in titles if len(title) > 110] == []


def test_every_thread_can_be_read_by_everybody_who_may(demo, client):
    for thread in Thread.objects.exclude(state=ThreadState.HELD):
        response = client.get(f"/t/{thread.pk}", follow=True)
        assert response.status_code == 200, thread.title
        assert escape((thread.merged_into or thread).title) in response.text


def test_loading_the_conversations_again_adds_nothing(demo):
    before = list(Post.objects.order_by("pk").values_list("pk", "created_at", "helpful_count"))

    assert load_community() == 0
    assert load_messages() == 0
    assert list(Post.objects.order_by("pk").values_list("pk", "created_at", "helpful_count")) == before


@pytest.mark.parametrize(("language", "text"), [("fa", "چراغ سوم قرمز"), ("en", "bridge mode no address")])
def test_search_finds_conversations(demo, language, text):
    found = ask_search(text=text, user=None, language=language)

    assert "community.thread" in {hit.kind for hit in found.hits[:5]}


@pytest.mark.parametrize("language", ["fa", "en"])
def test_pages_of_the_community_answer(demo, client, language):
    thread = Thread.objects.filter(language=language, state=ThreadState.VISIBLE, reply_count__gt=2).first()

    assert thread.title in client.get(f"/{language}/community/t/{thread.pk}/{thread.slug}/").text
    assert client.get(f"/{language}/community/").status_code == 200
