from __future__ import annotations

import pytest
from csp.decorators import csp_update
from django.http import HttpResponse
from django.test import RequestFactory
from django.utils.functional import LazyObject

from portal.accounts.models import User
from portal.core.middleware import (
    ContentSecurityPolicyMiddleware,
    PrivateResponseMiddleware,
    UnreadableRequestMiddleware,
)
from portal.core.roles import COMMUNITY_MANAGERS
from portal.core.text import reading_minutes
from tests.factories.accounts import UserFactory
from tests.factories.community import AreaFactory, ThreadFactory

pytestmark = pytest.mark.urls("tests.core.urls_for_tests")


def directives(policy: str) -> dict[str, str]:
    return dict(part.strip().partition(" ")[::2] for part in policy.split(";"))


def test_pages_allow_no_inline_code_and_no_other_origin(client, db):
    policy = directives(client.get("/fa/page/")["Content-Security-Policy"])

    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == "'self'"
    assert policy["style-src"] == "'self'"
    assert policy["base-uri"] == "'none'"
    assert policy["frame-ancestors"] == "'self'"
    assert not any("unsafe" in value for value in policy.values())


def test_the_admin_may_use_inline_code_and_nothing_else_more():
    middleware = ContentSecurityPolicyMiddleware(lambda _request: HttpResponse("ok"))
    strict, admin, emergency = (
        directives(middleware(RequestFactory().get(path))["Content-Security-Policy"])
        for path in ("/fa/page/", "/admin/pages/", "/django-admin/")
    )

    assert admin == emergency
    assert admin.pop("script-src") == "'self' 'unsafe-inline'"
    assert admin.pop("style-src") == "'self' 'unsafe-inline'"
    assert admin == {name: value for name, value in strict.items() if name not in {"script-src", "style-src"}}


def test_a_view_of_the_admin_that_changes_its_policy_keeps_inline_code():
    @csp_update({"img-src": ["https://pictures.example"]})
    def view(request):
        return HttpResponse("ok")

    response = ContentSecurityPolicyMiddleware(view)(RequestFactory().get("/admin/x/"))

    policy = directives(response["Content-Security-Policy"])
    assert policy["script-src"] == "'self' 'unsafe-inline'"
    assert policy["img-src"] == "'self' data: https://pictures.example"


def test_an_address_that_only_looks_like_the_admin_stays_strict(client, db):
    assert "unsafe" not in client.get("/fa/admin/tool/")["Content-Security-Policy"]


def test_error_pages_carry_the_policy_too(client, db):
    assert "script-src 'self'" in client.get("/fa/nothing-here/")["Content-Security-Policy"]


def test_a_view_may_still_change_its_own_policy():
    @csp_update({"img-src": ["https://pictures.example"]})
    def view(request):
        return HttpResponse("ok")

    response = ContentSecurityPolicyMiddleware(view)(RequestFactory().get("/fa/x/"))

    assert directives(response["Content-Security-Policy"])["img-src"] == "'self' data: https://pictures.example"


def test_a_nonce_a_view_uses_is_only_named_if_the_policy_asks_for_it():
    def view(request):
        return HttpResponse(str(request.csp_nonce))

    response = ContentSecurityPolicyMiddleware(view)(RequestFactory().get("/fa/x/"))

    assert len(response.content) > 10
    assert "nonce-" not in response["Content-Security-Policy"]


def test_powerful_features_are_off(client, db):
    policy = client.get("/fa/page/")["Permissions-Policy"]

    assert "camera=()" in policy
    assert "geolocation=()" in policy
    assert "publickey-credentials" not in policy


# What staff's side cannot read ------------------------------------------------------------------------------------------


@pytest.mark.urls("portal.urls")
def test_an_address_the_admin_cannot_read_is_said_to_be_so_and_logged(client, editor, caplog):
    response = client.get("/admin/documents/chooser/chosen/nothing/")

    assert (response.status_code, "این درخواست" in response.text) == (400, True)
    assert [record.levelname for record in caplog.records if record.exc_info] == ["ERROR"]


def test_a_mistake_of_ours_stays_a_server_error():
    middleware = UnreadableRequestMiddleware(lambda _request: HttpResponse("ok"))
    with pytest.raises(AttributeError) as raised:
        reading_minutes(None, "fa")

    assert middleware.process_exception(RequestFactory().get("/admin/x/"), raised.value) is None


def test_elsewhere_every_mistake_stays_a_server_error():
    middleware = UnreadableRequestMiddleware(lambda _request: HttpResponse("ok"))

    assert middleware.process_exception(RequestFactory().get("/fa/x/"), ValueError("x")) is None


@pytest.mark.urls("portal.urls")
@pytest.mark.django_db
def test_what_somebody_signed_in_gets_is_kept_by_no_cache_between_us(client, settings):
    settings.STAFF_SECOND_FACTOR = False
    thread = ThreadFactory(area=AreaFactory())
    client.force_login(UserFactory(role=COMMUNITY_MANAGERS))
    paths = [
        "/fa/", "/fa/search/?q=x", "/fa/community/", thread.get_absolute_url(), thread.area.get_absolute_url(), "/fa/styleguide/",
        "/fa/desk/queue/", "/fa/desk/log/", "/fa/notifications/", "/fa/account/", "/fa/nothing/", "/fa/community/t/999999/", "/admin/",
    ]  # fmt: skip
    found = {path: client.get(path).headers.get("Cache-Control", "") for path in paths}

    assert {path: said for path, said in found.items() if "private" not in said or "no-" not in said} == {}


def test_response_that_says_how_long_it_may_be_kept_stays_as_it_is(rf):
    for said in ("public, max-age=300", None):
        request = rf.get("/")
        request.COOKIES["sessionid"] = "x"
        headers = {"Cache-Control": said} if said else {}
        response = PrivateResponseMiddleware(lambda _request, headers=headers: HttpResponse(headers=headers))(request)

        assert response["Cache-Control"] == (said or "private, no-cache")
    response = PrivateResponseMiddleware(lambda _request: HttpResponse())(rf.get("/"))
    assert "Cache-Control" not in response


@pytest.mark.django_db
def test_the_person_of_a_request_is_asked_directly_and_a_visitor_not_at_all(client, django_assert_num_queries):
    """Through the proxy, hundreds of attributes of the person were a tenth of a page."""
    with django_assert_num_queries(0):
        assert isinstance(client.get("/fa/page/").wsgi_request.user, LazyObject)
    person = UserFactory()
    client.force_login(person)

    found = client.get("/fa/page/").wsgi_request.user

    assert (type(found), found) == (User, person)
