"""Forms of the community. Limits of texts are those of the services, whose messages say what is wrong."""

from __future__ import annotations

import datetime as dt
import re
import secrets
import time
from typing import TYPE_CHECKING, Any, ClassVar, Final, Self

from django import forms
from django.conf import settings
from django.core import signing
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from community import rendering, rules
from community.masks import as_stored
from community.models import (
    MESSAGE_LENGTH,
    PAGE_SIZE,
    Area,
    Flag,
    Level,
    MessagesFrom,
    Post,
    Thread,
    ThreadState,
    policy,
)
from community.models.tag import listed
from community.people import person_of
from community.queries import thread_at
from community.services import description_of
from portal.catalog.models import Product
from portal.core.formats import format_number
from portal.core.forms import FoldedCharField, FormMixin
from portal.core.privacy import translate_placeholders
from portal.core.text import isolate, row_number

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.http import QueryDict
    from django.utils.safestring import SafeString

    from community.exceptions import CommunityError
    from community.models.access import AnyUser

TITLE_LENGTH: Final = 200
#: More than a text may have: the service says how long it may be, instead of a text being cut.
_BODY_LENGTH: Final = 200_000
_SALT: Final = "community.form"
#: A text sent sooner after the form was opened was not typed by a person.
FASTEST_SECONDS: Final = 2


def new_token() -> str:
    """Return a token for a form: sent twice, it makes one post."""
    return secrets.token_hex(12)


def started_now() -> str:
    """Return the time at which a form is shown, signed."""
    return signing.dumps(round(time.time(), 1), salt=_SALT)


def form_marks() -> SafeString:
    """Return the fields of a `WritingForm` that are new each time it is shown: the rest of it is kept (`_reply_box.html`)."""
    return format_html(
        '<input type="hidden" name="token" value="{}" id="id_token">'
        '<input type="hidden" name="started" value="{}" id="id_started">',
        new_token(),
        started_now(),
    )


def _words_of(text: str) -> list[str]:
    """Return the words between commas and semicolons, Persian ones included."""
    for separator in ("،", ";", "؛", "\n"):
        text = text.replace(separator, ",")
    return [word.strip() for word in text.split(",") if word.strip()]


def say_wrong(form: forms.Form, problem: CommunityError | str) -> None:
    """Say what is wrong at a field, so that the summary of errors leads there.

    An error may name the field; else it is the text, or in forms without one the first that can be seen.
    """
    seen = [field.name for field in form.visible_fields()]
    named = (getattr(problem, "field", ""), "body", *seen)
    form.add_error(next((name for name in named if name in seen), None), str(problem))


class ReminderForm(FormMixin, forms.Form):
    """When to be reminded of a bookmark. Days begin at an hour of the person's own day."""

    TIMES: ClassVar = (
        ("hours", _("In three hours")),
        ("tomorrow", _("Tomorrow morning")),
        ("days", _("In three days")),
        ("week", _("In a week")),
        ("month", _("In a month")),
    )
    _DAYS: ClassVar = {"tomorrow": 1, "days": 3, "week": 7, "month": 30}
    _HOUR: ClassVar = 9

    when = forms.ChoiceField(label=_("When"), choices=TIMES, required=False)

    def moment(self) -> dt.datetime | None:
        """Return the time chosen in a valid form; None for no reminder."""
        when = self.cleaned_data["when"]
        if when == "hours":
            return timezone.now() + dt.timedelta(hours=3)
        if not when:
            return None
        day = timezone.localtime() + dt.timedelta(days=self._DAYS[when])
        return day.replace(hour=self._HOUR, minute=0, second=0, microsecond=0)


class MultipleFilesInput(forms.ClearableFileInput):
    allow_multiple_selected = True


class FilesField(forms.FileField):
    """Field for any number of files; the value is a list."""

    widget = MultipleFilesInput

    def clean(self, data: Any, initial: Any = None) -> list[Any]:
        given = data if isinstance(data, list | tuple) else [data]
        return [super(FilesField, self).clean(each, initial) for each in given if each]


class WritingForm(FormMixin, forms.Form):
    """What every form that makes a text has: the text, and what tells people from programs."""

    #: What the service takes at most; the editor says how many are left when it comes near.
    most_characters = rendering.MAX_LENGTH

    body = forms.CharField(
        label=pgettext_lazy("of a question", "Details"),
        max_length=_BODY_LENGTH,
        strip=False,
        required=False,  # the service says what is missing, in the same words everywhere
        widget=forms.Textarea(attrs={"dir": "auto", "rows": 9}),
    )
    pictures = FilesField(label=_("Pictures"), required=False)
    keeps_personal_data = forms.BooleanField(label=_("Publish it as I wrote it; everybody may read it"), required=False)
    #: The person has seen which personal data will be masked.
    has_seen_warning = forms.CharField(required=False, max_length=1, widget=forms.HiddenInput)
    token = forms.CharField(required=False, max_length=40, widget=forms.HiddenInput)
    started = forms.CharField(required=False, max_length=200, widget=forms.HiddenInput)
    #: Nobody sees it; programs that fill in every field do.
    website = forms.CharField(required=False, max_length=500, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        initial = kwargs.setdefault("initial", {}) or {}
        kwargs["initial"] = {"token": new_token(), "started": started_now(), **initial}
        super().__init__(*args, **kwargs)

    def clean_body(self) -> str:
        """Return the text with what was masked before as it is stored, in whatever language it was shown."""
        return as_stored(self.cleaned_data["body"])

    def suspicions(self, user: AnyUser) -> list[str]:
        """Return codes of `community.screening.SCORES` for what only programs do."""
        found = []
        if self.cleaned_data.get("website"):
            found.append("honeypot")
        if rules.level_of(user) == Level.NEW and self._seconds_open() < FASTEST_SECONDS:
            found.append("too-fast")
        return found

    def _seconds_open(self) -> float:
        """Return how long ago the form was shown; 0 if it does not say so itself."""
        try:
            shown = float(signing.loads(self.cleaned_data.get("started", ""), salt=_SALT))
        except (signing.BadSignature, TypeError, ValueError):
            return 0.0
        return time.time() - shown


class ReplyForm(WritingForm):
    to = forms.IntegerField(required=False, min_value=1, max_value=2**62, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["body"].label = _("Your reply")


class EditForm(WritingForm):
    title = FoldedCharField(label=_("Title"), max_length=TITLE_LENGTH, widget=forms.TextInput(attrs={"dir": "auto"}))
    version = forms.IntegerField(min_value=1, max_value=2**31 - 1, widget=forms.HiddenInput)

    field_order = ("title", "body")

    def __init__(self, *args: Any, has_title: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["body"].label = pgettext_lazy("of a post", "Text")
        if not has_title:
            del self.fields["title"]


class MessageForm(WritingForm):
    """A private message."""

    most_characters = MESSAGE_LENGTH

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        del self.fields["pictures"]
        self.fields["body"].label = _("Your message")
        self.fields["body"].widget.attrs["rows"] = 6
        self.fields["keeps_personal_data"].label = _("Send it as I wrote it")


class MemberSettingsForm(FormMixin, forms.Form):
    """What a member chooses for the community."""

    messages_from = forms.ChoiceField(label=_("Who may write to me"), choices=MessagesFrom, widget=forms.RadioSelect)
    is_private = forms.BooleanField(
        label=_("Hide my page from others"),
        required=False,
        help_text=_("Your name stays at what you write; only moderators see your page and its figures."),
    )
    languages = forms.MultipleChoiceField(
        label=_("Show threads in"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_(
            "Lists begin with threads in these languages and in that of the page, and you hear of no other new ones. "
            "None chosen: you hear of all."
        ),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["languages"].choices = settings.LANGUAGES  # type: ignore[attr-defined]  # a choice field


class RowsField(forms.ModelMultipleChoiceField):  # type: ignore[type-arg]  # Django's own is not generic
    """Choice of several rows. Numbers that no database has are refused like those of no row."""

    def clean(self, value: Any) -> Any:
        wrong = next((each for each in value or () if row_number(each) is None), None)
        if wrong is not None:
            code = "invalid_choice"
            raise ValidationError(self.error_messages[code], code=code, params={"value": str(wrong)[:40]})
        return super().clean(value)


class AreaChoiceField(forms.ModelChoiceField):  # type: ignore[type-arg]  # Django's own is not generic
    """Choice of an area; those inside another follow it."""

    def label_from_instance(self, obj: Any) -> str:
        return f"{obj.parent} › {obj}" if obj.parent_id else str(obj)


class AskForm(WritingForm):
    """The form that starts a thread."""

    title = FoldedCharField(
        label=_("Your question in one sentence"),
        max_length=TITLE_LENGTH,
        help_text=_("The more precise, the faster the answer."),
        widget=forms.TextInput(attrs={"dir": "auto", "autocomplete": "off"}),
    )
    area = AreaChoiceField(label=_("Area"), queryset=None, empty_label=None)
    product = forms.ModelChoiceField(
        label=_("Device or service"),
        queryset=Product.objects.none(),
        required=False,
        empty_label=pgettext_lazy("product", "None of these"),
    )
    tags = FoldedCharField(
        label=_("Tags"), max_length=200, required=False, help_text=_("A few words, with commas between them.")
    )
    poll_question = FoldedCharField(label=_("Question of the poll"), max_length=TITLE_LENGTH, required=False)
    poll_options = FoldedCharField(
        label=_("Choices, one on each line"), max_length=1500, required=False, widget=forms.Textarea(attrs={"rows": 4})
    )
    poll_is_multiple = forms.BooleanField(label=_("Several choices are allowed"), required=False)
    follows = forms.BooleanField(label=_("Tell me about replies"), required=False)

    field_order = ("title", "area", "product", "body", "tags")

    def __init__(self, *args: Any, user: AnyUser, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        visible = Area.objects.visible_to(user).in_order().select_related("parent")
        areas = [area for area in visible if rules.can_start_thread(user, area)]
        open_ids = [area.pk for area in areas]
        # Staff may also write news: a question must not become one because nobody looked at the area.
        self.fields["area"].initial = next((area.pk for area in areas if area.kind == Area.Kind.QUESTIONS), None)
        self.fields["area"].queryset = visible.filter(pk__in=open_ids)  # type: ignore[attr-defined]  # a choice field
        self.fields["product"].queryset = Product.objects.filter(is_active=True)  # type: ignore[attr-defined]  # the same
        self.has_areas = bool(open_ids)
        self.is_idea = any(area.kind == Area.Kind.IDEAS and str(area.pk) == str(self["area"].value()) for area in areas)
        if self.is_idea:
            self.fields["title"].label = _("Your idea in one sentence")
            self.fields["title"].help_text = ""
        if rules.level_of(user) < Level.ACTIVE:
            self.fields["tags"].help_text = _(
                "A few words, with commas between them. Only tags that exist can be used."
            )

    def tag_words(self) -> list[str]:
        """Return the words typed as tags."""
        return _words_of(self.cleaned_data.get("tags", ""))

    def poll_lines(self) -> list[str]:
        return [line.strip() for line in self.cleaned_data.get("poll_options", "").splitlines() if line.strip()]


class ReasonForm(FormMixin, forms.Form):
    """What is wrong with a text, in a word and perhaps a sentence."""

    reason = forms.ChoiceField(choices=Flag.Reason, widget=forms.RadioSelect)
    note = FoldedCharField(max_length=500, required=False, widget=forms.Textarea(attrs={"rows": 3, "dir": "auto"}))


class FlagForm(ReasonForm):
    """For moderators."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["reason"].label = _("What is wrong with it?")
        self.fields["note"].label = _("What should a moderator know?")


class AppealForm(FormMixin, forms.Form):
    text = FoldedCharField(
        label=_("Why should it be visible?"), max_length=1000, widget=forms.Textarea(attrs={"rows": 5, "dir": "auto"})
    )


class HideForm(ReasonForm):
    """For the author."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["reason"].label = _("Why?")
        self.fields["note"].label = _("A sentence for its author")


class IdeaStatusForm(FormMixin, forms.Form):
    status = forms.ChoiceField(
        label=_("Status"),
        choices=[
            (each.value, each.label)
            for each in (
                Thread.Status.NEW,
                Thread.Status.UNDER_REVIEW,
                Thread.Status.PLANNED,
                Thread.Status.DONE,
                Thread.Status.NOT_NOW,
            )
        ],
    )
    note = FoldedCharField(
        label=_("A sentence for those who voted"),
        max_length=500,
        required=False,
        widget=forms.Textarea(attrs={"rows": 2, "dir": "auto"}),
    )


class PollVoteForm(forms.Form):
    """Choices of a poll, by their ids."""

    option = forms.TypedMultipleChoiceField(coerce=int, choices=[])

    def __init__(self, data: Mapping[str, Any], *, option_ids: list[int]) -> None:
        super().__init__(data)
        self.fields["option"].choices = [(each, each) for each in option_ids]  # type: ignore[attr-defined]  # a choice field


# Managing a thread ---------------------------------------------------------------------------------------------------


class ManageForm(FormMixin, forms.Form):
    """One act of `community.views.managing` with a thread."""

    def __init__(self, *args: Any, user: AnyUser, thread: Thread, **kwargs: Any) -> None:
        self.user, self.thread = user, thread
        super().__init__(*args, **kwargs)


class SeenForm(ManageForm):
    """Sends along what the thread had when it was shown: what somebody else changed since is not replaced unseen."""

    seen = forms.CharField(required=False, max_length=1000, widget=forms.HiddenInput)

    def show_now(self, data: QueryDict) -> Self:
        """Return a form with the same typed values, for the thread as it is now."""
        self.thread.refresh_from_db()
        data = data.copy()
        data[self.add_prefix("seen")] = self.seen_now()
        return type(self)(data, user=self.user, thread=self.thread, prefix=self.prefix, auto_id=self.auto_id)

    def seen_now(self) -> str:
        """Return what is sent along."""
        raise NotImplementedError


class TitleForm(SeenForm):
    title = FoldedCharField(label=_("Title"), max_length=TITLE_LENGTH, widget=forms.TextInput(attrs={"dir": "auto"}))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["title"].initial = self.thread.title
        self.fields["seen"].initial = self.seen_now()

    def seen_now(self) -> str:
        return self.thread.title


class DescriptionForm(SeenForm):
    tags = FoldedCharField(
        label=_("Tags"), max_length=300, required=False, help_text=_("A few words, with commas between them.")
    )
    products = RowsField(
        label=_("Devices and services"),
        queryset=Product.objects.none(),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        chosen = list(self.thread.products.all())
        self.fields["tags"].initial = listed(self.thread.tags.all())
        self.fields["products"].queryset = (  # type: ignore[attr-defined]  # a choice field
            Product.objects.filter(is_active=True) | Product.objects.filter(pk__in=[each.pk for each in chosen])
        )
        self.fields["products"].initial = chosen
        self.fields["seen"].initial = self.seen_now()

    def seen_now(self) -> str:
        return description_of(self.thread)

    def clean_tags(self) -> list[str]:
        return _words_of(self.cleaned_data["tags"])[: 4 * policy().max_tags]


class LockForm(ManageForm):
    """Says what is wanted, not the opposite of what is: two moderators who close a thread at once close it."""

    closes = forms.BooleanField(required=False, widget=forms.HiddenInput)
    note = FoldedCharField(
        label=_("Why? For the log of the moderators"),
        max_length=500,
        required=False,
        widget=forms.TextInput(attrs={"dir": "auto"}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["closes"].initial = not self.thread.is_locked
        if self.thread.is_locked:
            self.fields["note"].widget = forms.HiddenInput()


class PinForm(ManageForm):
    NOT: Final = "0"

    length = forms.ChoiceField(
        label=_("How long shall it stand at the top of its area?"),
        choices=[
            ("1", _("A day")),
            ("7", _("A week")),
            ("30", _("A month")),
            ("always", _("Until somebody unpins it")),
            (NOT, _("Not any longer")),
        ],
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self.thread.is_pinned:
            field: Any = self.fields["length"]
            field.choices = [choice for choice in field.choices if choice[0] != self.NOT]

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        length = values.get("length", "")
        values["until"] = timezone.now() + dt.timedelta(days=int(length)) if length in {"1", "7", "30"} else None
        return values


class MoveForm(ManageForm):
    area = AreaChoiceField(
        label=_("New area"),
        queryset=None,
        empty_label=_("Choose an area"),
        help_text=_("Those who may read that area may read the thread, and nobody else."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        others = Area.objects.visible_to(self.user).exclude(pk=self.thread.area_id).in_order().select_related("parent")
        self.fields["area"].queryset = others  # type: ignore[attr-defined]  # a choice field


class MergeForm(ManageForm):
    into = FoldedCharField(
        label=_("Address or number of the other thread"),
        max_length=500,
        digits=True,
        help_text=_("All posts of this thread move to the end of that one, and this address leads there."),
        widget=forms.TextInput(attrs={"dir": "ltr", "inputmode": "url"}),
    )

    def clean_into(self) -> Thread:
        """Return the other thread; a reader may not merge into what they cannot see, nor change who may read posts."""
        found = _THREAD_ADDRESS.search(self.cleaned_data["into"])
        other = thread_at(self.user, int(found[1])) if found else None
        if other is None or other.state != ThreadState.VISIBLE:
            raise ValidationError(_("There is no such thread."))
        if other.pk == self.thread.pk:
            raise ValidationError(_("This is the thread itself."))
        if other.audience != self.thread.audience:
            raise ValidationError(_("Others may read that thread. Move this one into its area first."))
        return other


class DuplicateForm(MergeForm):
    """Names the thread that asks the same; a moderator decides."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["into"].help_text = _("A moderator looks at both, and merges them if they ask the same.")


class DetailsForm(ManageForm):
    """What a helper needs to know; it becomes their reply, once however often it is sent."""

    body = forms.CharField(
        label=_("What is missing?"),
        max_length=_BODY_LENGTH,
        help_text=_(
            "It becomes your reply. Lists say that the question needs information, until its asker writes again."
        ),
        widget=forms.Textarea(attrs={"dir": "auto", "rows": 4}),
    )
    token = forms.CharField(required=False, max_length=40, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["token"].initial = new_token()


#: A number of at most 18 digits, alone or in the address of a thread.
_THREAD_ADDRESS: Final = re.compile(r"(?:\A|/t/)([0-9]{1,18})(?:\Z|[/?#])")


#: Characters of a reply in the list of those that can be split off.
_FIRST_WORDS: Final = 80


class SplitForm(ManageForm):
    """The latest replies of a thread, to choose those that become one of their own."""

    posts = forms.TypedMultipleChoiceField(
        label=_("Replies that move"), coerce=int, choices=(), widget=forms.CheckboxSelectMultiple
    )
    title = FoldedCharField(
        label=_("Title of the new thread"), max_length=TITLE_LENGTH, widget=forms.TextInput(attrs={"dir": "auto"})
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        replies = Post.objects.visible_to(self.user).filter(thread=self.thread, number__gt=1, state="visible")
        latest = list(replies.select_related("author").order_by("-number")[: 5 * PAGE_SIZE])[::-1]
        self.fields["posts"].choices = [(post.pk, _first_words(post)) for post in latest]  # type: ignore[attr-defined]
        self.has_replies = bool(latest)


def _first_words(post: Post) -> str:
    words = rendering.excerpt(translate_placeholders(post.html), _FIRST_WORDS)
    return f"{format_number(post.number)} · {isolate(person_of(post.author).name)}: {isolate(words)}"
