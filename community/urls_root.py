"""URLs without a language, which posts contain: see the paths in `community.rendering`. They never change."""

from __future__ import annotations

from django.urls import path

from community.views import reading, uploads

app_name = "community_root"

urlpatterns = [
    path("t/<int:thread_id>", reading.short_link, name="thread"),
    path("p/<int:post_id>/", reading.post, name="post"),
    path("u/<str:handle>/", reading.person_in_own_language, name="person"),
    path("f/<int:upload_id>/<str:name>", uploads.uploaded_file, name="file"),
]
