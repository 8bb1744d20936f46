"""Three kinds of a made-up forum, whose threads are titles in a dictionary."""

from __future__ import annotations

from portal.core.formats import format_number
from portal.core.text import isolate
from portal.notifications.registry import Group, Notice, NotificationKind

#: Number of a thread → its title, for those that everybody may see.
THREADS: dict[str, str] = {}


class Followed(NotificationKind):
    name = "forum.followed"
    group = Group.FOLLOWED
    label = "پاسخ تازه"
    rank = 10
    one = "{actor} در {title} نوشت"
    several = "{count} پاسخ در {title}"

    def visible_to(self, person, facts):
        numbers = {fact.id: fact.subject.partition(":")[2] for fact in facts}
        return {pk: THREADS[number] for pk, number in numbers.items() if number in THREADS}

    def render(self, facts, about):
        pattern = self.one if len(facts) == 1 else self.several
        words = {"actor": isolate(facts[0].actor), "title": isolate(about), "count": format_number(len(facts))}
        number = facts[0].subject.partition(":")[2]
        return Notice(title=pattern.format(**words), url=f"/fa/t/{number}/", mail_subject=about)


class Reply(Followed):
    name = "forum.reply"
    group = Group.REPLIES
    label = "پاسخ به شما"
    rank = 20
    one = "{actor} در {title} به شما پاسخ داد"


class Mention(Followed):
    name = "forum.mention"
    group = Group.MENTIONS
    label = "نام شما"
    rank = 30
    one = "{actor} در {title} از شما نام برد"
