"""Asking, replying, editing, drafts, pictures: as forms that work without JavaScript."""

from __future__ import annotations

import datetime as dt
import re
from io import BytesIO

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils import timezone
from PIL import Image

from community import services
from community.events import QuestionSpared
from community.forms import started_now
from community.models import Area, Draft, Flag, Level, Poll, Post, Solution, SparedQuestion, Thread, Upload, Vote
from portal.core import outbox
from portal.core.events import subscribed
from portal.notifications.queries import is_following
from tests.factories.community import (
    ANSWER,
    AreaFactory,
    MemberFactory,
    PostFactory,
    TagFactory,
    ThreadFactory,
    moderator,
    token,
)

pytestmark = pytest.mark.django_db

BODY = "از دیشب چراغ سوم خاموش است و هیچ صفحه‌ای باز نمی‌شود."
PHONE = "شمارهٔ من 0912 345 6789 است، زنگ بزنید."


@pytest.fixture
def member(client):
    person = MemberFactory()
    client.force_login(person)
    return person


@pytest.fixture(autouse=True)
def _uploads_here(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path


def picture(kind="JPEG", name="photo.jpg", size=(40, 30), **options):
    out = BytesIO()
    Image.new("RGB", size, "teal").save(out, kind, **options)
    return SimpleUploadedFile(name, out.getvalue(), content_type="image/jpeg")


def question(here, **changed):
    return {"title": "مودم وصل نمی‌شود", "area": here.pk, "body": BODY, "token": token(), "do": "post", **changed}


def hidden_fields(text):
    return dict(re.findall(r'<input type="hidden" name="(token|started|version)" value="([^"]*)"', text))


# Asking --------------------------------------------------------------------------------------------------------------


def test_ask_reply_accept_without_javascript(client, member):
    area = AreaFactory()
    form = client.get(reverse("community:ask"), {"area": area.slug, "q": "مودم وصل نمی‌شود"})
    assert 'value="مودم وصل نمی‌شود"' in form.text

    asked = client.post(reverse("community:ask"), question(area, follows="on", **hidden_fields(form.text)), follow=True)
    thread = Thread.objects.visible_to(member).get()
    helper = MemberFactory()
    client.force_login(helper)
    replied = client.post(
        reverse("community:reply", args=[thread.pk]), {"body": ANSWER, "token": token(), "do": "post"}, follow=True
    )
    client.force_login(member)
    reply = Post.objects.visible_to(member).get(author=helper)
    client.post(reverse("community:accept", args=[reply.pk]), {"on": "1"})

    assert [BODY in asked.text, ANSWER in replied.text] == [True, True]
    assert "پاسخ پذیرفته" in client.get(thread.get_absolute_url()).text
    assert Solution.objects.get().post == reply
    assert is_following(member.pk, f"community.thread:{thread.pk}")


def test_who_shares_an_idea_is_not_asked_for_a_question(client, member):
    ideas, questions = AreaFactory(kind=Area.Kind.IDEAS), AreaFactory()
    url = reverse("community:ask")

    pages = [client.get(url, {"area": area.slug}).text for area in (ideas, questions)]
    pages.append(client.post(url, question(ideas, title="")).text)

    heads = [re.search(r"<h1>(.*?)</h1>.*?<label for=\"id_title\">(.*?)</label>", page, re.DOTALL) for page in pages]
    idea = ("ایده‌ای بدهید", "ایدهٔ شما در یک جمله")
    assert [head and head.groups() for head in heads] == [idea, ("پرسیدن سؤال", "پرسش شما در یک جمله"), idea]


def test_a_helper_cannot_accept_an_answer_of_their_own(client):
    helper = MemberFactory(level=Level.HELPER)
    own, another = PostFactory(author=helper), PostFactory()
    client.force_login(helper)
    address = reverse("community:accept", args=[own.pk])

    assert address not in client.get(own.thread.get_absolute_url()).text
    assert client.post(address, {"on": "1"}).status_code == 403
    client.post(reverse("community:accept", args=[another.pk]), {"on": "1"})
    assert Solution.objects.get().post == another


def test_the_same_form_sent_twice_starts_one_thread_and_posts_one_reply(client, member):
    area = AreaFactory()
    data = question(area)

    for _twice in range(2):
        client.post(reverse("community:ask"), data)
    thread = Thread.objects.visible_to(member).get()
    for _twice in range(2):
        client.post(reverse("community:reply", args=[thread.pk]), {"body": ANSWER, "token": "again", "do": "post"})

    assert Post.objects.visible_to(member).count() == 2


def test_a_newcomers_question_is_held_and_they_are_told(client):
    newcomer = MemberFactory(level=Level.NEW)
    client.force_login(newcomer)

    response = client.post(reverse("community:ask"), question(AreaFactory()), follow=True)

    assert "دیگران پس از نگاه کوتاه یک ناظر آن را می‌بینند" in response.text
    assert Thread.objects.visible_to(newcomer).get().state == "held"
    client.logout()
    assert "مودم وصل نمی‌شود" not in client.get(reverse("community:index")).text


@pytest.mark.parametrize(
    ("changed", "word"),
    [
        ({"title": ""}, 'href="#id_title">پرسش شما در یک جمله: '),
        ({"body": " "}, "نخست چیزی بنویسید"),
        ({"area": "999"}, 'href="#id_area"'),
        ({"poll_question": "کدام؟", "poll_options": "یکی"}, "نظرسنجی ۲ تا ۱۰ گزینهٔ متفاوت دارد"),
    ],
)
def test_a_form_with_a_mistake_keeps_everything_typed(client, member, changed, word):
    response = client.post(reverse("community:ask"), question(AreaFactory(), tags="مش", **changed))

    assert response.status_code == 422
    assert word in response.text
    assert 'value="مش"' in response.text
    assert BODY in response.text or "body" in changed
    assert not Thread.objects.visible_to(member).exists()


def test_areas_in_which_one_cannot_ask_are_not_offered(client, member):
    open_one, news = AreaFactory(), AreaFactory(announcements=True)
    private = AreaFactory(audience="partner")

    text = client.get(reverse("community:ask")).text
    refused = [client.post(reverse("community:ask"), question(area)).status_code for area in (news, private)]

    assert [f'<option value="{area.pk}"' in text for area in (open_one, news, private)] == [True, False, False]
    assert refused == [422, 422]


def test_tags_are_made_by_active_members_only(client):
    TagFactory(name="مش", slug="مش")
    for level, expected in ((Level.MEMBER, {"مش"}), (Level.ACTIVE, {"مش", "تازه"})):
        person = MemberFactory(level=level)
        client.force_login(person)
        client.post(reverse("community:ask"), question(AreaFactory(), tags="مش، تازه"))
        thread = Thread.objects.visible_to(person).get(author=person)
        assert {tag.name for tag in thread.tags.all()} == expected


def test_tags_that_are_left_out_are_named(client, member):
    TagFactory(name="مودم")
    page = client.post(reverse("community:ask"), question(AreaFactory(), tags="مودم، کابل، فیبر"), follow=True).text

    assert "فقط برچسب‌های موجود به کار می‌روند: \u2068کابل\u2069، \u2068فیبر\u2069" in page
    assert Thread.objects.visible_to(member).get().tags.count() == 1
    assert "فقط برچسب‌های موجود" in client.get(reverse("community:ask")).text


def test_more_tags_than_a_thread_has_are_named(client):
    client.force_login(MemberFactory(level=Level.ACTIVE))
    page = client.post(reverse("community:ask"), question(AreaFactory(), tags="الف، ب، پ، ت، ث، جیم"), follow=True).text

    assert "هر گفت‌وگو حداکثر ۵ برچسب دارد: \u2068جیم\u2069" in page
    assert "فقط برچسب‌های موجود" not in client.get(reverse("community:ask")).text


@pytest.fixture
def known(client, member):
    """A thread that search suggests for its title."""
    thread = ThreadFactory(title="چراغ مودم قرمز است و خاموش نمی‌شود")
    outbox.drain()
    return thread


def answered(client, known, **typed):
    data = {"title": known.title, "body": "", "do": "answered", **typed}
    return client.post(reverse("community:ask"), data, follow=True)


def test_question_that_a_suggestion_answers_is_counted_once_a_day_and_not_asked(client, member, known):
    events = []
    with subscribed(QuestionSpared, events.append, name="tests.spared"):
        pages = [answered(client, known, body=BODY) for _ in range(2)]
        outbox.drain()

    said = SparedQuestion.objects.get()
    assert (said.user, said.kind, said.object_id) == (member, "community.thread", known.pk)
    assert not Thread.objects.filter(author=member).exists()
    assert all("پیش‌نویس نگه داشتیم" in page.text for page in pages)
    assert Draft.objects.get(user=member).body == BODY  # in case that it was not the answer
    assert [event.spared_id for event in events] == [said.pk]


@pytest.mark.parametrize("changed", [{"title": "قهوهٔ ترک"}, {"title": ""}, {"title": "\0"}])
def test_what_no_suggestion_answered_is_not_counted(client, known, changed):
    page = answered(client, known, body=BODY, **changed)

    assert not SparedQuestion.objects.exists()
    assert BODY in page.text


def test_suggestion_that_only_others_may_see_answers_nothing(client, known):
    services.move_thread(thread=known, area=AreaFactory(audience="staff"), by=moderator())
    outbox.drain()

    answered(client, known)

    assert not SparedQuestion.objects.exists()


def test_a_poll_is_asked_and_voted_in(client, member):
    client.post(
        reverse("community:ask"),
        question(AreaFactory(discussions=True), poll_question="کدام مودم؟", poll_options="X1\nX2\n"),
    )
    poll = Poll.objects.get()
    option = poll.options.get(text="X2")
    url = reverse("community:vote_in_poll", args=[poll.thread_id])

    client.post(url, {"option": [option.pk, poll.options.get(text="X1").pk]})
    assert Poll.objects.get().voter_count == 0
    text = client.post(url, {"option": option.pk}, follow=True).text

    assert Poll.objects.get().voter_count == 1
    assert "۱۰۰٪" in text


# Personal data -------------------------------------------------------------------------------------------------------


def test_personal_data_is_shown_first_then_masked(client, member):
    data = question(AreaFactory(), body=PHONE)

    warned = client.post(reverse("community:ask"), data)
    assert "در متن شما اطلاعات شخصی هست" in warned.text
    assert not Thread.objects.visible_to(member).exists()
    client.post(reverse("community:ask"), {**data, "has_seen_warning": "1"})

    assert Post.objects.visible_to(member).get().body == "شمارهٔ من [phone] است، زنگ بزنید."


def test_personal_data_stays_if_its_author_insists(client, member):
    client.post(reverse("community:ask"), question(AreaFactory(), body=PHONE, keeps_personal_data="on"))

    assert Post.objects.visible_to(member).get().body == PHONE


# Who is a program ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("level", "changed", "state"),
    [
        (Level.MEMBER, {"website": "https://spam.example"}, "held"),
        (Level.MEMBER, {}, "visible"),
        (Level.MEMBER, {"started": started_now()}, "visible"),
    ],
)
def test_what_only_programs_fill_in_is_held(client, level, changed, state):
    person = MemberFactory(level=level)
    client.force_login(person)

    client.post(reverse("community:ask"), question(AreaFactory(), **changed))

    assert Thread.objects.visible_to(person).get().state == state


def test_too_many_posts_wait_and_the_text_stays(client, member, monkeypatch):
    monkeypatch.setattr("community.rules.limited", lambda *_all, **_named: 60)

    response = client.post(reverse("community:ask"), question(AreaFactory()))

    assert response.status_code == 429
    assert BODY in response.text


# Replying ------------------------------------------------------------------------------------------------------------


def test_a_quote_names_the_post_and_answers_it(client, member):
    answered = PostFactory(body="مودم را **خاموش** کنید\nو صبر کنید")

    form = client.get(reverse("community:reply", args=[answered.thread_id]), {"to": answered.pk, "quote": 1})
    body = re.search(r"<textarea[^>]*>\n?(.*?)</textarea>", form.text, re.DOTALL)[1]

    assert f"](post:{answered.pk})\n&gt;\n&gt; مودم را **خاموش** کنید\n&gt; و صبر کنید" in body
    client.post(
        reverse("community:reply", args=[answered.thread_id]),
        {"body": f"> [x](post:{answered.pk})\n\nممنون", "to": answered.pk, "token": token()},
    )
    assert Post.objects.visible_to(member).get(author=member).reply_to == answered


def test_who_may_not_write_reads_until_when_in_place_of_the_reply_box(client, member):
    thread = ThreadFactory()
    until = timezone.now() + dt.timedelta(days=2)
    services.silence_member(user=member, by=moderator(), until=until, note="", reason="")

    page = client.get(thread.get_absolute_url()).text

    assert "نمی‌توانید اینجا بنویسید" in page
    assert reverse("community:person", args=[member.handle]) in page.partition("نمی‌توانید اینجا بنویسید")[2][:200]
    assert "<textarea" not in page


def test_a_closed_thread_says_so(client, member):
    thread = services.lock(thread=ThreadFactory(), by=moderator())

    response = client.get(reverse("community:reply", args=[thread.pk]), follow=True)

    assert "این گفت‌وگو بسته شده است" in response.text


def test_a_visitor_comes_back_to_the_reply_after_signing_in(client):
    url = reverse("community:reply", args=[ThreadFactory().pk])

    response = client.post(url, {"body": ANSWER})

    assert response.headers["Location"] == f"/fa/accounts/login/?next={url}"


def test_a_preview_is_made_by_the_renderer_and_posts_nothing(client, member):
    thread = ThreadFactory()

    page = client.post(reverse("community:reply", args=[thread.pk]), {"body": "**پررنگ** <b>", "do": "preview"})
    part = client.post(reverse("community:preview"), {"body": "**پررنگ** <b>"})

    for response in (page, part):
        assert '<p dir="auto"><strong>پررنگ</strong> &lt;b&gt;</p>' in response.text
    assert thread.highest_number == Thread.objects.visible_to(member).get().highest_number


# Drafts --------------------------------------------------------------------------------------------------------------


def test_a_draft_survives_a_sign_out_and_is_nobody_elses(client, member):
    thread = ThreadFactory()
    url = reverse("community:reply", args=[thread.pk])
    client.post(url, {"body": "نیمه‌کاره", "do": "draft"})
    client.logout()
    client.force_login(MemberFactory())
    others = client.get(url).text
    client.force_login(member)

    own = client.get(url).text

    assert ["نیمه‌کاره" in text for text in (others, own)] == [False, True]
    client.post(url, {"do": "discard"})
    assert not Draft.objects.exists()


@pytest.mark.parametrize("by_script", [False, True])
def test_a_draft_needs_nothing_of_what_a_question_needs_and_keeps_all_of_it(client, member, by_script):
    area, url = AreaFactory(), reverse("community:ask")
    choices = "\n".join(f"گزینهٔ {number} با نامی که دراز است" for number in range(30))
    typed = {"body": BODY, "area": area.pk, "tags": "وای‌فای", "poll_question": "کدام؟", "poll_options": choices}
    typed |= {"poll_is_multiple": "on"}

    if by_script:
        client.post(reverse("community:draft"), {"place": "new", **typed})
    else:
        saved = client.post(url, {**typed, "do": "draft"}, follow=True).text
        assert "پیش‌نویس ذخیره شد" in saved
    again = client.get(url)

    form = again.context["form"]
    assert {name: str(form[name].value()) for name in typed} == {name: str(value) for name, value in typed.items()}
    assert (again.context["has_poll"], "data-error-summary" in again.text) == (True, False)


@pytest.mark.parametrize("at", ["ask", "reply", "edit", "message_write"])
def test_an_empty_draft_is_not_said_to_be_kept(client, member, at):
    keys = {"reply": ThreadFactory().pk, "edit": PostFactory(author=member).pk, "message_write": MemberFactory().handle}
    url = reverse(f"community:{at}", args=[keys[at]] if at in keys else [])

    answer = client.post(url, {"body": " ", "do": "draft"}, follow=True)

    assert ("وقتی برگردید" in answer.text, "نخست چیزی بنویسید" in answer.text) == (False, True)
    assert not Draft.objects.exists()


def test_a_draft_of_a_reply_shows_below_the_thread_where_another_would_replace_it(client, member):
    thread = ThreadFactory()
    address, url = thread.get_absolute_url(), reverse("community:reply", args=[thread.pk])
    before = client.get(address).text
    client.post(url, {"body": "نیمه‌کاره", "do": "draft"})

    during = client.get(address).text
    client.post(url, {"body": "نیمه‌کاره، و تمام", "token": token(), "do": "post"})
    after = client.get(address).text

    forms, notes = (
        [part in text for text in (before, during, after)] for part in ('name="body"', "پاسخی را آغاز کرده‌اید")
    )
    assert (forms, notes) == ([True, False, True], [False, True, False])


def test_a_draft_of_a_reply_still_answers_the_same_post(client, member):
    post = PostFactory()
    url = reverse("community:reply", args=[post.thread_id])

    answer = client.post(url, {"body": "نیمه‌کاره", "to": post.pk, "do": "draft"})

    assert answer.url == f"{url}?to={post.pk}"
    assert f'name="to" value="{post.pk}"' in client.get(answer.url).text


def test_scripts_store_drafts_only_where_something_is_written(client, member):
    url, thread, inside = reverse("community:draft"), ThreadFactory(), ThreadFactory(area=AreaFactory(audience="staff"))
    own, other = PostFactory(author=member), MemberFactory()
    places = {
        200: ["new", f"thread:{thread.pk}", f"post:{own.pk}", f"to:{other.pk}"],
        400: [
            *("elsewhere", "", "thread:x", "area:7", f"thread:0{thread.pk}", f"to:{member.pk}"),
            *(f"{kind}:99999999" for kind in ("thread", "post", "to")),
            *(f"thread:{inside.pk}", f"post:{PostFactory().pk}"),
            f"to:{MemberFactory(is_active=False).pk}",
        ],
    }

    answers = {
        status: [client.post(url, {"place": place, "body": "x"}).status_code for place in asked]
        for status, asked in places.items()
    }

    assert answers == {status: [status] * len(asked) for status, asked in places.items()}
    assert set(Draft.objects.values_list("place", flat=True)) == set(places[200])


def test_a_draft_begun_is_kept_when_its_thread_is_closed_meanwhile(client, member):
    thread = ThreadFactory()
    data = {"place": f"thread:{thread.pk}", "body": "نیمه‌کاره"}
    client.post(reverse("community:draft"), data)
    services.lock(thread=thread, by=moderator())

    again = client.post(reverse("community:draft"), data | {"body": "نیمه‌کاره‌تر"})

    assert (again.status_code, Draft.objects.get().body) == (200, "نیمه‌کاره‌تر")


# Editing -------------------------------------------------------------------------------------------------------------


def test_two_who_edit_at_once_both_find_their_text(client, member):
    thread = ThreadFactory(author=member)
    post = Post.objects.visible_to(member).get(thread=thread)
    url = reverse("community:edit", args=[post.pk])
    form = client.get(url).text
    services.edit_post(post=post, editor=moderator(), body="متن ناظر دربارهٔ مودم", version=1)

    data = {"title": thread.title, "body": "متن نویسنده دربارهٔ مودم", "do": "post"}
    conflict = client.post(url, {**data, **hidden_fields(form)})

    assert conflict.status_code == 409
    assert ["متن ناظر دربارهٔ مودم" in conflict.text, "متن نویسنده دربارهٔ مودم" in conflict.text] == [True, True]
    again = client.post(url, {**data, **hidden_fields(conflict.text)})
    assert again.status_code == 302
    assert Post.objects.visible_to(member).get().body == "متن نویسنده دربارهٔ مودم"
    history = client.get(reverse("community:history", args=[post.pk])).text
    assert "از دیروز چراغ سوم" in history
    client.force_login(MemberFactory())
    assert client.get(reverse("community:history", args=[post.pk])).status_code == 404


def test_who_changed_the_text_in_another_window_is_not_called_somebody(client, member):
    post = Post.objects.visible_to(member).get(thread=ThreadFactory(author=member))
    services.edit_post(post=post, editor=member, body="A text in English", version=1)

    data = {"title": post.thread.title, "body": "متن نویسنده دربارهٔ مودم", "version": 1}
    conflict = client.post(reverse("community:edit", args=[post.pk]), data).text

    assert "خودتان این متن را در این میان عوض کرده‌اید" in conflict
    assert re.search(r'<pre[^>]* dir="ltr" lang="en"[^>]*>A text in English', conflict)


# Pictures ------------------------------------------------------------------------------------------------------------


def test_a_picture_is_encoded_again_and_shown_in_the_post(client, member):
    exif = Image.Exif()
    exif[0x010E] = "زمردنشان"
    area = AreaFactory()

    client.post(reverse("community:ask"), {**question(area), "pictures": [picture(exif=exif, comment=b"SECRET")]})
    post, upload = Post.objects.visible_to(member).get(), Upload.objects.visible_to(member).get()
    client.logout()
    shown = client.get(f"/f/{upload.pk}/{upload.name}")
    content = b"".join(shown.streaming_content)

    assert upload.post == post
    assert f'src="/f/{upload.pk}/photo.jpg"' in post.html
    assert Image.open(BytesIO(content)).size == (40, 30)
    assert [b"SECRET" in content, b"Exif" in content] == [False, False]
    assert {name: shown.headers[name] for name in ("Cache-Control", "X-Content-Type-Options", "Content-Type")} == {
        "Cache-Control": "private, no-store",
        "X-Content-Type-Options": "nosniff",
        "Content-Type": "image/jpeg",
    }
    assert "sandbox" in shown.headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    "file",
    [
        SimpleUploadedFile("a.svg", b"<svg onload='x'/>", content_type="image/svg+xml"),
        SimpleUploadedFile("a.jpg", b"<html><script>x</script>", content_type="image/jpeg"),
        SimpleUploadedFile("a.png", b"\x89PNG\r\n\x1a\n" + b"x" * 50, content_type="image/png"),
        SimpleUploadedFile("a.jpg", b"\xff\xd8\xff" + b"x" * (5 * 1024 * 1024), content_type="image/jpeg"),
    ],
    ids=["svg", "html", "broken", "large"],
)
def test_what_is_no_picture_is_refused_with_a_reason_and_the_text_stays(client, member, file):
    content = file.read()
    again = [SimpleUploadedFile(file.name, content, content_type=file.content_type) for _twice in range(2)]

    part = client.post(reverse("community:upload"), {"picture": again[0]})
    page = client.post(reverse("community:ask"), {**question(AreaFactory()), "pictures": [again[1]]})

    assert part.status_code == 422
    assert part.json()["problem"]
    assert part.json()["problem"] in page.text
    assert BODY in page.text
    assert not Thread.objects.visible_to(member).exists()
    assert not Upload.objects.visible_to(member).exists()


def test_so_many_pictures_at_a_time_and_the_rest_is_said_to_be_left_out(client, member):
    """Each is decoded while nobody else is served."""
    pictures = [picture(name=f"{number}.jpg") for number in range(6)]

    page = client.post(reverse("community:ask"), {**question(AreaFactory()), "pictures": pictures})

    assert Upload.objects.visible_to(member).count() == 4
    assert "هر بار حداکثر ۴ تصویر می‌توان افزود" in page.text
    assert not Thread.objects.visible_to(member).exists()  # the text is shown again, with the pictures that were taken


def test_a_picture_is_as_private_as_its_post_and_before_that_its_owners(client, member):
    answer = client.post(reverse("community:upload"), {"picture": picture("PNG", "نقشه.png")}).json()
    upload = Upload.objects.visible_to(member).get()
    url = f"/f/{upload.pk}/x"
    own = client.get(url).status_code
    client.logout()
    waiting = client.get(url, follow=True).status_code
    thread = ThreadFactory(author=member, body=f"{BODY} {answer['markdown']}")
    public = client.get(url).status_code
    services.hide_post(post=Post.objects.visible_to(None).get(thread=thread), by=moderator(), reason="spam")

    assert [own, waiting, public, client.get(url, follow=True).status_code] == [200, 404, 200, 404]


def test_newcomers_cannot_add_pictures(client):
    client.force_login(MemberFactory(level=Level.NEW))

    assert client.post(reverse("community:upload"), {"picture": picture()}).status_code == 422
    assert not Upload.objects.visible_to(moderator()).exists()


# Acts ----------------------------------------------------------------------------------------------------------------


def test_helpful_is_given_once_and_taken_back(client, member):
    reply = PostFactory()
    url = reverse("community:helpful", args=[reply.pk])

    for _twice in range(2):
        client.post(url, {"on": "1"})
    part = client.post(url, {"on": "1"}, headers={"HX-Request": "true"})
    assert Vote.objects.count() == 1
    assert 'aria-pressed="true"' in part.text
    client.post(url, {"on": "0"})

    assert Vote.objects.count() == 0


@pytest.mark.parametrize(("act", "expected"), [("me_too", [2, 1]), ("follow", [1, 0]), ("vote_idea", [1, 0])])
def test_acts_with_a_thread_are_shown_as_done(client, member, act, expected):
    thread = ThreadFactory(**({"idea": True} if act == "vote_idea" else {}))

    texts = [
        client.post(reverse(f"community:{act}", args=[thread.pk]), {"on": on}, follow=True).text for on in ("1", "0")
    ]

    assert [len(re.findall(r'value="0"\s+aria-pressed="true"', text)) for text in texts] == expected


def test_staff_say_what_becomes_of_an_idea(client):
    thread, boss = ThreadFactory(idea=True), moderator()
    client.force_login(boss)

    text = client.post(
        reverse("community:idea_status", args=[thread.pk]),
        {"status": "planned", "note": "در پاییز می‌آید."},
        follow=True,
    ).text

    assert Thread.objects.visible_to(boss).get().status == "planned"
    assert "در پاییز می‌آید." in text


def test_a_report_reaches_the_moderators(client, member):
    reply = PostFactory()
    url = reverse("community:flag", args=[reply.pk])

    form = client.get(url).text
    unsaid = client.post(url, {})
    client.post(url, {"reason": "spam", "note": "تبلیغ است"})

    assert form.count('name="reason"') == 6
    assert unsaid.status_code == 422
    assert Flag.objects.get().note == "تبلیغ است"


def test_an_appeal_comes_from_the_author(client):
    reply = PostFactory(hidden=True)
    client.force_login(reply.author)

    client.post(reverse("community:appeal", args=[reply.pk]), {"text": "این هرزنامه نیست"})

    assert reply.reviews.get(decision="").appeal == "این هرزنامه نیست"


def test_an_author_deletes_a_reply_after_being_asked(client, member):
    reply = PostFactory(author=member)
    url = reverse("community:delete", args=[reply.pk])

    asked = client.get(url)
    client.post(url)

    assert asked.status_code == 200
    assert not Post.objects.visible_to(member).filter(pk=reply.pk).exists()
    assert "نویسنده این نوشته را حذف کرده است." in client.get(reply.thread.get_absolute_url()).text


def test_bookmarks_are_listed_while_one_may_read_them(client, member):
    reply = PostFactory(thread=ThreadFactory(title="به‌یادماندنی"))
    client.post(reverse("community:bookmark", args=[reply.pk]), {"on": "1"})
    url = reverse("community:bookmarks")
    before = client.get(url).text
    services.hide_post(post=reply, by=moderator(), reason="spam")

    assert ["به‌یادماندنی" in text for text in (before, client.get(url).text)] == [True, False]
