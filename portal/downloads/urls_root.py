"""Addresses of files, the same in all languages: they are written into scripts and manuals."""

from django.urls import path

from portal.downloads import views

app_name = "downloads_root"

urlpatterns = [
    path("d/<slug:slug>/latest", views.latest, name="latest"),
    path("d/file/<int:pk>/<str:name>", views.file, name="file"),
    path("d/signature/<int:pk>/<str:name>", views.signature, name="signature"),
    path("d/<int:pk>/", views.short_link, name="short_link"),
]
