"""URLs without a language."""

from __future__ import annotations

from django.urls import path

from faq import machine, views

app_name = "faq"

urlpatterns = [
    path("llms.txt", machine.llms, name="llms"),
    path("llms-full.txt", machine.llms_full, name="llms_full"),
    path("a/<int:number>", views.short_link, name="short_link"),
    path("a/<int:number>/feedback/", views.article_feedback, name="article_feedback"),
]
