from django.urls import path

from search import views
from search.activity import clicks

app_name = "search"

urlpatterns = [
    path("", views.results, name="results"),
    path("click/", clicks.click, name="click"),
    path("suggest/", views.suggest, name="suggest"),
]
