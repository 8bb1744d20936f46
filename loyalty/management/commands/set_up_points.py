"""``manage.py set_up_points --by ADDRESS``: a programme with drafts of default rules; with ``--open``, in force."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError

from loyalty.exceptions import NotPermittedError
from loyalty.models import Earning
from loyalty.services import earning
from portal.accounts.models import User
from portal.core.localized import LocalizedText

if TYPE_CHECKING:
    from django.core.management.base import CommandParser


class Command(BaseCommand):
    help = "Makes a programme that records what members do, with default rules as drafts. May be repeated."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--by", required=True, help="e-mail address of an administrator")
        parser.add_argument("--code", default="club", help="code of the programme (club)")
        parser.add_argument("--name-fa", default="باشگاه مشتریان", help="its Persian name")
        parser.add_argument("--name-en", default="Customer club", help="its English name")
        parser.add_argument("--open", action="store_true", help="publish the new drafts and show members their points")

    def handle(self, *_args: Any, **options: Any) -> None:
        by = User.objects.filter(email__iexact=options["by"]).first()
        if by is None:
            raise CommandError(f"Nobody has the address {options['by']}.")
        name = LocalizedText(fa=options["name_fa"], en=options["name_en"])
        try:
            drafts = earning.set_up(code=options["code"], name=name, by=by)
            if options["open"]:
                for draft in drafts:
                    earning.publish(draft, by=by)
                shown = Earning.objects.get(programme__code=options["code"])
                shown.is_open = True
                shown.save(update_fields=["is_open"])
        except NotPermittedError as error:
            raise CommandError(str(error)) from error
        state = "published" if options["open"] else "drafts"
        self.stdout.write(f"Programme {options['code']}: {len(drafts)} new rules ({state}).")
