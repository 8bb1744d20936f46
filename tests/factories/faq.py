"""Factories of help pages. Persian by default; a page is created below its parent.

`help_site()` creates the pages of every installation: a home page and a list of topics per language, which are
translations of each other.
"""

from __future__ import annotations

from typing import Any

import factory
from django.core.files.base import ContentFile
from wagtail.models import Locale, Page, Site

from faq.models import ArticlePage, Feedback, HelpIndexPage, HelpMedia, RelatedArticle, ReusableContent, TopicPage
from portal.core.visitors import SECTORS
from portal.home.models import HomePage
from tests.factories.accounts import UserFactory
from tests.factories.catalog import TopicFactory

VTT = "WEBVTT\n\n00:00.000 --> 00:02.000\nبوق آزاد\n"


def locale(code: str) -> Locale:
    return Locale.objects.get_or_create(language_code=code)[0]


def help_site() -> dict[str, HelpIndexPage]:
    """The lists of topics by language; the site is created if it does not exist."""
    root = Page.objects.get(depth=1)
    home = HomePage.objects.filter(locale=locale("fa")).first()
    if home is None:
        home = root.add_child(instance=HomePage(title="خانه", slug="fa-home", locale=locale("fa")))
        english = HomePage(title="Home", slug="en-home", locale=locale("en"), translation_key=home.translation_key)
        english = root.add_child(instance=english)
        persian = home.add_child(instance=HelpIndexPage(title="راهنما", slug="راهنما", locale=locale("fa")))
        english.add_child(
            instance=HelpIndexPage(
                title="Help", slug="help", locale=locale("en"), translation_key=persian.translation_key
            )
        )
        Site.objects.all().delete()
        Site.objects.create(hostname="localhost", root_page=home, is_default_site=True, site_name="نورا")
    return {page.locale.language_code: page for page in HelpIndexPage.objects.select_related("locale")}


class _PageFactory(factory.django.DjangoModelFactory):
    """``parent`` is optional; ``publish=False`` makes a page without revisions, ``draft=True`` one that is not live."""

    class Meta:
        abstract = True

    title = factory.Sequence(lambda n: f"صفحهٔ {n}")
    slug = factory.Sequence(lambda n: f"صفحه-{n}")

    @classmethod
    def _create(cls, model_class: type[Page], *args: Any, **kwargs: Any) -> Any:
        parent = kwargs.pop("parent", None) or cls.default_parent()
        publish, draft = kwargs.pop("publish", True), kwargs.pop("draft", False)
        kwargs.setdefault("locale", parent.locale)
        relations = {name: kwargs.pop(name) for name in ("products", "versions") if name in kwargs}
        page = parent.add_child(instance=model_class(live=not draft and not publish, **kwargs))
        for name, objects in relations.items():
            setattr(page, name, objects)
        if relations:
            page.save()
        if publish and not draft:
            page.save_revision().publish()
        return model_class.objects.get(pk=page.pk)


class TopicPageFactory(_PageFactory):
    class Meta:
        model = TopicPage

    topic = factory.SubFactory(TopicFactory)
    intro = "یک خط دربارهٔ موضوع"

    @classmethod
    def default_parent(cls) -> Page:
        return help_site()["fa"]


class ArticlePageFactory(_PageFactory):
    """``products=[…]`` and ``versions=[…]`` set what it applies to."""

    class Meta:
        model = ArticlePage

    title = factory.Sequence(lambda n: f"چراغ مودم {n} قرمز است؛ چه کنم؟")
    slug = factory.Sequence(lambda n: f"چراغ-قرمز-{n}")
    short_answer = "مودم را ۳۰ ثانیه از برق بکشید و کابل خاکستری را محکم کنید."

    @classmethod
    def default_parent(cls) -> Page:
        return TopicPageFactory()


class RelatedArticleFactory(factory.django.DjangoModelFactory[RelatedArticle]):
    class Meta:
        model = RelatedArticle

    page = factory.SubFactory(ArticlePageFactory)
    article = factory.SubFactory(ArticlePageFactory)


class ReusableContentFactory(factory.django.DjangoModelFactory[ReusableContent]):
    class Meta:
        model = ReusableContent

    title = "یادداشت مشترک"
    locale = factory.LazyFunction(lambda: locale("fa"))
    body = factory.LazyFunction(lambda: [("paragraph", "<p>متن مشترک</p>")])


class HelpMediaFactory(factory.django.DjangoModelFactory[HelpMedia]):
    class Meta:
        model = HelpMedia

    title = "بوق‌های تلفن"
    type = "audio"
    duration = 12
    file = factory.LazyFunction(lambda: ContentFile(b"RIFF", name="tones.wav"))
    captions = factory.LazyFunction(lambda: ContentFile(VTT.encode(), name="tones.vtt"))
    transcript = "بوق آزاد، بوق اشغال"


class FeedbackFactory(factory.django.DjangoModelFactory[Feedback]):
    """By default a "yes" of an anonymous visitor. Traits: ``unsolved``, ``signed_in``."""

    class Meta:
        model = Feedback

    class Params:
        unsolved = factory.Trait(solved=False, reason=Feedback.Reason.OUTDATED, comment="منوی مودم عوض شده است")
        signed_in = factory.Trait(user=factory.SubFactory(UserFactory), visitor="")

    article = factory.SubFactory(ArticlePageFactory)
    revision = factory.LazyAttribute(lambda o: o.article.live_revision)
    revision_read = factory.LazyAttribute(lambda o: o.article.live_revision_id or 0)
    visitor = factory.Sequence(lambda n: f"{n:032x}")
    network = factory.Sequence(lambda n: f"{n:024x}")
    sector = factory.Sequence(lambda n: n % SECTORS)
    solved = True
