"""A member's own copy, and what is left of one who leaves."""

from __future__ import annotations

import pytest
from django.core.management import call_command

from community import rendering, services
from community.models import CommunityProfile, Draft, Post, PostMention, PostRevision, SolvedIt
from community.reconcile import find_drift
from tests.factories.community import ANSWER, MemberFactory, PostFactory, ThreadFactory, moderator, token

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.both_databases("community.services.members", "community.services.uploads", "community.services.texts"),
]


def test_export_has_what_a_person_wrote_and_did_and_nothing_of_others():
    user, other = MemberFactory(), MemberFactory()
    thread = ThreadFactory(author=user, title="پرسش من")
    PostFactory(thread=thread, author=other, body="پاسخ دیگری")
    mine = PostFactory(author=user, body="پاسخ من")
    services.edit_post(post=mine, editor=moderator(), body="پاسخ من، درست‌شده", version=1)
    services.vote_helpful(post=PostFactory(author=other), user=user)
    services.save_draft(user=user, place="new", body="پیش‌نویس من")
    services.flag_post(post=PostFactory(author=other), user=user, reason="spam", note="تبلیغ")

    rows = list(services.export_of(user))

    kinds = [kind for kind, _values in rows]
    assert {"thread", "post", "earlier text", "draft", "helpful vote", "flag", "profile", "thread read"} == set(kinds)
    text = " ".join(str(value) for _kind, values in rows for value in values.values())
    assert all(part in text for part in ("پرسش من", "پاسخ من، درست‌شده", "پیش‌نویس من", "تبلیغ"))
    assert "پاسخ دیگری" not in text


def test_export_names_each_thing_once():
    user = MemberFactory()
    question = ThreadFactory()
    answer = PostFactory(thread=question)
    services.say_me_too(thread=question, user=user)
    services.vote_helpful(post=answer, user=user)
    SolvedIt.objects.create(thread=question, post=answer, user=user)

    rows = [(kind, str(values)) for kind, values in services.export_of(user)]

    assert len(rows) == len(set(rows)) == 4


def test_erased_member_leaves_posts_and_counters_but_no_name():
    user = MemberFactory(handle="Sara.M")
    thread = ThreadFactory(author=user)
    answer = PostFactory(author=user)
    services.vote_helpful(post=PostFactory(), user=user)
    services.accept_solution(post=answer, by=answer.thread.author)
    naming = PostFactory(thread=thread, body="ممنون @sara.m و @Sara_Mk و نامهٔ x@sara.m")
    services.save_draft(user=user, place="new", body="پیش‌نویس")
    services.edit_post(post=answer, editor=moderator(), body="درست‌شده", version=1)

    assert services.erase_member(user=user) == 1
    assert services.erase_member(user=user) == 0
    user.delete()

    naming.refresh_from_db()
    assert naming.body == "ممنون […] و @Sara_Mk و نامهٔ [e-mail]"
    assert "/u/" not in naming.html
    answer.refresh_from_db()
    assert (answer.author, answer.body, answer.is_solution) == (None, "درست‌شده", True)
    for gone in (PostMention, Draft, PostRevision):
        assert not gone.objects.exists()
    assert not CommunityProfile.objects.filter(pk=user.pk).exists()
    assert list(find_drift()) == []


def test_posts_of_an_earlier_renderer_are_rendered_again(monkeypatch, capsys):
    name = MemberFactory(handle="mina")
    posts = [PostFactory(body="سلام @mina"), PostFactory(body=ANSWER)]
    Post.objects.filter(pk=posts[0].pk).update(html="", render_version=0)

    call_command("rerender_posts")
    call_command("rerender_posts")

    assert f'href="/u/{name.handle}/"' in Post.objects.get(pk=posts[0].pk).html
    assert capsys.readouterr().out.count("posts rendered") == 1
    assert not Post.objects.exclude(render_version=rendering.VERSION).exists()


def test_reconcile_reports_and_mends(capsys):
    from django.core.management import CommandError

    post = PostFactory(token=token())
    call_command("community_reconcile")
    Post.objects.filter(pk=post.pk).update(helpful_count=3)

    with pytest.raises(CommandError):
        call_command("community_reconcile")
    call_command("community_reconcile", "--mend")
    call_command("community_reconcile")

    assert "helpful_count is 3, counted 0" in capsys.readouterr().out
