from __future__ import annotations

import pytest
from django.test import override_settings

from faq.models import ArticlePage, TopicPage
from search.checks import check_backend, check_cluster, check_every_page_type_can_be_found


def test_a_backend_that_does_not_exist_is_an_error():
    with override_settings(SEARCH_BACKEND="search.index.nowhere.Backend"):
        assert [message.id for message in check_backend()] == ["search.E001"]

    assert check_backend() == []


def test_a_page_type_nobody_can_find_is_a_warning(only_topics):
    found = {message.obj for message in check_every_page_type_can_be_found()}

    assert found == {ArticlePage}


def test_a_page_type_says_itself_that_it_is_not_looked_for(only_topics, monkeypatch):
    monkeypatch.setattr(ArticlePage, "holds_answers", False)
    monkeypatch.setattr(TopicPage, "holds_answers", True)

    assert [message.obj for message in check_every_page_type_can_be_found()] == [TopicPage]


def test_every_page_type_of_the_portal_is_found_or_left_out_on_purpose():
    assert check_every_page_type_can_be_found() == []


@pytest.mark.parametrize(
    ("values", "wrong"),
    [
        ({}, []),
        ({"ELASTICSEARCH_USER": "portal"}, ["search.E002"]),
        ({"ELASTICSEARCH_PASSWORD": "x"}, ["search.E002"]),
        ({"ELASTICSEARCH_USER": "portal", "ELASTICSEARCH_PASSWORD": "x"}, []),
        (
            {"ELASTICSEARCH_USER": "portal", "ELASTICSEARCH_PASSWORD": "x", "ELASTICSEARCH_API_KEY": "k"},
            ["search.E003"],
        ),
        ({"ELASTICSEARCH_CA": "/nowhere.pem"}, ["search.E004"]),
        ({"ELASTICSEARCH_CA": __file__}, []),
        ({"ELASTICSEARCH_CA": __file__, "ELASTICSEARCH_URL": "http://search.example"}, ["search.E005"]),
        ({"ELASTICSEARCH_PREFIX": "Portal_*"}, ["search.E006"]),
        ({"ELASTICSEARCH_URL": "", "ELASTICSEARCH_USER": "portal"}, []),
    ],
)
def test_what_is_said_of_the_cluster_must_fit_together(values, wrong):
    with override_settings(**{"ELASTICSEARCH_URL": "https://search.example:9200", **values}):
        assert [message.id for message in check_cluster()] == wrong


@pytest.mark.django_db
@pytest.mark.both_databases("portal.core.views")
def test_health_says_what_answers_searches(client):
    assert client.get("/health/").json() == {
        "status": "ok",
        "outbox_oldest_seconds": 0,
        "mail": "ok",
        "disk": "ok",
        "search": "database",
    }
