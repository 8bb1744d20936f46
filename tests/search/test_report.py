"""The search report in the admin: what it lists and hides, its actions, and who may see it."""

from __future__ import annotations

import datetime as dt
import io
import re

import openpyxl
import pytest
from django.contrib.auth.models import Group, Permission
from django.urls import reverse
from django.utils import timezone
from django.utils.html import escape
from wagtail.models import GroupPagePermission, Page

from portal.core.roles import CONTENT_EDITORS
from portal.core.text import to_persian_digits
from search.asking.keys import query_key
from search.models import SearchDay, SearchGap
from tests.factories.accounts import UserFactory
from tests.factories.faq import TopicPageFactory
from tests.markup import tidy

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases("search.activity.report")]


@pytest.fixture(autouse=True)
def _without_second_factor(settings):
    settings.STAFF_SECOND_FACTOR = False


def user_with(*permissions: str, **options):
    user = UserFactory(is_staff=True, **options)
    for name in ("wagtailadmin.access_admin", *permissions):
        app, codename = name.split(".")
        user.user_permissions.add(Permission.objects.get(content_type__app_label=app, codename=codename))
    return user


@pytest.fixture
def editor(client):
    user = user_with("search.view_report")
    client.force_login(user)
    return user


def day(text: str, visits: int, *, zero: int = 0, clicks: int = 0, days_ago: int = 1, language: str = "fa", **more):
    return SearchDay.objects.create(
        day=timezone.localdate() - dt.timedelta(days=days_ago),
        language=language,
        key=query_key(text, language),
        text=text,
        searches=more.get("searches", visits),
        visits=visits,
        visits_without_result=zero,
        visits_with_click=clicks,
        clicks_first=more.get("first", 0),
        clicks_top=more.get("top", 0),
    )


def get(client, **data):
    return client.get(reverse("search_report:index"), data)


def listed(response) -> list[str]:
    return re.findall(r'<td class="title"><a [^>]+><bdi lang="\w+">([^<]+)</bdi>', tidy(response.text))


# Who ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["index", "ignore", "undo"])
def test_nobody_else_gets_in(client, name):
    for user in (UserFactory(), user_with()):
        client.force_login(user)
        url = reverse(f"search_report:{name}")
        response = client.get(url) if name == "index" else client.post(url)
        assert response.status_code in {302, 403}, name  # Wagtail redirects with a message
        assert response.get("Location", "") != url
    assert SearchGap.objects.count() == 0


def test_the_report_is_in_the_menu_of_those_who_may(client, editor):
    address = reverse("search_report:index")
    assert address in client.get(reverse("wagtailadmin_home")).text

    client.force_login(user_with())
    assert address not in client.get(reverse("wagtailadmin_home")).text


def test_content_editors_may(client):
    client.force_login(UserFactory(role=CONTENT_EDITORS))

    assert get(client).status_code == 200


def test_who_publishes_may_without_another_permission(client):
    TopicPageFactory()
    group = Group.objects.create(name="Publishers")
    permission = Permission.objects.get(content_type__app_label="wagtailcore", codename="publish_page")
    GroupPagePermission.objects.create(group=group, page=Page.objects.get(depth=1), permission=permission)
    user = user_with()
    assert (client.force_login(user), get(client).status_code)[1] == 302
    user.groups.add(group)

    assert get(client).status_code == 200


# What ---------------------------------------------------------------------------------------------------------------


def test_the_lists_tell_what_is_asked_what_finds_nothing_and_what_nobody_chooses(client, editor):
    day("چراغ قرمز", 20, clicks=15)
    day("رومینگ", 8, zero=8)
    day("تعرفه", 12, clicks=1)
    day("router", 30, language="en")

    assert listed(get(client)) == ["چراغ قرمز", "تعرفه", "رومینگ"]
    assert listed(get(client, list="zero")) == ["رومینگ"]
    assert listed(get(client, list="no-click")) == ["تعرفه"]
    assert listed(get(client, language="en", list="no-click")) == ["router"]
    assert listed(get(client, list="zero", language="en")) == []


def test_a_question_is_listed_from_five_visits_of_the_period(client, editor):
    day("نشانی خانه علی", 4)
    day("چراغ", 2, days_ago=1)
    day("چراغ", 3, days_ago=29)
    day("فیبر", 4, days_ago=1)
    day("فیبر", 4, days_ago=40)

    assert listed(get(client)) == ["چراغ"]
    assert listed(get(client, days="7")) == []
    assert listed(get(client, days="90")) == ["فیبر", "چراغ"]
    for form in ("csv", "xlsx"):
        assert "نشانی" not in str(exported(client, form))


def test_the_threshold_can_be_raised(client, editor, settings):
    day("چراغ", 9)
    settings.SEARCH_LISTED_FROM_VISITS = 10

    assert listed(get(client)) == []


def test_a_row_says_how_a_question_fared(client, editor):
    day("چراغ", 20, searches=25, zero=5, clicks=6, first=4, top=6)
    day("چراغ", 8, days_ago=31)

    row = re.search(r"<tbody>.*?</tbody>", get(client).text, re.DOTALL)[0]
    cells = [re.sub(r"<[^>]+>", "", cell).strip() for cell in re.findall(r"<td>(.*?)</td>", row, re.DOTALL)]

    expected = ["25", "20", "+12", "25٪", "40٪", "4", "6"]
    assert [cell.replace("\u2068", "").replace("\u2069", "") for cell in cells[:7]] == list(
        map(to_persian_digits, expected)
    )


def test_every_column_but_the_question_is_explained(client, editor):
    day("چراغ", 20)

    page = get(client).text

    explained, table = page.split('class="search-report__table"')
    columns = re.findall(r'<th scope="col">(.*?)</th>', table)
    assert (
        re.findall(r"<dt>(.*?)</dt>\s*<dd>[^<]{10}", explained[explained.index("search-report__columns") :])
        == columns[1:]
    )


def test_the_sums_count_rare_questions_too(client, editor):
    day("چراغ", 8, clicks=2)
    day("نشانی خانه علی", 2, zero=2)
    SearchDay.objects.create(day=timezone.localdate(), language="fa", visits=10, searches=10, visits_without_result=3)

    totals = re.search(r'<dl class="search-report__totals">.*?</dl>', get(client).text, re.DOTALL)[0]

    assert re.findall(r"<dd>([^<]+)</dd>", totals) == ["۲۰", "۲۵٫۰٪", "۸۶٫۷٪"]


@pytest.mark.parametrize("count", [1, 3])
def test_the_report_costs_the_same_whatever_its_length(client, editor, count, django_assert_num_queries):
    for number in range(count):
        question = day(f"چراغ {number}", 9, zero=9)
        SearchGap.objects.create(language="fa", key=question.key, text=question.text, reason="zero")
    get(client)

    with django_assert_num_queries(14):
        assert len(listed(get(client, list="zero"))) == count


def test_long_lists_have_pages(client, editor):
    for number in range(51):
        day(f"چراغ {number}", 100 - number)

    assert len(listed(get(client))) == 50
    assert listed(get(client, p="2")) == ["چراغ 50"]


def test_an_empty_list_says_so(client, editor):
    assert "help-info" in get(client).text


@pytest.mark.parametrize("wrong", [{"language": "xx"}, {"days": "-1"}, {"list": "'"}, {"p": "x"}, {"export": "exe"}])
def test_a_made_up_address_leads_to_the_usual_list(client, editor, wrong):
    day("چراغ", 9)

    assert listed(get(client, **wrong)) == ["چراغ"]


def test_a_question_cannot_smuggle_html(client, editor):
    text = '<script>alert("x")</script>'
    day(text, 9, zero=9)

    page = get(client, list="zero").text
    assert text not in page
    assert escape(text) in page


# Export -------------------------------------------------------------------------------------------------------------


def exported(client, form: str) -> list[list]:
    response = get(client, export=form)
    content = b"".join(response.streaming_content)
    if form == "csv":
        return [line.split(",") for line in content.decode().splitlines()]
    sheet = openpyxl.load_workbook(io.BytesIO(content)).active
    return [list(row) for row in sheet.iter_rows(values_only=True)]


def test_what_is_listed_can_be_taken_away(client, editor):
    day("چراغ", 20, searches=25, zero=5, clicks=6, first=4, top=6)

    assert exported(client, "csv")[1] == ["چراغ", "fa", "25", "20", "5", "6", "4", "6", "0"]
    assert exported(client, "xlsx")[1] == ["چراغ", "fa", 25, 20, 5, 6, 4, 6, 0]


def test_a_question_that_looks_like_a_formula_is_a_text_in_a_spreadsheet(client, editor):
    day('=HYPERLINK("x")', 9)

    assert exported(client, "csv")[1][0].strip('"').startswith("'=")


# Actions ------------------------------------------------------------------------------------------------------------


def test_each_question_leads_to_what_mends_it(client):
    client.force_login(UserFactory(is_staff=True, is_superuser=True))
    day("هزینه رومینگ", 9, zero=9)

    page = get(client, list="zero").text

    quoted = "%D9%87%D8%B2%DB%8C%D9%86%D9%87+%D8%B1%D9%88%D9%85%DB%8C%D9%86%DA%AF"
    assert f'{reverse("article_for_question")}?title={quoted}&amp;language=fa"' in page
    assert f'{reverse("wagtailsnippets_search_synonym:add")}?words={quoted}&amp;language=fa"' in page
    assert f'{reverse("wagtailsearchpromotions:add")}?query={quoted}"' in page


def test_the_synonym_and_the_pin_begin_with_the_question(client):
    client.force_login(UserFactory(is_staff=True, is_superuser=True))

    synonym = client.get(reverse("wagtailsnippets_search_synonym:add"), {"words": "رومینگ", "language": "fa"})
    pin = client.get(reverse("wagtailsearchpromotions:add"), {"query": "رومینگ"})

    assert re.search(r">\s*رومینگ\s*</textarea>", synonym.text)
    assert 'value="رومینگ"' in pin.text


def test_who_may_not_pin_is_not_led_there(client, editor):
    day("رومینگ", 9, zero=9)

    assert reverse("wagtailsearchpromotions:add") not in get(client, list="zero").text
    assert client.get(reverse("wagtailsearchpromotions:add")).status_code == 302


def post(client, name: str, **data):
    return client.post(reverse(f"search_report:{name}"), data, follow=True)


def test_a_question_is_ignored_and_minded_again(client, editor):
    day("رومینگ", 9, zero=9)
    key = query_key("رومینگ", "fa")
    for _ in range(2):
        assert post(client, "ignore", language="fa", key=key).status_code == 200
    assert listed(get(client, list="zero")) == []
    assert listed(get(client, list="ignored")) == ["رومینگ"]
    gap = SearchGap.objects.get()
    assert (gap.state, gap.reason, gap.closed_by) == ("ignored", "zero", editor)

    for _ in range(2):
        post(client, "undo", gap=gap.pk)

    assert listed(get(client, list="zero")) == ["رومینگ"]
    assert listed(get(client, list="ignored")) == []


def test_only_a_listed_question_can_be_ignored(client, editor):
    day("نشانی خانه علی", 4)

    assert post(client, "ignore", language="fa", key=query_key("نشانی خانه علی", "fa")).status_code == 404
    assert post(client, "ignore").status_code == 404
    assert post(client, "undo", gap="99").status_code == 404
    assert post(client, "undo", gap="x").status_code == 404
    assert not SearchGap.objects.exists()


@pytest.mark.parametrize("name", ["ignore", "undo"])
def test_ignoring_is_posted_and_the_right_is_asked_for_first(client, editor, name):
    assert client.get(reverse(f"search_report:{name}")).status_code == 405

    client.force_login(user_with())

    for method in (client.get, client.post):
        assert method(reverse(f"search_report:{name}"))["Location"] == reverse("wagtailadmin_home")


def test_after_ignoring_one_comes_back_to_the_same_list_and_nowhere_else(client, editor):
    day("رومینگ", 9, zero=9)
    here = reverse("search_report:index") + "?list=zero&days=7"
    data = {"language": "fa", "key": query_key("رومینگ", "fa")}

    def led_to(target):
        return client.post(reverse("search_report:ignore"), {**data, "next": target})["Location"]

    assert led_to(here) == here
    assert led_to("https://elsewhere.example/") == reverse("search_report:index")


def test_the_first_page_of_the_admin_shows_the_newest_gaps(client, editor):
    SearchGap.objects.create(language="fa", key="x", text="رومینگ", reason="zero")
    SearchGap.objects.create(language="fa", key="y", text="تعرفه", reason="zero", state="closed")

    page = client.get(reverse("wagtailadmin_home")).text
    assert "رومینگ" in page
    assert "تعرفه" not in page

    client.force_login(user_with())
    assert "رومینگ" not in client.get(reverse("wagtailadmin_home")).text
