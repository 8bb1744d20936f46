"""URLs of the desk, under a language."""

from __future__ import annotations

from django.urls import path

from portal.desk import views

app_name = "desk"

urlpatterns = [
    path("desk/", views.index, name="index"),
    path("desk/questions/<int:thread_id>/call/", views.call, name="call"),
    path("desk/queue/", views.queue, name="queue"),
    path("desk/queue/<int:item_id>/", views.decide, name="decide"),
    path("desk/queue/<int:item_id>/message/", views.message, name="message"),
    path("desk/queue/<int:item_id>/claim/", views.claim, name="claim"),
    path("desk/queue/<int:item_id>/undo/", views.undo, name="undo"),
    path("desk/articles/", views.articles, name="articles"),
    path("desk/log/", views.log, name="log"),
    path("desk/members/<str:handle>/", views.member, name="member"),
    path("desk/settings/", views.settings_page, name="settings"),
]
