"""All cached HTML fragments, as written in the templates and as two different people get them."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from html.parser import HTMLParser

import pytest
from django.contrib.auth.models import AnonymousUser
from django.template import RequestContext
from django.template.loader import get_template
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils import timezone

from community import services
from community.models import CommunityProfile, Post
from loyalty.services import ledger
from loyalty.services.members import wallet_for
from portal.core import fragments
from portal.core.fragments import FragmentNode, UnkeptNode
from portal.core.memo import forget_all
from portal.core.models import SupportSettings
from portal.notifications.services import follow
from search.services import rebuild
from tests.factories.accounts import UserFactory
from tests.factories.catalog import OwnershipFactory, ProductFactory
from tests.factories.community import MemberFactory, PostFactory, ThreadFactory, moderator
from tests.factories.faq import ArticlePageFactory, FeedbackFactory, TopicPageFactory, help_site
from tests.factories.loyalty import EarningFactory
from tests.faq.bodies import full_body
from tests.test_architecture import ROOT, TEMPLATES, name_of

FRAGMENT = re.compile(r"{% (shared|frame) \"(?P<name>[^\"]+)\"[^%]*%}(?P<source>.*?){% end\1 %}", re.DOTALL)
UNKEPT = re.compile(r"{% unkept[^%]*%}(.*?){% endunkept %}", re.DOTALL)
#: Included in a fragment.
INCLUDED = {
    "templates/faq/_article_meta.html",
    "templates/community/_thread.html",
    "templates/community/_post.html",
    "templates/community/_follow.html",
}
#: Elements without an end tag; SVG elements are self-closing.
VOID = frozenset(["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"])


class Balance(HTMLParser):
    """Records tags that are opened but not closed, or closed but not opened."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.faults: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: object) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        if self.open[-1:] == [tag]:
            self.open.pop()
        else:
            self.faults.append(f"</{tag}>")


def faults(html: str) -> list[str]:
    """The unbalanced tags of `html`; empty if every element is complete."""
    balance = Balance()
    balance.feed(html)
    balance.close()
    return balance.faults + [f"<{tag}>" for tag in balance.open]


def markup_of(source: str) -> str:
    """The HTML of a template without the output of its tags."""
    source = re.sub(r"{#.*?#}|{% comment %}.*?{% endcomment %}", "", source, flags=re.DOTALL)
    return re.sub(r"{[%{].*?[%}]}", "", source, flags=re.DOTALL)


def test_faults_are_seen():
    assert faults("<p>a<br><img src=x><svg><path d='M1'/></svg></p>") == []
    assert faults("<div><p></div>") == ["</div>", "<div>", "<p>"]
    assert faults("</p>") == ["</p>"]
    assert faults(markup_of("<a class=\"{% if x > 1 %}a{% endif %}\">{{ y|default:'>' }}</a>")) == []
    assert [found["name"] for found in FRAGMENT.finditer('{% frame "a" x=1 %}<p>{% endframe %}')] == ["a"]


# Templates -----------------------------------------------------------------------------------------------------------


def fragments_in(file) -> list[FragmentNode]:
    return get_template(name_of(file).removeprefix("templates/")).template.nodelist.get_nodes_by_type(FragmentNode)


def test_every_fragment_has_a_name_of_its_own():
    places = defaultdict(list)
    for file in TEMPLATES:
        for node in fragments_in(file):
            if node.origin.name == str(file):
                places[node.name].append(name_of(file))

    assert len(places) > 10  # the check works
    assert {name: files for name, files in places.items() if len(files) > 1} == {}


def test_every_fragment_and_what_is_unkept_in_it_are_whole_elements_in_the_source():
    found = {
        f"{name_of(file)}: {match['name']}": match["source"]
        for file in TEMPLATES
        for match in FRAGMENT.finditer(file.read_text(encoding="utf-8"))
    }
    unkept = {
        f"{name_of(file)}: unkept {number}": match[1]
        for file in TEMPLATES
        for number, match in enumerate(UNKEPT.finditer(file.read_text(encoding="utf-8")))
    }

    broken = {name: wrong for name, source in {**found, **unkept}.items() if (wrong := faults(markup_of(source)))}

    assert {name.partition(": ")[2] for name in found} == {
        node.name for file in TEMPLATES for node in fragments_in(file)
    }
    assert len(unkept) > 5
    assert broken == {}, "A fragment is kept by itself: open and close an element in the same one."


def test_frames_declare_no_address_and_nothing_of_a_person():
    """With a value per page or reader, the frames would evict each other from the cache."""
    declared = {
        (name_of(file), node.name): sorted(str(value) for value in node.values.values())
        for file in TEMPLATES
        for node in fragments_in(file)
        if node.is_frame
    }

    values = {value for found in declared.values() for value in found}

    assert len(declared) > 5
    #: Of the header's tools: there are two or three, and they count to ninety-nine.
    few = {"link.name", "link.icon", "link.url", "link.current", "badge.text", "badge.label", "cls"}
    assert values <= {"nav_section", '""'} | few, "Put what depends on the address into {% unkept %}."


# Rendered for two people ---------------------------------------------------------------------------------------------

#: Parts that differ each time: tokens and relative times.
_CHANGING = re.compile(
    r'(name="(?:csrfmiddlewaretoken|token|started)" value="|X-CSRFToken": ")[^"]+|(<time[^>]*>)[^<]+'
)


@pytest.fixture
def site(db, settings, tmp_path):
    """Help pages in both languages, with everything an article can show, indexed for search."""
    settings.MEDIA_ROOT = str(tmp_path / "media")
    pages = help_site()
    SupportSettings.objects.create(site=pages["fa"].get_site(), support_phone="+98 21 9100 0000")
    paths = ["/{}/", "/{}/search/", "/{}/search/?q=zzqqxxyy", "/{}/accounts/login/", "/{}/no-such-page/"]
    paths += ["/{}/account/", "/{}/account/devices/", "/{}/account/security/"]
    paths = [path.format(code) for path in paths for code in ("fa", "en")]
    router = ProductFactory(name={"fa": "مودم ایکس", "en": "Router X"})
    articles = []
    for code, words in (("fa", "چراغ"), ("en", "light")):
        topic = TopicPageFactory(parent=pages[code], title=f"{words} {code}")
        body = {"body": json.dumps(full_body())} if code == "fa" else {}
        for number in range(3):
            extra = (
                {"products": [router], "reviewed_by": "Network team", "platforms": ["web"], **body}
                if number == 0
                else {}
            )
            articles.append(ArticlePageFactory(parent=topic, title=f"{words} {number}", kind="guide", **extra))
        paths += [pages[code].url, topic.url, *(page.url for page in topic.get_children()[:2])]
        paths += [
            f"/{code}/search/?q={words}",
            f"/{code}/search/?q={words}&page=2&sort=newest",
            f"/{code}/search/?q={words}1",
        ]
    for article in (articles[0], articles[3]):
        FeedbackFactory.create_batch(3, article=article, solved=True)
    paths += [
        f"/a/{type(article).objects.for_serving().get(pk=article.pk).number}/feedback/" for article in articles[:1]
    ]
    rebuild()
    return router, articles, paths


@pytest.fixture
def people(site):
    """Two customers who differ in everything, and anonymous visitors."""
    router, articles, _paths = site
    sara = UserFactory(name="Sara Secret", handle="one", email="sara@secret.example", theme="auto")
    omid = UserFactory(name="Omid Hidden", handle="two", email="omid@hidden.example", theme="auto")
    OwnershipFactory(user=sara, product=ProductFactory(name={"fa": "مودم وای", "en": "Router Y"}, kind="device"))
    OwnershipFactory(user=omid, product=router)
    FeedbackFactory(
        article=articles[0], user=sara, visitor="", solved=False, revision_read=articles[0].live_revision_id
    )
    wallet = wallet_for(user=sara, programme=EarningFactory().programme)
    ledger.earn(wallet=wallet, amount=7654, key="x", source="x")
    return {"Sara": sara, "Omid": omid, "visitor": None}


def reader(user) -> Client:
    client = Client(raise_request_exception=True)
    if user is not None:
        client.force_login(user)
    return client


def page(client: Client, path: str) -> str:
    response = client.get(path, follow=True)
    return _CHANGING.sub(r"\1\2", response.content.decode())


@pytest.fixture
def _only_fragments_are_kept(settings):
    settings.MIDDLEWARE = [name for name in settings.MIDDLEWARE if "PageCacheMiddleware" not in name]


@pytest.fixture
def threads(people):
    """Pages of threads, and lists of them, in which Sara and Omid wrote, asked and voted differently, in both languages."""
    sara, omid = people["Sara"], people["Omid"]
    CommunityProfile.objects.bulk_create([CommunityProfile(user=person, level=2) for person in (sara, omid)])
    asked, other = ThreadFactory(author=sara), ThreadFactory(author=omid)
    posts = [PostFactory(thread=asked, author=person) for person in (MemberFactory(), sara, omid, MemberFactory())]
    Post.objects.filter(pk__in=[post.pk for post in posts]).update(edited_at=timezone.now())
    services.accept_solution(post=posts[0], by=sara)
    services.say_solved_it(thread=asked, user=omid)
    services.say_me_too(thread=other, user=sara)
    services.vote_helpful(post=posts[3], user=omid)
    services.bookmark(post=posts[3], user=sara)
    services.hide_post(post=PostFactory(thread=other, author=sara), by=moderator(), reason="spam", note="Sara: هشدار")
    follow(person_id=omid.pk, target=f"community.thread:{asked.pk}")
    queries = ("", "?sort=helpful")
    lists = (reverse("community:index"), asked.area.get_absolute_url())
    pages = [
        reverse("community:thread", args=[thread.pk, thread.slug]).replace("/fa/", f"/{code}/") + query
        for thread in (asked, other)
        for code in ("fa", "en")
        for query in queries
    ]
    # Last, because what was read is not unread any more.
    return pages + [address.replace("/fa/", f"/{code}/") for address in lists for code in ("fa", "en")]


@pytest.mark.usefixtures("_only_fragments_are_kept")
def test_two_people_get_every_page_as_if_nothing_were_kept(site, people, threads):
    _router, _articles, paths = site
    paths = [*paths, *threads]
    clients = {name: reader(user) for name, user in people.items()}
    fresh = {}
    for path in paths:
        for name, client in clients.items():
            forget_all()
            fresh[path, name] = page(client, path)
    of = {name: "".join(fresh[path, name] for path in paths) for name in clients}
    assert [word in of["Sara"] for word in ("Sara", "دستگاه دیگری", "گفتید: نه", "۷٬۶۵۴")] == [
        True
    ] * 4  # it could leak
    assert [word in of["Omid"] + of["visitor"] for word in ("Sara", "دستگاه دیگری", "گفتید: نه", "۷٬۶۵۴")] == [
        False
    ] * 4

    forget_all()
    seen = {(path, name): page(client, path) for path in paths for name, client in clients.items()}
    assert [where for where in fresh if seen[where] != fresh[where]] == []

    kept = fragments.frames.kept() + fragments.contents.kept()
    rendered = {key[0] for key, _kept in kept}
    assert rendered == {node.name for file in TEMPLATES for node in fragments_in(file)}, "Walk a page that shows it."
    assert {key[0]: wrong for key, entry in kept if (wrong := faults("".join(entry.parts)))} == {}, (
        "Keep whole elements."
    )
    everything = repr(kept)
    assert [
        word
        for word in ("Sara", "Omid", "secret.example", "hidden.example", "دستگاه دیگری", "csrf")
        if word in everything
    ] == []


def test_nothing_else_than_the_tags_renders_unkept_markup():
    """`{% unkept %}` is only for markup inside cached HTML; elsewhere it has no effect and is misleading."""
    loose = [
        name_of(file)
        for file in TEMPLATES
        for node in get_template(name_of(file).removeprefix("templates/")).template.nodelist.get_nodes_by_type(
            UnkeptNode
        )
        if node.origin.name == str(file)
        if name_of(file) not in INCLUDED
        if not any(node in fragment.nodelist.get_nodes_by_type(UnkeptNode) for fragment in fragments_in(file))
    ]

    assert ROOT.is_dir()
    assert loose == []


# Many URLs -----------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.usefixtures("_only_fragments_are_kept")
def test_ten_thousand_addresses_do_not_push_the_frame_out(client, monkeypatch):
    help_site()
    rebuild()
    made: list[str] = []
    make = FragmentNode._make

    def noted(self, *args):
        made.append(self.name)
        return make(self, *args)

    monkeypatch.setattr(FragmentNode, "_make", noted)
    client.get("/fa/search/?q=first")
    frame = {name for name in made if name in {"header", "footer", "tabbar"}}
    (header,) = fragments_in(ROOT / "templates" / "_header.html")
    thread = RequestFactory().get("/fa/forum/")
    thread.user = AnonymousUser()
    context = RequestContext(thread)
    made.clear()

    with context.bind_template(get_template("_header.html").template):
        for number in range(10_000):
            thread.path = thread.path_info = f"/fa/forum/thread-{number}/"
            thread.META["QUERY_STRING"] = f"from={number}"
            assert f"thread-{number}/?from={number}" in header.render(context)
    of_threads, store = list(made), fragments.contents
    for number in range(10_000):
        key = ("thread", "f", (f"/fa/forum/thread-{number}/",))
        store.get(key, (), lambda number=number: fragments.Kept((f"{number}" + "x" * 8000,), ()))
    for number in range(100):
        assert client.get(f"/fa/search/?q=word{number}&x={number}").status_code == 200

    assert frame == {"header", "footer", "tabbar"}
    assert of_threads == ["header"]  # threads are in another section than search
    assert {name for name in made[1:] if name in frame} == set()
    assert store.state.bytes <= fragments.MAX_SHARED_BYTES < 10_000 * 8000
    assert fragments.frames.state.bytes < 200_000
