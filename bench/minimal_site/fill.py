"""Make the tables of the minimal site and put in what its page shows: `python -m bench.minimal_site.fill`."""

import os

import django


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bench.minimal_site.settings")
    django.setup()

    from django.core.management import call_command  # noqa: PLC0415 - needs the setup above

    from bench.minimal_site.models import Article, Comment, Topic  # noqa: PLC0415 - needs the setup above

    call_command("migrate", run_syncdb=True, verbosity=0)
    topics = Topic.objects.bulk_create(Topic(name=f"Topic {number}") for number in range(8))
    articles = Article.objects.bulk_create(
        Article(topic=topics[number % 8], title=f"Article {number}", body="A sentence of some length.\n\n" * 20)
        for number in range(100)
    )
    Comment.objects.bulk_create(
        Comment(article=article, text=f"Comment {number}") for article in articles for number in range(20)
    )


if __name__ == "__main__":
    main()
