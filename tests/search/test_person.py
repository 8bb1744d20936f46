"""Asking for a person: the contact details of the settings are the answer, and end every page of results."""

from __future__ import annotations

import re

import pytest
from wagtail.models import Site

from portal.catalog.models import Topic
from portal.core.localized import LocalizedText
from portal.core.models import SupportSettings
from search import services
from search.asking.person import asks_for_person
from tests.search.test_views import get, main

PERSIAN = """
شماره پشتیبانی | شماره تلفن پشتیبانی | تلفن پشتیبانی | پشتیبانی | پشتیبانی تلفنی | شماره پشتیبانی رو بدید | شماره پشتیبانی چنده
شماره پشتیبان | پشتیبان | تماس با پشتیبانی | تماس با ما | تماس با شما | شماره تماس | شماره تماس پشتیبانی | تماس تلفنی | راه تماس
راه ارتباط با شما | ارتباط با پشتیبانی | ارتباط با اپراتور | ارتباط با ما | اپراتور | وصل به اپراتور | به اپراتور وصلم کنید
با یه آدم حرف بزنم | با آدم حرف بزنم | میخوام با آدم حرف بزنم | می‌خواهم با یک انسان صحبت کنم | با انسان واقعی صحبت کنم | آدم واقعی
صحبت با اپراتور | صحبت با کارشناس | صحبت با پشتیبانی | حرف زدن با پشتیبانی | چت با پشتیبانی | چت با اپراتور | گفت‌وگو با کارشناس
گفتگو با پشتیبان | کارشناس پشتیبانی | کارشناس فنی | پشتیبانی فنی | شماره کارشناس | شماره اپراتور | با کی تماس بگیرم | چطور تماس بگیرم
چطوری با پشتیبانی تماس بگیرم | زنگ بزنم به پشتیبانی | به پشتیبانی زنگ بزنم | ساپورت | شماره ساپورت | پاسخگویی تلفنی
پشتیبانی آنلاین | مشاوره تلفنی | می‌خواهم با یک نفر حرف بزنم | میشه با یه نفر صحبت کنم | شکایت دارم | مسئول پاسخگویی | شماره خدمات مشتریان پشتیبانی | شمارتونو بدین تماس بگیرم
یکی جواب منو بده | هیچکس جواب نمیده | باهاتون تماس بگیرم | چطوری باهاتون تماس بگیرم | زنگ بزنم بهتون | شکایت | افتضاحید | سرویستون افتضاحه
خدماتتون افتضاحه | این چه وضعشه
"""
ENGLISH = """
speak to a human | speak to a person | talk to a person | talk to someone | talk to a human | talk to a real person | real person
human | live agent | agent | speak to an agent | talk to an agent | chat with an agent | connect me to an agent | operator
get me a human | I want to speak to someone | I want a human | can I talk to someone | can I speak to somebody | is anyone there
support phone number | support number | customer support | customer support number | customer service representative | support
contact support | contact | contact us | contact number | how do I contact you | how can I contact support | call support
call an agent | phone support | telephone support | live support | support team | contact customer service | helpline
hotline | hotline number | help desk person | representative | speak to a representative | speak with an advisor | adviser
put me through to an operator | technical support | contact the team | I need a person not a robot | staff
message support | get in touch with someone | reach a human
complaint | I want to make a complaint | speak to a manager
your service sucks | terrible service | worst company ever | this is ridiculous | nobody answers | can I call you | phone you | call you
"""
OTHERS = """
پشتیبانی گوشی هواوی | شماره تلفن همراهم را عوض کنم | تماس قطع می‌شود | انتقال تماس | شماره سریال مودم | شکایت از سرعت اینترنت | اینترنت افتضاحه | سرعت افتضاحه | رمز پشتیبان | کارت آدم دیگر
زنگ گوشی قطع است | مودم وصل نمیشه | پشتیبان‌گیری از مخاطبان | چت | شماره | انجمن | ربات
call forwarding | change my phone number | contact list lost | support for esim | phone | number | reset router | agent fee | complaint about the speed
personal data | human error in the bill | talk time left | call divert | chat | bad wifi
poor signal | terrible speed | call | service | the worst room for wifi | answer
"""


def rows(table: str) -> list[str]:
    return [text.strip() for text in table.replace("\n", "|").split("|") if text.strip()]


def test_fifty_ways_to_ask_for_a_person_are_understood():
    assert min(len(rows(PERSIAN)), len(rows(ENGLISH))) >= 50
    assert [text for text in rows(PERSIAN) + rows(ENGLISH) if not asks_for_person(text)] == []


def test_other_questions_ask_for_no_person():
    assert [text for text in [*rows(OTHERS), "", "؟", "x" * 300] if asks_for_person(text)] == []


@pytest.fixture
def contact(topic_document):
    site = Site.objects.get(is_default_site=True)
    SupportSettings.objects.create(
        site=site, support_phone="+98 21 9100 0000", support_hours=LocalizedText(fa="هر روز", en="every day")
    )


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("text", "language", "hours"), [("شماره پشتیبانی", "fa", "هر روز"), ("speak to a human", "en", "every day")]
)
def test_who_asks_for_a_person_gets_the_telephone_first(client, contact, text, language, hours):
    page = main(get(client, text, language=language))
    offered = get(client, text, language=language, name="suggest").text

    card = re.search(r'<section[^>]*aria-labelledby="person-title".*?</section>', page, re.DOTALL)[0]
    assert 'href="tel:+982191000000"' in card
    assert hours in card
    assert 'href="tel:+982191000000"' in offered
    assert "notice" not in page
    assert 'id="person-title"' not in main(get(client, "router", language=language))
    assert "tel:" not in get(client, "router", language=language, name="suggest").text


@pytest.mark.django_db
def test_results_that_only_mention_a_word_are_held_back(client, contact):
    Topic.objects.create(code="sister", name={"en": "Beeping while I talk to my sister"})
    services.rebuild()

    assert "Beeping" in main(get(client, "talk to my sister", language="en"))
    page = main(get(client, "talk to a human", language="en"))

    assert 'id="person-title"' in page
    assert "Beeping" not in page
    assert "We found nothing" not in page


@pytest.mark.django_db
def test_every_page_of_results_ends_with_other_ways(client, contact):
    page = main(get(client, "router", language="en"))

    assert page.count("Not what you needed?") == 1
    assert 'href="tel:+982191000000"' in page.partition("Not what you needed?")[2]
    assert "Not what you needed?" not in main(get(client, language="en"))


@pytest.mark.django_db
def test_nothing_is_promised_that_is_not_set_up(client, topic_document):
    page = main(get(client, "speak to a human", language="en"))

    assert "tel:" not in page
    assert 'id="person-title"' not in page
    assert "tel:" not in get(client, "speak to a human", language="en", name="suggest").text
