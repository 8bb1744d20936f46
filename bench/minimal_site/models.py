from __future__ import annotations

from typing import ClassVar

from django.db import models


class Topic(models.Model):
    name = models.CharField(max_length=100)

    objects: ClassVar[models.Manager[Topic]] = models.Manager()

    def __str__(self) -> str:
        return self.name


class Article(models.Model):
    topic = models.ForeignKey(Topic, on_delete=models.CASCADE)
    title = models.CharField(max_length=200)
    body = models.TextField()

    objects: ClassVar[models.Manager[Article]] = models.Manager()

    def __str__(self) -> str:
        return self.title


class Comment(models.Model):
    article = models.ForeignKey(Article, on_delete=models.CASCADE)
    text = models.TextField()

    objects: ClassVar[models.Manager[Comment]] = models.Manager()

    def __str__(self) -> str:
        return self.text
