from django.urls import path

from portal.core import files, views

urlpatterns = [
    path("health/", views.health, name="health"),
    path("media/<path:path>", files.media, name="media"),
]
