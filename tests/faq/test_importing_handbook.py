"""A real handbook in two languages is converted by bench/, imported, and found by search."""

from __future__ import annotations

import gzip
import importlib.util
import json
import re
from pathlib import Path

import pytest
from wagtail.signal_handlers import disable_reference_index_auto_update

from faq.importing import Outcome, import_articles
from faq.models import ArticlePage
from portal.core.text import normalise_input, without_bidi_controls
from tests.factories.catalog import TopicFactory
from tests.factories.faq import TopicPageFactory, help_site

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT.parent / "shared" / "data" / "handbook_fa_en.json.gz"

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(not DATA.exists(), reason="no ../shared/data/handbook_fa_en.json.gz beside the project"),
]


def converter():
    spec = importlib.util.spec_from_file_location("handbook_to_markdown", ROOT / "bench" / "handbook_to_markdown.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def words(text):
    return without_bidi_controls(normalise_input(text)).split()


def test_every_page_of_the_handbook_arrives_word_by_word_and_is_found(tmp_path, client, after_commit):
    pages = json.loads(gzip.decompress(DATA.read_bytes()))
    topic = TopicFactory(code="handbook")
    for index_page in help_site().values():
        TopicPageFactory(topic=topic, parent=index_page, slug="handbook")
    convert = converter()
    assert convert.convert(DATA, tmp_path) == 254

    with after_commit(), disable_reference_index_auto_update():
        report = import_articles(tmp_path, topic="handbook")

    assert (len(pages), report.count(Outcome.CREATED), len(report.rows)) == (127, 254, 254)
    arrived = {
        (page.external_id, page.locale.language_code): page for page in ArticlePage.objects.select_related("locale")
    }
    for page in pages:
        for language in ("fa", "en"):
            article = arrived[convert.page_id(page), language]
            body = " ".join(paragraph for block in article.body for paragraph in [str(block.value.source)])
            text = re.sub(r"</?a\b[^>]*>", "", body.replace("</p><p>", " ")).removeprefix("<p>").removesuffix("</p>")
            for entity, sign in (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")):
                text = text.replace(entity, sign)
            assert words(text) == words(page[language])
            assert words(article.title) == words(page[f"{language}_title"])
    for language, query, expected in [
        ("fa", "مديريت پيشرفته", "advanced-administration"),
        ("en", "advanced administration", "advanced-administration"),
        ("en", "dpkg package manager database", None),
    ]:
        hits = client.get(f"/{language}/search/", {"q": query}).context["result"].hits
        assert hits
        if expected:
            assert arrived[expected, language].pk in [hit.object_id for hit in hits[:5]]
