"""Members who do everything at once, in processes that are killed: ``python -m tests.community.storm <seed> <kills>``.

Three processes act on the rows there are, at random; each is killed in the middle of an act, and another one takes its
place. Prints how many acts were begun.
"""

from __future__ import annotations

import os
import random
import select
import signal
import sys
import traceback
from contextlib import suppress

import django
from django.apps import apps

if not apps.ready:
    django.setup()

from django.db import connection

from community import services
from community.exceptions import CommunityError
from community.models import Area, Post, Tag, Thread
from portal.accounts.models import User
from portal.notifications.services import follow, unfollow
from tests.community.notices import target
from tests.factories.community import ANSWER, token

_AT_ONCE = 3


def acts_on(chance, *, thread, post, user, by, areas, tag):
    """Everything that may happen to a thread and one of its posts."""
    area = chance.choice(areas)
    return [
        lambda: services.post_reply(author=user, thread=thread, body=ANSWER, token=token()),
        lambda: services.start_thread(author=user, area=area, title="پرسش", body=ANSWER, token=token(), tags=[tag]),
        lambda: services.say_me_too(thread=thread, user=user),
        lambda: services.withdraw_me_too(thread=thread, user=user),
        lambda: services.move_thread(thread=thread, area=area, by=by),
        lambda: services.set_tags(thread=thread, tags=chance.choice([[], [tag]]), by=by),
        lambda: services.vote_helpful(post=post, user=user),
        lambda: services.withdraw_helpful(post=post, user=user),
        lambda: services.accept_solution(post=post, by=by),
        lambda: services.revoke_solution(post=post, by=by),
        lambda: services.hide_post(post=post, by=by, reason="spam"),
        lambda: services.delete_post(post=post, by=by),
        lambda: services.restore_post(post=post, by=by),
        lambda: services.restore_post(post=post, by=by),
        lambda: services.flag_post(post=post, user=user, reason="spam"),
        lambda: services.edit_post(post=post, editor=by, body=f"متن {user.pk}", version=post.version),
        lambda: follow(person_id=user.pk, target=target(thread)),
        lambda: unfollow(person_id=user.pk, target=target(thread)),
    ]


def act_for_ever(seed, begun):
    """Act at random; a byte to the pipe before each act."""
    chance = random.Random(seed)  # noqa: S311 - no secret
    by = User.objects.filter(is_staff=True).get()
    people, areas, tag = list(User.objects.filter(is_staff=False)), list(Area.objects.all()), Tag.objects.get()
    while True:
        thread = chance.choice(list(Thread.objects.order_by("pk")))
        post = chance.choice(list(Post.objects.filter(thread=thread)) or list(Post.objects.all()))
        act = chance.choice(
            acts_on(chance, thread=thread, post=post, user=chance.choice(people), by=by, areas=areas, tag=tag)
        )
        os.write(begun, b".")
        with suppress(CommunityError):
            act()


class _Member:
    """A process that acts, and is killed in the middle of its n-th act."""

    def __init__(self, chance):
        self.acts_left = chance.randint(4, 12)
        self.begun, writing = os.pipe()
        seed = chance.random()
        self.pid = os.fork()
        if not self.pid:
            try:
                act_for_ever(seed, writing)
            except BaseException:  # noqa: BLE001 - it must not go on as a copy of the parent
                traceback.print_exc()
            os._exit(1)
        os.close(writing)

    def begins(self):
        """Note that the process began another act; return whether it is the last one. Fails if it has died."""
        if not os.read(self.begun, 1):
            sys.exit("A member died without being killed.")
        self.acts_left -= 1
        return self.acts_left == 0

    def die(self, seconds):
        """Kill the process so much later, unless the act is over by then."""
        select.select([self.begun], [], [], seconds)
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.begun)


def main(seed, kills):
    chance = random.Random(seed)  # noqa: S311 - no secret
    connection.close()  # no two processes may have the same one
    members = [_Member(chance) for _ in range(_AT_ONCE)]
    acts = 0
    while members:
        ready, _writing, _odd = select.select([member.begun for member in members], [], [])
        for member in [member for member in members if member.begun in ready]:
            acts += 1
            if member.begins():
                member.die(chance.random() * 0.03)
                members.remove(member)
                kills -= 1
                if kills >= _AT_ONCE:
                    members.append(_Member(chance))
    print(acts)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
