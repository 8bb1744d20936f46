"""URLs of the member's points, under a language."""

from __future__ import annotations

from django.urls import path

from loyalty import views

app_name = "loyalty"

urlpatterns = [
    path("loyalty/", views.index, name="index"),
    path("loyalty/statement.csv", views.export, name="export"),
]
