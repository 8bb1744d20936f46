"""The screen with the starter list of synonyms, on which each group can be switched off and on again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponseBadRequest, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.generic import TemplateView
from wagtail.admin.views.generic.base import WagtailAdminTemplateMixin

from portal.core.preferences import current_language
from portal.core.text import fold
from search.asking import starters
from search.models import UnusedStarter

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.http import HttpRequest, HttpResponse
    from django.http.response import HttpResponseBase

PERMISSION: Final = "search.change_synonym"


def may_change(user: Any) -> bool:
    """Whether the user may switch groups off."""
    return bool(user.has_perm(PERMISSION))


@dataclass(frozen=True, slots=True)
class Group:
    """A group of the list, and whether it is in use."""

    head: str
    words: str
    off: UnusedStarter | None


class StartersView(WagtailAdminTemplateMixin, TemplateView):
    """The groups of one language, all or those with a word; a button of each switches it off or on."""

    page_title = _("Ready-made synonyms")
    header_icon = "order"
    template_name = "search/admin/starters.html"

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not may_change(request.user):
            raise PermissionDenied
        return super().dispatch(request, *args, **kwargs)

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        language, head = self._language(), request.POST.get("head", "")
        if head not in starters.groups(language):
            return HttpResponseBadRequest()
        rows = UnusedStarter.objects.filter(language=language, head=head)
        if request.POST.get("use") == "1":
            for row in rows:  # one by one, so that the words searched for change at once in every process
                row.delete()
            text = gettext("“%(words)s” is used again.")
        else:
            if not rows.exists():
                values = {"changed_by": request.user}
                UnusedStarter.objects.get_or_create(language=language, head=head, defaults=values)
            text = gettext("“%(words)s” is not used any more.")
        messages.success(request, text % {"words": starters.groups(language)[head]})
        chosen = {"language": language, "q": self._text()}
        return HttpResponseRedirect(f"{request.path}?{urlencode(chosen)}")

    def _language(self) -> str:
        asked = self.request.GET.get("language", "")
        return asked if asked in dict(settings.LANGUAGES) else current_language()

    def _text(self) -> str:
        return " ".join(self.request.GET.get("q", "").replace("\0", "").split())[:60]

    def get_breadcrumbs_items(self) -> list[dict[str, Any]]:
        return [
            *super().get_breadcrumbs_items(),
            {"url": reverse("wagtailsnippets_search_synonym:list"), "label": _("Synonyms")},
            {"url": "", "label": self.page_title},
        ]

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        language, text = self._language(), self._text()
        off = starters.unused(language)
        everything = [Group(head, words, off.get(head)) for head, words in starters.groups(language).items()]
        return super().get_context_data(
            **kwargs,
            text=text,
            chosen=language,
            languages=settings.LANGUAGES,
            groups=_with(text, everything),
            used=sum(group.off is None for group in everything),
        )


def _with(text: str, groups: Sequence[Group]) -> list[Group]:
    wanted = _plain(text)
    return [group for group in groups if wanted in _plain(group.words)]


def _plain(text: str) -> str:
    return fold(text).replace("\u200c", " ").casefold()
