"""Admin screen of segments: what each one means, and how many members it has, as far as editors may know."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from django.urls import path, reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from wagtail.admin.viewsets.base import ViewSet

from loyalty.models import Activity, OfferPolicy, Segment
from loyalty.offer_forms import ADDRESS_FACTS
from loyalty.offers_admin import size_text
from loyalty.screens import Screen
from loyalty.services.offers import publishing, segments
from portal.core.admin_menu import menu_item_for
from portal.core.formats import format_number, format_percent

if TYPE_CHECKING:
    from collections.abc import Mapping

    from loyalty.services.offers.audience import Size
    from portal.accounts.models import User

#: What is said elsewhere of communities, in percent, to compare with. Never used for anything.
REFERENCE: Final[Mapping[str, int]] = {Segment.REGULAR: 5, Segment.SILENT: 20, Segment.OWN_THREAD: 75}
_PARTICIPATION, _ACTIVITY = ADDRESS_FACTS


class Row(NamedTuple):
    """A segment on the page."""

    name: str
    meaning: str
    size: str
    share: str
    reference: str
    address: str


class SegmentsView(Screen):
    """Both ways in which members are sorted, with sizes in steps."""

    page_title = _("Segments")
    header_icon = "group"
    template_name = "loyalty/admin/segments.html"

    def is_allowed(self, user: User) -> bool:
        return publishing.may_see(user)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        sizes = segments.sizes()
        policy = OfferPolicy.of(sizes.programme) if sizes.programme else OfferPolicy()
        taking_part = [
            self._row(segment, text, sizes, fact=_PARTICIPATION)
            for segment, text in participation_in_words(policy).items()
        ]
        active = [self._row(cell, text, sizes, fact=_ACTIVITY) for cell, text in activity_in_words().items()]
        return super().get_context_data(
            **kwargs,
            tables=[
                (gettext("How they take part in the community"), taking_part, True),
                (gettext("How active they are"), active, False),
            ],
            willing=size_text(sizes.willing),
            may_draft=publishing.may_draft(self.user),
            may_set_terms=publishing.may_set_terms(self.user),
        )

    @staticmethod
    def _row(kind: Segment | Activity, meaning: str, sizes: segments.Sizes, *, fact: str) -> Row:
        size = sizes.of[kind]
        return Row(
            name=str(kind.label),
            meaning=meaning,
            size=size_text(size),
            share=share_text(size, sizes.willing),
            reference=format_percent(REFERENCE[kind]) if kind in REFERENCE else "",
            address=f"{reverse('offers_admin:add')}?{fact}={kind.value}",
        )


def share_text(size: Size, of: Size) -> str:
    """Return the share in words, made of what is shown of both: an exact one would tell the exact number."""
    if size.shown is None or of.shown is None:
        return "–"
    return format_percent(min(100, round(100 * size.shown / of.shown)))


def participation_in_words(policy: OfferPolicy) -> dict[Segment, str]:
    """Say by what somebody is in each segment of participation."""
    return {
        Segment.REGULAR: gettext("They replied to others in at least %(weeks)s of the last 12 weeks.")
        % {"weeks": format_number(policy.regular_weeks)},
        Segment.OWN_THREAD: gettext("They write, and at least %(percent)s of it in threads that they began.")
        % {"percent": format_percent(policy.own_percent)},
        Segment.SILENT: gettext("They were there within 90 days and wrote nothing."),
    }


def activity_in_words() -> dict[Activity, str]:
    """Say by what somebody has each name of activity."""
    return {
        Activity.CHAMPION: gettext("They were there lately, come often and do what gives many points."),
        Activity.LOYAL: gettext("They come as often as most, or more often."),
        Activity.NEW: gettext("They got their first points within the last 60 days."),
        Activity.OCCASIONAL: gettext("They have known us for longer and come seldom."),
        Activity.AT_RISK: gettext("They came often and have not been here for more than 60 days."),
        Activity.LOST: gettext("They came seldom and have not been here for more than 60 days."),
    }


class SegmentsViewSet(ViewSet):
    name = "points_segments"
    url_prefix = "points/segments"
    icon = "group"
    menu_label = SegmentsView.page_title
    menu_item_class = menu_item_for(publishing.may_see)

    def get_urlpatterns(self) -> list[Any]:
        return [path("", SegmentsView.as_view(), name="index")]
