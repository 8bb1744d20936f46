"""URLs of the API, which are for programs and have no language."""

from __future__ import annotations

from django.urls import path

from loyalty.api import views

app_name = "loyalty_api"

urlpatterns = [
    path("api/loyalty/events", views.events, name="events"),
    path("api/loyalty/quotes", views.quotes, name="quotes"),
    path("api/loyalty/members/<str:key>/balance", views.balance, name="balance"),
    path("api/loyalty/cards/<str:number>/balance", views.balance_of_card, name="balance_of_card"),
    path("api/loyalty/cards/shown", views.card_shown, name="card_shown"),
    path("api/loyalty/holds", views.holds, name="holds"),
    path("api/loyalty/holds/<str:hold>/capture", views.capture, name="capture"),
    path("api/loyalty/holds/<str:hold>/release", views.release, name="release"),
]
