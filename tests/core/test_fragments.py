"""Cached HTML fragments contain nothing that belongs to a single reader."""

from __future__ import annotations

import datetime as dt
import itertools
import logging
import os
import signal
import sys
import threading
from functools import partial

import pytest
from django.contrib.auth.models import AnonymousUser
from django.middleware.csrf import get_token
from django.template import Context, NodeList, RequestContext, Template, TemplateSyntaxError, Variable
from django.template.library import SimpleNode
from django.test import RequestFactory
from django.utils import translation
from django.utils.functional import SimpleLazyObject
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext_lazy

from portal.accounts.models import User
from portal.core import fragments
from portal.core.audience import register_audience
from portal.core.fragments import FragmentStore, Kept, UndeclaredError
from portal.core.preferences import Preferences, preferences_in_use
from portal.core.scopes import content_changed, making

pytestmark = pytest.mark.django_db


@pytest.fixture
def in_production(settings):
    settings.FRAGMENTS_ARE_STRICT = False


def page_for(user, source: str, *, path: str = "/fa/", **context: object) -> str:
    request = RequestFactory().get(path)
    request.user = user
    if user.is_authenticated:
        request.COOKIES["sessionid"] = "x"
        request.session = {"seen": f"seen by {user.name}"}
    return Template("{% load i18n ui %}" + source).render(RequestContext(request, context))


def person(name: str, *audiences: str) -> User:
    user = User.objects.create_user(f"{name}@example.com", name=name)
    for audience in audiences:
        register_audience(audience)
        user.audience_memberships.create(key=audience)
    return user


# Sharing -------------------------------------------------------------------------------------------------------------


def test_shared_html_is_made_once_for_all_readers_of_the_same_audiences():
    made = SimpleLazyObject(partial(next, itertools.count(1)))
    source = '{% shared "part" page=page made=made key=page %}{{ made }} {{ user.is_authenticated }}{% endshared %}'
    sara, omid, partner = person("سارا"), person("امید"), person("پارسا", "partner")
    count = itertools.count(1)

    def read(user, page=1):
        return page_for(user, source, made=SimpleLazyObject(lambda: next(count)), page=page)

    assert made == 1  # a lazy value is a new object each time
    assert read(sara) == read(omid) == "1 True"
    assert read(AnonymousUser()) == read(AnonymousUser()) == "2 False"
    assert read(partner) == "3 True"
    assert read(sara, page=2) == "4 True"
    content_changed()
    assert read(sara) == "5 True"


def test_the_frame_is_one_for_all_audiences_and_asks_nothing(django_assert_num_queries):
    count = itertools.count(1)
    source = '{% frame "part" made=made key=1 %}{{ made }} {{ user.is_authenticated }}{% endframe %}'
    sara, partner = person("سارا"), person("پارسا", "partner")

    with django_assert_num_queries(0):
        shown = [
            page_for(user, source, made=SimpleLazyObject(lambda: next(count)))
            for user in (sara, partner, AnonymousUser())
        ]

    assert shown == ["1 True", "1 True", "2 False"]


def test_shared_html_follows_language_and_preferences():
    sara = person("سارا")
    read = partial(
        page_for, sara, '{% shared "day" day=day %}{{ day|date_l }}{% endshared %}', day=dt.date(2026, 11, 22)
    )

    assert "۱ آذر ۱۴۰۵" in read()
    with preferences_in_use(Preferences(calendar="gregorian", digits="latin")):
        assert "2026" in read()
    with translation.override("en"):
        assert "November" in read() or "Nov" in read()
    assert "۱ آذر ۱۴۰۵" in read()


def test_whoever_chose_what_is_usual_shares_with_who_chose_nothing():
    read = partial(page_for, AnonymousUser(), '{% frame "n" n=1200 %}{{ n|num }}{% endframe %}')

    shown = [read()]
    for chosen in (
        Preferences(language="fa", calendar="jalali", digits="persian"),
        Preferences(digits="latin"),
        Preferences(theme="dark"),
        Preferences(time_zone="Europe/Berlin"),
    ):
        with preferences_in_use(chosen):
            shown.append(read())

    assert shown == ["۱٬۲۰۰", "۱٬۲۰۰", "1,200", "۱٬۲۰۰", "۱٬۲۰۰"]
    assert len(fragments.frames.kept()) == 4


def test_shared_html_follows_the_host():
    source = '{% frame "address" %}{{ site_address }}{% endframe %}'

    def at(host: str) -> str:
        request = RequestFactory(headers={"host": host}).get("/fa/")
        request.user = AnonymousUser()
        return Template("{% load ui %}" + source).render(RequestContext(request))

    assert [at("one.example"), at("two.example"), at("one.example")] == [
        "http://one.example",
        "http://two.example",
        "http://one.example",
    ]


def test_a_revoked_membership_counts_at_the_next_request():
    source = '{% shared "part" secret=secret key=1 %}{{ secret.0 }}{% endshared %}'
    partner = person("پارسا", "partner")
    assert page_for(partner, source, secret=["راز"]) == "راز"

    partner.audience_memberships.all().delete()

    assert page_for(User.objects.get(pk=partner.pk), source, secret=[""]) == ""


def test_html_for_a_preview_or_without_a_request_is_rendered_the_same_way_and_not_kept():
    source = '{% load ui %}{% shared "part" words=words key=1 %}{{ words.0 }}{% endshared %}'
    request = RequestFactory().get("/fa/")
    request.user, request.is_preview = AnonymousUser(), True

    shown = [
        Template(source).render(RequestContext(which, {"words": [word]}))
        for which, word in ((request, "one"), (request, "two"), (None, "three"))
    ]

    assert shown == ["one", "two", "three"]
    assert fragments.contents.kept() == []


# Nothing personal ----------------------------------------------------------------------------------------------------

#: Personal template variables, and what each shows of the first person outside a fragment.
PERSONAL = {
    "the name": ("{{ user.name }}", "Sara"),
    "the user": ("{{ user }}", "user-"),
    "the user of the request": ("{{ request.user.email }}", "sara@example.com"),
    "the user of the request of the context": ("{% shown_by_a_tag %}", "sara@example.com"),
    "whether it is one of the staff": ("{% if user.is_staff %}staff{% endif %}", "staff"),
    "the session": ("{{ request.session.seen }}", "seen by Sara"),
    "the address": ("{{ request.get_full_path }}", "/fa/sara/"),
    "the query": ("{% querystring page=2 %}", "?mine=sara&page=2"),
    "a token": ("{{ csrf_token }}", "TOKEN"),
    "a token in a form": ("{% csrf_token %}", "csrfmiddlewaretoken"),
    "a token by a tag": ("{% form_token %}", "csrfmiddlewaretoken"),
    "points": ("{{ points|num }}", "۷۸۶"),
    "points with a default": ("{{ points|default:0 }}", "786"),
    "whether there are points": ("{% if points %}rich{% endif %}", "rich"),
    "whether there are many points": ("{% if points > 100 and not poor %}rich{% endif %}", "rich"),
    "points under another name": ("{% with balance=points %}{{ balance }}{% endwith %}", "786"),
    "points in a sentence": ("{% blocktranslate %}You have {{ points }}.{% endblocktranslate %}", "786"),
    "points in a counted sentence": (
        "{% blocktranslate count n=points %}a point{% plural %}{{ n }} points{% endblocktranslate %}",
        "786 points",
    ),
    "points in an address": ("{% url 'faq:short_link' points %}", "/a/786"),
    "points in an address that may be none": ("{% url 'faq:short_link' points as to %}{{ to }}", "/a/786"),
    "the first of several": ("{% firstof none points %}", "786"),
    "what the view found": ("{{ data.answer.comment }}", "It did not help Sara"),
    "a list of the view": ("{% for device in data.devices %}{{ device }}{% endfor %}", "Sara's router"),
    "a message": ("{% for message in messages %}{{ message }}{% endfor %}", "Thank you, Sara"),
    "a name in an included template": ("{% include '_person.html' %}", "aria-label"),
    "a value for an included template": ("{% include 'components/badge.html' with text=points only %}", "786"),
    "a token in an included template": ("{% include '_theme_form.html' %}", "/fa/sara/"),
    "what a card says": ("{% card title=user.name %}x{% endcard %}", "Sara"),
    "the loop around": ("{% if forloop.first %}the first of Sara{% endif %}", "the first of Sara"),
}


@pytest.fixture
def _tag(monkeypatch):
    """A template tag that gets the request under another name."""
    from portal.core.templatetags.ui import register

    def shown_by_a_tag(context):
        return context.request.user.email

    register.simple_tag(shown_by_a_tag, takes_context=True)
    yield
    del register.tags["shown_by_a_tag"]


def personal_page(user: User, source: str) -> str:
    request = RequestFactory().get(
        f"/fa/{user.name.lower()}/", {"mine": user.name.lower()} if "query" in source else {}
    )
    request.user = user
    request.COOKIES["sessionid"] = "x"
    request.session = {"seen": f"seen by {user.name}"}
    rich = user.name == "Sara"
    context = {
        "csrf_token": "TOKEN" if rich else "OTHER",
        "points": 786 if rich else 0,
        "poor": not rich,
        "data": {
            "answer": {"comment": f"It did not help {user.name}"},
            "devices": [f"{user.name}'s router"] if rich else [],
        },
        "messages": [f"Thank you, {user.name}"] if rich else [],
        "one": [1],
    }
    template = Template(
        "{% load i18n ui %}{% autoescape off %}{% for x in one %}" + source + "{% endfor %}{% endautoescape %}"
    )
    around = RequestContext(request)
    around.update(context)
    return template.render(around)


@pytest.fixture
def sara():
    return User(pk=1, email="sara@example.com", name="Sara", is_staff=True)


@pytest.fixture
def omid():
    return User(pk=2, email="omid@example.com", name="Omid")


@pytest.mark.parametrize(("source", "shows"), PERSONAL.values(), ids=PERSONAL)
@pytest.mark.usefixtures("_tag", "in_production")
def test_what_is_of_one_person_is_not_in_kept_html(sara, omid, source, shows, caplog):
    could = personal_page(sara, source)
    shown = [personal_page(user, '{% frame "x" %}<p>' + source + "</p>{% endframe %}") for user in (sara, omid, sara)]
    content_changed()
    shown_too = [personal_page(user, '{% shared "x" %}<p>' + source + "</p>{% endshared %}") for user in (omid, sara)]

    assert shows in could
    assert shown == ["", "", ""]
    assert shown_too == ["", ""]
    assert fragments.frames.kept() == fragments.contents.kept() == []


@pytest.mark.parametrize("source", [source for source, _shows in PERSONAL.values()], ids=PERSONAL)
@pytest.mark.usefixtures("_tag")
def test_asking_for_what_is_of_one_person_is_an_error_in_tests(sara, source):
    with pytest.raises(UndeclaredError, match="<shared x> asks for what it does not declare: "):
        personal_page(sara, '{% shared "x" %}' + source + "{% endshared %}")


def test_a_template_that_is_included_on_its_own_may_lack_parameters_but_ask_for_no_person(sara):
    badge = '{% shared "x" %}{% include "components/badge.html" with text="new" only %}{% endshared %}'

    assert personal_page(sara, badge).strip() == '<span class="badge">new</span>'
    with pytest.raises(UndeclaredError, match="declare: request"):
        personal_page(sara, '{% shared "x" %}{% include "_theme_form.html" only %}{% endshared %}')


def test_the_error_names_what_was_asked_for(sara):
    source = '{% shared "x" %}{% if points or user.name %}{% endif %}{{ request.path }}{{ points }}{% endshared %}'

    with pytest.raises(UndeclaredError, match=r"declare: points, user\.name, request$"):
        personal_page(sara, source)


@pytest.mark.usefixtures("in_production")
def test_the_log_says_once_what_is_left_out(sara, caplog):
    request = RequestFactory().get("/fa/")
    request.user = sara
    template = Template('{% load ui %}{% frame "x" %}{{ points }}{% endframe %}')

    for _ in range(3):
        template.render(RequestContext(request))

    assert [(record.levelno, record.getMessage()) for record in caplog.records] == [
        (logging.ERROR, "A fragment is left out of the pages: <frame x> asks for what it does not declare: points")
    ]


def test_an_error_that_has_nothing_to_do_with_it_stays_what_it_is(in_production, sara):
    with pytest.raises(Exception, match="no-such-icon"):
        personal_page(sara, '{% frame "x" %}{% icon "no-such-icon" %}{% endframe %}')


@pytest.mark.parametrize(
    "source",
    [
        '{% shared "x" %}{% for a in "ab" %}{% for b in "cd" %}{{ forloop.parentloop.counter }}{% endfor %}{% endfor %}{% endshared %}',
        '{% shared "x" %}{% for a in "ab" %}{% cycle "odd" "even" %}{% ifchanged %}{{ a }}{% endifchanged %}{% endfor %}{% endshared %}',
        '{% shared "x" %}{% url "search:results" %}{% url "no such view" as nowhere %}{{ nowhere }}{% endshared %}',
        '{% shared "x" %}{% include "components/badge.html" with text="a" only %}{% card title="a" %}b{% endcard %}{% endshared %}',
        '{% shared "x" %}{% get_current_language as now %}{{ now }}{{ nav.search_url }}{{ site_brand.name }}{{ theme }}{% endshared %}',
        '{% shared "x" %}{% with a=1 %}{{ a }}{% endwith %}{% translate "Help" as b %}{{ b }}{% if True and not None %}{% endif %}{% endshared %}',
        '{% shared "x" %}{% if user.is_authenticated %}{% firstof "" "a" %}{% endif %}{% endshared %}',
    ],
)
def test_what_templates_may_do_in_a_fragment(sara, source):
    assert personal_page(sara, source).strip() != ""


@pytest.mark.parametrize("name", ["user", "request", "messages", "csrf_token", "perms", "session", "theme"])
def test_names_of_what_is_of_one_person_cannot_be_declared(name):
    with pytest.raises(TemplateSyntaxError, match=f"{name} cannot be declared"):
        Template('{% load ui %}{% shared "x" ' + name + "=1 %}{% endshared %}")


def test_a_person_is_not_a_value_whatever_the_name(sara, omid, settings):
    source = '{% shared "x" who=user key=1 %}{{ who.name }}{% endshared %}'
    with pytest.raises(UndeclaredError, match="who belongs to one person"):
        personal_page(sara, source)

    settings.FRAGMENTS_ARE_STRICT = False

    assert personal_page(sara, source) == personal_page(omid, source) == ""


def test_a_token_is_not_kept_even_as_a_value(sara):
    request = RequestFactory().get("/")
    form = mark_safe(f'<input name="csrfmiddlewaretoken" value="{get_token(request)}">')  # noqa: S308 - a test

    with pytest.raises(UndeclaredError, match="holds a token"):
        page_for(sara, '{% shared "x" form=form %}{{ form }}{% endshared %}', form=form)


# Syntax --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("{% shared %}{% endshared %}", "needs a name in quotes"),
        ("{% shared part %}{% endshared %}", "needs a name in quotes"),
        ('{% shared "part" page.pk %}{% endshared %}', "page.pk needs a name"),
        ('{% shared "part" %}{% block a %}{% endblock %}{% endshared %}', "another one on each page"),
    ],
)
def test_a_fragment_that_is_written_wrongly_is_refused(source, message):
    with pytest.raises(TemplateSyntaxError, match=message):
        Template("{% load ui %}" + source)


def test_what_does_not_tell_itself_apart_needs_a_key(sara, settings):
    source = '{% shared "x" words=words %}{{ words.0 }}{% endshared %}'
    with pytest.raises(UndeclaredError, match="words is no text, number or date"):
        page_for(sara, source, words=["one"])
    with pytest.raises(UndeclaredError, match="key= must be"):
        page_for(sara, source.replace("%}{{", "key=words %}{{", 1), words=["one"])

    settings.FRAGMENTS_ARE_STRICT = False

    assert page_for(sara, source, words=["one"]) == ""


def test_an_object_may_say_what_it_is_known_by(sara):
    class View:
        def __init__(self, key: int, word: str) -> None:
            self.fragment_key, self.word = key, word

    source = '{% shared "x" view=view %}{{ view.word }}{% endshared %}'

    shown = [page_for(sara, source, view=View(*of)) for of in ((1, "one"), (1, "other"), (2, "two"))]

    assert shown == ["one", "one", "two"]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (mark_safe("<b>"), "<b>"),
        (1, True),
        (1, 1.0),
        ("", None),
        (("a", "b"), ("ab",)),
        ((mark_safe("<b>"),), ("<b>",)),
        (0, ""),
    ],
)
def test_values_that_look_alike_are_told_apart(sara, first, second):
    source = '{% shared "x" value=value %}{{ value }}{% if value is None %}none{% endif %}{% endshared %}'
    alone = page_for(sara, source, value=second)
    content_changed()

    shown = [page_for(sara, source, value=value) for value in (first, second)]

    assert shown[1] == alone


def test_a_translated_value_is_in_the_language_of_the_reader(sara):
    read = partial(page_for, sara, '{% frame "x" label=label %}{{ label }}{% endframe %}', label=gettext_lazy("Help"))

    assert read() == "راهنما"
    with translation.override("en"):
        assert read() == "Help"


def test_two_fragments_of_one_name_are_not_taken_for_each_other(sara):
    assert page_for(sara, '{% frame "x" %}one{% endframe %}') == "one"
    assert page_for(sara, '{% frame "x" %}two{% endframe %}') == "two"
    assert page_for(sara, '{% shared "x" a=1 %}{{ a }}{% endshared %}') == "1"
    assert page_for(sara, '{% shared "x" b=1 %}b{% endshared %}') == "b"


def test_a_value_that_is_too_long_is_rendered_and_not_kept(sara):
    text = "x" * 5000

    assert page_for(sara, '{% shared "x" text=text %}{{ text }}{% endshared %}', text=text) == text
    assert fragments.contents.kept() == []


def test_html_that_is_too_long_is_rendered_and_not_kept(sara):
    words = ["x" * fragments.MAX_PIECE_BYTES, "y"]

    assert page_for(
        sara, '{% shared "x" words=words key=1 %}{{ words.0 }}{{ words.1 }}{% endshared %}', words=words
    ) == ("".join(words))
    assert fragments.contents.kept() == []


def test_a_fragment_in_a_fragment_is_kept_with_it_and_sees_its_own_values_only(sara):
    source = (
        '{% shared "outer" a=1 %}{{ a }}{% frame "inner" b=a %}{{ b }}{{ theme }}{% unkept %}{{ user.name }}{% endunkept %}'
        "{% endframe %}{% endshared %}"
    )

    assert page_for(sara, source) == "11autoSara"
    assert fragments.frames.kept() == []
    with pytest.raises(UndeclaredError, match="<frame inner> asks for what it does not declare: a"):
        page_for(sara, source.replace("{{ b }}", "{{ a }}"))


# Uncached markup inside fragments ------------------------------------------------------------------------------------


def test_what_is_unkept_is_of_each_reader(sara, omid):
    count = itertools.count(1)
    source = (
        '{% frame "x" made=made key=1 %}<p>{{ made }}</p>{% unkept %}<b>{{ user.name }} {{ points }}</b>{% endunkept %}'
        "<i>{% unkept %}{{ request.path }}{% endunkept %}</i>{% endframe %}"
    )

    shown = [
        page_for(user, source, path=path, points=points, made=SimpleLazyObject(lambda: next(count)))
        for user, path, points in ((sara, "/a/", 786), (omid, "/b/", 0))
    ]

    assert shown == ["<p>1</p><b>Sara 786</b><i>/a/</i>", "<p>1</p><b>Omid 0</b><i>/b/</i>"]
    ((_key, kept),) = fragments.frames.kept()
    assert kept.parts == ("<p>1</p>", "<i>", "</i>")


def test_what_is_unkept_may_come_more_than_once_or_not_at_all(sara):
    source = (
        '{% shared "x" n=n %}{% for i in n|make_list %}{{ i }}{% unkept %}{{ user.name }}{% endunkept %}{% endfor %}'
        "{% if n == 0 %}{% unkept %}never{% endunkept %}{% endif %}{% endshared %}"
    )

    assert page_for(sara, source, n=12) == "1Sara2Sara"
    assert page_for(sara, source, n=12) == "1Sara2Sara"


def test_outside_a_fragment_unkept_markup_is_just_there(sara):
    assert page_for(sara, "{% unkept %}{{ user.name }}{% endunkept %}") == "Sara"


def test_unkept_markup_may_hold_a_token_and_fragments(sara):
    source = '{% frame "x" %}<form>{% unkept %}{% csrf_token %}{% frame "y" %}y{% endframe %}{% endunkept %}</form>{% endframe %}'

    first, second = page_for(sara, source), page_for(sara, source)

    assert "csrfmiddlewaretoken" in first
    assert first.endswith(">y</form>")
    assert first != second


def test_unkept_markup_sees_what_it_names_of_the_fragment(sara, omid):
    source = (
        '{% shared "x" numbers=numbers scopes="a" %}{% for number in numbers %}'
        "{% unkept number=number %}{{ number }}{{ user.name }}{{ word }} {% endunkept %}{% endfor %}{% endshared %}"
    )

    found = [
        page_for(person, source, numbers=(1, 2), word=word, number=7) for person, word in ((sara, "a"), (omid, "b"))
    ]

    assert found == [f"1{sara.name}a 2{sara.name}a ", f"1{omid.name}b 2{omid.name}b "]
    assert page_for(sara, "{% unkept number=3 %}{{ number }}{% endunkept %}{{ number }}") == "3"


@pytest.mark.parametrize("autoescape", [True, False])
@pytest.mark.parametrize("value", ["<i>", SafeString("<i>"), 7])
def test_a_tag_that_is_all_there_is_writes_what_it_would_write_anywhere(value, autoescape):
    def tag(context, word):
        return word if isinstance(word, SafeString) else f"{context['name']}: {word}"

    alone = NodeList([SimpleNode(tag, True, [Variable("word")], {}, None)])
    context = Context({"name": "Sara & co", "word": "of the page"}, autoescape=autoescape)

    shown = fragments.UnkeptNode(alone, {"word": Variable("given")}).render_with({"word": value}, context)

    with context.push(word=value):
        assert shown == alone[0].render(context)
    assert "of the page" not in shown


@pytest.mark.parametrize("value", ["people", "thing"])
def test_unkept_markup_is_given_nothing_that_cannot_be_told_apart(sara, value):
    source = (
        '{% shared "x" people=people thing=thing key=1 %}{% unkept one=' + value + " %}x{% endunkept %}{% endshared %}"
    )

    with pytest.raises(UndeclaredError, match="one is no text"):
        page_for(sara, source, people=[sara], thing=object())


def test_a_tag_that_changes_unkept_markup_is_found_out(sara):
    with pytest.raises(UndeclaredError, match="has changed it"):
        page_for(sara, '{% frame "x" %}{% filter slugify %}{% unkept %}a{% endunkept %}{% endfilter %}{% endframe %}')


def test_nobody_can_write_the_mark_of_unkept_markup(sara):
    text = "\x020\x03 \x02:0\x03"

    assert page_for(sara, '{% shared "x" text=text %}{{ text }}{% endshared %}', text=text) == text


# The store -----------------------------------------------------------------------------------------------------------


def kept(text: str) -> Kept:
    return Kept((text,), ())


def test_the_store_is_bound_by_bytes_and_the_least_used_leave_first():
    store = FragmentStore(max_bytes=20_000)
    store.get("first", (), lambda: kept("x" * 4000))
    for number in range(20):
        store.get(number, (), lambda: kept("y" * 4000))
        store.get("first", (), lambda: kept("made again"))

    names = {key for key, _kept in store.kept()}

    assert "first" in names
    assert 19 in names
    assert 0 not in names
    assert 12_000 < store.state.bytes <= 20_000
    assert store.state.entries == len(names) < 5


def test_bytes_are_those_of_memory():
    store = FragmentStore(max_bytes=1_000_000)
    persian = "سلام" * 1000

    store.get(("key", "k" * 500), (), lambda: kept(persian))

    assert store.state.bytes >= sys.getsizeof(persian) + 500
    store.forget()
    assert (store.state.bytes, store.state.entries) == (0, 0)


def test_what_is_greater_than_the_store_does_not_stay():
    store = FragmentStore(max_bytes=1000)

    assert store.get("large", (), lambda: kept("x" * 2000)) == kept("x" * 2000)
    assert store.state.entries == store.state.bytes == 0


def test_the_store_knows_its_hit_rate():
    store = FragmentStore(max_bytes=10_000)
    assert store.state.hit_rate is None

    for _ in range(4):
        store.get("a", (), lambda: kept("a"))

    assert store.state.hit_rate == 0.75


def test_what_was_made_while_content_changed_is_not_kept():
    store = FragmentStore(max_bytes=10_000)

    def make() -> Kept:
        content_changed()
        return kept("old")

    assert store.get("a", (), make) == kept("old")
    assert store.get("a", (), lambda: kept("new")) == kept("new")


def test_an_entry_does_not_live_longer_than_its_time():
    store = FragmentStore(max_bytes=10_000, seconds=0)
    store.get("a", (), lambda: kept("old"))

    assert store.get("a", (), lambda: kept("new")) == kept("new")


def test_a_fragment_may_live_shorter_than_others(sara, monkeypatch):
    now = [1000.0]
    monkeypatch.setattr("portal.core.fragments.time.monotonic", lambda: now[0])
    made = itertools.count(1)
    sources = [
        '{% shared "x" made=made key=1 scopes="a" ' + of + " %}{{ made }}{% endshared %}" for of in ("seconds=60", "")
    ]

    def read() -> list[str]:
        return [page_for(sara, source, made=SimpleLazyObject(lambda: next(made))) for source in sources]

    assert read() == ["1", "2"]
    now[0] += 59
    assert read() == ["1", "2"]
    now[0] += 2
    assert read() == ["3", "2"]


def test_many_threads_use_the_store_at_once():
    store = FragmentStore(max_bytes=50_000)
    wrong = []

    def use(seed: int) -> None:
        for step in range(500):
            number = (seed * 31 + step * 7) % 40
            if store.get(number, (), lambda number=number: kept(f"{number}" * 1000)).parts[0] != f"{number}" * 1000:
                wrong.append(number)
            if step % 100 == 0:
                store.forget()

    threads = [threading.Thread(target=use, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert wrong == []
    assert store.state.bytes <= 50_000
    store.forget()
    assert store.state.bytes == 0


def test_a_forked_process_has_a_lock_of_its_own():
    store = FragmentStore(max_bytes=10_000)
    store.get("a", (), lambda: kept("a"))
    held = threading.Event()
    done = threading.Event()

    def hold() -> None:
        with store._lock:
            held.set()
            done.wait(30)

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait(30)
    child = os.fork()
    if child == 0:  # would otherwise wait for the lock forever
        try:
            signal.alarm(20)
            os._exit(0 if store.get("a", (), lambda: kept("made anew")) == kept("made anew") else 1)
        finally:
            os._exit(2)
    done.set()
    thread.join()

    assert os.waitpid(child, 0)[1] == 0


# Scopes --------------------------------------------------------------------------------------------------------------


def test_only_what_depends_on_a_scope_is_made_again(sara):
    count = itertools.count(1)
    scopes = ('scopes="thread:42 site"', "scopes=area", "")
    sources = ['{% shared "x" made=made key=1 ' + of + " %}{{ made }}{% endshared %}" for of in scopes]

    def read() -> list[str]:
        return [
            page_for(sara, source, made=SimpleLazyObject(lambda: next(count)), area="community:area:7")
            for source in sources
        ]

    assert read() == ["1", "2", "3"]
    assert read() == ["1", "2", "3"]
    content_changed("thread:42")
    assert read() == ["4", "2", "5"]
    content_changed("community")
    assert read() == ["4", "6", "7"]
    content_changed("thread:43")
    assert read() == ["4", "6", "8"]


@pytest.mark.parametrize("text", ["short", "x" * 5000])
def test_what_a_fragment_is_part_of_depends_on_its_scopes_whether_it_is_kept_or_not(sara, text):
    source = '{% frame "x" text=text scopes="thread:42" %}{{ text }}{% endframe %}'

    stamps = []
    for _ in range(2):  # rendered, then from the cache
        with making("site") as recorder:
            page_for(sara, source, text=text)
        stamps.append(recorder.stamp)

    assert [sorted(stamp.scopes) for stamp in stamps] == [["site", "thread:42"]] * 2
    assert all(stamp.is_current() for stamp in stamps)
    content_changed("thread:42")
    assert not any(stamp.is_current() for stamp in stamps)
