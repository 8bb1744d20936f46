"""Whether somebody asks for a person instead of an answer: «شماره پشتیبانی», «با یه آدم حرف بزنم», "speak to a human".

A complaint about nothing but the company («افتضاحید», "your service sucks") needs a person as well. A text asks for a person if every word that says something is about people or ways to reach them, and one names such a
person, or a way that has no other meaning. «پشتیبانی گوشی» asks for something else.
"""

from __future__ import annotations

import re
from typing import Final

from search.language.analysis import stem, tokens
from search.language.endings import without_ending


def _stems(words: str) -> frozenset[str]:
    return frozenset(token.text for token in tokens(words, query=True) if token.width == 1)


#: People one can ask for, and ways that lead to nobody else.
_PEOPLE: Final = _stems(
    "پشتیبانی پشتیبان اپراتور اوپراتور کارشناس کارشناسان آدم آدمیزاد انسان شخص ساپورت مشاور مشاوره همکاران پاسخگو پاسخگویی "
    "نفر کسی یکی هیچکس هیشکی مدیر شکایت مسئول مسئولین تلفنچی کال‌سنتر تماس ارتباط "
    "person human agent agents support representative rep operator advisor adviser consultant someone somebody anyone "
    "staff team helpdesk hotline helpline contact people manager supervisor complaint complain nobody"
)
#: What people call a company they are angry with; with other words it is about something that can be answered.
_ANGER: Final = _stems(
    "افتضاح افتضاحه افتضاحید افتضاحین افتضاحتون مزخرف مزخرفه مزخرفید داغون داغونه وضعشه وضعیه بدقول بدقولید ناراضی ناراضیم ناراضی‌ام پاسخگونیستید "
    "sucks suck ridiculous terrible awful useless worst unacceptable disgusting rubbish horrible pathetic angry unhappy dissatisfied disappointed bad poor"
)
#: Ways to reach them.
_WAYS: Final = _stems(
    "شماره تلفن تلفنی زنگ بزنم حرف صحبت گفتگو گفت‌وگو چت وصل ارتباط راه خط مستقیم پیام جواب بدید بدین صدا مرکز واحد شنیدن بشنوه بگیرم "
    "speak talk chat make file call phone telephone number ring reach connect line message get put through email answer answers answering pick"
)
#: Words that come with them and add nothing.
_BESIDE: Final = _stems(
    "میخواهم میخوام لازم نیاز بگید بگین بگو بدهید زنده واقعی حقیقی مشتری مشتریان مشترکین خدمات امور فوری الان لطفا کمک ربات نه "
    "فنی آنلاین حضوری سریع دارید کجا بگیرم چنده باهاتون بهتون باهاشون با منو ما سرویس سرویستون سرویسدهی شرکت شرکتتون خیلی نیستید نمیدید نمیدین گرفتن دادن زدن "
    "real live want need customer customers service services care directly like touch help desk centre technical now "
    "urgent please just actual someone robot bot let give us company ever really very so too is experience call calls phones"
)


#: Ways to reach somebody, and whom: pronouns are stop words.
_REACH_YOU: Final = re.compile(
    r"\b(?:(?:call|phone|ring|contact|reach|email|message|speak to|talk to) (?:you|u|them)|بهتون|باهاتون)\b",
    re.IGNORECASE,
)


def asks_for_person(text: str) -> bool:
    """Whether the text asks for a person to speak to, and for nothing else. Makes no query."""
    found = [token for token in tokens(text, query=True) if token.width == 1]
    kinds = [{token.text, *_base(token.word)} for token in found]
    named = _PEOPLE | _ANGER
    about = named | _WAYS | _BESIDE
    names_one = any(kind & named for kind in kinds) or bool(_REACH_YOU.search(text))
    return bool(kinds) and names_one and all(kind & about for kind in kinds)


def _base(word: str) -> list[str]:
    base = without_ending(word)
    return [stem(base)] if base else []
