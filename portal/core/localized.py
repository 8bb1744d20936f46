"""Short texts in every interface language, stored in the row they name.

A product has one row and one name per language. A translation table would cost a join in every list; one column per
language would need a migration for every new language. Therefore it is one JSON object, read in the active language.
Long, edited content belongs in translated pages instead.
"""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _


class LocalizedText(dict[str, str]):
    """The texts by language code; as a string, the one in the active language, else any other."""

    def in_language(self, language: str) -> str:
        base = language.split("-", maxsplit=1)[0]
        return self.get(base) or self.get(settings.LANGUAGE_CODE) or next((v for v in self.values() if v), "")

    def __str__(self) -> str:
        return self.in_language(get_language() or settings.LANGUAGE_CODE)


class LocalizedTextWidget(forms.MultiWidget):
    """Widget with one text input per interface language, each below the language's own name."""

    template_name = "core/widgets/localized_text.html"
    #: What one language is written in.
    input_class: type[forms.Widget] = forms.TextInput

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        widgets: dict[str, forms.Widget | type[forms.Widget]] = {
            code: self.input_class({"lang": code, "dir": "auto"}) for code, _name in settings.LANGUAGES
        }
        super().__init__(widgets, attrs)

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context(name, value, attrs)
        for subwidget, (_code, language) in zip(context["widget"]["subwidgets"], settings.LANGUAGES, strict=True):
            subwidget["language"] = language
        return context

    def decompress(self, value: Any) -> list[str]:
        texts = value if isinstance(value, dict) else {}
        return [texts.get(code, "") for code, _name in settings.LANGUAGES]


class LocalizedLinesWidget(LocalizedTextWidget):
    """The same with several lines per language."""

    class input_class(forms.Textarea):  # noqa: N801 - takes the place of a class
        def __init__(self, attrs: dict[str, Any] | None = None) -> None:
            super().__init__({"rows": 4, **(attrs or {})})


class LocalizedTextFormField(forms.MultiValueField):
    widget = LocalizedTextWidget

    def __init__(self, **kwargs: Any) -> None:
        kwargs.pop("encoder", None)
        kwargs.pop("decoder", None)
        max_length = kwargs.pop("max_length", None)
        fields = [forms.CharField(required=False, max_length=max_length) for _language in settings.LANGUAGES]
        super().__init__(fields, require_all_fields=False, **kwargs)

    def compress(self, data_list: list[str]) -> LocalizedText:
        return LocalizedText(
            {code: text for (code, _name), text in zip(settings.LANGUAGES, data_list, strict=False) if text}
        )


class LocalizedTextField(models.JSONField):
    """Field that stores a `LocalizedText`. Required in at least one language unless ``blank``."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("default", LocalizedText)
        super().__init__(*args, **kwargs)

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> LocalizedText:
        return LocalizedText(super().from_db_value(value, expression, connection) or {})

    def to_python(self, value: Any) -> Any:
        return LocalizedText(value) if isinstance(value, dict) else value

    def validate(self, value: Any, model_instance: models.Model | None) -> None:
        super().validate(value, model_instance)
        is_known = isinstance(value, dict) and set(value) <= {code for code, _name in settings.LANGUAGES}
        if not is_known or not all(isinstance(text, str) for text in value.values()):
            raise ValidationError(_("Enter one text per language."))

    def formfield(self, **kwargs: Any) -> Any:
        return super().formfield(**{"form_class": LocalizedTextFormField, **kwargs})
