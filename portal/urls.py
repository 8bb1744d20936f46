"""URLs of the project. Pages for people are under a language; addresses for programs are not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf.urls.i18n import i18n_patterns
from django.contrib import admin
from django.contrib.auth.decorators import login_required
from django.urls import include, path
from django.views.generic import RedirectView
from wagtail import urls as wagtail_urls
from wagtail.admin import urls as wagtailadmin_urls

from portal.core import views_styleguide

if TYPE_CHECKING:
    from django.urls import URLPattern, URLResolver

urlpatterns: list[URLPattern | URLResolver] = [
    path("admin/", include(wagtailadmin_urls)),
    # Django's own form allows unlimited attempts at the old password: ours limits them and requires a recent sign-in.
    path("django-admin/password_change/", login_required(RedirectView.as_view(pattern_name="account_change_password"))),
    path("django-admin/", admin.site.urls),
    path("", include("portal.core.urls")),
    path("", include("faq.urls")),
    path("", include("portal.accounts.urls_root")),
    path("", include("community.urls_root")),
    path("", include("loyalty.api.urls")),
    path("", include("portal.downloads.urls_root")),
]

urlpatterns += i18n_patterns(
    path("search/", include("search.urls")),
    path("styleguide/", views_styleguide.styleguide, name="styleguide"),
    path("", include("portal.accounts.urls")),
    path("", include("portal.catalog.urls")),
    path("", include("portal.desk.urls")),
    path("", include("portal.notifications.urls")),
    path("", include("community.urls")),
    path("", include("loyalty.urls")),
    path("", include("portal.downloads.urls")),
    path("", include("portal.troubleshooters.urls")),
    path("", include("portal.core.urls_pages")),
    path("", include("faq.urls_pages")),
    path("", include(wagtail_urls)),
    prefix_default_language=True,
)

handler400 = "portal.core.views.bad_request"
handler403 = "portal.core.views.permission_denied"
handler404 = "portal.core.views.page_not_found"
handler429 = "portal.accounts.views.too_many_requests"
handler500 = "portal.core.views.server_error"
