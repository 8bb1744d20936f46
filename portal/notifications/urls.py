"""URLs of notifications, under a language."""

from __future__ import annotations

from django.urls import path

from portal.notifications import views

app_name = "notifications"

urlpatterns = [
    path("notifications/", views.list_page, name="list"),
    path("notifications/recent/", views.recent, name="recent"),
    path("notifications/count/", views.count, name="count"),
    path("notifications/read/", views.read_all, name="read_all"),
    path("notifications/<int:number>/", views.visit, name="visit"),
    path("notifications/unsubscribe/<str:token>/", views.unsubscribe, name="unsubscribe"),
    path("notifications/answer/<str:token>/", views.action, name="action"),
    path("account/notifications/", views.preferences, name="preferences"),
]
