"""URLs without a language: they are registered with sign-in providers and must never change."""

from __future__ import annotations

from allauth.urls import build_provider_urlpatterns
from django.urls import include, path

urlpatterns = [
    path("accounts/", include(build_provider_urlpatterns())),
]
