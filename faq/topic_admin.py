"""One form makes a topic: its entry in the catalogue, and its pages in every language."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any, Final

from django import forms
from django.contrib import messages
from django.db import transaction
from django.db.models import Max
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.generic.edit import FormMixin

from faq.models import HelpIndexPage, TopicPage
from portal.catalog.models import Topic
from portal.core.localized import LocalizedTextFormField
from portal.core.screens import Screen

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

    from portal.accounts.models import User
    from portal.core.localized import LocalizedText

#: Pictures to choose from; any other one of the set can be named later, in the catalogue.
ICONS: Final = (
    *("life-buoy", "circle-question-mark", "book-open", "wrench", "settings", "credit-card", "receipt", "wallet"),
    *("package", "truck", "smartphone", "laptop", "tv", "wifi", "zap", "droplet", "flame", "house", "car", "heart"),
    *("user", "users", "shield", "lock", "key-round", "bell", "mail", "phone", "map-pin", "calendar", "clock", "gift"),
    *("star", "globe", "download", "cloud", "file-text", "image", "music", "graduation-cap"),
)


class IconPicker(forms.RadioSelect):
    """Radio buttons that show the pictures of the icon set."""

    template_name = "faq/admin/icon_picker.html"


class NewTopicForm(forms.Form):
    name = LocalizedTextFormField(
        label=gettext_lazy("Name"),
        max_length=120,
        help_text=gettext_lazy("One per language. The topic gets a page in each language that has a name."),
    )
    intro = LocalizedTextFormField(
        label=gettext_lazy("One line"),
        required=False,
        max_length=250,
        help_text=gettext_lazy("What the topic is about; shown below its name."),
    )
    icon = forms.ChoiceField(
        label=gettext_lazy("Icon"), choices=[(name, name) for name in ICONS], initial=ICONS[0], widget=IconPicker
    )
    tone = forms.ChoiceField(label=gettext_lazy("Colour"), choices=Topic.Tone, required=False)
    code = forms.SlugField(
        label=gettext_lazy("Code"),
        max_length=40,
        required=False,
        help_text=gettext_lazy("Names the topic in imports. Made from the name if you leave it empty."),
        widget=forms.TextInput(attrs={"dir": "ltr"}),
    )
    is_live = forms.BooleanField(label=gettext_lazy("Publish the pages at once"), required=False, initial=True)

    def clean_code(self) -> str:
        code: str = self.cleaned_data["code"]
        if Topic.objects.filter(code=code).exists():
            raise forms.ValidationError(_("There is a topic with this code already."))
        return code


class NewTopicView(FormMixin[NewTopicForm], Screen):
    form_class = NewTopicForm
    template_name = "faq/admin/new_topic.html"
    page_title = gettext_lazy("New topic")
    header_icon = "folder-open-inverse"

    def is_allowed(self, user: User) -> bool:
        return may_make_topics(user)

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        form = self.get_form()
        if not form.is_valid():
            return self.render_to_response(self.get_context_data(form=form))
        pages = make_topic(user=self.user, **form.cleaned_data)
        messages.success(request, _("The topic has pages in %(count)d languages.") % {"count": len(pages)})
        return redirect(reverse("wagtailadmin_explore", args=[pages[0].pk]) if pages else "wagtailadmin_home")


def may_make_topics(user: User) -> bool:
    """Return whether somebody may add a topic to the catalogue and pages to the help of some language."""
    return user.has_perm("catalog.add_topic") and any(
        index.permissions_for_user(user).can_add_subpage() for index in HelpIndexPage.objects.all()
    )


@transaction.atomic
def make_topic(
    *, user: User, name: LocalizedText, intro: LocalizedText, icon: str, tone: str, code: str, is_live: bool
) -> list[TopicPage]:
    """Make the topic and its pages, which are translations of each other; return the pages that the person may make."""
    last = Topic.objects.aggregate(last=Max("order"))["last"]
    topic = Topic.objects.create(
        code=code or _free_code(name), name=name, icon=icon, tone=tone, order=0 if last is None else last + 1
    )
    key, pages = uuid.uuid4(), []
    for index in HelpIndexPage.objects.select_related("locale").order_by("path"):
        language = index.locale.language_code
        rights = index.permissions_for_user(user)
        if not name.get(language) or not rights.can_add_subpage():
            continue
        page = TopicPage(
            title=name[language],
            intro=intro.get(language, ""),
            topic=topic,
            locale=index.locale,
            translation_key=key,
            owner=user,
            live=False,
        )
        index.add_child(instance=page)
        revision = page.save_revision(user=user)
        if is_live and rights.can_publish_subpage():
            revision.publish(user=user)
        pages.append(page)
    return pages


def _free_code(name: LocalizedText) -> str:
    """Return a code from the English name, else from any name that has Latin letters, that no topic has."""
    texts = (name.get("en", ""), *name.values())
    stem = next((code for code in map(slugify, texts) if code), "topic")[:34]
    taken = set(Topic.objects.filter(code__startswith=stem).values_list("code", flat=True))
    return next(code for code in (stem, *(f"{stem}-{number}" for number in range(2, 10_000))) if code not in taken)
