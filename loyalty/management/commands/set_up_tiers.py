"""``manage.py set_up_tiers --by ADDRESS``: a draft of four tiers; with ``--publish``, in force, also for past awards."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError

from loyalty.exceptions import NotPermittedError
from loyalty.models import Programme
from loyalty.services import tiers
from portal.accounts.models import User

if TYPE_CHECKING:
    from django.core.management.base import CommandParser


class Command(BaseCommand):
    help = "Gives a programme a draft of four tiers, and status points for what was awarded before. May be repeated."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--by", required=True, help="e-mail address of an administrator")
        parser.add_argument("--code", default="club", help="code of the programme (club)")
        parser.add_argument("--publish", action="store_true", help="publish the draft")

    def handle(self, *_args: Any, **options: Any) -> None:
        by = User.objects.filter(email__iexact=options["by"]).first()
        programme = Programme.objects.filter(code=options["code"]).first()
        if by is None or programme is None:
            raise CommandError("There is no such person, or no such programme.")
        try:
            draft = tiers.set_up(programme=programme, by=by)
            if draft is not None and options["publish"]:
                tiers.publish(draft, by=by)
        except NotPermittedError as error:
            raise CommandError(str(error)) from error
        events = tiers.catch_up(programme)
        self.stdout.write(f"{'No new tiers' if draft is None else 'New tiers'}; status points for {events} events.")
