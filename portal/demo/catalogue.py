"""Catalogue of the demo: the products, versions and topics of Noora."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Final

from portal.catalog.models import Product, ProductVersion, Topic


@dataclass(frozen=True, slots=True)
class DemoProduct:
    code: str
    kind: str
    icon: str
    name_fa: str
    name_en: str
    line_fa: str
    line_en: str
    #: Version and date, newest first.
    versions: tuple[tuple[str, dt.date], ...] = ()


@dataclass(frozen=True, slots=True)
class DemoTopic:
    code: str
    icon: str
    tone: str
    name_fa: str
    name_en: str
    intro_fa: str
    intro_en: str
    slug_fa: str

    def name(self, language: str) -> str:
        return self.name_fa if language == "fa" else self.name_en

    def intro(self, language: str) -> str:
        return self.intro_fa if language == "fa" else self.intro_en

    def slug(self, language: str) -> str:
        return self.slug_fa if language == "fa" else self.code


_DEVICE: Final = Product.Kind.DEVICE
_SERVICE: Final = Product.Kind.SERVICE

PRODUCTS: Final = (
    DemoProduct(
        "x2", _DEVICE, "router", "نورا X2", "Noora X2", "مودم وای‌فای ۶ برای فیبر و VDSL", "Wi-Fi 6 router for fibre and VDSL",
        (("4.12.0", dt.date(2026, 11, 9)), ("4.11.2", dt.date(2026, 8, 17)), ("4.10.0", dt.date(2026, 4, 6))),
    ),
    DemoProduct(
        "x1", _DEVICE, "router", "نورا X1", "Noora X1", "مودم VDSL با وای‌فای دوبانده", "VDSL router with dual-band Wi-Fi",
        (("2.8.4", dt.date(2026, 9, 20)), ("2.8.1", dt.date(2026, 3, 2))),
    ),
    DemoProduct(
        "mesh-6", _DEVICE, "wifi", "نورا Mesh 6", "Noora Mesh 6", "گرهٔ مش برای اتاق‌های دور", "Mesh node for rooms far away",
        (("1.6.0", dt.date(2026, 10, 4)), ("1.5.3", dt.date(2026, 5, 11))),
    ),
    DemoProduct(
        "tv-box", _DEVICE, "tv", "تی‌وی باکس نورا", "Noora TV Box", "پخش زنده، آرشیو و ضبط", "Live channels, catch-up and recording",
        (("3.2.1", dt.date(2026, 10, 26)), ("3.1.0", dt.date(2026, 6, 15))),
    ),
    DemoProduct(
        "sim", _SERVICE, "smartphone", "سیم‌کارت نورا", "Noora SIM", "سیم‌کارت و eSIM", "SIM card and eSIM",
    ),
    DemoProduct(
        "fibre", _SERVICE, "cable", "اینترنت فیبر", "Fibre internet", "فیبر نوری تا خانه", "Fibre to the home",
    ),
    DemoProduct(
        "vdsl", _SERVICE, "phone", "اینترنت VDSL", "VDSL internet", "اینترنت روی خط تلفن", "Internet over the telephone line",
    ),
)  # fmt: skip

TOPICS: Final = (
    DemoTopic(
        "internet-wifi", "wifi", "", "اینترنت و وای‌فای", "Internet & Wi-Fi",
        "سرعت، قطعی، رمز و پوشش", "Speed, drop-outs, password, coverage", "اینترنت-و-وای-فای",
    ),
    DemoTopic(
        "billing", "receipt", "lapis", "صورت‌حساب و پرداخت", "Bills & payments",
        "رسید، اقساط، بازگشت وجه", "Receipts, instalments, refunds", "صورت-حساب-و-پرداخت",
    ),
    DemoTopic(
        "sim-mobile", "smartphone", "saffron", "سیم‌کارت و موبایل", "SIM & mobile",
        "فعال‌سازی، ترابرد، رومینگ", "Activation, porting, roaming", "سیم-کارت-و-موبایل",
    ),
    DemoTopic(
        "tv", "tv", "pom", "تلویزیون نورا", "Noora TV",
        "کانال‌ها، ضبط، کیفیت تصویر", "Channels, recording, picture", "تلویزیون-نورا",
    ),
    DemoTopic(
        "install-moving", "truck", "lapis", "نصب و انتقال", "Install & moving",
        "زمان‌بندی، جابه‌جایی نشانی", "Booking, moving your address", "نصب-و-انتقال",
    ),
    DemoTopic(
        "account-security", "shield-check", "pist", "امنیت حساب", "Account security",
        "ورود، رمز، دسترسی‌ها", "Sign-in, passwords, access", "امنیت-حساب",
    ),
    DemoTopic(
        "routers", "router", "", "مودم و تجهیزات", "Routers & devices",
        "راه‌اندازی، چراغ‌ها، گارانتی", "Set-up, lights, warranty", "مودم-و-تجهیزات",
    ),
    DemoTopic(
        "plans-usage", "gauge", "saffron", "طرح و مصرف", "Plans & usage",
        "مصرف، حجم اضافه، تغییر طرح", "Usage, extra data, changing plans", "طرح-و-مصرف",
    ),
)  # fmt: skip


def load_catalogue() -> None:
    """Create products, versions and topics, or set existing ones to these values. Safe to repeat."""
    for order, item in enumerate(PRODUCTS, start=1):
        product, _created = Product.objects.update_or_create(
            code=item.code,
            defaults={
                "name": {"fa": item.name_fa, "en": item.name_en},
                "description": {"fa": item.line_fa, "en": item.line_en},
                "kind": item.kind,
                "icon": item.icon,
                "order": order,
            },
        )
        for number, released_on in item.versions:
            ProductVersion.objects.update_or_create(
                product=product, number=number, defaults={"released_on": released_on}
            )
    for order, topic in enumerate(TOPICS, start=1):
        Topic.objects.update_or_create(
            code=topic.code,
            defaults={
                "name": {"fa": topic.name_fa, "en": topic.name_en},
                "icon": topic.icon,
                "tone": topic.tone,
                "order": order,
            },
        )
