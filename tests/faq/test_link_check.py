"""Links that lead nowhere are found, and leave the report when they are repaired."""

from __future__ import annotations

import pytest
from django.urls import reverse

from faq.link_check import check_links
from faq.models import ArticlePage, BrokenLink, ShortLink
from tests.factories.faq import ArticlePageFactory, TopicPageFactory

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases("faq.link_check")]


def links_to(*targets, **kwargs):
    """An article with these links; a number is that of a page."""
    tags = [f'<a linktype="page" id="{to}">' if isinstance(to, int) else f'<a href="{to}">' for to in targets]
    return ArticlePageFactory(body=[("paragraph", "".join(f"<p>{tag}متن</a></p>" for tag in tags))], **kwargs)


def reasons():
    check_links()
    return {row.target: row.reason for row in BrokenLink.objects.all()}


def test_links_to_what_everybody_may_read_are_whole():
    target = ArticlePageFactory(body=[("heading", "گام یک")])
    number = ShortLink.objects.get(translation_key=target.translation_key).pk
    links_to(
        *(target.pk, target.url, f"{target.url}#s-گام-یک", f"/a/{number}", "/fa/search/", "/fa/"),
        *("https://example.com/gone", "mailto:a@example.com", "//example.com/x"),
    )

    assert reasons() == {}


def test_links_to_what_is_gone_or_not_for_the_readers_are_found():
    topic = TopicPageFactory()
    draft, partners = ArticlePageFactory(draft=True, parent=topic), ArticlePageFactory(audience="partner", parent=topic)
    target = ArticlePageFactory(parent=topic)
    links_to(99_999, draft.pk, partners.pk, partners.url, "/fa/nowhere/", "/a/99999", f"{target.url}#s-x", "#s-y")

    assert reasons() == {
        "page:99999": "gone",
        f"page:{draft.pk}": "not-published",
        f"page:{partners.pk}": "not-for-readers",
        partners.url: "not-for-readers",
        "/fa/nowhere/": "gone",
        "/a/99999": "gone",
        f"{target.url}#s-x": "no-section",
        "#s-y": "no-section",
    }


def test_an_article_for_partners_may_lead_to_one_for_partners_and_drafts_are_not_looked_at():
    partners = ArticlePageFactory(audience="partner")
    links_to(partners.pk, partners.url, audience="partner")
    links_to("/fa/nowhere/", draft=True)

    assert reasons() == {}


def test_what_is_repaired_leaves_the_report_and_the_rest_keeps_its_day(client, editor):
    article = links_to("/fa/nowhere/", "/fa/nothing/")
    check_links()
    first = BrokenLink.objects.get(target="/fa/nowhere/")
    page = client.get(reverse("broken_link_report:index"))

    draft = ArticlePage.objects.get(pk=article.pk)
    draft.body = [("paragraph", '<p><a href="/fa/nowhere/">متن</a></p>')]
    draft.save_revision().publish()
    check_links()

    assert "/fa/nothing/" in page.text
    assert BrokenLink.objects.get() == first
    assert BrokenLink.objects.get().found_at == first.found_at
