from calendar import monthrange

from django.conf import settings
from django.db import migrations

_PORTION = 500


def set_dates(apps, schema_editor):
    """Published articles are due for review as long after their last publication as new ones are."""
    article_page = apps.get_model("faq", "ArticlePage")
    months = settings.ARTICLE_REVIEW_MONTHS
    if not months:
        article_page.objects.update(review_every=0)
        return
    rows = article_page.objects.filter(live=True, next_review_on=None, last_published_at__isnull=False).order_by("pk")
    last = 0
    while portion := list(rows.filter(pk__gt=last).only("pk", "last_published_at")[:_PORTION]):
        last = portion[-1].pk
        for article in portion:
            day = article.last_published_at.date()
            years, month = divmod(day.month - 1 + months, 12)
            days = monthrange(day.year + years, month + 1)[1]
            article.review_every = months
            article.next_review_on = day.replace(year=day.year + years, month=month + 1, day=min(day.day, days))
        article_page.objects.bulk_update(portion, ["review_every", "next_review_on"])


class Migration(migrations.Migration):

    dependencies = [
        ('faq', '0008_review_and_debts'),
    ]

    operations = [
        migrations.RunPython(set_dates, migrations.RunPython.noop),
    ]
