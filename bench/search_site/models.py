"""The searched model."""

from django.db import models
from modelsearch import index


class Passage(index.Indexed, models.Model):
    """An entry."""

    title = models.TextField()
    body = models.TextField()

    search_fields = [index.SearchField("title", boost=3), index.SearchField("body")]

    class Meta:
        app_label = "search_site"

    def __str__(self) -> str:
        return self.title
