from datetime import timedelta

from django.apps import AppConfig
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from portal.core.privacy import register_typed_text
from portal.core.robots import disallow, disallow_in_each_language

_PUBLISHED = "its author publishes it; personal data is masked unless the author insists"
_OWN = "only its author reads it"
_FORUM = "members ask and answer in public"
_NOTES = "the author keeps it for later"
_MODERATION = "moderators decide about a post"
_BY_THE_AUTHOR = "the author or a moderator deletes it"
#: Days for which the words of flags and appeals are kept; what was decided stays.
_MODERATION_DAYS = 730


class CommunityConfig(AppConfig):
    name = "community"
    verbose_name = _("Community")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from community import akismet, navigation, own_data, screening, viewing  # noqa: PLC0415 - apps must be ready
        from community.asking import DidItSolveAction  # noqa: PLC0415
        from community.capturing import ThreadSource  # noqa: PLC0415
        from community.link_cards import cards_of_threads  # noqa: PLC0415
        from community.listing import ALL_LANGUAGES, LANGUAGES_IN  # noqa: PLC0415
        from community.models import Area, Tag, WatchedWord  # noqa: PLC0415
        from community.notifications import KINDS  # noqa: PLC0415
        from community.screening import WATCHED_SCOPE  # noqa: PLC0415
        from community.sitemap import ThreadSitemap  # noqa: PLC0415
        from community.views.reading import HELPFUL_FIRST  # noqa: PLC0415
        from portal.core import article_sources, link_cards, sitemaps  # noqa: PLC0415
        from portal.core.page_cache import keep_query  # noqa: PLC0415
        from portal.core.receivers import touches  # noqa: PLC0415
        from portal.insight.facts import register_facts  # noqa: PLC0415
        from portal.notifications.actions import register_action  # noqa: PLC0415
        from portal.notifications.registry import register  # noqa: PLC0415

        if settings.AKISMET_KEY:
            screening.register_check(akismet.NAME, akismet.ask)
        register(*(kind() for kind in KINDS))
        register_action(DidItSolveAction())
        touches(WatchedWord, WATCHED_SCOPE)
        touches(Tag, "community:tags")
        touches(Area, "site")  # the navigation leads here once there is an area
        navigation.connect()
        own_data.connect()
        article_sources.register(ThreadSource())
        link_cards.register(cards_of_threads)
        sitemaps.register("threads", ThreadSitemap)
        keep_query(HELPFUL_FIRST)
        for language in (ALL_LANGUAGES, *dict(settings.LANGUAGES)):
            keep_query(f"{LANGUAGES_IN}={language}")
        disallow_in_each_language("community/ask", "community/similar", "community/messages")
        disallow("/*/community/t/*/reply/", "/*/community/p/")
        _connect_jobs()
        register_facts(viewing.FACT, viewing.note_view)
        register_typed_text(
            "community.Message",
            "body",
            purpose="two members write to each other",
            until="both delete the conversation",
            as_typed_because="only the two read it; personal data is masked unless the author insists",
        )
        register_typed_text(
            "community.Thread",
            "title",
            "slug",
            "excerpt",
            purpose=_FORUM,
            until=_BY_THE_AUTHOR,
            as_typed_because=_PUBLISHED,
        )
        register_typed_text(
            "community.Post", "body", "html", purpose=_FORUM, until=_BY_THE_AUTHOR, as_typed_because=_PUBLISHED
        )
        register_typed_text(
            "community.PostRevision", "title", "body", purpose=_FORUM, until=_BY_THE_AUTHOR, as_typed_because=_PUBLISHED
        )
        register_typed_text(
            "community.Upload", "name", purpose=_FORUM, until=_BY_THE_AUTHOR, as_typed_because=_PUBLISHED
        )
        register_typed_text(
            "community.Poll", "question", purpose=_FORUM, until=_BY_THE_AUTHOR, as_typed_because=_PUBLISHED
        )
        register_typed_text(
            "community.PollOption", "text", purpose=_FORUM, until=_BY_THE_AUTHOR, as_typed_because=_PUBLISHED
        )
        register_typed_text(
            "community.Draft",
            "title",
            "body",
            "extra",
            purpose=_NOTES,
            until="the author deletes it",
            as_typed_because=_OWN,
        )
        register_typed_text(
            "community.Bookmark", "note", purpose=_NOTES, until="the author deletes it", as_typed_because=_OWN
        )
        moderated = (
            ("community.Flag", "note"),
            ("community.ReviewItem", "appeal"),
            ("community.MessageReport", "note"),
        )
        for model, column in moderated:
            register_typed_text(model, column, purpose=_MODERATION, keep_days=_MODERATION_DAYS, since="created_at")


def _connect_jobs() -> None:
    """Register what the worker does from time to time."""
    from community import routing, trust, viewing  # noqa: PLC0415 - apps must be ready
    from community.services import following_up, imported, reading, reports, threads, uploads  # noqa: PLC0415
    from portal.core import jobs  # noqa: PLC0415

    jobs.every(
        timedelta(minutes=1),
        name="community.update_levels",
        run=trust.update_due_levels,
        is_needed=lambda _last_end: trust.has_due_levels(),
    )
    jobs.every(
        timedelta(days=1),
        name="community.review_helpers",
        run=trust.review_helpers,
        is_needed=lambda _last_end: trust.has_helpers(),
    )
    jobs.every(
        timedelta(minutes=5),
        name="community.unpin",
        run=threads.unpin_due,
        is_needed=lambda _last_end: threads.has_pins_to_end(),
    )
    jobs.every(
        timedelta(minutes=1),
        name="community.remind",
        run=reading.remind,
        is_needed=lambda _last_end: reading.has_reminders(),
    )
    jobs.every(
        timedelta(minutes=1),
        name="community.compare_imported",
        run=imported.compare_imported,
        is_needed=lambda _last_end: imported.has_threads_to_compare(),
    )
    jobs.every(
        timedelta(minutes=10),
        name="community.ask_askers",
        run=following_up.ask_askers,
        is_needed=lambda _last_end: following_up.has_askers_to_ask(),
    )
    jobs.every(
        timedelta(hours=1),
        name="community.ask_helpers",
        run=routing.ask_helpers,
        is_needed=lambda _last_end: routing.has_questions_to_route(),
    )
    jobs.every(
        timedelta(hours=6),
        name="community.accept_agreed",
        run=following_up.accept_agreed,
        is_needed=lambda _last_end: following_up.has_answers_agreed_on(),
    )
    jobs.every(
        timedelta(hours=1),
        name="community.forget_views",
        run=viewing.forget_views,
        is_needed=lambda _last_end: viewing.has_old_views(),
    )
    jobs.every(
        timedelta(hours=6),
        name="community.tidy_uploads",
        run=uploads.tidy_uploads,
        is_needed=lambda _last_end: uploads.has_uploads_to_tidy(),
    )
    jobs.every(
        timedelta(hours=1),
        name="community.tidy_messages",
        run=reports.tidy_messages,
        is_needed=lambda _last_end: reports.has_messages_to_tidy(),
    )
