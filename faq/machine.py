"""Articles for programs: ``/llms.txt``, ``/llms-full.txt`` and every article as Markdown.

Only what everybody may read, and only while the switch in the settings is on; otherwise the addresses do not exist. The
form of ``/llms.txt`` follows https://llmstxt.org.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from bs4 import BeautifulSoup
from django.conf import settings
from django.http import Http404, HttpResponse
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import override, pgettext
from django.views.decorators.http import require_safe
from markdownify import MarkdownConverter

from faq.models import ArticlePage
from faq.queries import article_for_everybody, help_url, markdown_path
from portal.core import machine_reading
from portal.core.brand import site_name
from portal.core.http import public_address
from portal.core.limits import limited, too_many_requests
from portal.core.machine_reading import is_open_to_programs
from portal.core.memo import LONG_SECONDS, Memo
from portal.core.pages import ARTICLES, page_url
from portal.core.routing import page_at
from portal.core.scopes import depends_on, rests_on
from portal.core.text import row_number

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bs4.element import Tag
    from django.http import HttpRequest

#: Articles that ``/llms.txt`` names in each language; the others are in ``/llms-full.txt``.
LISTED: Final = 2_000
#: Articles in one part of ``/llms-full.txt``.
IN_A_PART: Final = 50
PARTS_PER_MINUTE: Final = 20
#: Parts of a page that are for hands and eyes.
_FOR_PEOPLE: Final = ("svg", "button", "nav", "script", "style", "template")
_EMPTY_LINES: Final = re.compile(r"\n{3,}")
#: What would end or begin another construct inside the text of a link or a line of a list.
_SPECIAL: Final = re.compile(r"([\\\[\]*_`<>])")


# Views ----------------------------------------------------------------------------------------------------------------


@require_safe
def article_markdown(request: HttpRequest, path: str) -> HttpResponse:
    """Return the article at ``/<language>/<path>/`` as Markdown. Raises `Http404` unless everybody may read it."""
    page = page_at(f"{path}/") if is_open_to_programs() else None
    if not isinstance(page, ArticlePage) or not page.is_visible_to(None):
        raise Http404
    depends_on(request, *page.scopes)
    response = _text(as_markdown(page), "text/markdown")
    response["Link"] = f'<{public_address(page_url(page))}>; rel="canonical"'
    response["Content-Language"] = page.locale.language_code
    return response


@require_safe
def llms(request: HttpRequest) -> HttpResponse:
    """Return the list of all articles with one line about each, by language and topic, and of what other apps have for everybody.

    Two queries a language, and those of the apps.
    """
    if not is_open_to_programs():
        raise Http404
    depends_on(request, ARTICLES, "catalogue", "site", *machine_reading.scopes())
    return _text(_lists.get(site_name(settings.LANGUAGE_CODE), _all_lists), "text/plain")


#: The list, by the name of the site: whatever is asked besides, it is made once.
_lists: Memo[str] = Memo(max_size=8, scopes=(ARTICLES, "catalogue", "site"), seconds=LONG_SECONDS)


def _all_lists() -> str:
    rests_on(*machine_reading.scopes())
    lines = [f"# {_plain(site_name(settings.LANGUAGE_CODE))}", ""]
    with override(settings.LANGUAGE_CODE):
        about = _("Help articles of this portal. Each is also there as Markdown; all of them in one text: %(address)s")
        lines += [f"> {about % {'address': public_address(reverse('faq:llms_full'))}}", ""]
    for code, name in settings.LANGUAGES:
        lines += _articles_of(code, str(name))
        lines += _others_of(code, str(name))
    return "\n".join(lines)


@require_safe
def llms_full(request: HttpRequest) -> HttpResponse:
    """Return the texts of all articles, 50 at a time; the last line has the address of the next part."""
    if not is_open_to_programs():
        raise Http404
    wait_seconds = limited(request, "llms-full", PARTS_PER_MINUTE, 60, is_frequent=True)
    if wait_seconds is not None:
        return too_many_requests(request, wait_seconds)
    depends_on(request, ARTICLES, "catalogue", "site")
    after = row_number(request.GET.get("after")) or 0
    articles = ArticlePage.objects.visible_to(None).filter(pk__gt=after).select_related("locale", "topic")
    part = list(articles.order_by("pk")[: IN_A_PART + 1])
    texts = [as_markdown(page) for page in part[:IN_A_PART]]
    if len(part) > IN_A_PART:
        following = f"{reverse('faq:llms_full')}?after={part[IN_A_PART - 1].pk}"
        texts.append(_("Continued: %(address)s") % {"address": public_address(following)})
    return _text("\n\n---\n\n".join(texts), "text/plain")


def _text(content: str, kind: str) -> HttpResponse:
    response = HttpResponse(content.rstrip() + "\n", content_type=f"{kind}; charset=utf-8")
    response["Cache-Control"] = "public, max-age=300"
    return response


def _articles_of(language: str, name: str) -> list[str]:
    """Return the lines about the articles of one language, in the order of the tree."""
    found = ArticlePage.objects.visible_to(None).filter(locale__language_code=language)
    shown = list(found.for_listing().order_by("path")[: LISTED + 1])
    if not shown:
        return []
    lines: list[str] = []
    with override(language):
        topic = ""
        for page in shown[:LISTED]:
            here = str(page.topic.name) if page.topic else _("Articles")
            if here != topic:
                lines += ["", f"## {_plain(here)} ({name})", ""]
                topic = here
            answer = " ".join(page.short_answer.split())
            lines.append(f"- [{_plain(page.title)}]({public_address(markdown_path(page))}): {_plain(answer)}")
        if len(shown) > LISTED:
            lines += ["", f"- [{_('All articles')}]({public_address(help_url(language))})"]
    return [*lines[1:], ""]


def _others_of(language: str, name: str) -> list[str]:
    """Return the lines about what other apps have for everybody in one language."""
    lines: list[str] = []
    with override(language):
        for section in machine_reading.sections(language, LISTED):
            lines += [f"## {_plain(section.heading)} ({name})", ""]
            for line in section.lines:
                about = f": {_plain(' '.join(line.about.split()))}" if line.about else ""
                lines.append(f"- [{_plain(line.title)}]({public_address(line.url)}){about}")
            lines.append("")
    return lines


# Text -----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Key:
    """What the Markdown of an article depends on, besides its scopes."""

    page: int
    revision: int | None
    language: str


_texts: Memo[str] = Memo(max_size=1024, scopes=(ARTICLES, "catalogue", "site"), seconds=LONG_SECONDS)


def as_markdown(page: ArticlePage) -> str:
    """Return a public article as Markdown: title, short answer, what it applies to, and the body."""
    language = page.locale.language_code
    return _texts.get(_Key(page.pk, page.live_revision_id, language), lambda: _as_markdown(page, language))


def _as_markdown(page: ArticlePage, language: str) -> str:
    article = article_for_everybody(page)
    with override(language):
        facts = [_("Address: %(address)s") % {"address": public_address(page_url(page))}]
        names = [f"{item.name} {item.version}".strip() for item in article.applies_to]
        if applies_to := [*names, *article.platforms]:
            facts.append(_("Applies to: %(names)s") % {"names": pgettext("list separator", ", ").join(applies_to)})
        if article.newer is not None:
            late = _("This translation is out of date. The current text: %(address)s")
            facts.append(late % {"address": public_address(article.newer.url)})
        if page.last_published_at:
            facts.append(_("Updated: %(date)s") % {"date": date_format(page.last_published_at, "Y-m-d")})
    parts = [
        f"# {_plain(page.title)}",
        f"> {_plain(' '.join(page.short_answer.split()))}",
        "\n".join(f"- {fact}" for fact in facts),
        html_as_markdown(article.body.html),
    ]
    return "\n\n".join(part for part in parts if part)


def html_as_markdown(html: str) -> str:
    """Return the Markdown of a rendered body. Addresses within the portal become complete ones."""
    soup = BeautifulSoup(html, "html.parser")
    for tag in soup.find_all(_FOR_PEOPLE):
        tag.decompose()
    for name, attribute in (("a", "href"), ("img", "src"), ("source", "src")):
        for tag in soup.find_all(name):
            address = str(tag.get(attribute) or "")
            if address.startswith("/") and not address.startswith("//"):
                tag[attribute] = public_address(address)
    text = _Converter(heading_style="ATX", bullets="-", escape_underscores=False).convert_soup(soup)
    return _EMPTY_LINES.sub("\n\n", "\n".join(line.rstrip() for line in text.splitlines())).strip()


class _Converter(MarkdownConverter):
    """Adds what Markdown has no sign for: questions that unfold, recordings."""

    def convert_summary(self, element: Tag, text: str, parent_tags: Iterable[str]) -> str:
        return f"\n\n**{text.strip()}**\n\n" if text.strip() else ""

    def _recording(self, element: Tag, text: str, parent_tags: Iterable[str]) -> str:
        sources: list[Any] = element.find_all("source")
        address = str(sources[0].get("src") or "") if sources else ""
        return f"\n\n<{address}>\n\n" if address else ""

    convert_video = _recording
    convert_audio = _recording


def _plain(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", text)
