from __future__ import annotations

import datetime as dt

import lucide
import pytest
from django.contrib.auth.models import AnonymousUser
from django.template import Context, Template
from django.test import RequestFactory

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


@pytest.mark.parametrize("name", ["num", "ltr", "signed", "percent", "isolate", "redacted"])
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


def test_direction_is_that_of_a_language():
    assert [ui.direction(code) for code in ("fa", "en", "fa-ir", "")] == ["rtl", "ltr", "rtl", "ltr"]


def test_the_subject_of_an_error_ends_once():
    assert [ui.as_subject(label) for label in ("Title", "Why?", "چرا؟")] == ["Title:", "Why?", "چرا؟"]


def test_what_is_safe_stays_safe_when_it_is_redacted():
    assert render("{{ x|safe|redacted }}", x="<b>[phone]</b>") == "<b>[شماره تلفن]</b>"
