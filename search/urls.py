from django.urls import path

from search import clicks, views

app_name = "search"

urlpatterns = [
    path("", views.results, name="results"),
    path("click/", clicks.click, name="click"),
    path("suggest/", views.suggest, name="suggest"),
]
