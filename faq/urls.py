"""Addresses without a language."""

from __future__ import annotations

from django.contrib.sitemaps.views import sitemap
from django.urls import path

from faq import views
from faq.sitemaps import PageSitemap

app_name = "faq"

urlpatterns = [
    path("a/<int:number>", views.short_link, name="short_link"),
    path("a/<int:number>/feedback/", views.article_feedback, name="article_feedback"),
    path("sitemap.xml", sitemap, {"sitemaps": {"pages": PageSitemap}}, name="sitemap"),
    path("robots.txt", views.robots, name="robots"),
]
