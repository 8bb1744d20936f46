"""Headings that links lead to, and code as it was written."""

from __future__ import annotations

import json
import re

import pytest
from wagtail.admin.rich_text.converters.contentstate import ContentstateConverter
from wagtail.rich_text import expand_db_html

from faq.blocks import TEXT_FEATURES, ArticleBody, CodeBlock
from faq.rendering import render_body
from tests.factories.faq import ArticlePageFactory


def test_every_heading_has_an_id_of_its_own_in_its_own_letters():
    blocks = [
        {"type": "heading", "value": "نصب نورا"},
        {"type": "paragraph", "value": "<h3>نصب <b>نورا</b></h3><p>متن</p><h3>What's new?</h3>"},
        {"type": "heading", "value": "نصب نورا"},
        {"type": "heading", "value": "؟"},
    ]

    rendered = render_body(ArticleBody().to_python(blocks), language="fa", linked={})

    assert re.findall(r'<h([23]) id="([^"]*)"', rendered.html) == [
        ("2", "s-نصب-نورا"), ("3", "s-نصب-نورا-3"), ("3", "s-whats-new"), ("2", "s-نصب-نورا-2"), ("2", "s-x"),
    ]  # fmt: skip
    assert [heading.id for heading in rendered.headings] == ["s-نصب-نورا", "s-نصب-نورا-2", "s-x"]


@pytest.mark.django_db
def test_a_link_to_a_place_in_an_article_leads_there_and_survives_the_editor():
    page = ArticlePageFactory()
    stored = f'<p><a linktype="page" id="{page.pk}" anchor="s-نصب">برو</a></p>'
    converter = ContentstateConverter(features=TEXT_FEATURES)

    edited = converter.to_database_format(converter.from_database_format(stored))

    assert 'anchor="s-نصب"' in edited
    assert f'href="{page.url}#s-نصب"' in expand_db_html(edited)


def test_code_keeps_its_spaces_and_is_written_from_left_to_right():
    block = CodeBlock()
    code = "    if x:\n\n\ty <b>\n"

    cleaned = block.clean(block.to_python({"title": "", "language": "python", "code": code}))
    html = block.render(cleaned)

    assert cleaned["code"] == code
    assert "<code>    if x:\n\n\ty &lt;b&gt;\n</code>" in html
    assert 'dir="ltr"' in html
    assert "data-copy" in html
    json.dumps(block.get_prep_value(cleaned))


def test_the_first_number_of_a_list_is_written_in_the_digits_of_programs():
    value = {"numbered": True, "start": 1234, "items": [[{"type": "paragraph", "value": "<p>الف</p>"}]]}
    block = ArticleBody().child_blocks["items"]

    assert '<ol class="items" start="1234">' in block.render(block.to_python(value))
