"""Links in mails: what they end or ask, for one person, by POST only."""

from __future__ import annotations

import datetime as dt

import pytest
from django.core import signing
from django.test import Client

from portal.notifications import actions, queries
from portal.notifications.actions import Question, SignedAction, action_url, register_action
from portal.notifications.links import Unsubscription
from portal.notifications.models import Follow
from portal.notifications.registry import Group, Mail
from tests.factories.accounts import UserFactory

pytestmark = pytest.mark.django_db
ONE_CLICK = {"List-Unsubscribe": "One-Click"}


@pytest.fixture
def stranger():
    """A browser without a session, as strict about forms as a real one."""
    return Client(enforce_csrf_checks=True)


def muted() -> list[tuple[int, str]]:
    return list(Follow.objects.filter(muted=True).values_list("person", "target"))


def mails(person) -> dict[Group, Mail]:
    return {group: choice.mail for group, choice in queries.all_choices_of(person.pk).items()}


@pytest.mark.parametrize("method", ["get", "head"])
@pytest.mark.parametrize("scope", [{"subject": "forum.thread:42"}, {"group": Group.REPLIES}, {}])
def test_opening_a_link_changes_nothing(stranger, mina, scope, method):
    before = mails(mina)

    response = getattr(stranger, method)(Unsubscription(mina.pk, **scope).path)

    assert response.status_code == 200
    assert (muted(), mails(mina)) == ([], before)
    assert response["Cache-Control"].startswith("max-age=0")


def test_each_link_ends_what_it_names_and_nothing_else(stranger, mina):
    other = UserFactory()
    before = mails(mina)

    stranger.post(Unsubscription(mina.pk, subject="forum.thread:42").path, ONE_CLICK)
    first = muted(), mails(mina)
    stranger.post(Unsubscription(mina.pk, group=Group.REPLIES).path, ONE_CLICK)
    second = mails(mina)
    stranger.post(Unsubscription(mina.pk).path, ONE_CLICK)

    assert first == ([(mina.pk, "forum.thread:42")], before)
    assert {group for group in Group if second[group] != before[group]} == {Group.REPLIES}
    assert {group for group, mail in mails(mina).items() if mail is not Mail.OFF} == {Group.SECURITY}
    assert mails(other) == before


def test_a_thread_can_be_followed_again_at_once(stranger, mina):
    path = Unsubscription(mina.pk, subject="forum.thread:42").path
    stranger.post(path)

    page = stranger.post(path, {"undo": "1"}).text

    assert muted() == []
    assert "دوباره مشترک شدید" in page


@pytest.mark.parametrize("tamper", [lambda token: token[:-2], lambda token: f"x{token}", lambda _token: "nonsense"])
def test_a_link_that_we_did_not_sign_does_nothing(stranger, mina, tamper):
    link = Unsubscription(mina.pk, subject="forum.thread:42")

    response = stranger.post(f"/fa/notifications/unsubscribe/{tamper(link.token)}/", ONE_CLICK)

    assert response.status_code == 404
    assert muted() == []


def test_a_token_for_something_else_is_no_unsubscription(stranger, mina):
    token = signing.dumps([mina.pk, "forum.thread:42"], salt="another purpose")

    assert stranger.post(f"/fa/notifications/unsubscribe/{token}/").status_code == 404


def test_links_survive_a_change_of_the_secret_key(stranger, mina, settings):
    settings.SECRET_KEY = "first key, long enough for a signature"
    path = Unsubscription(mina.pk, subject="forum.thread:42").path
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "second key, long enough for a signature"

    assert stranger.post(path, ONE_CLICK).status_code == 200
    settings.SECRET_KEY_FALLBACKS = []
    assert stranger.post(path, ONE_CLICK).status_code == 404


def test_a_link_of_somebody_who_left_says_so(stranger, mina):
    path = Unsubscription(mina.pk, subject="forum.thread:42").path
    mina.delete()

    assert stranger.post(path, ONE_CLICK).status_code == 410


@pytest.mark.parametrize(
    ("language", "words"), [("fa", "دیگر دربارهٔ این موضوع خبر ندهیم؟"), ("en", "Hear nothing more about")]
)
def test_the_page_is_in_the_language_of_the_mail(stranger, mina, language, words):
    token = Unsubscription(mina.pk, subject="forum.thread:42").token

    assert words in stranger.get(f"/{language}/notifications/unsubscribe/{token}/").text


# Questions -----------------------------------------------------------------------------------------------------------


class Solved(SignedAction):
    name = "forum.solved"
    valid_for = dt.timedelta(days=7)
    answers: list[tuple[str, str, str]] = []

    def ask(self, person, argument):
        choices = {"yes": "بله", "partly": "کمی", "no": "نه"}
        return Question(title="حل شد؟", choices=choices) if argument == "42" else None

    def answer(self, person, argument, choice):
        self.answers.append((person.handle, argument, choice))
        return "خوشحالیم که حل شد."


@pytest.fixture
def solved():
    register_action(Solved())
    Solved.answers.clear()
    yield Solved.answers
    actions.forget_action("forum.solved")


def test_a_question_is_shown_by_get_and_answered_by_post(stranger, mina, solved):
    path = action_url("forum.solved", person_id=mina.pk, argument="42", choice="yes")

    page = stranger.get(path).text
    shown = list(solved)
    thanks = stranger.post(path, {"choice": "partly"}).text

    assert shown == []
    assert [label in page for label in ("حل شد؟", "بله", "کمی", "نه")] == [True] * 4
    assert solved == [("مینا", "42", "partly")]
    assert "خوشحالیم که حل شد." in thanks


@pytest.mark.parametrize("data", [{}, {"choice": "perhaps"}])
def test_an_answer_that_was_not_offered_is_none(stranger, mina, solved, data):
    path = action_url("forum.solved", person_id=mina.pk, argument="42")

    assert "حل شد؟" in stranger.post(path, data).text
    assert solved == []


def test_a_question_expires_and_ends_when_its_feature_says_so(stranger, mina, solved, monkeypatch):
    path = action_url("forum.solved", person_id=mina.pk, argument="42")
    ended = action_url("forum.solved", person_id=mina.pk, argument="43")

    monkeypatch.setattr(Solved, "valid_for", dt.timedelta(seconds=-1))

    assert stranger.post(path, {"choice": "yes"}).status_code == 410
    monkeypatch.undo()
    assert stranger.post(ended, {"choice": "yes"}).status_code == 410
    assert stranger.post(path.replace("/answer/", "/answer/x"), {"choice": "yes"}).status_code == 404
    assert solved == []


def test_answers_are_limited(stranger, mina, solved, monkeypatch):
    from portal.notifications import views

    monkeypatch.setattr(views, "_ANSWERS_PER_HOUR", 1)
    path = action_url("forum.solved", person_id=mina.pk, argument="42")

    assert [stranger.post(path, {"choice": "yes"}).status_code for _time in range(2)] == [200, 429]
