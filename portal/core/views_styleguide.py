"""The style guide: one page that shows every component, for developers and the visual checks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.core.paginator import Paginator
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

COLOURS = (
    ("bg", "bg"),
    ("sunk", "bg-sunken"),
    ("surface", "surface"),
    ("ink", "ink"),
    ("brand", "brand"),
    ("bs", "brand-soft"),
    ("lapis", "lapis"),
    ("ls", "lapis-soft"),
    ("saf", "saffron"),
    ("ss", "saffron-soft"),
    ("pom", "pom"),
    ("pist", "pist"),
)


class SampleForm(forms.Form):
    """Form with one field of each kind, one of them with an error."""

    title = forms.CharField(
        label=_("Question title"), help_text=_("One sentence, the way you would ask a friend."), max_length=120
    )
    serial = forms.CharField(label=_("Device serial number"), min_length=12)
    email = forms.EmailField(label=_("E-mail"), required=False)
    topic = forms.ChoiceField(label=_("Topic"), choices=[("net", _("Internet and Wi-Fi")), ("bill", _("Bills"))])
    details = forms.CharField(label=_("Details"), widget=forms.Textarea(attrs={"rows": 3}), required=False)
    calendar = forms.ChoiceField(
        label=_("Calendar"),
        choices=[("jalali", _("Solar Hijri")), ("gregorian", _("Gregorian"))],
        widget=forms.RadioSelect,
    )
    notify = forms.BooleanField(label=_("E-mail me about replies"), required=False)

    DATA: ClassVar[dict[str, Any]] = {
        "title": _("Why is Wi-Fi weak upstairs?"),
        "serial": "NX2-88F4-",
        "topic": "net",
        "calendar": "jalali",
        "notify": "on",
    }


@require_safe
def styleguide(request: HttpRequest) -> HttpResponse:
    paginator = Paginator(range(72), 20)
    page = paginator.get_page(request.GET.get("page", 2))
    context = {
        "colours": COLOURS,
        "form": SampleForm(SampleForm.DATA),
        "now": timezone.now(),
        "page_obj": page,
        "page_range": paginator.get_elided_page_range(page.number),
        "crumbs": [{"title": _("Home"), "url": "#"}, {"title": _("Help"), "url": "#"}],
        "headings": [
            {"id": "sg-colour", "title": _("Colour")},
            {"id": "sg-type", "title": _("Type scale")},
            {"id": "sg-form", "title": _("Form and errors")},
        ],
        "steps": [
            {
                "title": _("Unplug the device for 30 seconds"),
                "text": _("The power button is not enough. Pull the plug so the memory clears."),
            },
            {"title": _("Push the grey cable in until it clicks"), "text": ""},
            {"title": _("Run the line test"), "text": _("It takes about a minute.")},
        ],
        "questions": [
            {
                "title": _("Why does it only go red at night?"),
                "text": _("Usually noise on the wiring inside the house."),
            },
            {"title": _("Should I go back a version?"), "text": _("No. Install the newest one first.")},
        ],
    }
    return render(request, "styleguide.html", context)
