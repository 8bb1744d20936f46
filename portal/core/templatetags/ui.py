"""Template tags and filters for every template: ``{% load ui %}``. For the formats see `portal.core.formats`."""

from __future__ import annotations

import datetime as dt
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from django import template
from django.conf import settings
from django.middleware.csrf import get_token
from django.template.base import token_kwargs
from django.template.loader import render_to_string
from django.template.loader_tags import BlockNode
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language_bidi
from lucide.templatetags.lucide import lucide

from portal.core import context_processors, formats, fragments
from portal.core import navigation as navigation_registry
from portal.core.fragments import FragmentNode, UnkeptNode
from portal.core.privacy import translate_placeholders
from portal.core.runs import isolate_html, isolated
from portal.core.text import isolate as isolate_text
from portal.core.text import to_latin_digits

if TYPE_CHECKING:
    from django.http import HttpRequest

register = template.Library()

#: Icons that point in reading direction; the style sheet mirrors them on right-to-left pages.
DIRECTIONAL_ICONS: Final = frozenset(
    {
        "arrow-left",
        "arrow-right",
        "chevron-left",
        "chevron-right",
        "chevrons-left",
        "chevrons-right",
        "corner-down-left",
        "corner-down-right",
        "external-link",
        "forward",
        "list",
        "list-ordered",
        "list-tree",
        "log-in",
        "log-out",
        "quote",
        "redo-2",
        "reply",
        "send",
        "share-2",
        "text-quote",
        "trending-down",
        "trending-up",
        "undo-2",
    }
)
_SVG_BODY: Final = re.compile(r"<svg[^>]*>(.*)</svg>", re.DOTALL)


@register.filter
def num(value: object, decimals: int | None = None) -> str:
    """``{{ count|num }}``, ``{{ rating|num:1 }}``."""
    return formats.format_number(value, decimals)


@register.filter
def percent(value: object, decimals: int | None = None) -> str:
    """``{{ share|percent }}``, for a value that is already a percentage."""
    return formats.format_percent(value, decimals)


@register.filter
def signed(value: object) -> SafeString:
    """``{{ change|signed }}``."""
    return formats.format_signed(value)


@register.filter
def ltr(value: object, form: str = "") -> SafeString:
    """``{{ version|ltr }}``; ``{{ hash|ltr:"wrap" }}`` may break anywhere. Empty for None."""
    return SafeString("") if value in (None, "") else formats.format_ltr(value, wrap=form == "wrap")


@register.filter
def tel(number: str) -> str:
    """Return a telephone number for ``href="tel:…"``."""
    digits = to_latin_digits(str(number))
    return ("+" if digits.lstrip().startswith("+") else "") + "".join(filter(str.isdigit, digits))


@register.filter
def runs(value: object) -> SafeString:
    """``{{ title|runs }}``: text, or safe HTML, whose Latin words, codes and telephone numbers keep their order in Persian."""
    if isinstance(value, SafeString):
        return mark_safe(isolate_html(value))  # noqa: S308 - only elements are added to safe HTML
    return isolated("" if value is None else str(value), page="rtl" if get_language_bidi() else "ltr")


@register.filter
def isolate(value: object) -> str:
    """Isolate the direction of the value in places that take no markup (``<title>``, mail subjects)."""
    return isolate_text(str(value))


@register.filter
def redacted(value: object) -> str:
    """``{{ feedback.comment|redacted }}``: typed text with the placeholders of personal data in the page's language.

    What is safe HTML remains it: placeholders are no tags.
    """
    shown = translate_placeholders(str(value))
    return SafeString(shown) if isinstance(value, SafeString) else shown


@register.filter
def direction(language: str) -> str:
    """``dir="{{ thread.language|direction }}"``: for texts that may begin with a word of another language."""
    return "rtl" if language.partition("-")[0] in settings.LANGUAGES_BIDI else "ltr"


@register.filter
def as_subject(label: object) -> str:
    """``{{ field.label|as_subject }} {{ error }}``: with a colon, unless it ends like a sentence."""
    text = str(label).strip()
    return text if text.endswith(tuple(":.?!؟…")) else f"{text}:"


@register.filter
def filesize_l(value: int | None) -> str:
    """``{{ file.size|filesize_l }}``, for a size in bytes."""
    return "" if value is None else formats.format_size(int(value))


@register.filter
def date_l(value: dt.date | None, form: str = "") -> SafeString:
    """``{{ day|date_l }}``; forms ``"day"``, ``"month"``, ``"full"``. Empty for None."""
    return formats.format_date(value, form) if isinstance(value, dt.date) else SafeString("")


@register.filter
def time_l(value: dt.datetime | dt.time | None) -> SafeString:
    """``{{ moment|time_l }}``."""
    return formats.format_time(value) if isinstance(value, dt.datetime | dt.time) else SafeString("")


@register.filter
def ago(value: dt.date | None) -> SafeString:
    """``{{ moment|ago }}``."""
    return formats.format_ago(value) if isinstance(value, dt.date) else SafeString("")


@register.filter
def moment(value: dt.date | None) -> str:
    """``title="{{ when|moment }}"``: date and time as text, for attributes. Empty for None."""
    return formats.moment_text(value) if isinstance(value, dt.date) else ""


@register.filter
def ago_words(value: dt.date | None) -> str:
    """``{{ when|ago_words }}``: what `ago` says, without its element."""
    return formats.ago_text(value) if isinstance(value, dt.date) else ""


@lru_cache(maxsize=1024)
def _icon_body(name: str) -> str:
    match = _SVG_BODY.search(lucide(name))
    assert match is not None, name  # noqa: S101 - every icon of the package is one svg element
    return re.sub(r">\s+<", "><", match[1].strip())


@lru_cache(maxsize=2048)
def _icon(name: str, classes: str, label: str) -> SafeString:
    names = " ".join(filter(None, ["i", classes, "i--dir" if name in DIRECTIONAL_ICONS else ""]))
    meaning = format_html('role="img" aria-label="{}"', label) if label else SafeString('aria-hidden="true"')
    return format_html(
        '<svg class="{}" viewBox="0 0 24 24" {}>{}</svg>',
        names,
        meaning,
        mark_safe(_icon_body(name)),  # noqa: S308 - from the icon package
    )


@register.simple_tag
def icon(name: str, classes: str = "", *, label: str = "") -> SafeString:
    """``{% icon "search" %}``, ``{% icon "check" "i--sm" %}``: an inline Lucide icon.

    Decorative unless it has a `label`. Raises `lucide.IconDoesNotExist` for an unknown name.
    """
    return _icon(str(name), str(classes), str(label))


@register.simple_tag(takes_context=True)
def form_token(context: template.Context) -> SafeString:
    """``{% form_token %}`` instead of ``{% csrf_token %}`` in forms on pages that are cached for visitors.

    Empty for people without an account: a token would belong to one of them, but the page is cached for all. The view
    that receives such a form must be decorated with `portal.core.http.same_origin_post`.
    """
    request: HttpRequest | None = context.get("request")
    if request is None or settings.SESSION_COOKIE_NAME not in request.COOKIES or not request.user.is_authenticated:
        return SafeString("")
    token = context.get("csrf_token") or get_token(
        request
    )  # that of the page: masking it again for each form is costly
    return format_html('<input type="hidden" name="csrfmiddlewaretoken" value="{}">', token)


@register.simple_block_tag(end_name="endcard")
def card(content: SafeString, *, title: str = "", tone: str = "", **extra: Any) -> SafeString:
    """``{% card title=heading tone="accent" %}…{% endcard %}``; passes other arguments to ``components/card.html``."""
    return render_to_string("components/card.html", {"content": content, "title": title, "tone": tone, **extra})


@register.tag
def shared(parser: template.base.Parser, token: template.base.Token) -> FragmentNode:
    """``{% shared "article" article=data.view solved=data.solved_count scopes="articles" %}…{% endshared %}``.

    Caches HTML that is the same for many readers: it is rendered once per process and kept until content changes.
    Inside, only the declared values are available, under their declared names, and what is the same for everybody:
    ``nav``, ``site_brand``, ``LANGUAGE_CODE``, ``text_dir``, ``theme``, ``site_address``, and a ``user`` with nothing
    but ``is_authenticated``. There is no request, session, message or token. A fragment that uses anything else is
    rendered empty, and raises an error in tests (`portal.core.fragments`).

    One version is cached for each combination of the values, the reader's audiences, language, preferences and host.
    Texts, numbers, dates and tuples of these are compared by value; an object can have a `fragment_key`, a plain value
    that changes with it. For other values pass ``key=``: a plain value that differs whenever any of them does
    (``key=page.live_revision_id``).

    ``scopes="articles thread:42"`` names what the fragment depends on: it is dropped when one of these changes; without
    scopes, when anything changes. ``seconds=60`` is for what becomes wrong by time alone, such as "two minutes ago";
    the usual limit is five minutes.

    A fragment consists of complete elements. Parts that belong to one person or one address go in ``{% unkept %}``
    inside it.
    """
    return _fragment_node(parser, token, is_frame=False)


@register.tag
def frame(parser: template.base.Parser, token: template.base.Token) -> FragmentNode:
    """``{% frame "tabbar" section=nav_section %}…{% endframe %}``: like `shared`, but the same for all audiences.

    Only for the frame of pages, which shows no content: few values, none of them an address or an identifier.
    It saves looking up the reader's audiences, and is cached separately, so that contents never evict it.
    """
    return _fragment_node(parser, token, is_frame=True)


@register.tag
def unkept(parser: template.base.Parser, token: template.base.Token) -> UnkeptNode:
    """``{% unkept %}{{ user.name }}{% endunkept %}``: rendered for each reader, inside cached HTML.

    It sees the page's own context, which the fragment around it does not. Of what was set inside the fragment, such as
    the variable of a loop, it sees what it names: ``{% unkept number=post.number %}``. These are texts, numbers, dates,
    tuples of them, or objects with a `fragment_key`: they are kept with the fragment.
    """
    tag, *bits = token.split_contents()
    values = token_kwargs(bits, parser)
    if bits:
        raise template.TemplateSyntaxError(f"{tag}: {bits[0]} needs a name: name={bits[0]}")
    nodelist = parser.parse(("endunkept",))
    parser.delete_first_token()
    return UnkeptNode(nodelist, values)


def _fragment_node(parser: template.base.Parser, token: template.base.Token, *, is_frame: bool) -> FragmentNode:
    tag, *bits = token.split_contents()
    if not bits or bits[0][0] not in "\"'" or bits[0][0] != bits[0][-1]:
        raise template.TemplateSyntaxError(f"{tag} needs a name in quotes")
    name, bits = bits[0][1:-1], bits[1:]
    values = token_kwargs(bits, parser)
    if bits:
        raise template.TemplateSyntaxError(f"{tag} {name}: {bits[0]} needs a name: name={bits[0]}")
    key, scopes, seconds = (values.pop(option, None) for option in ("key", "scopes", "seconds"))
    taken = (fragments.PERSONAL_NAMES | set(context_processors.CONSTANTS)) & set(values)
    if taken:
        raise template.TemplateSyntaxError(f"{tag} {name}: {', '.join(sorted(taken))} cannot be declared")
    to_come: list[Any] = list(parser.tokens)  # in reverse order: the next token is last
    nodelist = parser.parse((f"end{tag}",))
    source = to_come[len(parser.tokens) :]
    parser.delete_first_token()
    if nodelist.get_nodes_by_type(BlockNode):
        raise template.TemplateSyntaxError(f"{tag} {name}: a block inside could be another one on each page")
    return FragmentNode(
        nodelist,
        name,
        values,
        fingerprint=fragments.fingerprint([token.contents, *(part.contents for part in reversed(source))]),
        key=key,
        scopes=scopes,
        is_frame=is_frame,
        seconds=seconds,
    )


@register.simple_tag(takes_context=True)
def navigation(context: template.Context, place: str) -> list[navigation_registry.NavLink]:
    """``{% navigation "tabbar" as links %}``: the links that apps registered for a place, for this reader.

    Needs ``nav_section`` in the context (declare it in a fragment). ``header-for-some`` belongs in ``{% unkept %}``.
    """
    is_authenticated = _is_authenticated(context)
    is_for_some = is_authenticated and place == navigation_registry.HEADER_FOR_SOME
    return navigation_registry.links_at(
        place,
        is_authenticated=is_authenticated,
        section=context.get("nav_section") or "",
        person=context["user"] if is_for_some else None,
    )


@register.simple_tag(takes_context=True)
def navigation_badge(context: template.Context, name: str) -> navigation_registry.NavBadge:
    """``{% navigation_badge link.name as badge %}``: what the signed-in person sees at an entry of ``header-own``."""
    return navigation_registry.badge_of(name, context["user"])


@register.simple_tag(takes_context=True)
def navigation_groups(context: template.Context) -> list[navigation_registry.NavGroupLinks]:
    """``{% navigation_groups as groups %}``: the columns of the footer that have links for this reader."""
    return navigation_registry.groups(
        is_authenticated=_is_authenticated(context), section=context.get("nav_section") or ""
    )


def _is_authenticated(context: template.Context) -> bool:
    user = context.get("user")
    return user is not None and bool(user.is_authenticated)
