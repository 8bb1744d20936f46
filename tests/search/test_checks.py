from __future__ import annotations

from django.test import override_settings

from faq.models import ArticlePage
from search.checks import check_backend, check_every_page_type_can_be_found


def test_a_backend_that_does_not_exist_is_an_error():
    with override_settings(SEARCH_BACKEND="search.backends.nowhere.Backend"):
        assert [message.id for message in check_backend()] == ["search.E001"]

    assert check_backend() == []


def test_a_page_type_nobody_can_find_is_a_warning(only_topics):
    with override_settings(SEARCH_EXCLUDED_MODELS=["faq.TopicPage"]):
        found = {message.obj for message in check_every_page_type_can_be_found()}

    assert ArticlePage in found
    assert all(model._meta.label != "faq.TopicPage" for model in found)


def test_every_page_type_of_the_portal_is_found_or_left_out_on_purpose():
    assert check_every_page_type_can_be_found() == []
