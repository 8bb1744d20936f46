"""What is wrong in a form: its summary leads to the field, in every form of the community."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.urls import reverse

from community import exceptions, services
from community.forms import new_token, started_now
from community.models import Area, Flag
from tests.factories.community import AreaFactory, MemberFactory, MessageFactory, PostFactory, ThreadFactory, moderator

pytestmark = pytest.mark.django_db

ROOT = Path(exceptions.__file__).parent.parent
LONG = "ا" * 50_000


@pytest.fixture(autouse=True)
def _without_second_factor(settings):
    settings.STAFF_SECOND_FACTOR = False


def _typed(**values):
    return {"token": new_token(), "started": started_now(), "do": "post", **values}


def _ask(member, **values):
    return reverse("community:ask"), _typed(area=AreaFactory().pk, title="چرا؟ قطع است", body="متن", **values)


def _locked(member):
    address, data = _ask(member)
    Area.objects.update(is_locked=True)
    return address, data


def _poll(member):
    return _ask(member, poll_question="کدام؟", poll_options="تنها یکی")


def _poll_without_question(member):
    return _ask(member, poll_options="یکی\nدیگری")


def _edit_without_title(member):
    post = ThreadFactory(author=member).posts.get()
    return reverse("community:edit", args=[post.pk]), _typed(title="", body="متن تازه", version=1)


def _empty_title(member):
    address, data = _ask(member)
    return address, {**data, "title": "؟؟؟"}


def _reply(member):
    return reverse("community:reply", args=[ThreadFactory().pk]), _typed(body="")


def _edit(member):
    post = PostFactory(author=member)
    return reverse("community:edit", args=[post.pk]), _typed(body=LONG, version=1)


def _conflict(member):
    post = PostFactory(author=member)
    services.edit_post(post=post, editor=moderator(), body="متن ناظر", version=1)
    return reverse("community:edit", args=[post.pk]), _typed(body="متن نویسنده", version=1)


def _message(member):
    other = MemberFactory()
    services.block_person(user=other, whom=member)
    return reverse("community:message_write", args=[other.handle]), _typed(body="سلام")


def _settings(member):
    return reverse("community:message_settings"), {"messages_from": "x"}


def _flag(member):
    return reverse("community:flag", args=[PostFactory().pk]), {}


def _report(member):
    message = MessageFactory(recipient=member)
    return reverse("community:message_report", args=[message.conversation_id, message.number]), {}


def _appeal(member):
    post = PostFactory(author=member)
    services.hide_post(post=post, by=moderator(), reason=Flag.Reason.SPAM)
    return reverse("community:appeal", args=[post.pk]), {}


def _managed(**data):
    def form(member):
        thread = PostFactory().thread
        return reverse("community:manage", args=[thread.pk]), data

    return form


def _split_solution(member):
    post = PostFactory()
    services.accept_solution(post=post, by=None)
    typed = {"act": "split", "split-title": "پرسش دیگر", "split-posts": [post.pk]}
    return reverse("community:manage", args=[post.thread_id]), typed


def _hide(member):
    return reverse("community:hide", args=[PostFactory().pk]), {}


def _member(member):
    return reverse("desk:member", args=[member.handle]), {"act": "warn"}


def _limits(member):
    return reverse("desk:settings"), {"max_tags": "x"}


BY_MEMBERS = {
    "ask in a closed area": (_locked, "area"),
    "ask with a poll of one": (_poll, "poll_options"),
    "ask with a poll without a question": (_poll_without_question, "poll_question"),
    "edit without a title": (_edit_without_title, "title"),
    "ask without words": (_empty_title, "title"),
    "empty reply": (_reply, "body"),
    "long text": (_edit, "body"),
    "conflict": (_conflict, "body"),
    "refused message": (_message, "body"),
    "who may write": (_settings, "messages_from"),
    "flag": (_flag, "reason"),
    "report": (_report, "reason"),
    "appeal": (_appeal, "text"),
}
BY_MODERATORS = {
    "title": (_managed(act="title", **{"title-title": "؟؟؟"}), "title"),
    "move": (_managed(act="move"), "area"),
    "merge": (_managed(act="merge", **{"merge-into": "0"}), "into"),
    "split": (_managed(act="split"), "posts"),
    "split the solution": (_split_solution, "posts"),
    "hide": (_hide, "reason"),
    "member": (_member, "note"),
    "limits": (_limits, "max_tags"),
}


@pytest.mark.parametrize(
    ("form", "field", "who"),
    [
        *(pytest.param(*how, MemberFactory, id=name) for name, how in BY_MEMBERS.items()),
        *(pytest.param(*how, moderator, id=name) for name, how in BY_MODERATORS.items()),
    ],
)
def test_each_error_leads_to_its_field(client, form, field, who):
    person = who()
    client.force_login(person)
    address, data = form(person if who is MemberFactory else MemberFactory())

    page = client.post(address, data).text

    [summary] = re.findall(r"data-error-summary>.*?<ul>(.*?)</ul>", page, re.DOTALL)
    lines = re.findall(r"<li>(.*?)</li>", summary, re.DOTALL)
    leads_to = [re.search(r'<a href="#([^"]+)"', line) for line in lines]
    assert all(leads_to), lines
    places = {link[1] for link in leads_to if link}
    assert all(f'id="{place}"' in page for place in places), places
    assert any(field in place for place in places), (field, places)


def test_the_title_of_an_edited_question_is_not_called_optional(client):
    member = MemberFactory()
    client.force_login(member)
    address, _data = _edit_without_title(member)

    label = re.search(r'<label for="id_title">(.*?)</label>', client.get(address).text, re.DOTALL)

    assert label is not None
    assert "اختیاری" not in label[1]


def test_no_view_says_what_is_wrong_without_a_field():
    code = [*ROOT.glob("community/**/*.py"), *ROOT.glob("portal/desk/**/*.py")]

    assert [path.name for path in code if "add_error(None" in path.read_text()] == []


def test_who_asks_for_another_look_reads_what_it_is_about(client):
    member = MemberFactory()
    client.force_login(member)
    address, _data = _appeal(member)

    assert member.posts.get().body in client.get(address).text
