"""Pinned answers: who sees them, in which language, and that no searches are recorded in Wagtail's tables."""

from __future__ import annotations

import pytest
from django.urls import reverse
from wagtail.contrib.search_promotions.models import Query, QueryDailyHits, SearchPromotion
from wagtail.models import Page
from wagtail.test.utils.form_data import nested_form_data

from portal.core.memo import forget_all
from portal.core.roles import COMMUNITY_MANAGERS, CONTENT_EDITORS, Role
from portal.core.scopes import stamp
from portal.home.models import InfoPage
from search.activity.recording import search_facts
from search.index.plan import Filters, Sort
from search.queries import search
from search.showing.pins import MAX_PINS
from tests.factories.accounts import UserFactory
from tests.factories.faq import ArticlePageFactory, TopicPageFactory, help_site, locale
from tests.markup import tidy

pytestmark = pytest.mark.django_db
Z = "\u200c"
INDEX = "wagtailsearchpromotions:index"
ADD = "wagtailsearchpromotions:add"
EDIT = "wagtailsearchpromotions:edit"


@pytest.fixture(autouse=True)
def _fresh(settings):
    settings.STAFF_SECOND_FACTOR = False
    forget_all()


@pytest.fixture
def topics():
    """A Persian and an English topic page, translations of each other."""
    pages = help_site()
    persian = TopicPageFactory(parent=pages["fa"])
    return {"fa": persian, "en": TopicPageFactory(parent=pages["en"], translation_key=persian.translation_key)}


def pin(question: str, page: Page | None = None, **fields) -> SearchPromotion:
    """Pin a page, or ``external_link_url`` and ``external_link_text``."""
    query = Query.objects.get_or_create(query_string=question)[0]
    return SearchPromotion.objects.create(query=query, page=page, **fields)


def pinned(text: str, *, user=None, language: str = "fa", **options) -> list[str]:
    return [found.title for found in search(text=text, user=user, language=language, **options).pins]


# Questions ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    ["تغییر رمز وای‌فای", "تغيير رمز واي فاي", "تغییر رمز وایفای", "  تغییرِ رمز وای‌فای؟ ", "چطور رمز را تغییر بدهم"],
)
def test_spellings_of_the_question_have_its_pins(topics, text):
    pin("چطور رمز را تغییر بدهم" if "چطور" in text else "تغییر رمز وای‌فای", ArticlePageFactory(parent=topics["fa"]))

    assert len(pinned(text)) == 1


@pytest.mark.parametrize("text", ["تغییر رمز", "رمز وای‌فای", "وای‌فای رمز تغییر", "تغییر رمز وای‌فای مودم", "!!!", ""])
def test_other_questions_have_none(topics, text):
    pin("تغییر رمز وای‌فای", ArticlePageFactory(parent=topics["fa"]))

    assert pinned(text) == []


def test_a_corrected_question_has_the_pins_of_what_was_meant(topics, after_commit):
    with after_commit():
        page = ArticlePageFactory(parent=topics["fa"], title="قبض این دوره")
    pin("قبض دوره", page)

    assert pinned("rfq n,vi") == ["قبض این دوره"]


def test_pins_stand_in_the_editors_order_and_once(topics):
    first, second = ArticlePageFactory.create_batch(2, parent=topics["fa"])
    pin("قبض", second, sort_order=1)
    pin("قبض", first, sort_order=0)
    pin("قبض‌ها", second, sort_order=2)

    assert pinned("قبض") == [first.title, second.title]


def test_a_question_shows_a_few_pins_at_most(topics):
    for page in ArticlePageFactory.create_batch(MAX_PINS + 1, parent=topics["fa"]):
        pin("قبض", page)

    assert len(pinned("قبض")) == MAX_PINS


# Position -------------------------------------------------------------------------------------------------------------


def test_a_pin_stands_above_the_results_and_not_among_them(topics, after_commit, client):
    with after_commit():
        chosen = ArticlePageFactory(parent=topics["fa"], title="پرداخت قبض در برنامه")
        ArticlePageFactory(parent=topics["fa"], title="قبض چیست")
    pin("قبض", chosen, description="سریع‌ترین <راه>")

    result = search(text="قبض", user=None, language="fa")
    page = client.get("/fa/search/", {"q": "قبض"}).text

    assert [found.title for found in result.pins] == ["پرداخت قبض در برنامه"]
    assert [str(hit.title) for hit in result.listed] == ["<mark>قبض</mark> چیست"]
    assert result.total == 2
    assert page.count("پرداخت قبض در برنامه") == 1
    assert page.index("پیشنهاد ما") < page.index("<mark>قبض</mark> چیست")
    assert "سریع‌ترین &lt;راه&gt;" in page


def test_a_pin_is_not_shown_a_second_time_as_the_best_answer(topics, after_commit):
    with after_commit():
        chosen = ArticlePageFactory(parent=topics["fa"], title="تغییر رمز وای‌فای", short_answer="در برنامه.")
        ArticlePageFactory(parent=topics["fa"], title="قبض")
    text = "تغییر رمز وای‌فای"
    before = search(text=text, user=None, language="fa")

    pin(text, chosen)
    after = search(text=text, user=None, language="fa")

    assert before.listed or before.best
    assert (after.best, after.listed, len(after.pins)) == (None, [], 1)


def test_a_question_with_pins_alone_is_not_said_to_have_no_answer(topics, client):
    pin("جشنوارهٔ نوروز", ArticlePageFactory(parent=topics["fa"], title="تخفیف‌های بهار"))

    page = client.get("/fa/search/", {"q": "جشنوارهٔ نوروز"}).text

    assert "تخفیف‌های بهار" in page
    assert "search-x" not in page
    assert "چیزی پیدا نکردیم" not in page
    assert search_facts(search(text="جشنوارهٔ نوروز", user=None, language="fa"), "fa")[-1] == "1"


def test_pins_are_for_the_question_as_such_not_for_a_narrowed_or_sorted_list(topics):
    pin("قبض", ArticlePageFactory(parent=topics["fa"]))

    assert len(pinned("قبض")) == 1
    assert pinned("قبض", filters=Filters(kind=("faq.article",))) == []
    assert pinned("قبض", sort=Sort.NEWEST) == []


def test_pins_stand_on_the_first_page_only_and_their_hits_on_none(topics, after_commit, client):
    with after_commit():
        pages = [ArticlePageFactory(parent=topics["fa"], title=f"قبض شمارهٔ {number}") for number in range(25)]
    for page in pages:
        SearchPromotion.objects.all().delete()
        pin("قبض", page)
        if page.title not in {hit.title for hit in search(text="قبض", user=None, language="fa").hits}:
            break
    second = client.get("/fa/search/", {"q": "قبض", "page": "2"}).text

    assert "پیشنهاد ما" not in second
    assert f'data-hit="faq.article:{page.pk}"' not in second


# Language -------------------------------------------------------------------------------------------------------------


def test_readers_of_another_language_get_the_translation_or_nothing(topics):
    persian = ArticlePageFactory(parent=topics["fa"], title="رومینگ")
    pin("roaming", persian)

    assert pinned("roaming") == ["رومینگ"]
    assert pinned("roaming", language="en") == []

    ArticlePageFactory(parent=topics["en"], title="Roaming", translation_key=persian.translation_key)

    assert pinned("roaming", language="en") == ["Roaming"]
    assert pinned("roaming") == ["رومینگ"]


# Visibility -----------------------------------------------------------------------------------------------------------


def test_a_page_for_staff_is_pinned_for_staff_only(topics):
    pin("قبض", ArticlePageFactory(parent=topics["fa"], title="راهنمای کارکنان", audience="staff"))

    assert pinned("قبض", user=UserFactory(staff=True)) == ["راهنمای کارکنان"]
    assert pinned("قبض", user=UserFactory()) == []
    assert pinned("قبض") == []


@pytest.mark.parametrize("change", ["unpublish", "delete", "for staff", "topic for staff"])
def test_a_page_that_is_taken_away_is_no_pin_at_once(topics, change):
    page = ArticlePageFactory(parent=topics["fa"], title="قبض")
    pin("قبض", page)
    assert pinned("قبض") == ["قبض"]

    if change == "unpublish":
        page.unpublish()
    elif change == "delete":
        page.delete()
    else:
        closed = page if change == "for staff" else topics["fa"]
        closed = type(closed).objects.get(pk=closed.pk)
        closed.audience = "staff"
        closed.save()

    assert pinned("قبض") == []


def test_a_draft_is_no_pin(topics):
    pin("قبض", ArticlePageFactory(parent=topics["fa"], draft=True))

    assert pinned("قبض") == []


@pytest.mark.parametrize(("audience", "seen"), [("public", 1), ("signed-in", 0), ("staff", 0)])
def test_a_page_that_cannot_be_found_is_still_seen_by_its_readers_only(topics, audience, seen):
    home = help_site()["fa"].get_parent()
    page = home.add_child(
        instance=InfoPage(
            title="حریم خصوصی",
            slug="privacy",
            role=InfoPage.Role.PRIVACY,
            body="<p>متن</p>",
            audience=audience,
            locale=locale("fa"),
        )
    )
    pin("حریم خصوصی", page)

    assert len(pinned("حریم خصوصی")) == seen
    assert len(pinned("حریم خصوصی", user=UserFactory(staff=True))) == 1


def test_signed_in_pins_never_reach_the_page_kept_for_visitors(topics, client):
    pin("قبض", ArticlePageFactory(parent=topics["fa"], title="ویژهٔ مشتریان", audience="signed-in"))
    client.force_login(UserFactory())
    assert "ویژهٔ مشتریان" in client.get("/fa/search/", {"q": "قبض"}).text

    client.logout()

    for _ in range(2):
        assert "ویژهٔ مشتریان" not in client.get("/fa/search/", {"q": "قبض"}).text


# External links -------------------------------------------------------------------------------------------------------


def test_an_address_elsewhere_is_a_safe_link(topics, client):
    pin("سرعت‌سنج", external_link_url="https://speed.example/fa", external_link_text="سنجش <سرعت>")

    page = client.get("/fa/search/", {"q": "سرعت‌سنج"}).text

    assert 'href="https://speed.example/fa" rel="external noopener noreferrer"' in tidy(page)
    assert "سنجش &lt;سرعت&gt;" in page


@pytest.mark.parametrize(
    "url", ["http://speed.example/", "javascript:alert(1)", "//speed.example", "ftp://speed.example"]
)
def test_any_other_address_is_not_shown(topics, url):
    pin("سرعت‌سنج", external_link_url=url, external_link_text="سنجش سرعت")

    assert pinned("سرعت‌سنج") == []


# Costs and side effects -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [1, 3])
def test_pins_cost_one_query_whatever_their_number(topics, count, django_assert_num_queries):
    from search.showing.pins import pins_for

    for page in ArticlePageFactory.create_batch(count, parent=topics["fa"]):
        pin("قبض", page)
    pins_for(["قبض"], user=None, language="fa")

    with django_assert_num_queries(1):
        assert len(pins_for(["قبض"], user=None, language="fa")) == count
    with django_assert_num_queries(0):
        assert pins_for(["چیز دیگر"], user=None, language="fa") == ()


def test_asking_leaves_nothing_in_wagtails_tables(topics, client):
    pin("قبض", ArticlePageFactory(parent=topics["fa"]))

    for text in ("قبض", "شمارهٔ من 09121234567"):
        client.get("/fa/search/", {"q": text})

    assert list(Query.objects.values_list("query_string", flat=True)) == ["قبض"]
    assert not QueryDailyHits.objects.exists()


@pytest.mark.parametrize("change", ["description", "question", "delete", "delete question"])
def test_a_change_of_a_pin_is_true_at_once_in_all_processes(topics, after_commit, change):
    chosen = pin("قبض", ArticlePageFactory(parent=topics["fa"]), description="پیش")
    assert [found.description for found in search(text="قبض", user=None, language="fa").pins] == ["پیش"]
    kept = stamp("search")

    with after_commit():
        if change == "description":
            chosen.description = "پس"
            chosen.save()
        elif change == "question":
            chosen.query.query_string = "رسید"
            chosen.query.save()
        elif change == "delete":
            chosen.delete()
        else:
            chosen.query.delete()

    expected = ["پس"] if change == "description" else []
    assert [found.description for found in search(text="قبض", user=None, language="fa").pins] == expected
    assert not kept.is_current_for_others()


# The screens ----------------------------------------------------------------------------------------------------------


def sign_in(client, role: Role | None):
    client.force_login(UserFactory(role=role, language="fa"))


def form(question: str, **fields) -> dict[str, str]:
    row = {
        "page": "",
        "external_link_url": "",
        "external_link_text": "",
        "description": "",
        "ORDER": "1",
        "id": "",
    } | fields
    counts = {"TOTAL_FORMS": 1, "INITIAL_FORMS": 0, "MIN_NUM_FORMS": 0, "MAX_NUM_FORMS": 1000}
    return nested_form_data({"query_string": question, "editors_picks": {**counts, "0": row}})


def test_an_editor_pins_a_page_and_readers_see_it(client, topics):
    sign_in(client, CONTENT_EDITORS)
    page = ArticlePageFactory(parent=topics["fa"], title="پرداخت قبض")
    assert client.get(reverse(INDEX)).status_code == 200

    client.post(reverse(ADD), form("قبض", page=str(page.pk), description="از اینجا"))

    assert [(found.title, found.description) for found in search(text="قبض", user=None, language="fa").pins] == [
        ("پرداخت قبض", "از اینجا")
    ]
    assert client.get(reverse(EDIT, args=[Query.objects.get().pk])).status_code == 200


def test_moving_a_pin_to_another_question_is_true_at_once(client, topics, after_commit):
    sign_in(client, CONTENT_EDITORS)
    known = pin("قبض", ArticlePageFactory(parent=topics["fa"], title="پرداخت"))
    assert pinned("قبض") == ["پرداخت"]
    changed = form("رسید", page=str(known.page_id), id=str(known.pk))
    changed["editors_picks-INITIAL_FORMS"] = "1"

    with after_commit():
        client.post(reverse(EDIT, args=[known.query_id]), changed)

    assert pinned("قبض") == []
    assert pinned("رسید") == ["پرداخت"]


def test_a_link_can_begin_a_pin(client, topics):
    sign_in(client, CONTENT_EDITORS)

    page = client.get(reverse(ADD), {"query": 'چک "رمز"'}).text

    assert 'value="چک &quot;رمز&quot;"' in page


@pytest.mark.parametrize(
    ("question", "fields"),
    [
        ("قبض", {"external_link_url": "http://speed.example/", "external_link_text": "سنجش"}),
        ("؟؟؟", {"external_link_url": "https://speed.example/", "external_link_text": "سنجش"}),
    ],
)
def test_what_no_reader_would_see_is_refused(client, topics, question, fields):
    sign_in(client, CONTENT_EDITORS)

    response = client.post(reverse(ADD), form(question, **fields))

    assert response.status_code == 200
    assert not SearchPromotion.objects.exists()


@pytest.mark.parametrize("role", [None, COMMUNITY_MANAGERS])
def test_nobody_else_reaches_the_screens(client, topics, role):
    sign_in(client, role)
    page = ArticlePageFactory(parent=topics["fa"])
    known = pin("قبض", page)

    for address in (reverse(INDEX), reverse(ADD), reverse(EDIT, args=[known.query_id])):
        assert client.get(address).status_code in {302, 403}
    client.post(reverse(ADD), form("رسید", page=str(page.pk)))

    assert SearchPromotion.objects.count() == 1


def test_the_list_of_pins_shows_questions_and_answers_and_no_number_that_nobody_counts(client):
    sign_in(client, CONTENT_EDITORS)

    page = client.get(reverse("wagtailsearchpromotions:index"))

    assert page.context["page_title"] == "پاسخ‌های سنجاق‌شده"
    assert [column.name for column in page.context["table"].columns.values()] == ["query_string", "editors_picks"]
