from datetime import timedelta

from django.apps import AppConfig
from django.conf import settings
from django.utils.translation import gettext_lazy as _
from wagtail.signals import init_new_page

from portal.core.privacy import register_typed_text
from portal.core.robots import disallow


class FaqConfig(AppConfig):
    name = "faq"
    verbose_name = _("Help")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from faq import intake, link_check, navigation, notifications, own_data, prefill, receivers, services, upkeep  # noqa: PLC0415 - apps must be ready
        from faq.exporting import asked  # noqa: PLC0415
        from faq.link_cards import cards_of_articles  # noqa: PLC0415
        from portal.core import article_sources, jobs, link_cards, mail_words  # noqa: PLC0415 - apps must be ready
        from portal.notifications.registry import register  # noqa: PLC0415 - apps must be ready

        receivers.connect()
        disallow("/a/*/feedback/")
        navigation.connect()
        own_data.connect()
        link_cards.register(cards_of_articles)
        article_sources.register_maker(prefill.address_of_new_article)
        register(notifications.ArticleImproved())
        mail_words.name_mails(
            {
                "faq/email/feedback": _("Reader’s answer for an author"),
                "faq/email/review": _("Articles that are due for review"),
            }
        )
        register_typed_text(
            "faq.Feedback",
            *("comment", "came_from_search", "came_from_page"),
            purpose="the article's author learns what was missing",
            keep_days=settings.FEEDBACK_TEXT_DAYS,
            since="updated_at",
        )
        jobs.every(
            timedelta(hours=1),
            name="faq.weigh_votes",
            run=services.weigh_votes,
            is_needed=lambda _last_end: services.has_votes_to_weigh(),
        )
        jobs.every(
            timedelta(hours=6),
            name="faq.mail_owners",
            run=upkeep.mail_owners,
            is_needed=upkeep.has_owners_to_mail,
        )
        jobs.every(
            timedelta(hours=6),
            name="faq.remove_old_uploads",
            run=intake.remove_old_uploads,
            is_needed=lambda _last_end: intake.has_old_uploads(),
        )
        jobs.every(
            timedelta(days=1),
            name="faq.check_links",
            run=link_check.check_links,
            is_needed=lambda _last_end: link_check.has_links_to_check(),
        )
        jobs.every(
            timedelta(seconds=10),
            name="faq.make_exports",
            run=asked.make_and_tidy,
            is_needed=lambda _last_end: asked.has_work(),
        )
        init_new_page.connect(prefill.fill_in_title, dispatch_uid="faq.fill_in_title")
