from __future__ import annotations

import pytest
from django import forms
from django.core.exceptions import ValidationError
from django.utils import translation
from hypothesis import given
from hypothesis import strategies as st

from portal.core.forms import CodeField, FoldedCharField, FormMixin, PhoneField, normalise_phone


class AskForm(FormMixin, forms.Form):
    title = FoldedCharField(label="عنوان", max_length=20, help_text="یک جمله")
    body = FoldedCharField(label="متن", widget=forms.Textarea, required=False)
    code = CodeField(label="کد", required=False)
    phone = PhoneField(label="تلفن", required=False)
    notify = forms.BooleanField(label="خبرم کنید", required=False)
    kind = forms.ChoiceField(label="نوع", choices=[("a", "الف")], required=False)


def test_text_is_stored_with_persian_letters_and_its_half_spaces():
    assert FoldedCharField().clean(" كتاب‌هاي \u200eمن\u200c ") == "کتاب‌های من"
    assert FoldedCharField(digits=True).clean("۱۲٣") == "123"
    assert FoldedCharField(required=False).clean(None) == ""


def test_a_line_stays_one_line_and_a_text_keeps_its_lines():
    assert FoldedCharField().clean("یک\r\nدو") == "یک دو"
    assert FoldedCharField(widget=forms.Textarea).clean("یک\r\nدو") == "یک\nدو"


def test_a_text_of_invisible_characters_only_is_empty():
    with pytest.raises(ValidationError) as caught:
        FoldedCharField().clean("\u200c \u200f\u202e")

    assert caught.value.error_list[0].code == "required"


def test_too_long_a_text_is_told_its_length_in_the_readers_digits():
    with pytest.raises(ValidationError, match="حداکثر ۲۰ نویسه بنویسید؛ این متن ۲۱ نویسه است"):
        FoldedCharField(max_length=20).clean("ن" * 21)

    with translation.override("en"), pytest.raises(ValidationError, match="Use at most 20 characters; this has 21"):
        FoldedCharField(max_length=20).clean("ن" * 21)


def test_there_is_a_longest_text_even_where_none_was_set():
    with pytest.raises(ValidationError):
        FoldedCharField().clean("x" * 256)
    with pytest.raises(ValidationError):
        FoldedCharField(widget=forms.Textarea()).clean("x" * 10_001)

    assert len(FoldedCharField(widget=forms.Textarea).clean("x" * 10_000)) == 10_000


@pytest.mark.parametrize(
    "typed", ["۱۲۳۴۵۶", "١٢٣٤٥٦", "123 456", " 123-456 ", "۱۲۳‌۴۵۶", "\u200e123\u2013456\u200f", "123\u00a0456"]
)
def test_codes_are_taken_in_any_digits_and_grouping(typed):
    assert CodeField().clean(typed) == "123456"


def test_code_fields_bring_the_right_keyboard_and_offer_the_code_from_the_message():
    html = str(AskForm()["code"])

    for attribute in ('inputmode="numeric"', 'autocomplete="one-time-code"', 'dir="ltr"', 'class="input"'):
        assert attribute in html
    assert 'inputmode="text"' in CodeField(numeric=False).get_bound_field(AskForm(), "code").as_widget()


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("۰۹۱۲ ۳۴۵ ۶۷۸۹", "+989123456789"),
        ("9123456789", "+989123456789"),
        ("+98 912 345 6789", "+989123456789"),
        ("0098 (0)912-345-6789", "+989123456789"),
        ("+98 0912 345 6789", "+989123456789"),
        ("989123456789", "+989123456789"),
        ("۰۲۱۹۱۰۰۰۰۰۰", "+982191000000"),
        ("+44 20 7946 0000", "+442079460000"),
        ("٠٠٤٤ ٢٠ ٧٩٤٦ ٠٠٠٠", "+442079460000"),
        ("\u202a+1.202.555.0143\u202c", "+12025550143"),
    ],
)
def test_phone_numbers_are_stored_one_way(typed, stored):
    assert PhoneField().clean(typed) == stored


@pytest.mark.parametrize(
    "typed",
    [
        "0912345678",
        "091234567890",
        "+98 12",
        "110",
        "+",
        "++989123456789",
        "abc",
        "0912345678a",
        "+0123456789",
        "1" * 16,
        "1" * 60,
    ],
)
def test_impossible_phone_numbers_are_refused_with_an_example(typed):
    with pytest.raises(ValidationError, match="۰۹۱۲۳۴۵۶۷۸۹"):
        PhoneField().clean(typed)


@given(st.text())
def test_whatever_is_typed_a_phone_number_is_e164_or_nothing(text):
    number = normalise_phone(text)

    assert number is None or (number[0] == "+" and number[1:].isdigit() and number.isascii() and len(number) <= 16)


def test_numbers_without_a_country_code_belong_to_the_sites_country(settings):
    settings.PHONE_COUNTRY_CODE = "49"

    assert normalise_phone("030 901820") == "+4930901820"


def test_an_empty_phone_is_empty():
    assert PhoneField(required=False).clean("") == ""


def test_a_form_shows_its_errors_at_the_top_and_at_the_field():
    form = AskForm({"title": "", "phone": "12"})

    html = str(form)

    assert html.count('href="#id_title"') == 1
    assert 'id="id_title_error"' in html
    assert 'aria-invalid="true"' in html
    assert 'aria-describedby="id_title_helptext id_title_error"' in html
    assert 'class="field field--err"' in html


def test_every_widget_wears_the_design():
    html = str(AskForm())

    assert html.count('class="input"') == 5
    assert '<input type="checkbox" name="notify" id="id_notify">' in html
