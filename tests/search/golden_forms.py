"""Pairs of words that are one word in two forms, and pairs that only look so."""

from __future__ import annotations

Z = "\u200c"


def _pairs(table: str) -> list[tuple[str, str]]:
    """Every word of a line with the first one; an underscore stands for a half-space."""
    rows = [line.replace("_", Z).split() for line in table.strip().splitlines()]
    return [(first, other) for first, *others in rows for other in others]


#: Forms of one word.
PERSIAN_SAME = _pairs("""
کند کنده کندی کندتر
جابه_جایی جابجایی
انداختم بندازم میندازه نندازید
دیدم می_بینم میبینم نمیبینم ندیدم ببینید نمی_بینه دیده می_دیدم نبینم
گرفتم می_گیرم نمیگیره بگیر نگرفتم گرفته می_گرفت نمی_گیرد
زدم میزنم نمیزنه بزنید نزدم زده می_زنند
خرید خریدم میخرم بخرم نخریدم می_خرید خریدن نمیخرم
فروش فروختم میفروشم بفروشم نفروخت می_فروشید
پرداخت پرداختم میپردازم بپردازم نپرداختم پرداخته
نوشتم مینویسم بنویسید ننوشته نمینویسه
فرستادم میفرستم بفرستید نفرستاد نمیفرسته
گذاشتم میذارم بذارم بگذارید نذاشتم می_گذارد
آوردم میارم بیارم بیاور نیاورد میاره
افتاد میفته نیفتاد بیفته افتاده
آمد میاد بیاد نمیاد نیومد اومده نیامده
نرسید میرسه نمیرسه برسه نرسیده رسیدم
سوخت میسوزه سوخته بسوزه نسوخت
شکست میشکنه شکسته نشکست بشکنه
رفتم میرم برو میره نمیره نرفت بروید
گفتم میگم بگو میگه نمیگه نگفتم بگویید
خواندم میخونم بخونم نخونده بخوانید میخوانم
نمیدونم میدونم دانستم نمیدونه
میشناسم شناخت نمیشناسه بشناسید شناختم
میسازم ساخت بسازم نساختم ساختن
برگشت برمیگرده برگردید برگشتی
جستجو جست_وجو جست_و_جو جستوجو جستجوی
گفتگو گفت_وگو گفت_و_گو گفتگوی
دو 2 ۲
سه ۳
پنج 5
بیست ۲۰
صد 100
گوشیهاش گوشی
شمارههام شماره
سیمکارتهات سیمکارت
مودمهاش مودم
صفحهی صفحه صفحه_ی صفحه_های
شمارهی شماره
نامهی نامه
قطع قطعه
خراب خرابه
گران گرون گرونه
خانه خونه
ضعیف ضعیفه
تمام تموم
اشتباه اشتباهات
توجه توجهات
""")
PERSIAN_OTHER = _pairs("""
بستن بسته
دادن داده
ماندن مانند نمونه
برد برند بردبار
زدن نزد
رفتن نرم
دانستن بدون
گواهی گواه
کوتاهی کوتاه
اتهام ات
ابهام اب
نه ۹
سی ۳۰
بدهی بده
پیچیدن پیچیده
استفهام استف
نمونه مانده
""")
ENGLISH_SAME = _pairs("""
buy bought buying buys
pay paid paying pays
send sent sending
lose lost losing
forget forgot forgotten forgetting
break broke broken breaking
freeze frozen froze freezing
steal stolen stole
choose chosen chose
write written wrote
speak spoken speaking
take taken took taking
give gave given
see saw seen
sell sold selling
fast faster fastest
slow slower slowest
cheap cheaper
easy easier
child children
fibre fiber fibres
centre center centres
metre meters
cheque check cheques
licence license
programme program programmes
catalogue catalog
instalment installment instalments
enrol enroll
fulfil fulfill
grey gray
tyre tire
two 2
five 5
travelling traveling
cancelling canceling
colour colors
""")
ENGLISH_OTHER = _pairs("""
fine find
router route
center cent
later letter
good best
long longer
number numb
bill billion
one 1
best bestow
send sender
news new
""")

#: (pairs, whether they match)
TABLES = [(PERSIAN_SAME + ENGLISH_SAME, True), (PERSIAN_OTHER + ENGLISH_OTHER, False)]
