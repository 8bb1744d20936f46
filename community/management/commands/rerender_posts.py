from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand

from community.rendering import VERSION
from community.services.texts import posts_to_render, render_again

if TYPE_CHECKING:
    from argparse import ArgumentParser


class Command(BaseCommand):
    help = "Renders posts again that were rendered by an earlier version of the renderer. May be stopped at any time."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--limit", type=int, default=0, help="How many at most; all without it.")

    def handle(self, **options: Any) -> None:
        done = 0
        while not options["limit"] or done < options["limit"]:
            posts = posts_to_render(min(500, options["limit"] - done) if options["limit"] else 500)
            if not posts:
                break
            for post in posts:
                render_again(post)
            done += len(posts)
            if options["verbosity"]:
                self.stdout.write(f"{done} posts rendered by version {VERSION}.")
