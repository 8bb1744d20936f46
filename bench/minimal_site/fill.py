"""Create and fill the tables of the minimal site: `python -m bench.minimal_site.fill`.

Prints the session cookie of its only user.
"""

import os

import django

_SENTENCES = "<p>A sentence of some length.</p>\n"


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bench.minimal_site.settings")
    django.setup()

    from django.conf import settings  # noqa: PLC0415 - needs the setup above
    from django.contrib.auth.models import User  # noqa: PLC0415 - needs the setup above
    from django.core.management import call_command  # noqa: PLC0415 - needs the setup above
    from django.test import Client  # noqa: PLC0415 - needs the setup above

    from bench.minimal_site.models import Article, Comment, Topic  # noqa: PLC0415 - needs the setup above

    call_command("migrate", run_syncdb=True, verbosity=0)
    if not Article.objects.exists():
        topics = Topic.objects.bulk_create(Topic(name=f"Topic {number}") for number in range(8))
        articles = Article.objects.bulk_create(
            Article(topic=topics[number % 8], title=f"Article {number}", body=_SENTENCES * 1000)
            for number in range(100)
        )
        Comment.objects.bulk_create(
            Comment(article=article, text=f"Comment {number}") for article in articles for number in range(20)
        )
    person, _created = User.objects.get_or_create(username="sara")
    client = Client()
    client.force_login(person)  # type: ignore[arg-type]  # the site has Django's own user model
    print(f"sessionid={client.cookies[settings.SESSION_COOKIE_NAME].value}")


if __name__ == "__main__":
    main()
