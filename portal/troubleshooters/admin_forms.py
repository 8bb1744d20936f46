"""Forms of the editors' screens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext, pgettext_lazy
from wagtail.admin.widgets import AdminPageChooser
from wagtail.models import Page

from portal.core.localized import LocalizedLinesWidget, LocalizedText, LocalizedTextFormField
from portal.core.pages import audience_choices
from portal.core.text import isolate
from portal.troubleshooters.graph import COLOURS, KIND_LABELS, MAX_ANSWERS, Answer, Kind, Step
from portal.troubleshooters.models import Troubleshooter

if TYPE_CHECKING:
    from portal.troubleshooters.graph import Graph

#: What a choice says to make a step that does not exist yet.
NEW: Final = "new"
#: Empty rows for more answers.
_MORE: Final = 2
_LABEL_LENGTH: Final = 120
_TITLE_LENGTH: Final = 200
_TEXT_LENGTH: Final = 4000


class TroubleshooterForm(forms.ModelForm[Troubleshooter]):
    """What a troubleshooter is about; its steps have forms of their own."""

    #: What was there when the form was opened (`services.save_troubleshooter`).
    seen = forms.CharField(required=False, widget=forms.HiddenInput)

    class Meta:
        model = Troubleshooter
        fields = ("title", "slug", "intro", "keywords", "icon", "topic", "products", "audience", "owner", "order")
        widgets: ClassVar = {"products": forms.CheckboxSelectMultiple}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["seen"].initial = self.instance.mark
        field = self.fields["audience"]
        choices = dict(audience_choices())
        choices.setdefault(self.instance.audience, self.instance.audience)
        self.fields["audience"] = forms.ChoiceField(
            choices=list(choices.items()), label=field.label, initial=self.instance.audience
        )


def step_choices(graph: Graph, *, without: int | None, nowhere: str) -> list[tuple[str, str]]:
    """Return where an answer may lead, as choices: nowhere yet, a new step, each step that there is."""
    steps = [
        (str(step.number), f"{step.number}. {isolate(str(step.title) or '—')} ({step.kind.label})")
        for step in graph
        if step.number != without
    ]
    return [("", nowhere), (NEW, _("+ a new step")), *steps]


class StepForm(forms.Form):
    """A step without its answers."""

    #: What was there when the form was opened (`services.save_step`).
    seen = forms.CharField(required=False, widget=forms.HiddenInput)
    kind = forms.ChoiceField(
        label=gettext_lazy("what it is"),
        choices=[(kind.value, label) for kind, label in KIND_LABELS.items()],
        widget=forms.RadioSelect,
    )
    title = LocalizedTextFormField(
        label=gettext_lazy("the question, or what the step says"), max_length=_TITLE_LENGTH, required=True
    )
    text = LocalizedTextFormField(
        label=gettext_lazy("more about it"),
        max_length=_TEXT_LENGTH,
        required=False,
        widget=LocalizedLinesWidget,
        help_text=gettext_lazy("Where to look, or what to do. Markdown: lists, links, bold, code."),
    )
    article = forms.ModelChoiceField(
        label=gettext_lazy("article"),
        queryset=Page.objects.none(),
        required=False,
        widget=AdminPageChooser,
        help_text=gettext_lazy("Only for articles. Readers get it in their language."),
    )
    otherwise = forms.ChoiceField(
        label=gettext_lazy("who is not sure, or was not helped, goes to"), choices=(), required=False
    )

    def __init__(self, *args: Any, graph: Graph, step: Step | None, **kwargs: Any) -> None:
        if step is not None:
            kwargs["initial"] = {
                "seen": step.mark,
                "kind": step.kind.value,
                "title": step.title,
                "text": step.text,
                "otherwise": "" if step.otherwise is None else str(step.otherwise),
                "article": _page_of(step.article),
            }
        super().__init__(*args, **kwargs)
        self.fields["article"].queryset = Page.objects.filter(depth__gt=1)  # type: ignore[attr-defined]  # a choice
        own = step.number if step is not None else None
        self.fields["otherwise"].choices = step_choices(  # type: ignore[attr-defined]  # a choice
            graph, without=own, nowhere=_("people: the community and our support")
        )


def _page_of(key: str) -> int | None:
    if not key:
        return None
    page = Page.objects.filter(translation_key=key).order_by("pk").only("pk").first()
    return page.pk if page is not None else None


class AnswerForm(forms.Form):
    """One answer. A row without a label is left out."""

    label = LocalizedTextFormField(label=gettext_lazy("answer"), max_length=_LABEL_LENGTH, required=False)
    hint = LocalizedTextFormField(label=gettext_lazy("a few words more"), max_length=_LABEL_LENGTH, required=False)
    colour = forms.ChoiceField(label=pgettext_lazy("light", "light"), choices=list(COLOURS.items()), required=False)
    to = forms.ChoiceField(label=gettext_lazy("leads to"), choices=(), required=False)

    def __init__(self, *args: Any, targets: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["to"].choices = targets  # type: ignore[attr-defined]  # a choice


_Rows = forms.formset_factory(
    AnswerForm, extra=_MORE, max_num=MAX_ANSWERS, absolute_max=MAX_ANSWERS, can_order=True, can_delete=True
)


def answer_rows(data: Any, *, graph: Graph, step: Step | None) -> Any:
    """Return the rows of answers of a step, with empty ones for more."""
    targets = step_choices(
        graph, without=step.number if step is not None else None, nowhere=pgettext("answer", "nowhere yet")
    )
    if step is not None:
        # An answer may lead back to its own question, which the checks then judge.
        targets.append((str(step.number), _("this step again")))
    initial = [
        {
            "label": answer.label,
            "hint": answer.hint,
            "colour": answer.colour,
            "to": "" if answer.to is None else str(answer.to),
        }
        for answer in (step.answers if step is not None else ())
    ]
    return _Rows(data, initial=initial, prefix="answers", form_kwargs={"targets": targets})


def answers_in(rows: Any) -> list[tuple[Answer, bool]]:
    """Return the answers of valid rows in their order, each with whether it leads to a step that is to be made."""
    kept = [
        row
        for row in rows.forms
        if row not in rows.deleted_forms and any((row.cleaned_data.get("label") or {}).values())
    ]
    kept.sort(key=lambda row: (row.cleaned_data.get("ORDER") is None, row.cleaned_data.get("ORDER") or 0))
    found = []
    for row in kept:
        data = row.cleaned_data
        to = data["to"]
        answer = Answer(
            label=LocalizedText(data["label"]),
            hint=LocalizedText(data["hint"] or {}),
            colour=data["colour"],
            to=int(to) if to not in {"", NEW} else None,
        )
        found.append((answer, to == NEW))
    return found


def step_in(form: StepForm, rows: Any, number: int) -> tuple[Step, list[int | None]]:
    """Return the step of valid forms, and which answers lead to steps to be made (None: “I am not sure”)."""
    data = form.cleaned_data
    answers = answers_in(rows)
    kind = Kind(data["kind"])
    page = data["article"]
    otherwise = data["otherwise"]
    step = Step(
        number=number,
        kind=kind,
        title=LocalizedText(data["title"]),
        text=LocalizedText(data["text"] or {}),
        answers=tuple(answer for answer, _is_new in answers),
        otherwise=int(otherwise) if otherwise not in {"", NEW} else None,
        article=str(page.translation_key) if page is not None else "",
    )
    made: list[int | None] = [place for place, (_answer, is_new) in enumerate(answers) if is_new]
    return step, [*made, *([None] if otherwise == NEW else [])]
