"""Finglish: readings of single words and of whole questions."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.catalog.models import Topic
from portal.core.text import fold
from search import services
from search.asking.notices import NoticeCode
from search.language.analysis import PERSIAN_STOP_WORDS, tokens
from search.language.finglish import misfit, read, read_stop_word, skeleton, skeletons
from search.language.spelling import Spelling
from search.queries import search
from tests.factories.accounts import UserFactory

pytestmark = pytest.mark.django_db

Z = "\u200c"
ARTICLES = Path(__file__).resolve().parents[2] / "portal" / "demo" / "content" / "articles"

#: What customers type → what they mean, in words of a help centre: words the rules were tuned on, and others that were
#: not used for tuning.
PAIRS = (
    """
ramz رمز|obur عبور|oboor عبور|sefaresh سفارش|moshtari مشتری|khadamat خدمات|poshtibani پشتیبانی|pardakht پرداخت
gheymat قیمت|takhfif تخفیف|forushgah فروشگاه|tamas تماس|shomare شماره|shomareh شماره|mobile موبایل|mobayl موبایل
bank بانک|hesab حساب|kart کارت|card کارت|moshkel مشکل|javab جواب|soal سوال|rahnama راهنما|barname برنامه
barnameh برنامه|amniat امنیت|amniyat امنیت|eshterak اشتراک|kharid خرید|forush فروش|foroosh فروش|nasb نصب|file فایل
ertebat ارتباط|hazine هزینه|zaman زمان|modem مودم|modom مودم|vasl وصل|ghat قطع|qat قطع|cheragh چراغ|ghermez قرمز
qermez قرمز|sabz سبز|khamush خاموش|khamoosh خاموش|roshan روشن|sorat سرعت|sor'at سرعت|kond کند|kam کم|ziad زیاد|ziyad زیاد
shabake شبکه|etesal اتصال|ettesal اتصال|internet اینترنت|enternet اینترنت|bedehi بدهی|ghabz قبض|qabz قبض|etebar اعتبار
sharj شارژ|charge شارژ|baste بسته|basteh بسته|hajm حجم|mosraf مصرف|masraf مصرف|tarefe تعرفه|gushi گوشی|gooshi گوشی
tamdid تمدید|laghv لغو|enteghal انتقال|tahvil تحویل|ersal ارسال|peygiri پیگیری|marjoo مرجوع|bazgasht بازگشت
faktor فاکتور|factor فاکتور|emza امضا|sabtenam ثبتنام|sabt ثبت|vorud ورود|vorood ورود|khoruj خروج|karbari کاربری|karbar کاربر
avaz عوض|taghir تغییر|taghyir تغییر|tanzim تنظیم|tanzimat تنظیمات|baz باز|baste بسته|hazf حذف|ezafe اضافه|peyda پیدا
gom گم|gomshode گمشده|dozd دزد|dozdi دزدی|kharab خراب|kharabi خرابی|tamir تعمیر|garanti گارانتی|zemanat ضمانت|router روتر
rooter روتر|telefon تلفن|telephone تلفن|payam پیام|payamak پیامک|sim سیم|simkart سیمکارت|simcard سیمکارت|antan آنتن|anten آنتن
sazman سازمان|sherkat شرکت|edare اداره|daftar دفتر|namayandegi نمایندگی|shekayat شکایت|darkhast درخواست|madarek مدارک
shenasname شناسنامه|code کد|posti پستی|adres آدرس|address آدرس|khane خانه|khune خانه|khooneh خانه|tabestan تابستان|doost دوست
dokme دکمه|safhe صفحه|safheh صفحه|kelid کلید|sim سیم|kabl کابل|kabel کابل|feshar فشار|daghigh دقیق|daghighe دقیقه|saat ساعت
emruz امروز|emrooz امروز|hafte هفته|mah ماه|sal سال|roz روز|ruz روز|rooz روز|vaght وقت|amuzesh آموزش|amoozesh آموزش
password پسورد|update آپدیت|download دانلود|bluetooth بلوتوث|account اکانت|site سایت|service سرویس|film فیلم|axe عکس|aks عکس
sefid سفید|abi آبی|narenji نارنجی|ofoghi افقی|shakhsi شخصی|omumi عمومی|ghanun قانون|khahesh خواهش|khandan خواندن|tahghigh تحقیق
""".replace("\n", "|")
    .strip("|")
    .split("|")
)

HELD_OUT = (
    """
khat خط|jabejayi جابجایی|pishnahad پیشنهاد|ekhtelal اختلال|barresi بررسی|tozih توضیح|moshakhasat مشخصات|hoviat هویت|hoviyat هویت
taeed تایید|tayid تایید|taid تایید|bazyabi بازیابی|faramosh فراموش|faramoosh فراموش|mahdud محدود|masdud مسدود|hesabdari حسابداری
bedehkar بدهکار|mahiane ماهیانه|mahane ماهانه|salane سالانه|jadid جدید|ghadimi قدیمی|nazdik نزدیک|divar دیوار|otagh اتاق
tabaghe طبقه|door دور|fasele فاصله|mane مانع|zaeef ضعیف|zaif ضعیف|ghavi قوی|amniati امنیتی|mehman مهمان|farzand فرزند
koodak کودک|kudak کودک|televizion تلویزیون|tasvir تصویر|seda صدا|kanal کانال|channel کانال|barge برگه|forsat فرصت|emtiaz امتیاز
jayeze جایزه|bashgah باشگاه|moarefi معرفی|dustan دوستان|hamrah همراه|sabet ثابت|fibr فیبر|noori نوری|takhir تاخیر|jobran جبران
khesarat خسارت|bargasht برگشت|vajh وجه|pool پول|pul پول|dargah درگاه|ghest قسط|aghsat اقساط
""".replace("\n", "|")
    .strip("|")
    .split("|")
)

STOP_WORDS = [
    "ro را",
    "ra را",
    "chetori چطوری",
    "chetor چطور",
    "chejuri چجوری",
    "mikham میخوام",
    "mikhaham میخواهم",
    "baraye برای",
    "kone کنه",
    "konam کنم",
    "nemishe نمیشه ",
    "mishe میشه",
    "nemikone نمیکنه",
    "kardam کردم",
    "kard کرد",
    "az از",
    "ba با",
    "va و",
    "ke که",
    "mitunam میتونم",
    "chera چرا",
    "koja کجا",
    "lotfan لطفا",
    "salam سلام",
    "dare داره",
    "daram دارم",
    "nist نیست",
    "hast هست",
    "shod شد",
    "shode شده",
    "bayad باید",
    "ya یا",
    "vali ولی",
    "age اگه",
    "bara برای",
]


def pairs(table: list[str]) -> list[tuple[str, str]]:
    return [(latin.replace("'", ""), fold(persian)) for latin, persian in (pair.split() for pair in table)]


@pytest.fixture(scope="module")
def vocabulary() -> dict[str, list[Spelling]]:
    """The words of the demo articles by skeleton, with each word of the tables at least once."""
    counts: Counter[str] = Counter()
    for path in ARTICLES.rglob("*.fa.md"):
        counts.update({token.word for token in tokens(path.read_text())})
    for _latin, persian in pairs(PAIRS + HELD_OUT):
        counts[persian] += 1
    by_skeleton: dict[str, list[Spelling]] = {}
    for word, count in counts.items():
        by_skeleton.setdefault(skeleton(word), []).append(Spelling(word=word, written=word, frequency=count))
    return by_skeleton


def meant(vocabulary, latin: str) -> str | None:
    reading = read(latin, [spelling for sounds in skeletons(latin) for spelling in vocabulary.get(sounds, ())])
    return reading.word if reading else None


@pytest.mark.parametrize("table", [PAIRS, HELD_OUT])
def test_nine_of_ten_words_of_a_help_centre_are_read_as_they_are_meant(vocabulary, table):
    wanted = dict.fromkeys(pairs(table))
    read_as = {pair: meant(vocabulary, pair[0]) for pair in wanted}

    wrong = {latin: (persian, found) for (latin, persian), found in read_as.items() if found != persian}

    assert len(wanted) >= 60
    assert len(wrong) <= len(wanted) * 0.1, wrong


def test_the_tables_are_as_large_as_promised():
    assert len(set(pairs(PAIRS))) >= 160


@pytest.mark.parametrize(("latin", "persian"), pairs(STOP_WORDS))
def test_stop_words_are_recognised(latin, persian):
    reading = read_stop_word(latin)

    assert reading is not None
    assert reading.word in PERSIAN_STOP_WORDS
    assert skeleton(reading.word) == skeleton(persian)


@pytest.mark.parametrize("word", ["card", "router", "wifi", "booster", "firmware", "payment", "xyzzy", "kk"])
def test_other_words_are_no_stop_words(word):
    assert read_stop_word(word) is None


@pytest.mark.parametrize(
    ("better", "worse", "persian"),
    [
        ("vasl", "vasle", "وصل"),
        ("khamoosh", "khamsh", "خاموش"),
        ("modem", "modemam", "مودم"),
        ("khahesh", "khvahesh", "خواهش"),
        ("gheymat", "keymat", "قیمت"),
    ],
)
def test_a_usual_spelling_fits_better(better, worse, persian):
    assert misfit(better, persian) < misfit(worse, persian) < math.inf


@pytest.mark.parametrize(
    ("latin", "persian"), [("modem", "مودب"), ("sabz", "سرد"), ("bank", "بانکدار"), ("x2", "ایکس")]
)
def test_what_does_not_fit_is_no_reading(latin, persian):
    assert misfit(latin, persian) == math.inf


@given(st.text("abcdefghijklmnopqrstuvwxyz", min_size=1, max_size=64), st.text("اآبپتعغویهخشسک", max_size=64))
def test_any_words_can_be_compared(latin, persian):
    assert misfit(latin, fold(persian)) >= 0
    assert len(skeletons(latin)) <= 60


# Whole questions ----------------------------------------------------------------------------------------------------


@pytest.fixture
def topics(topic_document):
    persian = {
        "net": "مودم وصل نمی‌شود",
        "pass": "تغییر رمز wifi",
        "pass2": "عوض کردن رمز عبور",
        "sim": f"سیم{Z}کارت سوخته",
        "light": "چراغ قرمز مودم X2",
        "bill": "پرداخت قبض",
        "router": "تنظیم router",
        "off": "خاموش شدن گوشی",
    }
    english = {"reset": "Reset the router", "pay": "Payment failed", "man": "Man in the middle modem"}
    for code, name in persian.items():
        Topic.objects.create(code=code, name={"fa": name})
    for code, name in english.items():
        Topic.objects.create(code=code, name={"en": name})
    services.rebuild()


def asked(text: str, language: str = "fa"):
    return search(text=text, user=None, language=language)


def codes(result) -> list[str]:
    return [hit.url.rstrip("/").rpartition("/")[2] for hit in result.hits]


def readings(result) -> list[tuple[NoticeCode, str]]:
    return [(notice.code, notice.used) for notice in result.notices if notice.code != NoticeCode.PARTIAL]


@pytest.mark.parametrize(
    ("text", "used", "code"),
    [
        ("modem vasl nemishe", "modem وصل نمیشه", "net"),
        ("ramz wifi ro chetori taghir bedam", "رمز wifi رو چطوری تغییر bedam", "pass"),
        ("ramze obur ro avaz konam", "رمز عبور رو عوض کنم", "pass2"),
        ("cheragh ghermez X2", "چراغ قرمز X2", "light"),
        ("mikham ghabz pardakht konam", "میخوام قبض پرداخت کنم", "bill"),
        ("tanzim router", "تنظیم router", "router"),
        ("simkart sukhte", "سیم‌کارت سوخته", "sim"),
        ("gushim khamush shode", "گوشی خاموش شده", "off"),
        ("قبض ro pardakht konam", "قبض رو پرداخت کنم", "bill"),
    ],
)
def test_a_finglish_question_is_read_as_persian_and_said(topics, text, used, code):
    result = asked(text)

    assert (NoticeCode.FINGLISH, used) in readings(result)
    assert codes(result)[0] == code


def test_a_known_latin_word_is_also_answered_in_persian(topics):
    result = asked("modem vasl nemishe")

    assert codes(result)[0] == "net"
    assert str(result.hits[0].title) == "<mark>مودم وصل</mark> نمی‌شود"


def test_an_english_word_without_a_subject_is_one_in_finglish(topics):
    assert codes(asked("man modem vasl nemishe"))[0] == "net"


def test_a_slip_in_an_english_word_is_no_finglish(topics):
    result = asked("roter", "en")

    assert readings(result) == [(NoticeCode.REPAIRED, "router")]
    assert readings(asked("how to reset the ruter", "en")) == [(NoticeCode.REPAIRED, "how to reset the router")]
    assert readings(asked("paymnt", "fa")) == [(NoticeCode.REPAIRED, "Payment")]


def test_finglish_is_understood_in_an_english_page_when_nothing_else_fits(topics):
    result = asked("cheragh ghermez", "en")

    assert readings(result) == [(NoticeCode.FINGLISH, "چراغ قرمز")]
    assert [hit.title for hit in result.elsewhere[0].hits] == ["<mark>چراغ قرمز</mark> مودم X2"]


def test_the_wrong_keyboard_is_still_no_finglish(topics):
    assert readings(asked("]vhy rvlc")) == [(NoticeCode.KEYBOARD, "چراغ قرمز")]


def test_exactly_as_typed_is_not_read_as_anything(topics):
    result = search(text="cheragh ghermez", user=None, language="fa", exact=True)

    assert (result.hits, result.notices) == ([], [])


def test_latin_words_that_sound_like_nothing_stay(topics):
    assert asked("xylophone zzz").hits == []
    assert readings(asked("xylophone zzz")) == []


@pytest.mark.parametrize("count", [1, 6])
def test_reading_finglish_costs_the_same_however_many_words(topics, django_assert_num_queries, count):
    asked("مودم")  # names of topics and products are cached

    with django_assert_num_queries(7 + 4):  # four more: the other keyboard, sounds, spellings, and the vocabulary again
        asked(" ".join(["cheragh", "ghermez", "pardakht", "ghabz", "khamush", "gushi"][:count]) + " ramz")


def test_a_private_word_is_not_read_out(topics):
    Topic.objects.create(code="secret", name={"fa": "محرمانه"}, tone=Topic.Tone.POM)
    services.rebuild()

    assert readings(search(text="mahramane", user=UserFactory(staff=True), language="fa")) == [
        (NoticeCode.FINGLISH, "محرمانه")
    ]
    assert readings(asked("mahramane")) == []
