from datetime import timedelta

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from portal.core.privacy import register_typed_text
from portal.core.robots import disallow, disallow_in_each_language

_PUBLISHED = "its author publishes it; personal data is masked unless the author insists"
_OWN = "only its author reads it"


class CommunityConfig(AppConfig):
    name = "community"
    verbose_name = _("Community")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from community import navigation, trust  # noqa: PLC0415 - apps must be ready
        from community.models import Area, Tag, WatchedWord  # noqa: PLC0415
        from community.screening import WATCHED_SCOPE  # noqa: PLC0415
        from community.services import reading, threads, uploads  # noqa: PLC0415
        from community.sitemap import ThreadSitemap  # noqa: PLC0415
        from portal.core import jobs, sitemaps  # noqa: PLC0415
        from portal.core.receivers import touches  # noqa: PLC0415

        touches(WatchedWord, WATCHED_SCOPE)
        touches(Tag, "community:tags")
        touches(Area, "site")  # the navigation leads here once there is an area
        navigation.connect()
        sitemaps.register("threads", ThreadSitemap)
        disallow_in_each_language("community/ask", "community/similar")
        disallow("/*/community/t/*/reply/", "/*/community/p/")
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
            timedelta(hours=6),
            name="community.tidy_uploads",
            run=uploads.tidy_uploads,
            is_needed=lambda _last_end: uploads.has_uploads_to_tidy(),
        )
        register_typed_text("community.Thread", "title", "slug", "excerpt", as_typed_because=_PUBLISHED)
        register_typed_text("community.Post", "body", "html", as_typed_because=_PUBLISHED)
        register_typed_text("community.PostRevision", "title", "body", as_typed_because=_PUBLISHED)
        register_typed_text("community.Upload", "name", as_typed_because=_PUBLISHED)
        register_typed_text("community.Poll", "question", as_typed_because=_PUBLISHED)
        register_typed_text("community.PollOption", "text", as_typed_because=_PUBLISHED)
        register_typed_text("community.Draft", "title", "body", "extra", as_typed_because=_OWN)
        register_typed_text("community.Bookmark", "note", as_typed_because=_OWN)
        register_typed_text("community.Flag", "note")
        register_typed_text("community.ReviewItem", "appeal")
