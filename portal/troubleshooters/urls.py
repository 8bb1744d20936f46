"""Pages of troubleshooters, under a language."""

from django.urls import path

from portal.troubleshooters import views

app_name = "troubleshooters"

urlpatterns = [
    path("troubleshoot/", views.index, name="index"),
    path("troubleshoot/<slug:slug>/", views.start, name="start"),
    path("troubleshoot/<slug:slug>/people/", views.people, name="people"),
    path("troubleshoot/<slug:slug>/<int:number>/", views.step, name="step"),
    path("troubleshoot/<slug:slug>/<int:number>/outcome/", views.outcome, name="outcome"),
]
