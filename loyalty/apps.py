from datetime import timedelta

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from portal.core.privacy import register_typed_text


class LoyaltyConfig(AppConfig):
    name = "loyalty"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from loyalty import navigation, notifications, own_data, receivers, reward_news  # noqa: PLC0415 - apps must be ready
        from loyalty.models import Earning, Reward  # noqa: PLC0415 - apps must be ready
        from loyalty.services import badges, boards, expiry, ledger, referrals, reviews, rewards, tiers  # noqa: PLC0415 - apps must be ready
        from portal.core import file_audiences, jobs  # noqa: PLC0415 - apps must be ready
        from portal.core.mail_words import name_mails  # noqa: PLC0415 - apps must be ready
        from portal.core.receivers import touches  # noqa: PLC0415 - apps must be ready
        from portal.notifications.registry import register  # noqa: PLC0415 - apps must be ready

        receivers.connect()
        own_data.connect()
        navigation.connect()
        register(notifications.PointsExpiring(), notifications.TierNews(), notifications.BadgeNews())
        register(notifications.ClaimAnswered(), notifications.PointsCorrected(), notifications.VotesReviewed())
        register(notifications.ChallengeNews())
        name_mails({"loyalty/email/ledger_check": _("The books of points do not agree")})
        touches(Earning, "site")  # the navigation leads to points once a programme is open
        jobs.every(
            timedelta(hours=1),
            name="loyalty.do_what_is_due",
            run=ledger.do_what_is_due,
            is_needed=lambda _last_end: ledger.is_anything_due(),
        )
        jobs.every(
            timedelta(days=1),
            name="loyalty.ledger_checkpoint",
            run=ledger.make_checkpoint,
            is_needed=lambda _last_end: ledger.is_checkpoint_due(),
        )
        jobs.every(
            timedelta(hours=1),
            name="loyalty.warn_of_expiry",
            run=expiry.warn_all,
            is_needed=lambda _last_end: expiry.is_anybody_to_warn(),
        )
        ledger.check_also("rewards", rewards.check_rewards)
        register(reward_news.RewardNews())
        file_audiences.shown_to(Reward, "signed-in")
        register_typed_text(
            "loyalty.Parcel",
            "address",
            purpose="what was redeemed is sent there",
            keep_days=30,
            removed_by="loyalty.erase_addresses",
            as_typed_because="a parcel needs the whole address; it is stored encrypted",
        )
        jobs.every(
            timedelta(days=1),
            name="loyalty.erase_addresses",
            run=rewards.erase_due_addresses,
            is_needed=lambda _last_end: rewards.is_any_address_due(),
        )
        jobs.every(
            timedelta(hours=1),
            name="loyalty.evaluate_tiers",
            run=tiers.evaluate_everybody,
            is_needed=tiers.is_evaluation_due,
        )
        jobs.every(
            timedelta(hours=1),
            name="loyalty.judge_badges",
            run=badges.judge_everybody,
            is_needed=badges.is_judging_due,
        )
        jobs.every(
            timedelta(hours=1),
            name="loyalty.compute_boards",
            run=boards.compute_all,
            is_needed=boards.is_computing_due,
        )
        jobs.every(
            timedelta(hours=1),
            name="loyalty.judge_referrals",
            run=referrals.judge_all,
            is_needed=referrals.is_judging_due,
        )
        jobs.every(
            timedelta(days=1), name="loyalty.review_votes", run=reviews.open_reviews, is_needed=reviews.is_review_due
        )
        _connect_challenges()
        _connect_watch()
        _connect_corrections()
        _connect_offers()
        _connect_webhooks()


def _connect_challenges() -> None:
    from loyalty.services import challenges  # noqa: PLC0415 - apps must be ready
    from portal.core import jobs  # noqa: PLC0415 - apps must be ready

    jobs.every(
        timedelta(hours=1),
        name="loyalty.judge_challenges",
        run=challenges.judge_everybody,
        is_needed=challenges.is_judging_due,
    )


def _connect_watch() -> None:
    from loyalty.services import pace, reconciling  # noqa: PLC0415 - apps must be ready
    from portal.core import jobs  # noqa: PLC0415 - apps must be ready

    jobs.every(timedelta(days=1), name="loyalty.measure_pace", run=pace.measure, is_needed=pace.is_measuring_due)
    jobs.every(
        timedelta(hours=1),
        name="loyalty.reconcile",
        run=reconciling.reconcile,
        is_needed=reconciling.is_reconciling_due,
    )


def _connect_offers() -> None:
    from loyalty.models import Offer  # noqa: PLC0415 - apps must be ready
    from loyalty.services import offers  # noqa: PLC0415 - apps must be ready
    from portal.core import jobs  # noqa: PLC0415 - apps must be ready
    from portal.core.receivers import touches  # noqa: PLC0415 - apps must be ready

    touches(Offer, "offers")
    jobs.every(
        timedelta(days=1),
        name="loyalty.work_out_segments",
        run=offers.sort_members,
        is_needed=lambda _last_end: offers.is_anybody_to_sort(),
    )
    jobs.every(
        timedelta(days=1),
        name="loyalty.forget_old_offers",
        run=offers.forget_old,
        is_needed=lambda _last_end: offers.is_anything_old(),
    )


def _connect_webhooks() -> None:
    from loyalty.models import Webhook  # noqa: PLC0415 - apps must be ready
    from loyalty.services import webhooks  # noqa: PLC0415 - apps must be ready
    from portal.core import jobs  # noqa: PLC0415 - apps must be ready
    from portal.core.receivers import touches  # noqa: PLC0415 - apps must be ready

    touches(Webhook, "webhooks")
    jobs.every(
        timedelta(days=1),
        name="loyalty.forget_webhooks",
        run=webhooks.forget_old,
        is_needed=lambda _last_end: webhooks.is_anything_old(),
    )


def _connect_corrections() -> None:
    from loyalty.services import adjusting, shop  # noqa: PLC0415 - apps must be ready
    from portal.core import jobs  # noqa: PLC0415 - apps must be ready
    from portal.core.privacy import register_typed_text  # noqa: PLC0415 - apps must be ready

    jobs.every(
        timedelta(minutes=1),
        name="loyalty.book_files",
        run=adjusting.book_files,
        is_needed=lambda _last_end: adjusting.is_any_to_book(),
    )
    jobs.every(
        timedelta(hours=1),
        name="loyalty.release_forgotten",
        run=shop.release_forgotten,
        is_needed=lambda _last_end: shop.is_any_forgotten(),
    )
    for model, until in (
        ("loyalty.Adjustment", "the member's account is deleted"),
        ("loyalty.PointsFile", "the books of the programme are deleted; it is about no single member"),
    ):
        register_typed_text(model, "note", purpose="staff say why they correct points", until=until)
    register_typed_text(
        "loyalty.PointsClaim",
        "note",
        purpose="members say what helps to find the points they miss",
        until="the member's account is deleted",
    )
