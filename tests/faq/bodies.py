"""Article bodies for tests, with one block of every type."""

from __future__ import annotations

import io
from typing import Any

from django.core.files.images import ImageFile
from PIL import Image as PillowImage
from wagtail.documents import get_document_model
from wagtail.images import get_image_model

from tests.factories.catalog import ProductFactory
from tests.factories.faq import ArticlePageFactory, HelpMediaFactory, ReusableContentFactory


def picture(title: str = "مودم") -> Any:
    """A stored picture of 900 × 600 pixels."""
    file = io.BytesIO()
    PillowImage.new("RGB", (900, 600), "#0A6A7A").save(file, "PNG")
    return get_image_model().objects.create(title=title, file=ImageFile(file, name="modem.png"), width=900, height=600)


def document() -> Any:
    from django.core.files.base import ContentFile

    return get_document_model().objects.create(title="راهنمای چاپی", file=ContentFile(b"%PDF-1.4", name="guide.pdf"))


def full_body(**made: Any) -> list[dict[str, Any]]:
    """A body with every type of block, three headings, two pictures and two links in rich text."""
    image = made.get("image") or picture()
    other = made.get("other") or ArticlePageFactory(title="بازنشانی مودم")
    first, second = made.get("products") or (ProductFactory(), ProductFactory())
    link = f'<a linktype="page" id="{other.pk}">'
    return [
        {"type": "heading", "value": "معنی هر چراغ"},
        {"type": "paragraph", "value": f"<p>برای {link}بازنشانی</a> این‌جا را ببینید.</p>"},
        {"type": "picture", "value": {"image": image.pk, "alt": "جلوی مودم", "caption": "چراغ سوم"}},
        {
            "type": "table",
            "value": {
                "caption": "چراغ‌ها",
                "columns": [{"type": "text", "heading": "چراغ"}, {"type": "text", "heading": "یعنی"}],
                "rows": [{"values": ["<p>سبز</p>", "<p>وصل</p>"]}, {"values": ["<p>قرمز</p>", "<p>قطع</p>"]}],
            },
        },
        {"type": "heading", "value": "رفع مشکل"},
        {
            "type": "steps",
            "value": [
                {"title": "از برق بکشید", "text": f"<p>سی ثانیه {link}صبر</a></p>", "image": image.pk, "alt": "دوشاخه"},
                {"title": "کابل را فشار دهید", "text": "", "image": None, "alt": ""},
            ],
        },
        {
            "type": "note",
            "value": {"kind": "warning", "title": "دکمهٔ RESET را نزنید", "text": "<p>تنظیمات پاک می‌شود.</p>"},
        },
        {
            "type": "code",
            "value": {"title": "setup.sh", "language": "bash", "code": "if x; then\n    ping 10.0.0.1\n\nfi"},
        },
        {
            "type": "items",
            "value": {
                "numbered": True,
                "start": 3,
                "items": [
                    [{"type": "paragraph", "value": "<p>برنامه را بگیرید</p>"}],
                    [{"type": "code", "value": {"title": "", "language": "", "code": "apt install noora"}}],
                ],
            },
        },
        {
            "type": "tabs",
            "value": [
                {"title": "لینوکس", "content": [{"type": "paragraph", "value": "<p>پایانه</p>"}]},
                {"title": "ویندوز", "content": [{"type": "paragraph", "value": "<p>پوسته</p>"}]},
            ],
        },
        {"type": "media", "value": {"media": HelpMediaFactory().pk, "caption": "بوق‌ها"}},
        {"type": "heading", "value": "پرسش‌های نزدیک"},
        {"type": "accordion", "value": [{"question": "چرا شب‌ها؟", "answer": "<p>نویز</p>"}]},
        {
            "type": "product_switch",
            "value": [
                {"products": [product.pk], "content": [{"type": "paragraph", "value": f"<p>ویژهٔ {product.code}</p>"}]}
                for product in (first, second)
            ],
        },
        {"type": "download", "value": {"document": document().pk, "label": "راهنمای چاپی"}},
        {"type": "reusable", "value": {"content": ReusableContentFactory().pk}},
        {"type": "related_article", "value": {"page": other.pk}},
    ]
