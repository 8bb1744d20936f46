"""Forms of the desk."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final

from django import forms
from django.conf import settings
from django.core.validators import MaxValueValidator
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from community.models import Area, Flag, Policy
from portal.catalog.models import Product
from portal.core.formats import format_number
from portal.core.forms import CountField, FoldedCharField, FormMixin

if TYPE_CHECKING:
    from portal.accounts.models import User

DAYS: Final = (1, 3, 7, 30, 365)
#: Of a limit.
_LARGEST: Final = 9999


class DecisionForm(FormMixin, forms.Form):
    """What a moderator decides about an item; a note is shown to the author."""

    class Act:
        APPROVE = "approve"
        HIDE = "hide"

    act = forms.ChoiceField(choices=[(Act.APPROVE, _("Approve")), (Act.HIDE, _("Hide"))])
    reason = forms.ChoiceField(choices=Flag.Reason, required=False)
    note = FoldedCharField(max_length=500, required=False)
    #: Of the text that was read: what is approved is that and nothing written since.
    version = forms.IntegerField(min_value=1)

    def clean(self) -> dict[str, object] | None:
        cleaned = super().clean()
        if self.cleaned_data.get("act") == self.Act.HIDE and not self.cleaned_data.get("reason"):
            self.add_error("reason", _("Choose why it is hidden: its author is told."))
        return cleaned


class MemberForm(FormMixin, forms.Form):
    """A warning, silence or suspension; the member reads the note."""

    act = forms.ChoiceField(
        label=_("What happens"),
        choices=[
            ("warn", _("Warn: the member reads your note")),
            ("silence", _("Silence: reading, but no writing")),
            ("suspend", _("Suspend: no taking part in any way")),
            ("release", _("End silence and suspension")),
            ("invite", _("Invite as an advocate: the highest level, until you end it")),
            ("dismiss", _("End being an advocate")),
        ],
        widget=forms.RadioSelect,
    )
    days = forms.TypedChoiceField(
        label=_("For how long"),
        coerce=int,
        required=False,
        initial=3,
        empty_value="3",
    )
    note = FoldedCharField(
        label=_("What the member reads"),
        max_length=500,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3, "dir": "auto"}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        days = self.fields["days"]
        if isinstance(days, forms.TypedChoiceField):
            days.choices = [
                (count, ngettext("%(days)s day", "%(days)s days", count) % {"days": format_number(count)})
                for count in DAYS
            ]

    def clean(self) -> dict[str, object] | None:
        cleaned = super().clean()
        if self.cleaned_data.get("act") in {"warn", "silence", "suspend"} and not self.cleaned_data.get("note"):
            self.add_error("note", _("Say why: the member sees only this."))
        return cleaned


class WaitingForm(forms.Form):
    """Which of the questions without a reply are listed; a choice that does not exist chooses nothing."""

    area = forms.ModelChoiceField(
        Area.objects.visible_to(None).none(),
        to_field_name="slug",
        required=False,
        label=_("Area"),
        empty_label=_("All areas"),
    )
    product = forms.ModelChoiceField(
        Product.objects.none(), to_field_name="code", required=False, label=_("Product"), empty_label=_("All products")
    )
    language = forms.ChoiceField(required=False, label=_("Language"))

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, found in (
            ("area", Area.objects.visible_to(user).filter(kind=Area.Kind.QUESTIONS).in_order()),
            ("product", Product.objects.filter(is_active=True)),
        ):
            field = self.fields[name]
            if isinstance(field, forms.ModelChoiceField):
                field.queryset = found
        language = self.fields["language"]
        if isinstance(language, forms.ChoiceField):
            language.choices = [("", _("All languages")), *settings.LANGUAGES]

    def chosen(self) -> dict[str, Any]:
        """Return what was chosen, by field."""
        self.is_valid()
        return {name: self.cleaned_data.get(name) or ("" if name == "language" else None) for name in self.fields}


class PolicyForm(FormMixin, forms.ModelForm):  # type: ignore[type-arg]  # Django's own is not generic
    """Limits and thresholds, in sections."""

    #: Title, what it is about, and the fields.
    SECTIONS: ClassVar = (
        (
            _("New members"),
            _("How careful the community is with those whom nobody knows yet."),
            ("holds_newcomers", "first_posts_held", "newcomer_links", "newcomer_posts_per_hour"),
        ),
        (
            _("Writing"),
            _("What one member may do, and how long a change leaves no trace."),
            (
                *("posts_per_hour", "conversations_per_day", "silent_edit_minutes", "idea_votes", "max_tags"),
                *("first_reply_hours", "asks_after_hours"),
            ),
        ),
        (
            _("Flags"),
            _(
                "When the flags of members act before a moderator does. The flag of a new member weighs 100, one of the team 500."
            ),
            ("hide_score", "silence_score", "silence_people"),
        ),
        (
            _("Levels of trust"),
            _(
                "What members must do for others to become active members and helpers. They see this with their own progress."
            ),
            (
                *("active_days", "active_acts", "helper_days", "helper_solutions", "helper_people"),
                *("helper_flags_agreed", "helper_penalty_days", "helper_keep", "helper_notice_days"),
            ),
        ),
    )

    class Meta:
        model = Policy
        fields = (
            "holds_newcomers",
            "first_posts_held",
            "newcomer_links",
            "newcomer_posts_per_hour",
            "posts_per_hour",
            "first_reply_hours",
            "asks_after_hours",
            "conversations_per_day",
            "silent_edit_minutes",
            "idea_votes",
            "max_tags",
            "hide_score",
            "silence_score",
            "silence_people",
            "active_days",
            "active_acts",
            "helper_days",
            "helper_solutions",
            "helper_people",
            "helper_flags_agreed",
            "helper_penalty_days",
            "helper_keep",
            "helper_notice_days",
        )
        field_classes: ClassVar = dict.fromkeys(fields[1:], CountField)
        help_texts: ClassVar = {
            "first_posts_held": _("0: nothing is held only because it is the first."),
            "newcomer_links": _("Posts with more links wait for a moderator."),
            "silent_edit_minutes": _("Only while nobody has reacted. Later edits are shown, with their history."),
            "idea_votes": _("A vote comes back when its idea is closed."),
            "hide_score": _("The post waits in the queue, and its author is told."),
            "silence_score": _("For some days they can read, but not write; a moderator may end that before."),
            "helper_solutions": _("Or as many people helped as in the next field."),
            "helper_keep": _("A helper whose figures fall below this part of them is told, and has time."),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            if isinstance(field, CountField):  # the columns are small; SQLite would take more, PostgreSQL fails
                field.validators.append(MaxValueValidator(_LARGEST))

    def sections(self) -> list[tuple[Any, Any, list[forms.BoundField]]]:
        """Return titles, texts and fields as the page shows them."""
        return [(title, text, [self[name] for name in names]) for title, text, names in self.SECTIONS]
