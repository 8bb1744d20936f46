"""Pages of downloads, under a language."""

from django.urls import path

from portal.downloads import views

app_name = "downloads"

urlpatterns = [
    path("downloads/", views.index, name="index"),
    path("downloads/feed/", views.feed, name="feed"),
    path("downloads/<slug:slug>/", views.download, name="download"),
    path("downloads/<slug:slug>/feed/", views.download_feed, name="download_feed"),
    path("downloads/<slug:slug>/licence/", views.licence, name="licence"),
    path("downloads/<slug:slug>/follow/", views.follow, name="follow"),
]
