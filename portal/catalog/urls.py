"""URLs of the customer's own products, under a language."""

from __future__ import annotations

from django.urls import path

from portal.catalog import views

app_name = "catalog"

urlpatterns = [
    path("account/devices/", views.devices, name="devices"),
    path("account/devices/add/<slug:code>/", views.device_add, name="device_add"),
    path("account/devices/<int:pk>/remove/", views.device_remove, name="device_remove"),
]
