"""Synonyms and pinned answers of the demo, as editors would write them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from wagtail.contrib.search_promotions.models import Query, SearchPromotion

from faq.models import ArticlePage
from search.models import Synonym

if TYPE_CHECKING:
    from portal.accounts.models import User


@dataclass(frozen=True, slots=True)
class OneWay:
    """A synonym in one direction: a search for `words` also finds `finds`, but not the reverse."""

    words: str
    finds: str


@dataclass(frozen=True, slots=True)
class Pinned:
    """An article pinned above the results of a question."""

    question: str
    language: str
    article: str
    description: str


SYNONYMS: Final[dict[str, tuple[str | OneWay, ...]]] = {
    "fa": (
        "رمز، رمز عبور، گذرواژه، پسورد، کلمهٔ عبور",
        "اینترنت، نت",
        "گوشی، موبایل، تلفن همراه",
        "قبض، صورتحساب، فاکتور",
        "مودم، روتر",
        "وای‌فای، وایرلس، اینترنت بی‌سیم",
        "دیتا، اینترنت همراه، اینترنت سیم‌کارت",
        "بسته، پکیج",
        "آنتن، آنتن‌دهی، پوشش شبکه",
        "نصاب، تکنسین، کارشناس نصب",
        "بازنشانی، ریست، تنظیم کارخانه",
        "به‌روزرسانی، آپدیت",
        "سیم‌کارت، sim card",
        "ترابرد، انتقال شماره، ترابردپذیری",
        "رومینگ، خارج از کشور",
        "لغو، کنسل، انصراف",
        "بازپرداخت، بازگشت وجه، پس گرفتن پول",
        "دزدی، سرقت",
        "تلویزیون، تی‌وی",
        "نشانی، آدرس",
        "پرداخت خودکار، برداشت مستقیم",
        OneWay("اپ، اپلیکیشن", "برنامه"),
        OneWay("ترافیک، گیگ", "حجم"),
        OneWay("اسباب‌کشی، تغییر آدرس", "جابه‌جایی"),
        OneWay("دستگاه", "مودم، گیرندهٔ تلویزیون"),
    ),
    "en": (
        "password, passcode",
        "phone, mobile, handset, cell phone",
        "bill, invoice, statement",
        "router, modem, hub",
        "wifi, wireless",
        "internet, broadband",
        "plan, package, bundle, tariff",
        "technician, engineer, installer",
        "sim card, sim chip",
        "refund, money back, reimbursement",
        "roaming, abroad",
        "stolen, theft, robbed",
        "TV, television",
        "auto pay, direct debit, automatic payment",
        "receipt, proof of payment",
        "instalments, pay monthly",
        "factory reset, factory settings",
        OneWay("terminate, end my contract", "cancel"),
        OneWay("relocate, change address", "moving home"),
        OneWay("top up, extra gigabytes", "extra data"),
        OneWay("laggy, buffering", "slow"),
    ),
}
PINS: Final = (
    Pinned("پرداخت قبض", "fa", "auto-pay", "یک بار تنظیم کنید؛ از ماه بعد قبض خودش پرداخت می‌شود."),
    Pinned("هزینهٔ جابه‌جایی", "fa", "moving-cost", "تعرفهٔ امسال، با همهٔ حالت‌ها."),
    Pinned("گوشی گم شده", "fa", "stolen-phone", "اول سیم‌کارت را ببندید؛ بقیه‌اش را قدم به قدم نوشته‌ایم."),
    Pinned("قطعی اینترنت", "fa", "red-light", "پیش از تماس، رنگ چراغ مودم را ببینید."),
    Pinned("pay my bill", "en", "auto-pay", "Set it up once; from next month the bill pays itself."),
    Pinned("moving home", "en", "move-home", "Tell us two weeks before; we take care of the rest."),
    Pinned("lost phone", "en", "stolen-phone", "Block the SIM first; here is everything else, step by step."),
)


def load_answers(editor: User) -> None:
    """Create the synonyms and pins; existing ones stay as they are. Safe to repeat."""
    for language, lists in SYNONYMS.items():
        for words in lists:
            fields: dict[str, Any] = {"changed_by": editor}
            if isinstance(words, OneWay):
                fields |= {"direction": Synonym.Direction.ONE_WAY, "also_finds": words.finds}
                words = words.words  # noqa: PLW2901 - the first list of the two
            Synonym.objects.get_or_create(language=language, words=words, defaults=fields)
    for pin in PINS:
        page = ArticlePage.objects.filter(external_id=pin.article, locale__language_code=pin.language).first()
        if page is not None:
            query = Query.objects.get_or_create(query_string=pin.question)[0]
            SearchPromotion.objects.get_or_create(query=query, page=page, defaults={"description": pin.description})
