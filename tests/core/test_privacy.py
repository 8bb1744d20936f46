from __future__ import annotations

import time

import pytest
from django.test import RequestFactory
from hypothesis import example, given, settings
from hypothesis import strategies as st

from portal.core import privacy
from portal.core.privacy import (
    CARD,
    EMAIL,
    IBAN,
    NATIONAL_ID,
    NUMBER,
    PHONE,
    is_person,
    redact,
    redact_to,
    register_typed_text,
    typed_texts,
)
from portal.core.text import to_persian_digits

BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


def ask(address: str = "203.0.113.7", agent: str = BROWSER, **headers):
    return RequestFactory().get("/", REMOTE_ADDR=address, headers={"User-Agent": agent, **headers})


# People -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "agent",
    [
        BROWSER,
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0 Mobile Safari/604.1",
        "Mozilla/5.0 (Linux; Android 14; SM-S918B) AppleWebKit/537.36 Chrome/130.0.0.0 Mobile Safari/537.36",
        "Mozilla/5.0 (Linux; U; Android 9; CUBOT_X19) AppleWebKit/537.36 Chrome/120.0 Mobile Safari/537.36",
    ],
)
def test_browsers_are_people(agent):
    assert is_person(ask(agent=agent))


@pytest.mark.parametrize(
    "agent",
    [
        "",
        "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
        "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
        "Mozilla/5.0 (compatible; YandexBot/3.0; +http://yandex.com/bots)",
        "curl/8.5.0",
        "python-requests/2.32",
        "Wget/1.21",
        "facebookexternalhit/1.1",
        "UptimeRobot/2.0",
        "Mozilla/5.0 (compatible; Yahoo! Slurp)",
    ],
)
def test_robots_are_not_people(agent):
    assert not is_person(ask(agent=agent))


@pytest.mark.parametrize(
    "header", [{"Sec-Purpose": "prefetch;prerender"}, {"Purpose": "prefetch"}, {"X-Moz": "prefetch"}]
)
def test_a_page_fetched_in_advance_was_not_asked_for(header):
    assert is_person(ask())
    assert not is_person(ask(**header))


# Texts --------------------------------------------------------------------------------------------------------------


def arabic(text: str) -> str:
    return text.translate(str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩"))


DIGITS = st.sampled_from([str, to_persian_digits, arabic])
GAPS = st.sampled_from(["", " ", "-", "\u200c", "\u00a0", "–"])
AROUND = st.sampled_from(
    [("", ""), ("شماره ", " را ثبت کنید"), ("my number is ", "."), ("تلفن:", "، لطفا"), ("(", ")"), ("\u200f", "؟")]
)


def numbers(length: int):
    return st.text("0123456789", min_size=length, max_size=length)


def grouped(digits: str, sizes: tuple[int, ...], gap: str) -> str:
    parts, start = [], 0
    for size in sizes:
        parts.append(digits[start : start + size])
        start += size
    return gap.join([*parts, *([digits[start:]] if digits[start:] else [])])


def with_luhn(digits: str) -> str:
    return next(digits + last for last in "0123456789" if privacy.passes_luhn(digits + last))


def with_national_check(digits: str) -> str:
    return next((digits + last for last in "0123456789" if privacy.is_national_id(digits + last)), "0499370899")


def sheba(account: str) -> str:
    return next(f"IR{check:02}{account}" for check in range(2, 99) if privacy.is_iban(f"IR{check:02}{account}"))


@given(
    local=st.text("abcdefghijklmnopqrstuvwxyz0123456789._+-", min_size=1, max_size=20).filter(
        lambda text: text[0].isalnum() and text[-1].isalnum()
    ),
    domain=st.sampled_from(["example.com", "mail.example.ir", "gmail"]),
    around=AROUND,
    digits=DIGITS,
)
def test_no_mail_address_survives(local, domain, around, digits):
    text = digits(f"{local}@{domain}")
    before, after = around

    redacted = redact(f"{before} {text} {after}")

    assert EMAIL in redacted
    assert "@" not in redacted
    assert text not in redacted


@given(
    prefix=st.sampled_from(["0", "+98", "0098", "98", "+98 ", "(0"]),
    rest=numbers(9),
    gap=GAPS,
    sizes=st.sampled_from([(), (3, 3), (3, 3, 2), (2, 3)]),
    around=AROUND,
    digits=DIGITS,
)
def test_no_mobile_number_survives(*, prefix, rest, gap, sizes, around, digits):
    text = digits(prefix + grouped("9" + rest, sizes, gap))
    before, after = around

    redacted = redact(before + text + after)

    assert PHONE in redacted
    assert not has_digits(redacted)


@given(area=st.sampled_from(["021", "026", "0311"]), rest=numbers(7), gap=GAPS, around=AROUND, digits=DIGITS)
def test_no_landline_number_survives(area, rest, gap, around, digits):
    before, after = around

    redacted = redact(before + digits(f"{area}{gap}2{grouped(rest, (3,), gap)}") + after)

    assert not has_digits(redacted)


@given(code=st.sampled_from(["+44", "+1", "0049", "+971"]), rest=numbers(8), gap=GAPS, around=AROUND, digits=DIGITS)
def test_no_number_abroad_survives(code, rest, gap, around, digits):
    before, after = around

    redacted = redact(before + digits(f"{code}{gap}7{grouped(rest, (3, 3), gap)}") + after)

    assert PHONE in redacted
    assert not has_digits(redacted)


@given(
    start=numbers(9).filter(lambda text: len(set(text)) > 1),
    sizes=st.sampled_from([(), (3, 6), (3, 3), (5,)]),
    gap=GAPS,
    around=AROUND,
    digits=DIGITS,
)
def test_no_national_number_survives(start, sizes, gap, around, digits):
    before, after = around

    redacted = redact(before + digits(grouped(with_national_check(start), sizes, gap)) + after)

    assert not has_digits(redacted)
    assert NATIONAL_ID in redacted or PHONE in redacted


@given(start=numbers(15), gap=GAPS, around=AROUND, digits=DIGITS, slip=st.booleans())
@example(start="989000000000000", gap=" ", around=("", ""), digits=str, slip=False)  # begins like a phone number
def test_no_card_number_survives_even_with_a_slip(start, gap, around, digits, slip):
    number = with_luhn(start)
    if slip:
        number = number[:-1] + str((int(number[-1]) + 1) % 10)
    before, after = around

    redacted = redact(before + digits(grouped(number, (4, 4, 4), gap)) + after)

    assert not has_digits(redacted)


@given(account=numbers(22), gap=GAPS, around=AROUND, digits=DIGITS, with_letters=st.booleans(), lower=st.booleans())
def test_no_account_number_survives(*, account, gap, around, digits, with_letters, lower):
    iban = sheba(account)
    text = grouped(iban, (4,) * 6, gap) if with_letters else grouped(iban[2:], (2, 4, 4, 4, 4, 4), gap)
    before, after = around

    redacted = redact(before + digits(text.lower() if lower else text) + after)

    assert not has_digits(redacted)


def has_digits(text: str) -> bool:
    return any(character.isdigit() for character in text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("قبض 09121234567 را ندارم", f"قبض {PHONE} را ندارم"),
        ("تلفن۰۹۱۲۱۲۳۴۵۶۷", f"تلفن{PHONE}"),
        ("۰۲۱-۹۱۰۰۰۰۰۰ اشغال است", f"{PHONE} اشغال است"),
        ("021.9100.0000", PHONE),
        ("call (555) 123-4567", f"call {PHONE}"),
        ("کد ملی ۰۴۹۹۳۷۰۸۹۹", f"کد ملی {NATIONAL_ID}"),
        ("کارت 6037-9911-1111-1114", f"کارت {NUMBER}"),
        ("6274 1200 0000 0000 خراب است", f"{NUMBER} خراب است"),
        ("5022 2910 0000 0009", NUMBER),
        ("4111 1111 1111 1111", CARD),
        ("IR062960000000100324200001", IBAN),
        ("شبا ir06 2960 0000 0010 0324 2000 01 است", f"شبا {IBAN} است"),
        ("GB82 WEST 1234 5698 7654 32", IBAN),
        ("مدل 4.12.0 شماره ۰۹۱۲ ۱۲۳ ۴۵۶۷", f"مدل 4.12.0 شماره {PHONE}"),
        ("ali@example.com و sara @ example . com", f"{EMAIL} و {EMAIL}"),
        ("0912 123 4567 یا 0935 765 4321", f"{PHONE} یا {PHONE}"),
    ],
)
def test_what_stands_in_the_place_of_an_identifier(text, expected):
    assert redact(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "نسخهٔ 2.4.1",
        "به‌روزرسانی به ۴٫۱۲٫۰",
        "Windows 10.0.19045.3803",
        "قیمت ۱۲٬۵۰۰٬۰۰۰ تومان",
        "قبض 1,250,000,000 ریال",
        "هزینه 1250000000 ریال شد",
        "250000 تومان",
        "NX2-88F4-0192",
        "مودم X2 مدل VDSL2 17a",
        "TP-Link TD-W8961N",
        "آدرس 192.168.1.1",
        "192.168.100.100",
        "کد دستوری *555*1*2#",
        "#100*",
        "خطای 691",
        "300 Mbps و 2.4 GHz",
        "ساعت 12:30 روز 1405/09/01",
        "1405-09-01 12:30",
        "۱۴۰۵/۰۹/۰۱",
        "IPv6 2001:db8::1",
        "سرعت ۱۰۰ مگ به ۲۰۰ مگ",
        "۵۰ گیگ شبانه ۱ تا ۸",
        "کد ۱۲۳۴۵۶",
        "قبض ۱۲۳۴۵۶۷۸۹",
        "iPhone 15 Pro Max 256GB",
        "802.11 b/g/n",
        "Galaxy S24 SM-S921B/DS",
        "",
    ],
)
def test_ordinary_text_survives(text):
    assert redact(text) == text


@given(st.text(alphabet=st.characters(exclude_characters="@", exclude_categories=("Nd",)), max_size=80))
def test_text_without_digits_and_addresses_survives(text):
    assert redact(text) == text


@settings(max_examples=300)
@given(st.text(alphabet="0123456789۰۱۲۳۴٥٦ +-.,@()IRaگ\u200c[]", max_size=60))
def test_any_text_can_be_redacted_and_twice_is_once(text):
    once = redact(text)

    assert redact(once) == once


def test_a_giant_text_takes_no_time():
    start = time.perf_counter()
    for text in ("1 " * 5000, "a." * 5000 + "@", "0" * 10_000, "IR06" + " 1" * 5000, "+98 " * 3000):
        redact(text)

    assert time.perf_counter() - start < 2


@pytest.mark.parametrize("length", range(30))
def test_a_text_is_redacted_before_it_is_cut(length):
    cut = redact_to("kart 6037 9972 1846 5273", length)

    assert cut == f"kart {NUMBER}"[:length].rstrip()


# The register -------------------------------------------------------------------------------------------------------


def test_the_register_says_of_each_column_how_long_and_why(monkeypatch):
    monkeypatch.setattr(privacy, "_typed_texts", {})
    register_typed_text("lamps.Lamp", "wish", "note", keep_days=90)
    register_typed_text("lamps.Lamp", "owner", as_typed_because="it is the owner's")

    assert [(typed.field, typed.keep_days, typed.as_typed_because) for typed in typed_texts()] == [
        ("note", 90, ""),
        ("owner", None, "it is the owner's"),
        ("wish", 90, ""),
    ]
