from __future__ import annotations

import datetime as dt
import itertools
from functools import partial

import lucide
import pytest
from django.contrib.auth.models import AnonymousUser
from django.template import Context, RequestContext, Template
from django.test import RequestFactory
from django.utils import translation

from portal.accounts.models import User
from portal.core.audience import register_audience
from portal.core.memo import content_changed
from portal.core.preferences import Preferences, preferences_in_use
from portal.core.templatetags import ui


def render(source: str, **context: object) -> str:
    return Template("{% load ui %}" + source).render(Context(context))


def test_filters_write_as_the_reader_does():
    day = dt.date(2026, 11, 22)

    assert render("{{ n|num }} {{ n|num:1 }} {{ n|percent }} {{ n|signed }}", n=1200) == (
        "۱٬۲۰۰ ۱٬۲۰۰٫۰ ۱٬۲۰۰٪ <bdi>+۱٬۲۰۰</bdi>"
    )
    assert render("{{ d|date_l }}", d=day) == '<time datetime="2026-11-22">۱ آذر ۱۴۰۵</time>'
    assert render("{{ d|date_l:'day' }}", d=day) == '<time datetime="2026-11-22">۱ آذر</time>'
    assert render("{{ t|time_l }}", t=dt.time(9, 5)) == '<time datetime="09:05">۰۹:۰۵</time>'
    assert render("{{ s|filesize_l }}", s=2048) == "۲ کیلوبایت"


def test_filters_say_nothing_about_nothing():
    source = "{{ x|num }}{{ x|date_l }}{{ x|time_l }}{{ x|ago }}{{ x|ltr }}{{ x|filesize_l }}{{ x|percent }}"

    assert render(source, x=None) == ""


@pytest.mark.parametrize("name", ["num", "ltr", "signed", "percent", "isolate"])
def test_filters_escape_what_they_are_given(name):
    assert "<script>" not in render("{{ x|" + name + " }}", x="<script>")


def test_icons_are_inline_decoration_and_point_along_the_line_of_reading():
    assert render('{% icon "check" %}') == (
        '<svg class="i" viewBox="0 0 24 24" aria-hidden="true"><path d="M20 6 9 17l-5-5" /></svg>'
    )
    assert 'class="i i--sm i--dir"' in render('{% icon "chevron-left" "i--sm" %}')


def test_an_icon_with_a_label_is_read_out():
    svg = render('{% icon "check" label=label %}', label='"solved"')

    assert 'role="img" aria-label="&quot;solved&quot;"' in svg
    assert "aria-hidden" not in svg


def test_an_unknown_icon_is_an_error():
    with pytest.raises(lucide.IconDoesNotExist):
        render('{% icon "no-such-icon" %}')


def test_every_directional_icon_exists():
    for name in ui.DIRECTIONAL_ICONS:
        assert "i--dir" in ui.icon(name)


def test_a_card_wraps_what_it_is_given():
    html = render('{% card title=title tone="sunk" %}<p>{{ text }}</p>{% endcard %}', title="<b>", text="متن")

    assert "card--sunk" in html
    assert "&lt;b&gt;" in html
    assert "<p>متن</p>" in html


def test_a_form_token_is_only_for_people_with_an_account(django_user_model):
    request = RequestFactory().get("/")
    request.user = AnonymousUser()
    assert render("{% form_token %}", request=request) == ""

    request.COOKIES["sessionid"] = "x"
    assert render("{% form_token %}", request=request) == ""

    request.user = django_user_model(email="sara@example.com")
    assert 'name="csrfmiddlewaretoken"' in render("{% form_token %}", request=request)
    assert request.META["CSRF_COOKIE_NEEDS_UPDATE"]


# HTML that many readers share ----------------------------------------------------------------------------------------


def page_for(user, source: str, *, path: str = "/fa/", **context: object) -> str:
    request = RequestFactory().get(path)
    request.user = user
    if user.is_authenticated:
        request.COOKIES["sessionid"] = "x"
    return Template("{% load ui %}" + source).render(RequestContext(request, context))


def person(name: str, *audiences: str) -> User:
    user = User.objects.create_user(f"{name}@example.com", name=name)
    for audience in audiences:
        register_audience(audience)
        user.audience_memberships.create(key=audience)
    return user


@pytest.mark.django_db
def test_shared_html_is_made_once_for_all_readers_of_the_same_audiences():
    made = itertools.count(1)
    source = '{% shared "part" page %}{{ made }} {{ user.is_authenticated }}{% endshared %}'
    sara, omid, partner = person("سارا"), person("امید"), person("پارسا", "partner")

    def read(user, page=1):
        return page_for(user, source, made=lambda: next(made), page=page)

    assert read(sara) == read(omid) == "1 True"
    assert read(AnonymousUser()) == read(AnonymousUser()) == "2 False"
    assert read(partner) == "3 True"
    assert read(sara, page=2) == "4 True"
    content_changed()
    assert read(sara) == "5 True"


@pytest.mark.django_db
def test_the_frame_is_one_for_all_audiences_and_asks_nothing(django_assert_num_queries):
    made = itertools.count(1)
    source = '{% frame "part" %}{{ made }} {{ user.is_authenticated }}{{ user.name }}{% endframe %}'
    sara, partner = person("سارا"), person("پارسا", "partner")

    with django_assert_num_queries(0):
        shown = [page_for(user, source, made=lambda: next(made)) for user in (sara, partner, AnonymousUser())]

    assert shown == ["1 True", "1 True", "2 False"]


@pytest.mark.django_db
def test_shared_html_follows_language_and_preferences():
    sara = person("سارا")
    read = partial(page_for, sara, '{% shared "day" %}{{ day|date_l }}{% endshared %}', day=dt.date(2026, 11, 22))

    assert "۱ آذر ۱۴۰۵" in read()
    with preferences_in_use(Preferences(calendar="gregorian", digits="latin")):
        assert "2026" in read()
    with translation.override("en"):
        assert "November" in read() or "Nov" in read()
    assert "۱ آذر ۱۴۰۵" in read()


@pytest.mark.django_db
def test_shared_html_knows_no_name_token_or_message_of_the_reader():
    source = (
        '{% shared "all" %}[{{ user.name }}{{ user.email }}{{ user.pk }}{{ csrf_token }}'
        "{% for message in messages %}{{ message }}{% endfor %}]{% endshared %}{{ user.name }}"
    )

    assert page_for(person("سارا"), source, messages=["برای سارا"]) == "[]سارا"
    assert page_for(person("امید"), source) == "[]امید"


@pytest.mark.django_db
def test_html_with_a_token_is_never_shared():
    source = '{% shared "form" %}{% form_token %}{% endshared %}'
    sara, omid = person("سارا"), person("امید")

    tokens = {page_for(user, source) for user in (sara, omid, sara)}

    assert len(tokens) == 3
    assert all("csrfmiddlewaretoken" in token for token in tokens)


@pytest.mark.django_db
def test_a_revoked_membership_counts_at_the_next_request():
    source = '{% shared "part" %}{{ secret }}{% endshared %}'
    partner = person("پارسا", "partner")
    assert page_for(partner, source, secret="راز") == "راز"

    partner.audience_memberships.all().delete()

    assert page_for(User.objects.get(pk=partner.pk), source, secret="") == ""
