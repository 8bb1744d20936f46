from __future__ import annotations

import time

import pytest
from django.test import RequestFactory
from django.utils import translation
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
from portal.core.text import is_persian, to_persian_digits

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
#: Separators that also occur between the numbers of a list, invisible characters, and several at once.
ANY_GAPS = st.sampled_from(
    [
        *" -_/\\,،*:.٫٬|~+;…·¬ـ—🙂\n\u00ad\u034f\u0301\u064b\u115f\u200b\u200c\u200e\u2060\u2063\ufeff",
        *(", ", " / ", "   ", "\u00ad\u200c "),
    ]
)
ANY_DIGITS = st.sampled_from(
    ["0123456789", "۰۱۲۳۴۵۶۷۸۹", "٠١٢٣٤٥٦٧٨٩", "０１２３４５６７８９", "⁰¹²³⁴⁵⁶⁷⁸⁹", "𝟎𝟏𝟐𝟑𝟒𝟓𝟔𝟕𝟖𝟗", "०१२३४५६७८९"]
)
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


#: Numbers of somebody, and the sizes of their first groups.
NUMBERS = st.one_of(
    numbers(9).map(lambda rest: (f"09{rest}", (4, 3))),
    numbers(9).map(lambda rest: (f"+989{rest}", (6, 3))),
    numbers(7).map(lambda rest: (f"0212{rest}", (3, 4))),
    numbers(22).map(lambda account: (sheba(account), (4,) * 6)),
    numbers(22).map(lambda account: (sheba(account)[2:], (2, 4, 4, 4, 4, 4))),
    numbers(9).map(lambda rest: (with_luhn(f"603799{rest}"), (4, 4, 4))),
    st.sampled_from(["6037991123456789", "5022291000000001"]).map(lambda card: (card, (4, 4, 4))),
    st.just(("6037991123456789", (1,) * 15)),
    st.just(("0499370899", (3, 6))),
)


@given(number=NUMBERS, gap=ANY_GAPS, digits=ANY_DIGITS, around=AROUND)
def test_no_number_survives_whatever_separates_its_groups(number, gap, digits, around):
    plain, sizes = number
    before, after = around

    redacted = redact(before + grouped(plain, sizes, gap).translate(str.maketrans("0123456789", digits)) + after)

    assert not has_digits(redacted)
    assert redacted.endswith(after)


@pytest.mark.parametrize(
    "address",
    [
        "ali＠example.com", "ali﹫example.com", "ali\u200c@\u200cexample.com", "ali@exa\u00admple.com", "ali @  example.com",
        "ali(at)example.com", "ali [at] example [dot] com", "ali@example٫com", "ali@example．com", "ALI [AT] EXAMPLE.COM",
        "علی@مثال.ایران",
    ],
)  # fmt: skip
def test_no_mail_address_survives_however_it_is_disguised(address):
    assert redact(f"ایمیل من {address} است") == f"ایمیل من {EMAIL} است"


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
        "قیمت ۱۲،۵۰۰،۰۰۰ تومان و ۱۳،۵۰۰،۰۰۰ تومان",
        "بین ۲٬۵۰۰٬۰۰۰ تا ۳٬۵۰۰٬۰۰۰ ریال",
        "مبلغ ۱۲/۵۰۰/۰۰۰ تومان",
        "از ۱۴۰۵/۰۹/۰۱ تا ۱۴۰۵/۱۰/۰۱",
        "از ۱۴۰۵/۰۹/۰۱ ساعت ۱۲:۳۰ تا ۱۴۰۵/۰۹/۰۲ ساعت ۱۴:۳۰",
        "سال‌های ۱۴۰۰، ۱۴۰۱، ۱۴۰۲، ۱۴۰۳",
        "2019 2020 2021 2022",
        "09/12/2025 103",
        "09-12-2025 103",
        "2025-11-28 10-30-15",
        "2025-11-28 2025-11-30",
        "کانال‌های ۱، ۶، ۱۱، ۳۶، ۴۰، ۴۴، ۴۸",
        "خطاهای ۶۰۰۱، ۶۰۰۲، ۶۰۰۳، ۶۰۰۴",
        "پورت‌های 8080، 8443، 9000، 9090",
        "1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14",
        "1 2 3 4 5 6 7 8 9",
        "5 GHz 2.4",
        "192.168.1.1/24, 192.168.1.254",
        "2001:0db8:85a3:0000:0000:8a2e:0370:7334",
        "00:1A:2B:3C:4D:5E",
        "خطای 0x80070005",
        "FRITZ!Box 7590 / 7530 / 6890",
        "کد دستوری ‎*780*1*2*3#‎",
        "ping @ 20 ms",
        "look at example.com",
        "",
    ],
)
def test_ordinary_text_survives(text):
    assert redact(text) == text


@given(st.text(alphabet=st.characters(exclude_characters="@＠﹫", exclude_categories=("Nd", "No")), max_size=80))
def test_text_without_digits_and_addresses_survives(text):
    assert redact(text) == text


@settings(max_examples=300)
@given(st.text(alphabet="0123456789۰۱۲۳۴٥٦ +-.,@()IRaگ\u200c[]", max_size=60))
def test_any_text_can_be_redacted_and_twice_is_once(text):
    once = redact(text)

    assert redact(once) == once


@pytest.mark.parametrize(
    "piece",
    ["1 ", "a.", "0", "IR06 1", "+98 ", "0912,345/6789 ", " ,/", "a@", "@", "(at)", "09" + " " * 50, "6 0 ", "\u00ad"],
)
def test_the_work_grows_with_the_length_of_the_text(piece):
    def seconds(length: int) -> float:
        text = (piece * length)[:length]
        start = time.process_time()
        redact(text)
        return time.process_time() - start

    assert seconds(80_000) < 5 * max(4 * seconds(20_000), 0.05)


@pytest.mark.parametrize("placeholder", privacy.PLACEHOLDERS)
def test_placeholders_are_shown_in_the_language_of_whoever_reads_them(placeholder):
    with translation.override("fa"):
        shown = privacy.translate_placeholders(f"x {placeholder} y {placeholder}")
    with translation.override("en"):
        assert privacy.translate_placeholders(f"x {placeholder}") == f"x {placeholder}"

    assert placeholder not in shown
    assert is_persian(shown.replace("x", "").replace("y", ""))
    assert redact(shown) == shown


@pytest.mark.parametrize("length", range(30))
def test_a_text_is_redacted_before_it_is_cut(length):
    cut = redact_to("kart 6037 9972 1846 5273", length)

    assert cut == f"kart {NUMBER}"[:length].rstrip()


# The register -------------------------------------------------------------------------------------------------------


def test_the_register_says_of_each_column_how_long_and_why(monkeypatch):
    monkeypatch.setattr(privacy, "_typed_texts", {})
    register_typed_text("lamps.Lamp", "wish", "note", purpose="light", keep_days=90, since="lit_at")
    register_typed_text("lamps.Lamp", "owner", until="it is sold", as_typed_because="it is the owner's")

    assert [
        (typed.field, typed.keep_days, typed.since, typed.until, typed.as_typed_because) for typed in typed_texts()
    ] == [
        ("note", 90, "lit_at", "", ""),
        ("owner", None, "", "it is sold", "it is the owner's"),
        ("wish", 90, "lit_at", "", ""),
    ]
