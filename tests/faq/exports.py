"""Help for the tests of exports: an empty portal, what is in an export, and bodies of any kind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st
from wagtail.contrib.redirects.models import Redirect
from wagtail.documents import get_document_model
from wagtail.images import get_image_model
from wagtail.models import Revision

from faq.models import ArticlePage, HelpMedia, ReusableContent, ShortLink, TopicPage
from portal.catalog.models import Product, Topic
from portal.downloads.models import Download
from portal.troubleshooters.models import Troubleshooter

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from django.db.models import Model


def empty_portal() -> None:
    """Delete all that an export holds; the lists of topics stay."""
    for page in [*ArticlePage.objects.all(), *TopicPage.objects.order_by("-depth")]:
        page.delete()
    everything: list[type[Model]] = [
        Redirect, ReusableContent, get_image_model(), get_document_model(), HelpMedia, ShortLink, Troubleshooter, Download, Product,
        Topic, Revision,
    ]  # fmt: skip
    for model in everything:
        model._default_manager.all().delete()


def content_of(folder: Path) -> dict[str, bytes]:
    """Every file of an export."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


_PERSIAN = "ابپتجچدرزسشغفکگلمنوهی‌ ۱۲۳؛،؟»«"
_WORDS = st.text(alphabet=f"{_PERSIAN}abcXYZ 09<>&\"'“”", max_size=24)


def _rich(links: list[str]) -> st.SearchStrategy[str]:
    from django.utils.html import escape

    words = _WORDS.map(lambda text: escape(text).replace("&#x27;", "'").replace("&quot;", '"'))
    link = st.builds(lambda attributes, text: f"<a {attributes}>{text}</a>", st.sampled_from(links), words)
    bold = words.map(lambda text: f"<b>{text}</b>")
    inside = st.lists(st.one_of(words, link, bold), max_size=3).map("".join)
    paragraph = inside.map(lambda text: f'<p data-block-key="k1x2y">{text}</p>')
    items = inside.map(lambda text: f"<ul><li>{text}</li></ul>")
    return st.lists(st.one_of(paragraph, items, st.just("<hr/>")), max_size=2).map("".join)


def bodies(known: Mapping[str, Any]) -> st.SearchStrategy[list[dict[str, Any]]]:
    """Bodies of every kind of block, some with ids and all fields, some without.

    `known`: "links" (attributes of links), and the numbers of an image, document, media, shared, page, and two products.
    """
    rich = _rich(known["links"])
    picture = st.fixed_dictionaries(
        {"image": st.sampled_from([known["image"], None]), "alt": _WORDS}, optional={"caption": _WORDS}
    )
    code = st.fixed_dictionaries({"title": _WORDS, "language": st.sampled_from(["", "bash"]), "code": _WORDS})
    cells = st.fixed_dictionaries({"values": st.tuples(rich, rich).map(list)})
    column = st.fixed_dictionaries({"type": st.just("text"), "heading": _WORDS})
    table = st.fixed_dictionaries(
        {"columns": st.tuples(column, column).map(list), "rows": st.lists(cells, max_size=2)},
        optional={"caption": _WORDS},
    )
    more = st.lists(_block({"paragraph": rich, "code": code, "table": table, "picture": picture}), max_size=2)
    kinds = st.sampled_from(["tip", "info", "warning", "danger"])
    note = st.fixed_dictionaries({"kind": kinds, "title": _WORDS, "text": rich}, optional={"more": more})
    step = st.fixed_dictionaries(
        {"title": _WORDS, "text": rich}, optional={"image": st.just(known["image"]), "more": more}
    )
    steps = st.lists(st.one_of(step, step.map(_item)), max_size=2)
    item = st.lists(_block({"paragraph": rich, "code": code, "note": note, "table": table}), max_size=2)
    items = st.fixed_dictionaries(
        {"numbered": st.booleans(), "items": st.lists(item, max_size=2)}, optional={"start": st.just(3)}
    )
    accordion = st.lists(
        st.fixed_dictionaries({"question": _WORDS, "answer": rich}, optional={"more": more}), max_size=2
    )
    inner = _block(
        {"paragraph": rich, "steps": steps, "note": note, "code": code, "items": items, "accordion": accordion}
    )
    tabs = st.lists(st.fixed_dictionaries({"title": _WORDS, "content": st.lists(inner, max_size=2)}), max_size=2)
    variant_content = st.lists(_block({"paragraph": rich, "steps": steps, "picture": picture}), max_size=2)
    switch = st.lists(
        st.fixed_dictionaries({"products": st.just(known["products"]), "content": variant_content}),
        min_size=2,
        max_size=2,
    )
    return st.lists(
        _block(
            {
                "heading": _WORDS, "paragraph": rich, "steps": steps, "note": note, "table": table, "code": code, "picture": picture,
                "items": items, "tabs": tabs, "accordion": accordion, "product_switch": switch,
                "media": st.just({"media": known["media"], "caption": "بوق"}),
                "download": st.just({"document": known["document"]}), "reusable": st.just({"content": known["shared"]}),
                "related_article": st.just({"page": known["page"]}),
            }
        ),
        max_size=5,
    )  # fmt: skip


def _block(kinds: Mapping[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[dict[str, Any]]:
    ids = st.uuids(version=4).map(str)
    return st.one_of(
        *(
            st.fixed_dictionaries({"type": st.just(kind), "value": value}, optional={"id": ids})
            for kind, value in kinds.items()
        )
    )


def _item(value: Any) -> dict[str, Any]:
    return {"type": "item", "value": value, "id": "3f1c0a52-8a45-4c3e-9a6b-0d1f2e3a4b5c"}
