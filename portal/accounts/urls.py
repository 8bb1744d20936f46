"""URLs under a language. Those registered with other companies are in `portal.accounts.urls_root`."""

from __future__ import annotations

from django.urls import include, path
from django.views.generic import RedirectView

from portal.accounts import own_data_views, views

account_patterns = [
    path("", views.overview, name="overview"),
    path("details/", views.details, name="details"),
    path("preferences/", views.preferences, name="preferences"),
    path("security/", views.security, name="security"),
    path("security/second-factor/", views.second_factor, name="second_factor"),
    path("security/sessions/<int:pk>/end/", views.session_end, name="session_end"),
    path("data/", own_data_views.data, name="data"),
    path("data/download/", own_data_views.data_download, name="data_download"),
    path("data/delete/", own_data_views.data_delete, name="data_delete"),
    path("theme/", views.theme, name="theme"),
    path("first-administrator/<slug:token>/", views.first_administrator, name="first_administrator"),
    path("invitation/<slug:token>/", views.invitation, name="invitation"),
]

urlpatterns = [
    path("account/", include((account_patterns, "accounts"))),
    path("accounts/2fa/", RedirectView.as_view(pattern_name="accounts:security"), name="mfa_index"),
    path("accounts/", include("allauth.account.urls")),
    path("accounts/2fa/", include("allauth.mfa.urls")),
    path("accounts/sessions/", include("allauth.usersessions.urls")),
    path("accounts/3rdparty/", include("allauth.socialaccount.urls")),
]
