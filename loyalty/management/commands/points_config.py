"""``manage.py points_config export|compare|take-over``: the configuration of a programme as a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError

from loyalty.exceptions import NotPermittedError
from loyalty.models import Programme
from loyalty.services import configuring
from portal.accounts.models import User

if TYPE_CHECKING:
    from django.core.management.base import CommandParser


class Command(BaseCommand):
    help = (
        "Prints rules, campaigns, tiers, badges, rewards and drafts of offers as JSON; says what a file would change; "
        "and makes drafts of it. Nothing is published, and nothing that members have is changed."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("what", choices=["export", "compare", "take-over"])
        parser.add_argument("file", nargs="?", type=Path, help="to compare with, or to take over")
        parser.add_argument("--code", default="club", help="code of the programme (club)")
        parser.add_argument("--by", help="e-mail address of the administrator who takes it over")

    def handle(self, *_args: Any, **options: Any) -> None:
        programme = Programme.objects.filter(code=options["code"]).first()
        if programme is None:
            raise CommandError("There is no such programme.")
        if options["what"] == "export":
            self.stdout.write(configuring.as_text(configuring.document_of(programme)), ending="")
            return
        if options["file"] is None:
            raise CommandError("Which file?")
        try:
            parts = configuring.read(options["file"].read_bytes())
        except (configuring.DocumentError, OSError) as error:
            raise CommandError(str(error)) from error
        plan = configuring.compare(parts, programme)
        for change in plan.changes:
            self.stdout.write(f"{change.action}: {change.part.name} {change.key}")
            for field in change.fields:
                self.stdout.write(f"    {field.label}: {field.before or '–'} → {field.after}")
        if not plan.changes:
            self.stdout.write("Nothing differs.")
        if options["what"] == "take-over":
            self._take_over(parts, programme, plan, options["by"])

    def _take_over(self, parts: Any, programme: Programme, plan: configuring.Plan, mail: str | None) -> None:
        by = User.objects.filter(email__iexact=mail).first() if mail else None
        if by is None:
            raise CommandError("--by: there is no such person.")
        try:
            done = configuring.take_over(parts, programme, seen=plan.digest, by=by)
        except configuring.ConflictError as error:
            raise CommandError("Something was changed meanwhile; compare again.") from error
        except (configuring.ImpossibleError, NotPermittedError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{len(done)} drafts were made or changed.")
