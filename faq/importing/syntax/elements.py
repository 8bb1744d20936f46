"""What a box, a component or a shortcode is, by the name that its system gives it.

The same things have other names everywhere: `!!! warning`, `::: warning`, `<Warning>`, `{{< callout type="warning" >}}` and
`{% hint style="warning" %}` are one. The rules of the parser read the spelling, this module the meaning.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from faq.importing.syntax.words import names

if TYPE_CHECKING:
    from collections.abc import Mapping

_KINDS: Final = {
    "tip": "tip hint success check done best-practice best_practices protip recommendation نکته توصیه پیشنهاد",
    "info": (
        "info note information notice callout admonition abstract summary tldr todo question help faq example quote cite seealso "
        "see-also secondary primary default light dark comment context version versionadded read reference aside blurb notes "
        "یادداشت توجه اطلاع اطلاعات مثال پرسش خلاصه"
    ),
    "warning": (
        "warning warn caution attention important deprecated deprecation versionchanged beta preview experimental critical-note "
        "هشدار اخطار مهم احتیاط"
    ),
    "danger": "danger error bug fail failure failed missing critical severe alert-danger خطر خطا",
}
_KIND_OF: Final = {name: kind for kind, names in _KINDS.items() for name in names.split()}
_PREFIX: Final = re.compile(r"(?:alert|callout|admonition|notice)-")
#: Names that say only that it is a box; the kind is in an attribute.
_GENERIC: Final = names(
    "callout admonition notice alert hint aside blockquote panel box banner message info-box infobox alertbox"
)
_DETAILS: Final = names(
    "details expand expandable collapse collapsible accordion accordion-item accordionitem spoiler dropdown toggle "
    "disclosure expansion expandablesection جزئیات"
)
_TABS: Final = names(
    "tabs tabset tab-set tabpane tabgroup tab-group code-group codegroup codetabs code-tabs codeblocks "
    "packagemanagers tabbed"
)
_TAB: Final = frozenset(["tab", "tabitem", "tab-item", "tabpanel", "tab-panel", "panel-tab"])
_PICTURES: Final = names("image img figure picture screenshot zoomableimage themedimage zoom frame-image imgproc")
_VIDEOS: Final = names("youtube vimeo video embed youtubeembed liteyoutube loom videoplayer bilibili aparat gist")
_LINKS: Final = names("link a button linkbutton card linkcard link-card docslink xref ref relref navcard cta")
#: Tags around other things, which say nothing of their own.
_PLAIN: Final = names(
    "steps step cards cardgroup card-group cardgrid columns column col row grid section div frame filetree fragment "
    "br center procedure include-content steplist accordiongroup accordion-group accordions codeblock badge "
    "details-group update div box block container wrapper panelgroup split contentref content-ref tabs-content"
)
#: What a picture, link or title may be called.
_SOURCE_KEYS: Final = ("src", "source", "img", "image", "url", "light", "0")
_ADDRESS_KEYS: Final = ("href", "to", "link", "url", "src", "page", "path", "permalink", "0")
_TITLE_KEYS: Final = ("title", "label", "name", "header", "heading", "summary", "caption", "text", "0")


@dataclass(slots=True)
class Element:
    """A tag of ours (`x-note`, `x-details`, `x-tabs`, `x-tab`, `div`, `img`, `a`, …) with its attributes."""

    tag: str
    attrs: dict[str, str] = field(default_factory=dict)
    is_known: bool = True


def kind_of(name: str) -> str | None:
    """Return the kind of note that a name means, in any system and in Persian; None if it is no note."""
    return _KIND_OF.get(_PREFIX.sub("", name.strip().strip(".").casefold()))


def note(name: str, title: str = "") -> Element:
    """Return a note; of a kind that we do not know it keeps the name as its title."""
    kind = kind_of(name)
    label = title if kind or title else re.sub(r"[-_]+", " ", name).strip()
    return Element("x-note", {"data-kind": kind or "info", "data-title": label})


def _first(attrs: Mapping[str, str], keys: tuple[str, ...]) -> str:
    return next((attrs[key] for key in keys if attrs.get(key)), "")


def element(name: str, attrs: Mapping[str, str], title: str = "") -> Element:
    """Return what a box, component or shortcode is. Attributes without a name are called "0", "1", …"""
    plain = name.rsplit(".", maxsplit=1)[-1] if name[:1].isupper() else name
    known = plain.casefold().replace("_", "-")
    title = title or _first(attrs, _TITLE_KEYS[:-1])
    found = Element("div", {"data-title": title}, is_known=known in _PLAIN)
    if known in _GENERIC or known in {"include", "alert"}:
        kind = next((attrs[key] for key in ("type", "kind", "style", "variant", "color", "class", "severity", "0")
                     if kind_of(attrs.get(key, ""))), "")  # fmt: skip
        found = note(kind or "info", title or (attrs.get("1", "") if attrs.get("0") == kind else attrs.get("0", "")))
    elif known in _TABS:
        found = Element("x-tabs", {"data-items": attrs.get("items", "")})
    elif known in _TAB:
        found = Element(
            "x-tab", {"data-title": _first(attrs, ("label", "title", "name", "header", "value", "0")) or title}
        )
    elif known in _DETAILS:
        found = Element("x-details", {"data-title": title or attrs.get("0", "")})
    elif known in _PICTURES and _first(attrs, _SOURCE_KEYS):
        found = Element("img", {
            "src": _first(attrs, _SOURCE_KEYS), "alt": attrs.get("alt", ""), "title": attrs.get("caption") or title,
        })  # fmt: skip
    elif known in _VIDEOS and (attrs.get("id") or _first(attrs, _ADDRESS_KEYS)):
        found = Element("iframe", {"src": _video(known, attrs), "title": title})
    elif known in {"x-note", "mark", "kbd"}:
        found = Element(known)
    elif kind_of(known) and known != "link":
        found = note(known, title or (attrs.get("0", "") if known not in {"quote", "cite"} else ""))
    elif known in _LINKS:
        found = Element("x-link", {"data-href": _first(attrs, _ADDRESS_KEYS), "data-title": title})
    return found


def _video(name: str, attrs: Mapping[str, str]) -> str:
    address = attrs.get("id") or _first(attrs, _ADDRESS_KEYS)
    if re.match(r"https?:|/", address):
        return address
    places = {
        "vimeo": "https://vimeo.com/", "aparat": "https://www.aparat.com/v/", "loom": "https://www.loom.com/share/",
        "gist": "https://gist.github.com/", "bilibili": "https://www.bilibili.com/video/",
    }  # fmt: skip
    if name == "video" or "." in address:
        return address
    return places.get(name, "https://www.youtube.com/watch?v=") + address
