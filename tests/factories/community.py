"""Factories of the community. They use the services, so that counters and events are those of real life.

Default: a Persian question by a member who is not new, in an area of questions for everyone.
"""

from __future__ import annotations

from typing import Any

import factory
from django.utils.crypto import get_random_string

from community import services
from community.models import Area, CommunityProfile, Level, Message, Post, ReviewItem, Tag, Thread
from portal.accounts.models import User
from portal.core.localized import LocalizedText
from portal.core.roles import COMMUNITY_MANAGERS
from tests.factories.accounts import UserFactory

QUESTION = "مودم تازه وصل نمی‌شود"
BODY = "از دیروز چراغ سوم مودم X2 خاموش است و هیچ صفحه‌ای باز نمی‌شود. چه کار کنم؟"
ANSWER = "مودم را یک دقیقه از برق بکشید و دوباره روشن کنید؛ برای من درست شد."


def token() -> str:
    return get_random_string(20)


class MemberFactory(UserFactory):
    """A person who is a member of the community: nothing they write is held. ``level=Level.NEW`` for a newcomer."""

    level = Level.MEMBER

    @classmethod
    def _create(cls, model_class: type[User], *args: Any, **kwargs: Any) -> User:
        level = kwargs.pop("level")
        user = super()._create(model_class, *args, **kwargs)
        CommunityProfile.objects.update_or_create(
            user=user,
            defaults={
                "level": level,
                "days_seen": 0 if level == Level.NEW else 1,
                "is_advocate": level == Level.ADVOCATE,
            },
        )
        return user

    @classmethod
    def _build(cls, model_class: type[User], *args: Any, **kwargs: Any) -> User:
        kwargs.pop("level", None)
        return super()._build(model_class, *args, **kwargs)


def moderator() -> User:
    return UserFactory(role=COMMUNITY_MANAGERS)


def reader_of(item: ReviewItem) -> User:
    """A moderator who has read a reported message, and may decide about it."""
    found = moderator()
    services.look_at_report(item=item, by=found)
    return found


class AreaFactory(factory.django.DjangoModelFactory[Area]):
    """Traits: ``ideas``, ``discussions``, ``announcements``."""

    class Meta:
        model = Area

    class Params:
        ideas = factory.Trait(kind=Area.Kind.IDEAS)
        discussions = factory.Trait(kind=Area.Kind.DISCUSSIONS)
        announcements = factory.Trait(kind=Area.Kind.ANNOUNCEMENTS)

    slug = factory.Sequence(lambda n: f"area-{n}")
    title = factory.LazyAttribute(lambda o: LocalizedText(fa=f"بخش {o.slug}", en=f"Area {o.slug}"))


class TagFactory(factory.django.DjangoModelFactory[Tag]):
    class Meta:
        model = Tag

    name = factory.Sequence(lambda n: f"برچسب {n}")
    slug = factory.Sequence(lambda n: f"برچسب-{n}")


class ThreadFactory(factory.django.DjangoModelFactory[Thread]):
    """Traits: ``held``, ``hidden``, ``deleted``, ``idea``. ``area``, ``author``, ``title``, ``body``, ``tags`` may be given."""

    class Meta:
        model = Thread

    class Params:
        held = factory.Trait(state="held")
        hidden = factory.Trait(state="hidden")
        deleted = factory.Trait(state="deleted")
        idea = factory.Trait(area=factory.SubFactory(AreaFactory, ideas=True))

    area = factory.SubFactory(AreaFactory)
    author = factory.SubFactory(MemberFactory)
    title = QUESTION
    body = BODY
    state = "visible"

    @classmethod
    def _create(cls, model_class: type[Thread], *args: Any, **kwargs: Any) -> Thread:
        state = kwargs.pop("state")
        suspicions = ["too-fast"] if state == "held" else []
        thread = services.start_thread(token=kwargs.pop("token", token()), suspicions=suspicions, **kwargs)
        _bring_to(state, thread.posts.get(number=1))
        return Thread.objects.get(pk=thread.pk)


class PostFactory(factory.django.DjangoModelFactory[Post]):
    """A reply. Traits: ``held``, ``hidden``, ``deleted``."""

    class Meta:
        model = Post

    class Params:
        held = factory.Trait(state="held")
        hidden = factory.Trait(state="hidden")
        deleted = factory.Trait(state="deleted")

    thread = factory.SubFactory(ThreadFactory)
    author = factory.SubFactory(MemberFactory)
    body = ANSWER
    state = "visible"

    @classmethod
    def _create(cls, model_class: type[Post], *args: Any, **kwargs: Any) -> Post:
        state = kwargs.pop("state")
        suspicions = ["too-fast"] if state == "held" else []
        post = services.post_reply(token=kwargs.pop("token", token()), suspicions=suspicions, **kwargs)
        _bring_to(state, post)
        return Post.objects.select_related("thread").get(pk=post.pk)


class MessageFactory(factory.django.DjangoModelFactory[Message]):
    """A private message. ``author``, ``recipient`` and ``body`` may be given; a ``report`` is by the recipient."""

    class Meta:
        model = Message

    author = factory.SubFactory(MemberFactory)
    recipient = factory.SubFactory(MemberFactory)
    body = "سلام، پاسخ شما کار کرد؛ یک پرسش کوچک دیگر دارم."

    @classmethod
    def _create(cls, model_class: type[Message], *args: Any, **kwargs: Any) -> Message:
        reason = kwargs.pop("report", "")
        recipient = kwargs["recipient"]
        message = services.send_message(token=kwargs.pop("token", token()), **kwargs)
        if reason:
            services.report_message(message=message, user=recipient, reason=reason)
        return message


def _bring_to(state: str, post: Post) -> None:
    if state == "hidden":
        services.hide_post(post=post, by=None, reason="spam")
    elif state == "deleted":
        services.delete_post(post=post, by=moderator(), reason="spam")
