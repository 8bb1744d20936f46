"""Downloads of the demo: firmware, apps and documents with several versions, and small real files made here."""

from __future__ import annotations

import datetime as dt
import hashlib
from dataclasses import dataclass
from typing import Final

from django.core.files.base import ContentFile
from django.db.models import Max
from django.utils import timezone

from portal.accounts.models import User
from portal.catalog.models import Product
from portal.core.localized import LocalizedText
from portal.core.models import OutboxMessage
from portal.demo import papers
from portal.downloads import services
from portal.downloads.events import ReleasePublished
from portal.downloads.models import Download, File, Release

#: Version, age in days, what changed (fa, en), and more fields of the release.
_Release = tuple[str, int, str, str, dict[str, object]]


@dataclass(frozen=True, slots=True)
class DemoDownload:
    """A download in both languages."""

    slug: str
    icon: str
    fa: tuple[str, str]
    en: tuple[str, str]
    #: Platform, architecture, ending and kilobytes of each file.
    files: tuple[tuple[str, str, str, int], ...]
    releases: tuple[_Release, ...]
    products: tuple[str, ...] = ()
    fields: tuple[tuple[str, object], ...] = ()


_LICENCE: Final = LocalizedText(
    fa="این نرم‌افزار را می‌توانید روی دستگاه‌های خودتان نصب کنید.\n\nپخش دوبارهٔ آن و دست‌کاری سفت‌افزار مجاز نیست.",
    en="You may install this software on your own devices.\n\nIt may not be passed on, and the firmware may not be changed.",
)
_OLD: Final[dict[str, object]] = {"ends_in": -30}
_DEVICE: Final = (("device", "", "bin", 96),)
_PAPER: Final = (("any", "", "pdf", 0),)
_KIT: Final = (("any", "", "zip", 0),)
_DESKTOP: Final = (("windows", "x86_64", "exe", 80), ("macos", "arm64", "dmg", 88), ("linux", "x86_64", "tar.gz", 72))

DOWNLOADS: Final = (
    DemoDownload(
        "x2-firmware", "router",
        ("سفت‌افزار نورا X2", "نرم‌افزار درون مودم. پیش از نصب، مودم را با کابل وصل کنید."),
        ("Noora X2 firmware", "The software inside the router. Connect by cable before you install it."),
        _DEVICE,
        (
            ("4.12.1", 7, "- رفع قطعی‌های شبانه\n- راه‌اندازی ۴۰٪ سریع‌تر", "- Fixes the drop-outs at night\n- Starts up 40% faster", {}),
            ("4.12.0", 27, "- وای‌فای ۶ پایدارتر", "- Steadier Wi-Fi 6", {"issue": ("قطعی شبانه", "Night drop-outs")}),
            ("4.11.3", 91, "- رفع ضعف در صفحهٔ مدیریت", "- Mends a weakness of the settings page", {"is_security": True}),
            ("4.10.0", 231, "- نخستین نسخه با مش", "- The first version with mesh", _OLD),
            ("4.9.2", 320, "- رفع خطاهای جزئی", "- Small mistakes mended", _OLD),
            ("4.9.0", 400, "- **IPv6** برای همه", "- **IPv6** for everybody", _OLD),
            ("5.0-rc2", 3, "- نمای تازهٔ مدیریت", "- New look of the settings", {"channel": "beta"}),
            ("5.0-rc1", 16, "- آزمایش WPA3", "- Tries WPA3", {"channel": "beta"}),
        ),
        ("x2",), (("must_accept", True), ("licence", _LICENCE)),
    ),
    DemoDownload(
        "x1-firmware", "router",
        ("سفت‌افزار نورا X1", "برای مودم‌های VDSL نورا X1."), ("Noora X1 firmware", "For the VDSL router Noora X1."),
        _DEVICE,
        (
            ("2.8.4", 70, "- رفع ضعف امنیتی در WPS", "- Mends a weakness of WPS", {"is_security": True}),
            ("2.8.1", 270, "- اتصال پایدارتر", "- Steadier connection", _OLD),
        ),
        ("x1",),
    ),
    DemoDownload(
        "mesh-firmware", "wifi",
        ("سفت‌افزار مش ۶", "همهٔ گره‌ها باید یک نسخه داشته باشند."), ("Mesh 6 firmware", "All nodes need the same version."),
        _DEVICE,
        (
            ("1.10.0", 12, "- جابه‌جایی نرم‌تر میان گره‌ها", "- Smoother roaming between nodes", {}),
            ("1.9.1", 56, "- رفع خطای جفت‌سازی", "- Mends pairing", {}),
            ("1.6.0", 210, "- نخستین نسخه", "- First version", _OLD),
        ),
        ("mesh-6",),
    ),
    DemoDownload(
        "noora-desktop", "monitor",
        ("برنامهٔ نورا برای رایانه", "سرعت را بسنجید و مودم را تنظیم کنید."),
        ("Noora for computers", "Measure the speed and set up the router."),
        _DESKTOP,
        (
            ("6.3.0", 18, "- سنجش سرعت با نمودار\n- حالت تیره", "- Speed test with a chart\n- Dark mode", {}),
            ("6.2.1", 80, "- رفع خطای ورود", "- Mends signing in", {}),
            ("6.2.0", 110, "- تنظیم مهمان", "- Guest network", {"issue": ("خطای ورود", "Sign-in fails")}),
        ),
    ),
    DemoDownload(
        "noora-android", "smartphone",
        ("برنامهٔ نورا برای اندروید", "فایل نصب، برای گوشی‌های بدون فروشگاه."),
        ("Noora for Android", "The package, for telephones without a store."),
        (("android", "arm64", "apk", 64),),
        (("6.3.2", 9, "- اعلان قطعی", "- Tells you about outages", {}), ("6.3.0", 30, "- حالت تیره", "- Dark mode", {})),
    ),
    DemoDownload(
        "wifi-driver", "usb",
        ("درایور دانگل وای‌فای", "برای رایانه‌هایی که وای‌فای ندارند."),
        ("Driver of the Wi-Fi stick", "For computers without Wi-Fi."),
        (("windows", "x86_64", "exe", 40), ("linux", "x86_64", "tar.gz", 28)),
        (("3.1", 140, "- ویندوز ۱۱", "- Windows 11", {}), ("3.0", 390, "- نخستین نسخه", "- First version", _OLD)),
    ),
    DemoDownload(
        "x2-manual", "book-open",
        ("راهنمای چاپی نورا X2", "همان که در جعبه است."), ("Noora X2 manual", "The one in the box."),
        _PAPER, (("3", 60, "- فصل مش", "- Chapter about mesh", {}), ("2", 300, "- تصویرهای تازه", "- New pictures", {})),
        ("x2",),
    ),
    DemoDownload(
        "wall-plan", "file-text",
        ("الگوی نصب روی دیوار", "اندازهٔ واقعی؛ بی‌تغییر اندازه چاپ کنید."),
        ("Template for the wall", "Real size; print it without scaling."),
        _PAPER, (("1.1", 200, "- جای پیچ‌ها درست شد", "- The screws are in the right place", {}),),
        ("x1", "x2"),
    ),
    DemoDownload(
        "backup-tool", "hard-drive",
        ("پشتیبان تنظیمات مودم", "تنظیمات را ذخیره و روی مودم تازه بازیابی کنید."),
        ("Backup of router settings", "Save the settings and restore them on a new router."),
        _DESKTOP, (("1.4.0", 48, "- رمزگذاری پرونده", "- The file is encrypted", {}), ("1.3.0", 190, "- نورا X2", "- Noora X2", {})),
        ("x1", "x2"), (("is_for_owners", True),),
    ),
    DemoDownload(
        "invoice-tool", "receipt",
        ("خروجی صورت‌حساب", "صورت‌حساب‌ها را برای حسابداری آماده می‌کند."),
        ("Invoice export", "Prepares invoices for bookkeeping."),
        _DESKTOP[:1], (("2.0.0", 33, "- قالب اکسل", "- Excel format", {}), ("1.9.0", 150, "- چند صورت‌حساب با هم", "- Several at once", {})),
        (), (("files_for", "signed-in"),),
    ),
    DemoDownload(
        "dealer-kit", "package",
        ("بستهٔ نمایندگان", "نشان‌ها، عکس محصول‌ها و فهرست قیمت."), ("Dealer kit", "Logos, pictures of products and a price list."),
        _KIT, (("2026.10", 45, "- قیمت‌های پاییز", "- Prices of autumn", {}), ("2026.4", 220, "- عکس‌های تازه", "- New pictures", _OLD)),
        (), (("files_for", "partner"),),
    ),
    DemoDownload(
        "field-tools", "wrench",
        ("ابزار تکنسین‌ها", "فقط برای کارکنان."), ("Technicians’ tools", "For staff only."),
        _DESKTOP, (("0.9.0", 5, "- گزارش خط", "- Line report", {}), ("0.10.0-beta.1", 2, "- گزارش فیبر", "- Fibre report", {"channel": "beta"})),
        (), (("audience", "staff"),),
    ),
)  # fmt: skip


def load_downloads() -> int:
    """Make what is missing; return how many downloads were made. Safe to repeat."""
    admin = User.objects.get(handle="admin")
    before = OutboxMessage.objects.aggregate(last=Max("pk"))["last"] or 0
    known = set(Download.objects.values_list("slug", flat=True))
    new = [each for each in DOWNLOADS if each.slug not in known]
    for order, each in enumerate(new, start=len(known)):
        _make(each, order, admin)
    # It is said to have happened a while ago: nobody is told.
    OutboxMessage.objects.filter(pk__gt=before, event=ReleasePublished.name).delete()
    return len(new)


def _make(each: DemoDownload, order: int, admin: User) -> None:
    name, summary = (LocalizedText(fa=fa, en=en) for fa, en in zip(each.fa, each.en, strict=True))
    download = services.save_download(
        Download(slug=each.slug, icon=each.icon, name=name, summary=summary, order=order, **dict(each.fields))
    )
    download.products.set(Product.objects.filter(code__in=each.products))
    for number, (version, days, fa, en, more) in enumerate(each.releases):
        release = _release(download, version, days, LocalizedText(fa=fa, en=en), more)
        for platform, architecture, ending, kilobytes in each.files:
            _add(release, platform, architecture, ending, kilobytes, is_signed=number == 0)
        services.publish_release(release=release, by=admin)
        Release.objects.filter(pk=release.pk).update(published_at=timezone.now() - dt.timedelta(days=days))


def _release(download: Download, version: str, days: int, changelog: LocalizedText, more: dict[str, object]) -> Release:
    today = timezone.localdate()
    issue = more.get("issue")
    ends_in = more.get("ends_in")
    return Release.objects.create(
        download=download,
        version=version,
        released_on=today - dt.timedelta(days=days),
        changelog=changelog,
        channel=str(more.get("channel", "stable")),
        is_security=bool(more.get("is_security")),
        known_issue=LocalizedText(fa=issue[0], en=issue[1]) if isinstance(issue, tuple) else LocalizedText(),
        ends_on=today + dt.timedelta(days=ends_in) if isinstance(ends_in, int) else None,
    )


def _add(release: Release, platform: str, architecture: str, ending: str, kilobytes: int, *, is_signed: bool) -> None:
    words = [
        release.download.slug,
        release.version,
        platform if platform not in {"any", "device"} else "",
        architecture,
    ]
    name = "-".join(filter(None, words)) + f".{ending}"
    signature = ContentFile(f"signature of {name}\n".encode(), f"{name}.asc") if is_signed else None
    file = services.add_file(
        release=release,
        file=ContentFile(_content(release, name, kilobytes), name),
        platform=platform,
        architecture=architecture,
        signature=signature,
    )
    fetched = int(hashlib.sha256(name.encode()).hexdigest()[:3], 16)
    File.objects.filter(pk=file.pk).update(started=fetched + fetched // 9, completed=fetched)


def _content(release: Release, name: str, kilobytes: int) -> bytes:
    """Return the same bytes for the same name: papers and kits are real ones, programs are noise as in anything compressed."""
    if name.endswith(".zip"):
        return papers.kit(name)
    if name.endswith(".pdf"):
        is_wall = release.download.slug == "wall-plan"
        return papers.paper(papers.WALL if is_wall else papers.MANUAL, version=release.version, screws=is_wall)
    return b"".join(hashlib.sha256(f"{name}{number}".encode()).digest() for number in range(kilobytes * 32))
