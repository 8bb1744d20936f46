from datetime import timedelta

from django.apps import AppConfig
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from portal.core.privacy import register_typed_text
from portal.core.robots import disallow_in_each_language


class SearchConfig(AppConfig):
    name = "search"
    verbose_name = _("Search")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from portal.core import jobs  # noqa: PLC0415 - apps must be ready
        from portal.insight.facts import register_facts  # noqa: PLC0415 - apps must be ready
        from search import checks, navigation, receivers, registry, services  # noqa: F401, PLC0415 - apps must be ready
        from search.activity import choices, recording, tidying  # noqa: PLC0415 - apps must be ready
        from search.index.embedded import forgetting  # noqa: PLC0415 - apps must be ready
        from search.meaning import nearest, vectors  # noqa: PLC0415 - apps must be ready

        registry.register_evidence(choices.CLICKED)
        registry.autodiscover()
        disallow_in_each_language("search")
        receivers.connect()
        navigation.connect()
        nearest.connect()
        register_facts(recording.FACT, recording.note_search)
        jobs.every(tidying.INTERVAL, name=tidying.JOB, run=tidying.tidy, is_needed=tidying.is_needed)
        jobs.every(
            vectors.INTERVAL,
            name=vectors.JOB,
            run=vectors.work_out_some,
            is_needed=lambda _last_end: vectors.has_work(),
        )
        jobs.every(
            timedelta(days=1),
            name="search.mend",
            run=services.mend,
            is_needed=lambda _last_end: services.has_entries(),
        )
        jobs.every(
            timedelta(days=1),
            name="search.forget_words",
            run=forgetting.forget_unused_words,
            is_needed=lambda _last_end: forgetting.has_unused_words(),
        )
        days = settings.SEARCH_LOG_DAYS
        for model, columns in {"search.SearchLog": ("text", "key"), "search.SearchClick": ("key",)}.items():
            register_typed_text(
                model,
                *columns,
                purpose="editors see what readers look for and do not find",
                keep_days=days,
                removed_by=tidying.JOB,
            )
        # The texts of questions that too few visits asked to be listed; those of many are nobody's own.
        for model in ("search.SearchDay", "search.SearchGap", "search.PopularQuestion"):
            register_typed_text(
                model,
                "text",
                "key",
                purpose="editors see what many readers look for",
                keep_days=days,
                removed_by=tidying.JOB,
            )
