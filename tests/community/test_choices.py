"""What members choose for themselves: a page that others do not see, and the languages of what they are shown."""

from __future__ import annotations

import pytest
from django.urls import reverse

from community import rules, services
from community.models import CommunityProfile, MessagesFrom
from portal.core import outbox
from portal.notifications.models import Notification
from portal.notifications.services import follow
from tests.factories.accounts import UserFactory
from tests.factories.community import AreaFactory, MemberFactory, PostFactory, ThreadFactory, moderator

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases("community.services.messages")]

SETTINGS = "/fa/community/messages/settings/"
ENGLISH = "Why is the third light of my router red since yesterday?"


def choose(client, **chosen):
    return client.post(SETTINGS, {"messages_from": MessagesFrom.MEMBERS, **chosen})


def test_a_hidden_page_is_there_for_oneself_and_moderators_only(client, after_commit):
    post = PostFactory(author=MemberFactory(handle="پنهان"))
    page, thread = reverse("community:person", args=[post.author.handle]), post.thread.get_absolute_url()
    assert (client.get(page).status_code, page in client.get(thread).text) == (200, True)  # and kept in the cache
    client.force_login(post.author)
    with after_commit():
        assert choose(client, is_private="on").status_code == 302

    def answers() -> list[int]:
        follow_it = reverse("community:follow_place", args=["person", post.author.handle])
        own_language = f"/u/{post.author.handle}/"
        return [client.get(address, follow=True).status_code for address in (page, own_language, follow_it)]

    seen = {"self": answers()[:2]}
    for name, person in {"staff": UserFactory(staff=True), "member": MemberFactory(), "moderator": moderator()}.items():
        client.force_login(person)
        seen[name] = answers()
    client.logout()

    assert seen == {"self": [200, 200], "staff": [404] * 3, "member": [404] * 3, "moderator": [200, 200, 200]}
    assert answers()[:2] == [404, 404]
    text = client.get(thread).text
    assert ("پنهان" in text, page in text) == (True, False)


def test_a_page_is_shown_again_when_it_is_not_hidden_any_more(client, after_commit):
    member = MemberFactory()
    client.force_login(member)
    for hides in ({"is_private": "on"}, {}):
        with after_commit():
            choose(client, **hides)
    client.logout()

    assert client.get(reverse("community:person", args=[member.handle])).status_code == 200
    assert rules.can_see_person(None, member)


def test_lists_have_the_chosen_languages_and_say_so(client):
    member, area = MemberFactory(), AreaFactory()
    persian, english = ThreadFactory(area=area), ThreadFactory(area=area, title=ENGLISH, body=ENGLISH)
    services.choose_privacy(user=member, is_private=False, languages=["fa"])
    client.force_login(member)

    for address in (reverse("community:index"), reverse("community:unanswered"), area.get_absolute_url()):
        page = client.get(address).text
        assert [thread.get_absolute_url() in page for thread in (persian, english)] == [True, False], address
        assert SETTINGS in page
    services.choose_privacy(user=member, is_private=False, languages=["en"])
    assert english.get_absolute_url() in client.get(reverse("community:index")).text, "with the language of the page"


def test_nobody_hears_of_new_threads_in_languages_they_did_not_choose():
    area = AreaFactory()
    for chosen in (["fa"], ["en"], []):
        member = MemberFactory(name=",".join(chosen) or "all")
        services.choose_privacy(user=member, is_private=False, languages=chosen)
        follow(person_id=member.pk, target=f"community.area:{area.pk}")

    ThreadFactory(area=area, title=ENGLISH, body=ENGLISH)
    outbox.drain()

    told = Notification.objects.filter(kind="community.thread").values_list("person__name", flat=True)
    assert sorted(told) == ["all", "en"]


def test_choices_are_in_the_copy_and_only_known_languages_are_taken(client):
    member = MemberFactory()
    client.force_login(member)

    assert choose(client, languages=["fa", "xx"]).status_code == 422
    choose(client, languages=["fa"], is_private="on")

    profile = dict(services.export_of(member))["profile"]
    assert (profile["languages"], profile["is_private"]) == ("fa", True)
    assert CommunityProfile.objects.get(user=member).messages_from == MessagesFrom.MEMBERS


@pytest.mark.parametrize("is_member", [False, True])
def test_a_list_begins_with_the_language_of_the_page_and_offers_the_others(client, is_member, monkeypatch):
    area = AreaFactory(slug="wifi")
    persian, english = ThreadFactory(area=area), ThreadFactory(area=area, title=ENGLISH, body=ENGLISH)
    for _number in range(2):
        ThreadFactory(area=area, title=ENGLISH, body=ENGLISH)
    monkeypatch.setattr("community.listing.ROWS", 3)
    if is_member:
        client.force_login(MemberFactory(language="en"))

    def found(path: str) -> list[bool]:
        page = client.get(path).text.replace("&amp;", "&")
        return [f"/t/{thread.pk}/" in page for thread in (persian, english)]

    for base in ("/en/community/", "/en/community/a/wifi/"):
        for _time in range(2):  # made, and kept for visitors
            assert found(base) == found(f"{base}?lang=en") == found(f"{base}?lang=xx") == [False, True]
            assert found(f"{base}?lang=fa") == [True, False]
            page = client.get(f"{base}?lang=all").text.replace("&amp;", "&")
            assert "lang=all&after=" in page, "the next threads are in the same languages"
            assert page.count('?lang=all"') >= 4, "so are the other tabs and areas"
            assert "noindex" in page


def test_visitors_have_kept_pages_in_each_choice_of_languages(client, django_assert_num_queries):
    ThreadFactory(title=ENGLISH, body=ENGLISH)
    for query in ("", "?lang=all", "?lang=fa", "?lang=en"):
        client.get(f"/en/community/{query}")
        with django_assert_num_queries(0):
            client.get(f"/en/community/{query}")
