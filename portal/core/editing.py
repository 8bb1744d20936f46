"""What Wagtail's page editor lacks for people who write here: publishing in sight, and a word about translations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.contrib import messages
from django.utils.html import format_html
from django.utils.translation import gettext as _
from wagtail.actions.unpublish_page import UnpublishPageAction
from wagtail.admin.action_menu import ActionMenuItem
from wagtail.models import Page

from portal.core.text import row_number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.http import HttpRequest
    from django.utils.safestring import SafeString

#: Name of the check boxes of the question whether translations are unpublished, too.
TRANSLATION: Final = "translation"
_SAVE: Final = "action-save-draft"
_PUBLISH: Final = "action-publish"


class SaveOrPublish(ActionMenuItem):
    """Wagtail's button that saves a draft with the one that publishes beside it, which it hides in a menu.

    Saving stays first: it is what the Enter key in a field of the form does.
    """

    def __init__(self, save: ActionMenuItem, publish: ActionMenuItem) -> None:
        super().__init__(order=save.order)
        self.name = _SAVE
        self._both = (save, publish)

    def render_html(self, parent_context: Any = None) -> SafeString:
        save, publish = (item.render_html(parent_context) for item in self._both)
        return format_html('<div class="save-or-publish">{}{}</div>', save, publish)


def show_publish(menu_items: list[ActionMenuItem], _request: HttpRequest, _context: dict[str, Any]) -> None:
    """Show Publish beside saving, where somebody may publish; for Wagtail's hook ``construct_page_action_menu``."""
    publish = next((item for item in menu_items if item.name == _PUBLISH), None)
    if publish is not None and menu_items[0].name == _SAVE:
        menu_items.remove(publish)
        menu_items[0] = SaveOrPublish(menu_items[0], publish)


def translations_to_unpublish(pages: Sequence[Page], user: Any) -> list[Page]:
    """Return the published translations of pages, other than these, that somebody may unpublish; one query for them."""
    families = {page.translation_key for page in pages}
    others = Page.objects.live().filter(translation_key__in=families).exclude(pk__in=[page.pk for page in pages])
    found = others.select_related("locale").order_by("locale__language_code", "path")
    return [translation for translation in found if translation.permissions_for_user(user).can_unpublish()]


def unpublish_translations(request: HttpRequest, page: Page) -> None:
    """Unpublish the translations that were chosen on the page that asks; for Wagtail's hook ``after_unpublish_page``."""
    _unpublish_chosen(request, [page])


def unpublish_translations_of_many(request: HttpRequest, action: str, pages: Sequence[Any], _view: Any) -> None:
    """Do so where several pages were unpublished at once; for Wagtail's hook ``after_bulk_action``."""
    if action == "unpublish":
        _unpublish_chosen(request, [page for page in pages if isinstance(page, Page)])


def _unpublish_chosen(request: HttpRequest, pages: Sequence[Page]) -> None:
    chosen = {row_number(value) for value in request.POST.getlist(TRANSLATION)}
    if not chosen:
        return
    for translation in translations_to_unpublish(pages, request.user):
        if translation.pk in chosen:
            UnpublishPageAction(translation.specific, user=request.user).execute(skip_permission_checks=True)
            message = _("“%(title)s” is not published any more, either.")
            messages.success(request, message % {"title": translation.get_admin_display_title()})
