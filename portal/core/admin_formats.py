"""Numbers, dates and times of Wagtail's own screens as `portal.core.formats` writes them for the reader.

Wagtail passes every number it shows through ``intcomma`` and every moment through a handful of functions; these are
replaced once, when the apps are ready, so that its templates stay as they are. What machines read is not touched.
"""

from __future__ import annotations

import datetime as dt
from functools import wraps
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from django.contrib.humanize.templatetags import humanize
from django.utils import formats as django_formats
from django.utils.translation import gettext as _
from wagtail.admin.paginator import WagtailPaginator
from wagtail.admin.templatetags import wagtailadmin_tags
from wagtail.admin.ui import tables
from wagtail.admin.ui.tables.pages import PageTitleColumn
from wagtail.utils import timestamps

from portal.core.formats import ago_text, format_number, moment_text
from portal.core.preferences import current_language, current_preferences
from portal.core.text import to_persian_digits

if TYPE_CHECKING:
    from collections.abc import Callable


def _number(value: Any, use_l10n: bool = True) -> str:
    return format_number(value)


def _ago(value: Any) -> str:
    return ago_text(value) if isinstance(value, dt.date) else ""


def _date_format(value: Any, form: str = "DATETIME_FORMAT", use_l10n: bool | None = None) -> str:
    return moment_text(value)


def _in_digits(function: Callable[..., str]) -> Callable[..., str]:
    @wraps(function)
    def with_digits(*args: Any, **kwargs: Any) -> str:
        text = function(*args, **kwargs)
        return to_persian_digits(text) if current_preferences().has_persian_digits else text

    return with_digits


def _items_count(paginator: WagtailPaginator) -> str:
    """Return the number of entries with their name; in Persian a noun stays singular after a number."""
    is_single = paginator.count == 1 or current_language() == "fa"
    return f"{format_number(paginator.count)} {paginator.verbose_name if is_single else paginator.verbose_name_plural}"


def _name_in_header(plain: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """Give the header of a list the name of what is counted, also where Wagtail's search of pages knows none."""

    @wraps(plain)
    def with_name(column: PageTitleColumn, parent_context: dict[str, Any]) -> dict[str, Any]:
        context = plain(column, parent_context)
        if current_language() == "fa" or not context.get("model_name"):
            context["model_name"] = parent_context.get("verbose_name") or _("page")
        return context

    return with_name


def install() -> None:
    """Replace the functions; called once, before any template is compiled."""
    for library in (wagtailadmin_tags.register, humanize.register):
        library.filters["intcomma"] = _number
        library.filters["naturaltime"] = _ago
    tables.intcomma = _number
    wagtailadmin_tags.intcomma, wagtailadmin_tags.naturaltime = _number, _ago
    wagtailadmin_tags.timesince_simple = wagtailadmin_tags.register.filters["timesince_simple"] = _ago
    last_update = _in_digits(wagtailadmin_tags.timesince_last_update)
    wagtailadmin_tags.register.simple_tag(last_update, name="timesince_last_update")
    timestamps.formats = SimpleNamespace(**{**vars(django_formats), "date_format": _date_format})
    WagtailPaginator.items_count_label = property(_items_count)
    PageTitleColumn.get_header_context_data = _name_in_header(PageTitleColumn.get_header_context_data)
