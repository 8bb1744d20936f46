"""Lists, threads and people as pages: what they show to whom, in how many queries, and under which address."""

from __future__ import annotations

import datetime as dt
import json
import re
from urllib.parse import unquote
from xml.etree import ElementTree

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from community import services
from community.listing import Tab, threads_in
from community.models import CommunityProfile, Level, Post, Thread, ThreadRead
from portal.core.honours import Honour
from portal.core.scopes import content_changed
from portal.notifications.services import follow
from tests.factories.accounts import UserFactory
from tests.factories.community import (
    AreaFactory,
    MemberFactory,
    PostFactory,
    TagFactory,
    ThreadFactory,
    moderator,
)

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases("community.listing")]

PAGE_LINK = re.compile(r'href="([^"]*after=[^"]*)"')


def titles(found):
    return [row.thread.title for row in found.rows]


def queries_of(client, url):
    from portal.core import page_cache

    page_cache.store.clear()
    client.get(url)  # what is kept in memory is read once
    page_cache.store.clear()
    with CaptureQueriesContext(
        connection,
    ) as captured:
        response = client.get(url)
    assert response.status_code == 200
    return len(captured)


# Lists ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tab", [Tab.LATEST, Tab.POPULAR, Tab.UNANSWERED, Tab.SOLVED])
def test_pages_of_a_list_continue_where_the_one_before_ended(tab, monkeypatch):
    monkeypatch.setattr("community.listing.ROWS", 2)
    area, author = AreaFactory(), MemberFactory()
    threads = [ThreadFactory(area=area, author=author, title=f"پرسش {number}") for number in range(5)]
    if tab == Tab.SOLVED:
        for thread in threads:
            services.accept_solution(post=PostFactory(thread=thread), by=None)
    Thread.objects.update(last_post_at=timezone.now(), hot=1234.567891)  # equal values: the id decides

    found, after = [], ""
    for _page in range(4):
        page = threads_in(None, tab=tab, after=after)
        found += titles(page)
        after = page.after
        if not after:
            break

    assert found == [f"پرسش {number}" for number in (4, 3, 2, 1, 0)]


def test_an_area_lists_pinned_threads_first_on_all_its_pages(monkeypatch):
    monkeypatch.setattr("community.listing.ROWS", 2)
    area, boss = AreaFactory(), moderator()
    threads = [ThreadFactory(area=area, title=f"پرسش {number}") for number in range(4)]
    for number in (0, 1, 2):
        services.pin_until(thread=threads[number], by=boss, until=None)

    first = threads_in(None, areas=[area])
    second = threads_in(None, areas=[area], after=first.after)

    assert [*titles(first), *titles(second)] == ["پرسش 2", "پرسش 1", "پرسش 0", "پرسش 3"]


def test_ideas_are_sorted_by_votes(monkeypatch):
    monkeypatch.setattr("community.listing.ROWS", 2)
    area = AreaFactory(ideas=True)
    threads = [ThreadFactory(area=area, title=f"ایده {number}") for number in range(3)]
    for number, votes in ((2, 2), (0, 1)):
        for _vote in range(votes):
            services.vote_idea(thread=threads[number], user=MemberFactory())

    first = threads_in(None, tab=Tab.VOTES, areas=[area])
    second = threads_in(None, tab=Tab.VOTES, areas=[area], after=first.after)

    assert [*titles(first), *titles(second)] == ["ایده 2", "ایده 0", "ایده 1"]


@pytest.mark.parametrize("after", ["x", "1_2_3", "nan_1", "9" * 60, "1e999_1", "_", "-_-", "1_", "9" * 30 + "_1"])
def test_a_broken_cursor_begins_at_the_top(client, after):
    ThreadFactory()

    response = client.get(reverse("community:popular"), {"after": after})
    latest = client.get(reverse("community:index"), {"after": after})

    assert "مودم تازه" in response.text
    assert "مودم تازه" in latest.text


@pytest.mark.parametrize("signed_in", [False, True])
@pytest.mark.parametrize("page", ["index", "area", "tag", "person"])
def test_a_list_costs_the_same_queries_with_one_thread_and_with_three(client, page, signed_in):
    area, author, tag = AreaFactory(), MemberFactory(handle="sara"), TagFactory(name="مش", slug="مش")
    url = {
        "index": reverse("community:index"),
        "area": area.get_absolute_url(),
        "tag": reverse("community:tag", args=["مش"]),
        "person": reverse("community:person", args=["sara"]),
    }[page]
    if signed_in:
        client.force_login(MemberFactory())
    ThreadFactory(area=area, author=author, tags=[tag])
    one = queries_of(client, url)

    for number in range(2):
        PostFactory(thread=ThreadFactory(area=area, author=author, tags=[tag], title=f"دیگری {number}"))

    assert queries_of(client, url) == one
    assert "دیگری 1" in client.get(url).text


def test_following_lists_what_one_follows(client):
    person, area = MemberFactory(), AreaFactory()
    followed, _other = ThreadFactory(title="دنبال‌شده"), ThreadFactory(title="دیگری")
    ThreadFactory(area=area, title="در بخش دنبال‌شده")
    follow(person_id=person.pk, target=f"community.thread:{followed.pk}")
    follow(person_id=person.pk, target=f"community.area:{area.pk}")
    client.force_login(person)

    text = client.get(reverse("community:following")).text

    assert [word in text for word in (">دنبال‌شده<", "در بخش دنبال‌شده", ">دیگری<")] == [True, True, False]


def test_what_one_has_not_read_is_marked_until_it_is_read(client):
    person = MemberFactory()
    CommunityProfile.objects.filter(pk=person.pk).update(read_floor=timezone.now() - dt.timedelta(days=1))
    thread = ThreadFactory()
    client.force_login(person)
    before = client.get(reverse("community:index")).text

    client.get(thread.get_absolute_url())

    assert [text.count("is-unread") for text in (before, client.get(reverse("community:index")).text)] == [1, 0]
    PostFactory(thread=thread)
    assert client.get(reverse("community:index")).text.count("is-unread") == 1
    client.post(reverse("community:mark_read"), {"area": thread.area.slug})
    assert client.get(reverse("community:index")).text.count("is-unread") == 0


def test_an_empty_community_says_what_to_ask(client):
    AreaFactory()

    response = client.get(reverse("community:index"))

    assert "نخستین پرسش را بنویسید" in response.text
    assert reverse("community:ask") in response.text


def test_an_area_with_an_unknown_tab_is_not_found(client):
    area = AreaFactory(announcements=True)

    statuses = [
        client.get(reverse("community:area_tab", args=[area.slug, tab])).status_code
        for tab in ("latest", "solved", "votes")
    ]

    assert statuses == [200, 404, 404]


# Threads -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("signed_in", [False, True])
def test_a_thread_costs_the_same_queries_with_one_reply_and_with_nineteen(client, signed_in):
    thread = ThreadFactory()
    PostFactory(thread=thread)
    if signed_in:
        client.force_login(MemberFactory())
    one = queries_of(client, thread.get_absolute_url())

    people = [MemberFactory() for _person in range(3)]
    for number in range(18):
        PostFactory(thread=thread, author=people[number % 3], body=f"پاسخ شمارهٔ {number} این است که صبر کنید.")

    assert queries_of(client, thread.get_absolute_url()) == one
    assert "شمارهٔ 17" in client.get(thread.get_absolute_url()).text


@pytest.mark.parametrize("slug", ["-", "wrong", "مودم", "نشانی-دیگر"])
def test_another_slug_leads_to_the_right_one_at_once(client, slug):
    thread = ThreadFactory(title="مودم تازه وصل نمی‌شود؟ ۱۰۰٪ قطع!")

    response = client.get(reverse("community:thread", args=[thread.pk, slug]), {"page": 1}, follow=True)

    assert len(response.redirect_chain) == 1
    assert response.status_code == 200
    assert response.redirect_chain[0][0] == f"{thread.get_absolute_url()}?page=1"


@pytest.mark.parametrize("title", ["؟!؟", "a/b?c#d%20", "x" * 200, "کتاب‌ها و كتاب", "🙂 1"])
def test_the_address_of_any_title_leads_nowhere_else(client, title):
    if not any(map(str.isalnum, title)):
        title = f"{title}ا"
    thread = ThreadFactory(title=title)

    assert client.get(thread.get_absolute_url()).status_code == 200


def test_a_merged_thread_leads_to_the_other(client):
    area = AreaFactory()
    source, target = ThreadFactory(area=area), ThreadFactory(area=area, title="اصلی")
    PostFactory(thread=target)
    url = source.get_absolute_url()
    services.merge_threads(thread=source, into=target, by=moderator())

    response = client.get(url, follow=True)

    # The browser would look for #post-1 of the old address on the new page, where it is another one.
    assert response.redirect_chain == [(f"{target.get_absolute_url()}#post-3", 301)]
    assert "اصلی" in response.text


def test_short_addresses_lead_to_the_readers_language(client):
    thread, reply = ThreadFactory(author=MemberFactory(handle="سارا")), None
    reply = PostFactory(thread=thread)

    found = [
        client.get(path, headers={"Accept-Language": "en"}).headers["Location"]
        for path in (f"/t/{thread.pk}", f"/p/{reply.pk}/", "/u/سارا/")
    ]

    assert [url.startswith("/en/") for url in found] == [True, True, True]
    assert found[1].endswith("#post-2")


def test_a_page_of_twenty_numbers_and_a_page_that_is_not_there(client, monkeypatch):
    thread, author = ThreadFactory(), MemberFactory()
    for number in range(2, 22):
        PostFactory(thread=thread, author=author, body=f"پاسخ بلند با شمارهٔ {number}")

    second = client.get(thread.get_absolute_url(), {"page": 2})
    missing = [client.get(thread.get_absolute_url(), {"page": page}).status_code for page in ("3", "0", "x", "9" * 30)]

    assert ['id="post-21"' in second.text, 'id="post-20"' in second.text] == [True, False]
    assert missing == [404] * 4


def test_the_solution_is_under_the_question_wherever_it_is(client):
    thread, author = ThreadFactory(), MemberFactory()
    for number in range(2, 22):
        PostFactory(thread=thread, author=author, body=f"پاسخ بلند با شمارهٔ {number}")
    last = Post.objects.get(thread=thread, number=21)
    services.accept_solution(post=last, by=None)

    first, second = (client.get(thread.get_absolute_url(), {"page": page}).text for page in (1, 2))

    assert ['id="solution"' in text for text in (first, second)] == [True, False]
    assert first.index('id="post-1"') < first.index('id="solution"') < first.index('id="post-2"')
    assert [text.count("شمارهٔ 21") >= 1 for text in (first, second)] == [True, True]


@pytest.mark.parametrize(("others", "heading"), [(0, None), (1, "۱ پاسخ دیگر"), (2, "۲ پاسخ دیگر")])
def test_the_answer_on_top_is_not_counted_among_the_others(client, others, heading):
    thread = ThreadFactory()
    answer = PostFactory(thread=thread)
    for _other in range(others):
        PostFactory(thread=thread)
    services.accept_solution(post=answer, by=thread.author)

    page = client.get(thread.get_absolute_url()).text
    found = re.findall(r"<h2>\s*([۰-۹]+ پاسخ[^<]*?)\s*</h2>", page)

    assert found == ([heading] if heading else [])
    assert ("sort=helpful" in page) is (heading is not None)


@pytest.mark.parametrize("kind", ["ideas", "announcements"])
def test_a_visitor_is_not_asked_for_an_answer_where_nothing_was_asked(client, kind):
    area = AreaFactory(**{kind: True})
    thread = ThreadFactory(area=area, author=moderator())

    page = client.get(thread.get_absolute_url()).text

    assert "برای پاسخ" in page or "وارد شوید" in page
    assert "همین پرسش را" not in page


def test_replies_by_helpfulness_go_on_where_they_ended(client, monkeypatch):
    monkeypatch.setattr("community.showing.PAGE_SIZE", 2)
    thread, author = ThreadFactory(), MemberFactory()
    posts = [PostFactory(thread=thread, author=author, body=f"پاسخ بلند با شمارهٔ {number}") for number in range(2, 5)]
    services.vote_helpful(post=posts[2], user=MemberFactory())

    first = client.get(thread.get_absolute_url(), {"sort": "helpful"}).text
    following = re.search(r'href="([^"]*sort=helpful[^"]*after=[^"]*)"', first)[1].replace("&amp;", "&")
    second = client.get(following).text

    numbers = [re.findall(r'id="post-(\d+)"', text) for text in (first, second)]
    assert numbers == [["1", "4", "2"], ["3"]]


def test_what_was_taken_away_leaves_a_line_with_the_reason(client):
    thread = ThreadFactory()
    PostFactory(thread=thread, body="زمردنشان پنهان", hidden=True)
    own = PostFactory(thread=thread, body="زمردنشان حذف‌شده")
    services.delete_post(post=own, by=own.author)

    text = client.get(thread.get_absolute_url()).text

    assert "زمردنشان" not in text
    assert "یک ناظر این نوشته را برداشته است. دلیل: هرزنامه" in " ".join(re.sub(r"<[^>]+>", " ", text).split())
    assert "نویسنده این نوشته را حذف کرده است." in text


def test_the_author_reads_why_a_post_is_hidden(client):
    reply = PostFactory(body="این متن پنهان است")
    services.hide_post(post=reply, by=moderator(), reason="off-topic", note="لطفاً جای دیگر بپرسید.")
    client.force_login(reply.author)

    text = client.get(reply.thread.get_absolute_url()).text

    assert ["این متن پنهان است" in text, "لطفاً جای دیگر بپرسید." in text, "درخواست بازبینی" in text] == [True] * 3


@pytest.mark.parametrize("kind", ["solved", "open", "held"])
def test_search_engines_read_what_a_thread_is(client, kind):
    author = MemberFactory()
    thread = ThreadFactory(author=author, title="</script><b>پرسش</b>", held=kind == "held")
    if kind == "solved":
        services.accept_solution(post=PostFactory(thread=thread), by=None)
    if kind == "held":
        client.force_login(author)

    text = client.get(thread.get_absolute_url()).text

    found = re.search(r'<script type="application/ld\+json">(.*?)</script>', text, re.DOTALL)
    if kind == "held":
        assert found is None
        assert '<meta name="robots" content="noindex">' in text
    else:
        data = json.loads(found[1])
        assert data["@type"] == ("QAPage" if kind == "solved" else "DiscussionForumPosting")
        assert (data.get("mainEntity", {}).get("name") or data["headline"]) == "</script><b>پرسش</b>"


@pytest.mark.parametrize("signed_in", [False, True])
@pytest.mark.parametrize("query", ["", "?sort=helpful", "?page=1"])
def test_a_page_of_a_thread_parses_no_text(client, monkeypatch, query, signed_in):
    thread = ThreadFactory(title="پرسش", body="**چراغ** قرمز است & خاموش نمی‌شود")
    PostFactory(thread=thread, body="از برق *بکشید* و دوباره بزنید")
    if signed_in:
        client.force_login(MemberFactory())
    monkeypatch.setattr("community.rendering._PARSER", None)

    text = client.get(thread.get_absolute_url() + query).text

    data = re.search(r'<script type="application/ld\+json">(.*?)</script>', text, re.DOTALL)
    assert (data is None) == (signed_in or bool(query))
    if data:
        assert json.loads(data[1])["text"] == "چراغ قرمز است & خاموش نمی‌شود"
        assert json.loads(data[1])["comment"][0]["text"] == "از برق بکشید و دوباره بزنید"


@pytest.mark.parametrize(
    ("query", "kept"),
    [
        ("x=1", ""),
        ("utm_source=a&page=1", "?page=1"),
        ("page=01", "?page=1"),
        ("page=", ""),
        ("sort=newest", ""),
        ("sort=helpful&x=1", "?sort=helpful"),
        ("x&sort=helpful&after=03-2&page=4", "?sort=helpful&after=3-2"),
        ("sort=helpful&after=x", "?sort=helpful"),
    ],
)
def test_a_query_that_changes_nothing_leads_to_the_page_that_is_kept(client, query, kept):
    thread = ThreadFactory()

    response = client.get(f"{thread.get_absolute_url()}?{query}")

    assert (response.status_code, response["Location"]) == (302, thread.get_absolute_url() + kept)
    assert client.get(response["Location"]).status_code == 200


@pytest.mark.parametrize("page", ["0", "2", "x", "%201", "1_0", "%DB%B1", "9" * 40, "-1"])
def test_a_page_that_a_thread_has_not_is_not_found(client, page):
    assert client.get(f"{ThreadFactory().get_absolute_url()}?page={page}").status_code == 404


def test_the_canonical_address_is_in_the_language_of_the_thread(client):
    thread = ThreadFactory(title="Which cable do I need?", body="For the router in the hall, please.")

    text = client.get(thread.get_absolute_url()).text

    assert f'<link rel="canonical" href="http://testserver/en/community/t/{thread.pk}/{thread.slug}/">' in text


def test_words_of_a_post_are_no_html_in_feeds(client):
    thread = ThreadFactory()
    Thread.objects.filter(pk=thread.pk).update(excerpt="<img src=x onerror=alert(1)>")

    page = client.get(reverse("community:feed")).text

    assert "&amp;lt;img src=x" in page


def test_feeds_and_sitemap_hold_what_everybody_may_read(client):
    public, private = ThreadFactory(title="همگانی"), AreaFactory(audience="partner")
    hidden = ThreadFactory(area=private, title="زمردنشان")
    ThreadFactory(title="زمردنشان", held=True)
    client.force_login(UserFactory(partner=True))

    texts = [
        client.get(path).text
        for path in (
            reverse("community:feed"),
            reverse("community:area_feed", args=[public.area.slug]),
            reverse("community:thread_feed", args=[public.pk]),
            "/sitemap.xml",
        )
    ]

    assert [str(public.pk) in text for text in texts] == [True] * 4
    assert ["زمردنشان" in text or f"/t/{hidden.pk}" in text for text in texts] == [False] * 4
    assert client.get(reverse("community:area_feed", args=[private.slug])).status_code == 404
    assert client.get(reverse("community:thread_feed", args=[hidden.pk])).status_code == 404


def test_addresses_in_feeds_and_for_search_engines_are_those_of_the_portal(client, settings):
    """Not those of the Host header, which anybody can choose among the allowed ones."""
    settings.ALLOWED_HOSTS, settings.BASE_URL = ["*"], "https://help.example.com"
    thread = ThreadFactory(area=AreaFactory())
    pages = [
        reverse("community:feed"),
        reverse("community:area_feed", args=[thread.area.slug]),
        reverse("community:thread_feed", args=[thread.pk]),
    ]

    texts = [client.get(page, headers={"host": "evil.example"}).text for page in pages]
    page = client.get(thread.get_absolute_url(), headers={"host": "evil.example"}).text
    data = re.search(r"<script type=.application/ld\+json.[^>]*>(.*?)</script>", page, re.DOTALL)

    assert data is not None
    for text in (*texts, data[1]):
        assert f"https://help.example.com{thread.get_absolute_url()}" in text
        assert "evil.example" not in text


def test_a_feed_survives_what_xml_cannot_contain(client):
    thread = ThreadFactory()
    Thread.objects.update(title="قطع\x0c شد", excerpt="یک\x01 دو\ufffe")
    Post.objects.update(html="<p>سلام\x0c دنیا\x1b</p>")

    for path in (
        reverse("community:feed"),
        reverse("community:area_feed", args=[thread.area.slug]),
        reverse("community:thread_feed", args=[thread.pk]),
    ):
        response = client.get(path)

        assert response.status_code == 200
        assert ElementTree.fromstring(response.content).find("{http://www.w3.org/2005/Atom}entry") is not None  # noqa: S314 - our own
        assert "قطع شد" in response.text


# Freshness -----------------------------------------------------------------------------------------------------------


def test_a_post_makes_its_thread_and_its_lists_fresh_and_nothing_else_cold(client, after_commit):
    from portal.core import page_cache

    thread, other = ThreadFactory(title="یکم"), ThreadFactory(title="دوم")
    shown = [
        thread.get_absolute_url(),
        thread.area.get_absolute_url(),
        other.get_absolute_url(),
        other.area.get_absolute_url(),
    ]
    with after_commit():  # a process that reads the log of changes for the first time trusts nothing it kept
        content_changed("nothing")
    for url in shown:
        client.get(url)
    kept = dict(page_cache.store._pages)

    with after_commit():
        PostFactory(thread=thread, body="پاسخ تازه که باید دیده شود")

    still = [
        next(page for key, page in kept.items() if key[2] == unquote(url)).stamp.is_current_for_others()
        for url in shown
    ]
    assert still == [False, False, True, True]
    assert "پاسخ تازه که باید دیده شود" in client.get(shown[0]).text


def test_a_guests_pages_are_kept(client):
    from portal.core import page_cache

    thread = ThreadFactory()

    for url in (
        thread.get_absolute_url(),
        f"{thread.get_absolute_url()}?sort=helpful",
        thread.area.get_absolute_url(),
        reverse("community:index"),
    ):
        client.get(url)

    assert len(page_cache.store) == 4


# Who sees what -------------------------------------------------------------------------------------------------------

STATES = ("held", "hidden", "deleted")


def addresses_of(post):
    thread = post.thread
    return [
        thread.get_absolute_url(),
        f"/t/{thread.pk}",
        f"/p/{post.pk}/",
        *(
            reverse(f"community:{name}", args=[thread.pk])
            for name in ("reply", "thread_feed", "me_too", "follow", "vote_idea", "idea_status", "vote_in_poll")
        ),
        *(
            reverse(f"community:{name}", args=[post.pk])
            for name in ("edit", "helpful", "accept", "bookmark", "flag", "delete", "restore", "appeal", "history")
        ),
    ]


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("state", [*STATES, "private"])
def test_nobody_else_reaches_a_thread_by_any_address(client, state, method):
    area = AreaFactory(audience="partner") if state == "private" else AreaFactory()
    author = MemberFactory(partner=True)
    thread = ThreadFactory(area=area, author=author, **({} if state == "private" else {state: True}))
    post = Post.objects.select_related("thread").get(thread=thread)
    client.force_login(MemberFactory())

    statuses = {url: getattr(client, method)(url, follow=True).status_code for url in addresses_of(post)}

    assert set(statuses.values()) == ({404} if method == "get" else {404, 405})  # 405 is said before looking


@pytest.mark.parametrize("state", STATES)
def test_nobody_else_reaches_a_post_that_is_not_visible(client, state):
    reply = PostFactory(**{state: True})
    client.force_login(MemberFactory())

    names = ("edit", "helpful", "accept", "bookmark", "flag", "delete", "restore", "appeal")
    statuses = {client.post(reverse(f"community:{name}", args=[reply.pk])).status_code for name in names}

    assert statuses == {404}
    assert client.get(f"/p/{reply.pk}/", follow=True).status_code == 404


@pytest.mark.parametrize(
    ("act", "data"),
    [("edit", {"body": "x", "version": 1}), ("delete", {}), ("accept", {"on": "1"}), ("appeal", {"text": "x"})],
)
def test_what_is_visible_but_not_allowed_is_refused(client, act, data):
    reply = PostFactory()
    client.force_login(MemberFactory())

    assert client.post(reverse(f"community:{act}", args=[reply.pk]), data).status_code == 403
    assert Post.objects.get(pk=reply.pk).state == "visible"
    assert not Post.objects.get(pk=reply.pk).is_solution


@pytest.mark.parametrize("is_first", [False, True])
def test_authors_bring_back_what_they_deleted(client, is_first):
    reply = PostFactory()
    post = ThreadFactory().posts.get() if is_first else reply
    url = reverse("community:restore", args=[post.pk])
    services.delete_post(post=post, by=post.author)
    client.force_login(MemberFactory())
    assert client.post(url).status_code == 404

    client.force_login(post.author)
    if not is_first:
        assert f'action="{url}"' in client.get(reply.thread.get_absolute_url()).text
    client.post(url)

    assert Post.objects.get(pk=post.pk).state == "visible"


def test_authors_find_all_they_wrote_with_what_became_of_it(client):
    member = MemberFactory()
    shown = PostFactory(author=member).thread
    held = PostFactory(author=member, held=True).thread
    gone = ThreadFactory(author=member, title="پاک‌شده")
    private = PostFactory(author=member).thread
    services.delete_post(post=gone.posts.get(), by=member)
    services.move_thread(thread=private, area=AreaFactory(audience="staff"), by=moderator())
    ThreadFactory(title="از دیگری")
    client.force_login(member)
    address = reverse("community:own_posts")

    page = client.get(address).text

    assert page.count('class="card__title"') == 3
    assert (shown.get_absolute_url() in page, held.get_absolute_url() in page) == (True, True)
    assert page.count("badge--warn") == 2
    assert (private.title in page.replace(shown.title, ""), "از دیگری" in page) == (False, False)
    restore = reverse("community:restore", args=[gone.posts.get().pk])
    assert f'action="{restore}"' in page
    client.post(restore)
    again = client.get(address).text
    assert (gone.get_absolute_url() in again, restore in again) == (True, False)
    for path in ("/fa/account/", reverse("community:person", args=[member.handle])):
        assert address in client.get(path).text
        assert reverse("community:bookmarks") in client.get(path).text


def test_the_list_of_own_posts_goes_on(client, monkeypatch):
    monkeypatch.setattr("community.views.own._ROWS", 2)
    member = MemberFactory()
    posts = [PostFactory(author=member) for _time in range(3)]
    client.force_login(member)
    address = reverse("community:own_posts")

    pages = [client.get(address).text, client.get(address, {"before": posts[1].pk}).text]

    assert [[post.thread.get_absolute_url() in page for post in posts] for page in pages] == [
        [False, True, True],
        [True, False, False],
    ]
    assert client.get(address, {"before": PostFactory().pk}).status_code == 200


def test_nobody_brings_back_a_post_in_a_closed_thread(client):
    post = PostFactory()
    services.delete_post(post=post, by=post.author)
    services.lock(thread=post.thread, by=moderator())
    client.force_login(post.author)

    assert reverse("community:restore", args=[post.pk]) not in client.get(post.thread.get_absolute_url()).text
    assert client.post(reverse("community:restore", args=[post.pk])).status_code == 403


def test_a_moderator_restores_the_text_that_was_read(client):
    post = PostFactory(hidden=True)
    services.edit_post(post=post, editor=post.author, body="چیزی که کسی نخوانده است", version=1)
    client.force_login(moderator())

    client.post(reverse("community:restore", args=[post.pk]), {"version": 1})
    assert Post.objects.get(pk=post.pk).state == "hidden"
    client.post(reverse("community:restore", args=[post.pk]), {"version": 2})
    assert Post.objects.get(pk=post.pk).state == "visible"


@pytest.mark.parametrize(
    ("act", "data"),
    [
        ("accept", {"on": "1"}),
        ("bookmark", {"on": "1"}),
        ("helpful", {"on": "1"}),
        ("appeal", {"text": "این تبلیغ نبود"}),
        ("delete", {}),
        ("restore", {}),
        ("follow", {"on": "1"}),
        ("me_too", {"on": "1"}),
        ("vote_idea", {"on": "1"}),
        ("vote_in_poll", {"option": "1"}),
        ("idea_status", {"status": "planned"}),
        ("mark_read", {}),
        ("manage", {"act": "title"}),
    ],
)
def test_no_act_can_be_repeated_without_end(client, monkeypatch, act, data):
    thread = ThreadFactory(idea=act in {"vote_idea", "idea_status"})
    post = PostFactory(thread=thread, hidden=act == "appeal")
    client.force_login(post.author if act in {"appeal", "delete"} else moderator())
    monkeypatch.setattr("community.rules.limited", lambda _request, scope, _limit, _seconds: 60 if scope else None)
    on_post = {"accept", "bookmark", "helpful", "appeal", "delete", "restore"}
    args = [post.pk] if act in on_post else [] if act == "mark_read" else [thread.pk]

    response = client.post(reverse(f"community:{act}", args=args), data)

    assert (response.status_code, response["Retry-After"]) == (429, "60")


def test_a_members_page_shows_what_the_reader_may_see(client):
    author = MemberFactory(handle="سارا", partner=True)
    ThreadFactory(author=author, title="همگانی")
    ThreadFactory(author=author, title="زمردنشان", area=AreaFactory(audience="partner"))
    ThreadFactory(author=author, title="زمردنشان نگه‌داشته", held=True)

    text = client.get(reverse("community:person", args=["سارا"])).text

    assert ["همگانی" in text, "زمردنشان" in text] == [True, False]
    assert client.get(reverse("community:person", args=["nobody-here"])).status_code == 404


def test_a_silenced_member_alone_reads_why(client):
    author = MemberFactory(handle="sara")
    services.silence_member(
        user=author, by=moderator(), until=timezone.now() + dt.timedelta(days=2), note="", reason="دو روز استراحت"
    )
    url = reverse("community:person", args=["sara"])
    by_visitor = client.get(url).text
    client.force_login(author)

    assert ["دو روز استراحت" in text for text in (by_visitor, client.get(url).text)] == [False, True]
    assert client.get(reverse("community:ask")).headers["Location"] == url


def test_visitors_leave_no_trace_and_members_are_counted_as_readers(client):
    thread = ThreadFactory()
    client.get(thread.get_absolute_url())
    assert ThreadRead.objects.exclude(user=thread.author).count() == 0

    person = MemberFactory()
    client.force_login(person)
    client.get(thread.get_absolute_url(), headers={"Sec-Purpose": "prefetch"})
    assert ThreadRead.objects.filter(user=person).count() == 0
    client.get(thread.get_absolute_url())
    assert ThreadRead.objects.get(user=person).last_read_number == 1


def test_the_navigation_leads_here_once_there_is_an_area(client):
    from tests.factories.faq import help_site

    help_site()
    before = client.get("/fa/search/").text
    from portal.core import memo

    AreaFactory()
    memo.forget_all()

    assert [
        f'href="{reverse("community:index")}"' in text for text in (before, client.get("/fa/styleguide/").text)
    ] == [
        False,
        True,
    ]


def test_who_waits_for_a_reply_is_not_asked_to_reply(client):
    thread = ThreadFactory()

    def page(reader) -> tuple[str, bool, bool]:
        client.force_login(reader)
        text = client.get(thread.get_absolute_url()).text
        heading = re.search(r'id="reply-title">(.*?)</h2>', text, re.DOTALL)[1].strip()
        return heading, "افزودن توضیح</summary>" in text, "card--sunk" in text

    other = MemberFactory()
    assert page(thread.author) == ("هنوز کسی پاسخ نداده است", True, False), "folded, and no other question is offered"
    assert page(other) == ("پاسخ شما", False, True)
    PostFactory(thread=thread, author=other)
    assert page(thread.author) == ("پاسخ یا افزودن توضیح", False, True)


def test_the_link_to_changes_names_what_they_are_for_each_reader(client):
    thread = ThreadFactory()
    PostFactory(thread=thread)

    def names(reader) -> tuple[str, str, bool]:
        client.force_login(reader)
        text = client.get(thread.get_absolute_url()).text
        link = re.search(r'href="[^"]*/manage/">(.*?)</a>', text, re.DOTALL)[1]
        manage = client.get(reverse("community:manage", args=[thread.pk])).text
        heading = re.search(r"<h1[^>]*>(.*?)</h1>", manage, re.DOTALL)[1]
        return re.sub(r"<.*?>", "", link).strip(), heading, "ناظران" in manage

    active, helper = MemberFactory(level=Level.ACTIVE), MemberFactory(level=Level.HELPER)
    assert names(moderator()) == ("مدیریت", "مدیریت گفت‌وگو", True)
    assert names(helper) == ("مرتب‌کردن", "مرتب‌کردن گفت‌وگو", False)
    assert names(thread.author) == ("عنوان، برچسب‌ها و دستگاه‌ها",) * 2 + (False,)
    assert names(active) == ("برچسب‌ها و دستگاه‌ها",) * 2 + (False,)


def test_badges_speak_to_their_owner_alone(client, monkeypatch):
    member = PostFactory().author
    honour = Honour(name="نشان", text="پاسخ شما پذیرفته شد", icon="award", since=timezone.now())
    monkeypatch.setattr("community.views.reading.honours_of", lambda _person: [honour])
    found = []
    for reader in (member, MemberFactory()):
        client.force_login(reader)
        text = client.get(reverse("community:person", args=[member.handle])).text
        found.append(("نشان" in text, "پاسخ شما" in text))
    assert found == [(True, True), (True, False)]
