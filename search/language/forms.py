"""Words whose forms no rule of endings covers, and the word each form is indexed as.

Verbs with two stems (می‌بینم · ندیدم · ببینید), numbers in words («دو مرحله‌ای» is «۲ مرحله‌ای»), words joined by «و»
(«جست‌وجو» is «جستجو»); irregular English words, comparatives, and single words the British spell in another way. All
words are folded, as in `portal.core.text.fold`. The tables are finite, so that a cluster can be given them as they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from portal.core.text import fold


def _rows(table: str) -> Iterator[list[list[str]]]:
    for line in fold(table).strip().splitlines():
        yield [part.split() for part in line.split("|")]


# Persian verbs --------------------------------------------------------------------------------------------------------

#: What all forms are indexed as | past stems | present stems; written and spoken. A noun that means the same («خرید»)
#: stands for the verb. Verbs of every sentence (کردن، شدن، داشتن) are stop words.
_PERSIAN_VERBS: Final = """
دیدن | دید | بین
گرفتن | گرفت | گیر
زدن | زد | زن
خرید | خرید | خر
فروش | فروخت | فروش
پرداخت | پرداخت | پرداز
دادن | داد | ده د
رفتن | رفت | رو ر
گفتن | گفت | گوی گو گ
خواندن | خواند خوند | خوان خون
نوشتن | نوشت | نویس
فرستادن | فرستاد | فرست
یافتن | یافت | یاب
شناخت | شناخت | شناس
ساخت | ساخت | ساز
گذاشتن | گذاشت ذاشت | گذار ذار زار
برداشت | برداشت | بردار
بردن | برد | بر
آوردن | آورد | آور
رسیدن | رسید | رس
پرسیدن | پرسید | پرس
دانستن | دانست دونست | دان دون
سوخت | سوخت | سوز
شکست | شکست | شکن
بستن | بست | بند
پریدن | پرید | پر
افتادن | افتاد | افت
چسباندن | چسباند چسبوند | چسبان چسبون
چسبیدن | چسبید | چسب
پذیرفتن | پذیرفت | پذیر
انداختن | انداخت | انداز نداز
کشیدن | کشید | کش
خوردن | خورد | خور
شنیدن | شنید | شنو
ماندن | ماند موند | مان مون
فهمیدن | فهمید | فهم
برگشت | برگشت | برگرد
ترسیدن | ترسید | ترس
ریختن | ریخت | ریز
چرخیدن | چرخید | چرخ
رساندن | رساند رسوند | رسان رسون
دزدیدن | دزدید | دزد
سنجیدن | سنجید | سنج
خوابیدن | خوابید | خواب
بخشیدن | بخشید | بخش
پوشیدن | پوشید | پوش
آموختن | آموخت | آموز
برگرداندن | برگرداند برگردوند | برگردان برگردون
پسندیدن | پسندید | پسند
"""
#: Verbs of which only these forms are written as one could expect.
_FURTHER_FORMS: Final = """
آمدن | میاد میام میایم میاین میاید میایند میاییم بیاد بیام بیای بیاید بیایند بیاین بیایم بیایید نمیاد نمیام نمیای
آمدن | نمیاین نمیایم نمیاید نیاد نیامد نیومد نیومده نیامده نیومدم نیامدم اومد اومده اومدم آمد آمده آمدم میامد میومد
آوردن | میارم میاره میارن میاری میاریم میارین نمیاره نمیارم نمیارن نمیاری بیارم بیاره بیارن بیار بیارید بیاری
برگشت | برمیگرده برمیگردم برمیگردد برمیگردن برمیگردند برنمیگرده برنمیگردد برنمیگردم برنگشت برنگشته
برداشت | برمیداره برمیدارم برمیدارد برنمیداره برنمیدارم برنداشت برندارید
نشستن | میشینه میشینم میشینن نمیشینه بشینه بشینم
"""
#: Forms that are, or look like, another word: بسته، بدون، برند، داده، مانده، نرم، نزد …
_OTHER_WORDS: Final = frozenset(
    fold(
        "بافت بافتن بافته بافتی ببخشید ببر ببری برد برده بردی بردید بردین نبرد نبردی نبری نبر بسته بست بستی بدن بدی بدین "
        "بدد داده دادی بدهی ندید ندیم ندم ندی ندد بدون بدان بدانه دونید دونیم میدون میدونی‌ها ندان بره بری برند برون برید "
        "برین نرم نرد نره نرن نری نرید نریم نرین نرون نروی میرن میری میرید میرین میرند نزد نزن ساختی سازند سپرده رسید رسیده رسیدی "
        "شناختی مانند مانید نمونه نمونی نمان مانده ماندم پیچیده نگه نگون نگد بگند میگون نگم بگم بگن نگن بگد فشرده ترسیم "
        "گذارد نزار نزاری نزاره بزاز بزار بپر نپر نپری نپره نپرن پرده پرید پریم نخر نخری نخره نخرد میخی بخشی بخشید "
        "بخشیم بخشند بخشم ببخش ببخشی ببخشه بخشیده کشند کشید کشیده خورند خوریم خورده پوشید پوشیده پوشند نکش بکش ریزم "
        "بشکن نرس نرسم نسوز یافته یافتی یابم نیاب افتم خوابم خوابد گیرید گیرند سوزند ترسند ترسم بترس رسند رسید رسیم "
        "اورند اوریم اموزند دارند بردارد چسبم چرخند کشیم خوانیم خرید"
    ).split()
)

_PRESENT_ENDINGS: Final = fold("م ی د ه یم ید ند ین ن").split()
_BARE_ENDINGS: Final = fold("م د یم ید ند").split()
_PAST_ENDINGS: Final = ["", *fold("م ی یم ید ند ین ن ه").split()]
_SHORTEST_BARE: Final = 5


def _verb_forms(past_stems: list[str], present_stems: list[str]) -> Iterator[str]:
    for stem in past_stems:
        for prefix in ("", "ن", "می", "نمی"):
            yield from (begun + ending for begun in _begin(prefix, stem) for ending in _PAST_ENDINGS)
    for stem in present_stems:
        for prefix in ("می", "نمی"):
            yield from (begun + ending for begun in _begin(prefix, stem) for ending in _PRESENT_ENDINGS)
        for prefix in ("ب", "ن"):
            endings = _PRESENT_ENDINGS if len(stem) == 1 else ["", *_PRESENT_ENDINGS]
            yield from (begun + ending for begun in _begin(prefix, stem) for ending in endings)
        bare = (stem + ending for ending in _BARE_ENDINGS)
        yield from (form for form in bare if len(form) >= _SHORTEST_BARE)


def _begin(prefix: str, stem: str) -> list[str]:
    """The stem after a prefix; one that begins with ا may lose it, and «ب» and «ن» get a ی: بیاور، نیفتاد، میفته."""
    if not prefix or not stem.startswith("ا"):
        return [prefix + stem]
    joined = f"{prefix}ی" if prefix in ("ب", "ن") else prefix
    return [joined + stem, joined + stem[1:]]


def _persian_forms() -> Iterator[tuple[str, str]]:
    for (word,), past, present in _rows(_PERSIAN_VERBS):
        for form in _verb_forms(past, present):
            if form not in _OTHER_WORDS:
                yield form, word
    for (word,), forms in _rows(_FURTHER_FORMS):
        for form in forms:
            yield form, word


# Persian numbers and compounds ------------------------------------------------------------------------------------------

#: «نه», «سی» and «یک» mean other things as well.
_PERSIAN_NUMBERS: Final = """
2 | دو
3 | سه
4 | چهار
5 | پنج
6 | شش شیش
7 | هفت
8 | هشت
10 | ده
12 | دوازده
15 | پانزده پونزده
20 | بیست
40 | چهل
50 | پنجاه
60 | شصت
100 | صد
200 | دویست
300 | سیصد
500 | پانصد پونصد
1000 | هزار
"""
#: Words whose «و» is written, with or without half-spaces, or not at all.
_JOINED_BY_AND: Final = """
گفتگو | گفتوگو
جستجو | جستوجو
شستشو | شستوشو
پرسجو | پرسوجو
"""
#: Compounds whose parts are written together in another way.
_OTHER_SPELLINGS: Final = """
جابهجایی | جابجایی جابجائی
جابهجا | جابجا
"""

#: What is said differently from what is written, and «… است» run together with words that complaints end in.
_PERSIAN_SPOKEN: Final = """
گران | گرون گرونه گرانه
ارزان | ارزون ارزونه ارزانه
خانه | خونه
تمام | تموم تمومه
آسان | آسون آسونه
نشان | نشون
زبان | زبون
تهران | تهرون
قطع | قطعه
کند | کنده کندی کندتر کندتره
خراب | خرابه
ضعیف | ضعیفه
وصل | وصله
قرمز | قرمزه
خاموش | خاموشه
روشن | روشنه
شلوغ | شلوغه
فعال | فعاله
غیرفعال | غیرفعاله
درست | درسته
اشتباه | اشتباهه
داغ | داغه
ضروری | ضروریه
"""
#: Words that end like «هات» and «هام» glued to a plural.
_NO_PLURALS: Final = """
اشتباه | اشتباهات
توجه | توجهات
تشابه | تشابهات
"""

# English ---------------------------------------------------------------------------------------------------------------

#: The word | its other forms; Snowball stems the word itself.
_ENGLISH_FORMS: Final = """
buy | bought
pay | paid
send | sent
lose | lost
forget | forgot forgotten
break | broke broken
freeze | froze frozen
steal | stole stolen
choose | chose chosen
write | wrote written
speak | spoke spoken
drive | drove driven
take | took taken
give | gave given
get | got gotten
go | went gone
see | saw seen
know | knew known
find | found
keep | kept
leave | left
make | made
say | said
tell | told
sell | sold
hear | heard
hold | held
bring | brought
catch | caught
think | thought
teach | taught
spend | spent
build | built
bend | bent
lend | lent
sleep | slept
feel | felt
meet | met
win | won
stick | stuck
swap | swop
begin | began begun
come | came
run | ran
ring | rang rung
show | shown
throw | threw thrown
grow | grew grown
draw | drew drawn
fall | fell fallen
drop | dropped
withdraw | withdrew withdrawn
hide | hid hidden
shut | shutting
child | children
man | men
woman | women
person | persons
foot | feet
mouse | mice
fast | faster fastest
slow | slower slowest
cheap | cheaper cheapest
big | bigger biggest
small | smaller smallest
large | larger largest
high | higher highest
low | lower lowest
short | shorter shortest
strong | stronger strongest
weak | weaker weakest
new | newer newest
old | older oldest
easy | easier easiest
safe | safer safest
hot | hotter hottest
loud | louder loudest
quick | quicker quickest
fiber | fibre fibres fibers
center | centre centres centers
meter | metre metres meters
liter | litre litres liters
theater | theatre theatres
gray | grey
tire | tyre tyres
check | cheque cheques
license | licence licences
defense | defence
offense | offence
catalog | catalogue catalogues
dialog | dialogue dialogues
program | programme programmes
mold | mould
enroll | enrol enrols
enrollment | enrolment
fulfill | fulfil fulfils
fulfillment | fulfilment
installment | instalment instalments
jewelry | jewellery
aluminum | aluminium
plow | plough
skeptical | sceptical
acknowledgment | acknowledgement
judgment | judgement
curb | kerb
airplane | aeroplane
pajamas | pyjamas
math | maths
mom | mum
"""
#: Numbers that are no stop words of a question («one of …»).
_ENGLISH_NUMBERS: Final = """
2 | two
3 | three
4 | four
5 | five
6 | six
7 | seven
8 | eight
9 | nine
10 | ten
12 | twelve
15 | fifteen
20 | twenty
30 | thirty
50 | fifty
100 | hundred
"""


def _of(table: str) -> Iterator[tuple[str, str]]:
    return ((form, word) for (word,), forms in _rows(table) for form in forms)


#: Persian forms and what they are indexed as, a final stem; and English ones with the word whose stem they share.
PERSIAN_FORMS: Final[dict[str, str]] = dict(
    [
        *_persian_forms(),
        *_of(_PERSIAN_NUMBERS),
        *_of(_JOINED_BY_AND),
        *_of(_OTHER_SPELLINGS),
        *_of(_PERSIAN_SPOKEN),
        *_of(_NO_PLURALS),
    ]
)
ENGLISH_FORMS: Final[dict[str, str]] = dict([*_of(_ENGLISH_FORMS), *_of(_ENGLISH_NUMBERS)])
