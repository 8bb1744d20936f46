"""Rules of the architecture. Each failure names the place and says what to do instead."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from django.apps import apps
from django.db import models

from portal.core import jobs, outbox
from portal.core.privacy import typed_texts
from portal.our_apps import OUR_APPS, OUR_FOLDERS
from tests import test_background_work as background_work
from tests.doors import Guarded, ways_around

if TYPE_CHECKING:
    from django.db.models import Model

ROOT = Path(__file__).resolve().parent.parent
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
#: Templates of pages; mail programs have no style sheets and no content security policy.
PAGES = [file for file in TEMPLATES if "email" not in file.parts]
STYLE_SHEETS = sorted((ROOT / "portal" / "static" / "portal" / "css").rglob("*.css"))


def own_python() -> list[Path]:
    found = (file for folder in OUR_FOLDERS for file in (ROOT / folder).rglob("*.py"))
    return sorted(file for file in found if "migrations" not in file.parts)


def own_apps():
    return [app for app in apps.get_app_configs() if app.name.partition(".")[0] in OUR_FOLDERS]


def name_of(file: Path) -> str:
    return file.relative_to(ROOT).as_posix()


# Layers --------------------------------------------------------------------------------------------------------------


def test_import_contracts_hold():
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stdout


def test_foreign_keys_point_down_or_stay_in_their_app():
    """The import checker does not see foreign keys that are named by strings."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    layers = next(contract["layers"] for contract in contracts if contract["name"] == "Dependencies point down")
    height = {
        module.strip(): len(layers) - number for number, layer in enumerate(layers) for module in layer.split("|")
    }

    def height_of(model) -> int | None:
        return height.get(apps.get_app_config(model._meta.app_label).name)

    pointing_up = [
        f"{model._meta.label}.{field.name} → {target._meta.label}"
        for app in own_apps()
        for model in app.get_models()
        for field in model._meta.get_fields()
        if field.is_relation and not field.auto_created and (target := field.related_model) and target != "self"
        if target._meta.app_label != model._meta.app_label and height_of(target) is not None
        if height_of(target) >= height_of(model)
    ]

    assert height_of(apps.get_model("accounts.User")) < height_of(apps.get_model("faq.ArticlePage"))  # the check works
    assert pointing_up == [], "Keep an id and an event instead: a lower app must not know a higher one."


def test_every_app_says_what_it_is_for():
    missing = [app.name for app in own_apps() if app.name != "portal" and not (Path(app.path) / "README.md").is_file()]

    assert missing == [], "A dozen lines: what it owns, its public services, events out, settings."


def names_of_apps_in(source: str) -> list[int]:
    """Lines of code, not of comments or docstrings, that name an app above the foundation (``app.…``, ``app:…``)."""
    names = "|".join(sorted({name.rpartition(".")[2] for name in OUR_APPS} - {"core"}))
    named = re.compile(rf"^(?:{names})$|(?:^|[\s/'\"])(?:portal\.)?(?:{names})[.:/]\w")
    tree = ast.parse(source)
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    docstrings = {
        node.body[0].value for node in ast.walk(tree) if isinstance(node, documented) and ast.get_docstring(node)
    }
    return [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in docstrings
        if named.search(node.value)
    ]


def test_the_foundation_names_no_feature():
    """The import checker does not see names in strings, just as it does not see foreign keys."""
    naming = [
        f"{name_of(file)}:{line}"
        for file in own_python()
        if name_of(file).startswith("portal/core/")
        for line in names_of_apps_in(file.read_text(encoding="utf-8"))
    ]

    seen = [
        'reverse("search:results")',
        'namespace == "faq"',
        'apps.get_model("faq.ArticlePage")',
        'path = "/search/x"',
    ]
    assert [names_of_apps_in(source) for source in seen] == [[1], [1], [1], [1]]  # the check works
    assert names_of_apps_in('"""faq.models"""\nicon("search")\n_ = "A search box"') == [2]
    assert naming == [], "Let the app register what the foundation must know of it, as navigation, roles and robots do."


# Access through `visible_to` -----------------------------------------------------------------------------------------

#: Code that needs all objects, whoever the user is, and why.
SEES_EVERYTHING = {
    "community/importing": "is an operator's tool",
    "community/merged.py": "follows merges, and asks whether a first post can be seen; its readers have the thread already",
    "community/merits.py": "reads where, when and by whom, never what",
    "community/models": "is the door",
    "community/queries.py": "follows merges, and shows that something was there; texts come through visible_to",
    "community/reconcile.py": "counts everything",
    "community/search_documents.py": "declares the index, which holds every thread with its audience",
    "community/screening.py": "compares fingerprints of what others wrote",
    "community/services": "locks rows by their id that the caller was allowed to change",
    "community/telling.py": "reads where and when something happened; its readers are asked for with visible_to",
    "community/viewing.py": "counts how often something was looked at, and reads nothing of it",
    "portal/core/editing.py": "is an editor's screen, and asks for the right to unpublish each",
    "portal/home/first_run.py": "asks whether the first texts are there, and shows none of them",
    "loyalty/rewards_admin.py": "is the staff's side",
    "loyalty/services/offers/": "counts, and deletes the rows of one key",
    "loyalty/services/rewards/": "locks rows by their id that the caller was allowed to change, and counts",
    "portal/core/pages.py": "is the door",
    "portal/core/panels.py": "is the editors' side",
    "portal/core/file_": "reads where files are shown, and to whom; no content",
    "portal/core/audience_check.py": "is the editors' side",
    "portal/core/roles.py": "gives editors rights on the tree",
    "portal/core/richtext.py": "only turns links into addresses",
    "portal/core/schedule.py": "publishes what editors set a date for; the pages then decide who sees them",
    "portal/core/routing.py": "finds the page of an address; the page itself then asks is_visible_to",
    "portal/demo": "makes the pages",
    "portal/downloads/admin.py": "is the editors' side",
    "portal/downloads/exchanging.py": "writes and takes in everything, for who may have everything",
    "portal/downloads/search_documents.py": "declares the index, which holds every download with its audience",
    "portal/downloads/shelf.py": "names downloads to editors, and says who may see them",
    "portal/downloads/services.py": "locks rows by their id that the caller was allowed to change",
    "portal/troubleshooters/admin.py": "is the editors' side",
    "portal/troubleshooters/admin_forms.py": "is the editors' side",
    "portal/troubleshooters/counting.py": "asks whether a row is there, and reads nothing of it",
    "portal/troubleshooters/exchanging.py": "writes and takes in everything, for who may have everything",
    "portal/troubleshooters/search_documents.py": "declares the index, which holds every troubleshooter with its audience",
    "portal/troubleshooters/services.py": "locks rows by their id that the caller was allowed to change",
    "faq/exporting": "writes and takes in everything, for who may have everything",
    "faq/importing": "is an editor's tool",
    "faq/management": "is an operator's tool",
    "faq/admin.py": "is the editors' side",
    "faq/link_check.py": "is the editors' side",
    "faq/page_forms.py": "is the editors' side",
    "faq/prefill.py": "is the editors' side",
    "faq/reports.py": "is the editors' side",
    "faq/upkeep.py": "is the editors' side",
    "faq/capturing.py": "is the editors' side",
    "faq/search_documents.py": "declares the index, which holds every page with its audience",
    "search/showing/pins.py": "knows what is pinned; each is asked for with visible_to before it is shown",
    "search/services.py": "keeps the index, which holds every page with its audience",
}
#: Containers in the page tree rather than content: the pages in them are filtered.
FOLDERS_OF_PAGES = {"HelpIndexPage", "HomePage"}


def guarded_models() -> list[type[Model]]:
    """Our models with a manager that has `visible_to`."""
    return [
        model
        for app in own_apps()
        for model in app.get_models()
        if any(hasattr(manager, "visible_to") for manager in model._meta.managers)
    ]


def guarded() -> Guarded:
    models = guarded_models()
    parents = {parent for model in models for parent in model._meta.get_parent_list()}
    names = {model.__name__ for model in (*models, *parents)} - FOLDERS_OF_PAGES
    accessors = {
        field.remote_field.get_accessor_name()
        for model in models
        for field in model._meta.get_fields()
        if field.is_relation and not field.auto_created and getattr(field.related_model, "_meta", None)
        if field.model in models and hasattr(field.remote_field, "get_accessor_name")
    }
    return Guarded(frozenset(names), frozenset(accessors - {None, "+"}))


@pytest.mark.parametrize(
    "line",
    [
        "Thread.objects.live().filter(x=1)",
        "forum.Thread.objects.get(pk=1)",
        "Thread._default_manager.all()",
        "kind.objects.live()",
        "document.model._default_manager.all()",
        "type(page).objects.all()",
        "Thread._base_manager.get(pk=1)",
        "T.objects.all()",
        "get_object_or_404(Thread, pk=1)",
        "area.threads.all()",
        "area.threads.filter(solved=True).count()",
        "Area.objects.prefetch_related('threads')",
        "apps.get_model('community.Thread')",
        "class Threads(ListView):\n    model = Thread",
    ],
)  # fmt: skip
def test_a_way_around_the_door_is_seen(line):
    source = f"from community.models import Thread as T\n{line}"

    assert ways_around(source, Guarded(frozenset({"Thread"}), frozenset({"threads"}))) == [2]


@pytest.mark.parametrize(
    "line",
    [
        "Thread.objects.child_of(p).visible_to(u).filter(x=1)",
        "get_object_or_404(Thread.objects.visible_to(u), pk=1)",
        "area.threads.visible_to(u)",
        "area.threads.solved().visible_to(u).count()",
        "reindex(Thread.objects.filter(pk=1))",
        "Post.objects.all()",
        "Thread.tags.through.objects.all()",
        "kind.objects.visible_to(None)",
        "class Threads(ListView):\n    model = Thread\n    def get_queryset(self): return super().visible_to(1)",
    ],
)
def test_the_door_itself_is_no_way_around(line):
    assert ways_around(line, Guarded(frozenset({"Thread"}), frozenset({"threads"}))) == []


def test_what_has_an_audience_reaches_readers_only_through_visible_to():
    of = guarded()
    around = {
        name_of(file): lines for file in own_python() if (lines := ways_around(file.read_text(encoding="utf-8"), of))
    }
    allowed = {name for name in around if name.startswith(tuple(SEES_EVERYTHING))}
    stale = [place for place in SEES_EVERYTHING if not any(name.startswith(place) for name in allowed)]

    assert {"ArticlePage", "TopicPage", "InfoPage", "Page"} <= of.models  # the check works
    assert {name: lines for name, lines in around.items() if name not in allowed} == {}, (
        "Use ….visible_to(user) in the same expression: it is the one door for audiences. Code that must see everything "
        "(an editor's screen, the index) is listed in SEES_EVERYTHING with its reason."
    )
    assert stale == [], "These go round the door no more: take them out of SEES_EVERYTHING."


def test_templates_do_not_walk_around_the_door():
    accessors = "|".join(sorted(guarded().accessors))
    walk = re.compile(rf"\.(?:{accessors})\.(?:all|first|last|count|exists|get_\w+)\b")
    around = [name_of(file) for file in TEMPLATES if walk.search(file.read_text(encoding="utf-8"))]

    assert walk.search("{% for article in product.articles.all %}")  # the check works
    assert around == [], "A template gets what its view fetched through visible_to."


# Background work -----------------------------------------------------------------------------------------------------


def test_every_outbox_handler_keeps_its_name_and_may_be_called_twice():
    names = [subscription.handler for subscription in outbox.subscriptions()]
    listed = background_work.HANDLERS.keys() | background_work.RETIRED_HANDLERS

    assert len(names) == len(set(names)), "Messages wait under the handler's name: each needs its own."
    assert set(names) - listed == set(), (
        "Add the handler to HANDLERS in tests/test_background_work.py, with an event it has work with: it is delivered twice."
    )
    assert listed - set(names) - background_work.RETIRED_HANDLERS == set(), (
        "Messages may wait under this name. When you moved or renamed the handler, subscribe it with the old name=; when "
        "it is gone for good, move its name to RETIRED_HANDLERS."
    )


def test_every_periodic_job_keeps_its_name_and_may_run_twice():
    names = {job.name for job in jobs.all_jobs()}
    listed = background_work.JOBS.keys() | background_work.RETIRED_JOBS

    assert names - listed == set(), (
        "Add the job to JOBS in tests/test_background_work.py, with something for it to do: it is run twice."
    )
    assert listed - names - background_work.RETIRED_JOBS == set(), (
        "The time a job is due is stored under its name: never change it. When the job is gone, move its name to RETIRED_JOBS."
    )


# Texts typed by readers ----------------------------------------------------------------------------------------------

#: Models whose text columns are not filled by readers, and who fills them.
WRITTEN_BY_OTHERS = {
    "community.Area": "staff",
    "community.AuditEntry": "moderators and the portal",
    "community.CommunityProfile": "moderators",
    "community.IdeaStatusChange": "staff",
    "community.ImportSource": "operators",
    "community.ImportedRow": "ids of another forum; hashes of those of people",
    "community.Tag": "staff and helpers",
    "community.TagSynonym": "staff",
    "community.ThreadLoops": "computed from what can be found",
    "community.SparedQuestion": "names what was found, not what was typed",
    "community.WatchedWord": "moderators",
    "accounts.AudienceMembership": "keys of audiences, by staff",
    "accounts.FirstAdministratorLink": "random",
    "accounts.Invitation": "administrators",
    "accounts.FormerHandle": "the portal: digests, from which nobody reads a name",
    "catalog.Product": "staff",
    "catalog.ProductVersion": "staff",
    "catalog.Topic": "staff",
    "core.BrandLink": "staff",
    "core.BrandPicture": "pictures of staff; digests",
    "core.AudienceInUse": "expressions of audiences, by editors",
    "core.FileAudience": "expressions of audiences, computed",
    "core.OutboxMessage": "events: ids and plain values",
    "core.OutgoingMail": "the portal, encrypted",
    "core.PeriodicJob": "names of jobs, and places of errors without their messages",
    "core.RoleGroup": "names of rights",
    "core.SiteBrand": "staff",
    "core.StoredFile": "names of editors' files",
    "core.SupportSettings": "staff",
    "core.VisitSalt": "random",
    "downloads.Download": "editors",
    "downloads.File": "editors",
    "downloads.Release": "editors",
    "downloads.Transfer": "keys of visitors, computed",
    "faq.ArticleImport": "editors, and the portal about their files",
    "faq.ArticlePage": "editors",
    "faq.BrokenLink": "editors",
    "faq.Export": "the portal",
    "faq.HelpIndexPage": "editors",
    "faq.HelpMedia": "editors",
    "faq.Publication": "editors",
    "faq.ReusableContent": "editors",
    "faq.TopicPage": "editors",
    "home.HomePage": "editors",
    "home.InfoPage": "editors",
    "home.PopularSearch": "editors",
    "loyalty.Account": "names of budgets, reasons and holds, by the portal",
    "loyalty.ActivityCell": "codes and numbers, by the portal",
    "loyalty.Adjustment": "ids, by the portal; the note is registered",
    "loyalty.ApiToken": "staff",
    "loyalty.Badge": "staff",
    "loyalty.BadgeRecord": "codes and numbers, by the portal",
    "loyalty.BoardRow": "names of periods, by the portal",
    "loyalty.Campaign": "staff",
    "loyalty.Challenge": "staff",
    "loyalty.ChallengeRecord": "codes and numbers, by the portal",
    "loyalty.Checkpoint": "computed from journals",
    "loyalty.Decision": "codes and ids, by the portal",
    "loyalty.Earning": "staff",
    "loyalty.EarningRule": "staff",
    "loyalty.Journal": "keys, codes and ids, by the portal",
    "loyalty.LedgerFinding": "what the check found, by the portal",
    "loyalty.LoyaltyEvent": "codes and ids, by the portal",
    "loyalty.MemberAddress": "keyed hashes, by the portal",
    "loyalty.PaceBaseline": "codes and numbers, by the portal",
    "loyalty.PaceReview": "codes, ids and numbers, by the portal",
    "loyalty.PointsClaim": "codes, by the portal; the note is registered",
    "loyalty.PointsFile": "ids, by the portal; the note is registered",
    "loyalty.PointsFileRow": "codes, by the portal",
    "loyalty.MemberCard": "random digits",
    "loyalty.MemberConsent": "codes, by the portal",
    "loyalty.Offer": "staff",
    "loyalty.OfferAnswer": "codes, by the portal",
    "loyalty.OfferAssignment": "codes, by the portal",
    "loyalty.OfferDecision": "codes, by the portal",
    "loyalty.OfferPolicy": "random, by the portal",
    "loyalty.OfferShown": "codes, by the portal",
    "loyalty.PointsPolicy": "staff",
    "loyalty.Programme": "staff",
    "loyalty.ReferredAddress": "keyed hashes, by the portal",
    "loyalty.VotingReview": "codes, ids and numbers, by the portal",
    "loyalty.Redemption": "keys of forms, by the portal",
    "loyalty.RedemptionStep": "codes and ids, by the portal",
    "loyalty.Referral": "codes, and hashes of networks, by the portal",
    "loyalty.ReferralCode": "random letters, and hashes of networks, by the portal",
    "loyalty.Reward": "staff",
    "loyalty.RewardPrice": "ids, by the portal",
    "loyalty.RuleCounter": "codes, by the portal",
    "loyalty.RuleVersion": "staff",
    "loyalty.SegmentMembership": "codes and numbers, by the portal",
    "loyalty.ShopEvent": "ids of a shop, in a few letters",
    "loyalty.ShopOrder": "ids of a shop, in a few letters",
    "loyalty.SwitchRecord": "codes and ids, by the portal",
    "loyalty.Tier": "staff",
    "loyalty.TierMembership": "codes and numbers, by the portal",
    "loyalty.TierSet": "staff",
    "loyalty.VoucherCode": "staff, encrypted",
    "loyalty.Webhook": "staff, the secret encrypted",
    "loyalty.WebhookDelivery": "codes, numbers and ids, by the portal",
    "search.ClickEvidence": "names of kinds",
    "search.EntryVector": "computed from what can be found",
    "notifications.Follow": "names of targets",
    "notifications.Notification": "ids and plain values; what people typed is loaded when it is read",
    "search.IndexedEntry": "what can be found",
    "search.PostingBlock": "computed from what can be found",
    "search.Scope": "names of kinds",
    "search.Synonym": "editors",
    "search.Term": "words of what can be found",
    "search.UnusedStarter": "a key of a file, chosen by editors",
    "search.Word": "words of what can be found",
    "troubleshooters.Arrival": "keys of visitors, computed",
    "troubleshooters.Outcome": "keys of visitors, computed",
    "troubleshooters.Troubleshooter": "editors",
    "troubleshooters.Version": "editors",
}
#: Columns of the other models that are not filled by readers.
NOT_TYPED = {
    "language", "time_zone", "password", "visitor", "visit", "network", "kind", "notices", "answers", "audience", "token", "place",
    "carrier", "tracking", "state_reason", "state_note", "revoked_because", "reasons", "content_type", "sha256", "file",
}  # fmt: skip


#: The same for the models of packages, by app; a name without a column means the whole model or app.
OF_PACKAGES = {
    "account.EmailConfirmation": "random",
    "admin": "the emergency admin",
    "auth": "names of rights and groups",
    "contenttypes": "names of models",
    "sessions.Session": "ids and preferences; the journey of a day searches them",
    "socialaccount": "what a sign-in provider says of an account, and its configuration",
    "taggit": "editors",
    "usersessions.UserSession": "the browser",
    "wagtail_localize": "editors",
    "wagtailadmin": "editors",
    "wagtailcore": "editors",
    "wagtaildocs": "editors",
    "wagtailembeds": "other sites; embeds are switched off",
    "wagtailimages": "editors",
    "wagtailmedia": "editors",
    "wagtailredirects": "editors, and the portal when a page moves",
    "wagtailsearch": "editors' pages",
    "wagtailsearchpromotions": "editors: pinned answers",
    "wagtailusers": "names of panels",
}


def holds_text(field) -> bool:
    return (
        isinstance(field, models.CharField | models.TextField | models.JSONField | models.BinaryField)
        and not field.choices
    )


def test_every_column_with_words_of_readers_is_registered():
    """Expiry, export, erasure and the search for personal data in the database use this register."""
    registered = {(typed.model, typed.field) for typed in typed_texts()}
    columns = {
        (model._meta.label, field.name)
        for model in apps.get_models()
        for field in model._meta.local_concrete_fields
        if holds_text(field)
    }
    own = {model._meta.label for app in own_apps() for model in app.get_models()}

    assert ("search.SearchLog", "text") in columns & registered  # the check works
    assert registered - columns == set(), "There is no such column."
    unknown = {
        f"{label}.{name}"
        for label, name in columns - registered
        if label in own and label not in WRITTEN_BY_OTHERS and name not in NOT_TYPED
    }
    assert unknown == set(), (
        "A reader may type into it: redact it (portal.core.privacy.redact_to) and call register_typed_text in the app's "
        "apps.py. Nobody does: say who fills it in WRITTEN_BY_OTHERS or NOT_TYPED."
    )


# Texts, templates, styles --------------------------------------------------------------------------------------------


def test_nor_does_a_package_store_words_of_readers_that_nobody_knows_of():
    ours = {app.label for app in own_apps()}
    registered = {(typed.model, typed.field) for typed in typed_texts()}
    unknown = {
        f"{model._meta.label}.{field.name}"
        for model in apps.get_models()
        if model._meta.app_label not in ours | OF_PACKAGES.keys() and model._meta.label not in OF_PACKAGES
        for field in model._meta.local_concrete_fields
        if holds_text(field) and (model._meta.label, field.name) not in registered
    }

    assert ("account.EmailAddress", "email") in registered  # the check works
    assert unknown == set(), "Register it (portal.core.privacy), or say in OF_PACKAGES who fills it."


def test_every_text_of_readers_has_a_purpose_and_an_end():
    names = {job.name for job in jobs.all_jobs()}
    wrong = {}
    for typed in typed_texts():
        column = apps.get_model(typed.model)._meta.get_field(typed.field)
        ends = [bool(typed.until), bool(typed.since), bool(typed.removed_by)]
        if not typed.purpose:
            wrong[f"{typed.model}.{typed.field}"] = "purpose=: what is it needed for?"
        elif ends.count(True) != 1 or (typed.keep_days is None) != bool(typed.until):
            wrong[f"{typed.model}.{typed.field}"] = "keep_days= with since= or removed_by=, or until="
        elif typed.removed_by and typed.removed_by not in names:
            wrong[f"{typed.model}.{typed.field}"] = f"there is no job {typed.removed_by}"
        elif typed.since and not (
            isinstance(column, models.CharField | models.TextField)
            and column.blank
            and not column.null
            and isinstance(apps.get_model(typed.model)._meta.get_field(typed.since), models.DateTimeField)
        ):
            wrong[f"{typed.model}.{typed.field}"] = "since= a time; the text must be allowed to be empty"

    assert wrong == {}, "Give it to register_typed_text in the app's apps.py."


def test_nothing_waits_to_be_returned_to():
    mark = chr(0x2042)
    files = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout.splitlines()  # fmt: skip
    texts = (
        ROOT / file for file in files if Path(file).suffix in {".py", ".html", ".css", ".js", ".md", ".toml", ".po"}
    )
    marked = [name_of(file) for file in texts if file.is_file() and mark in file.read_text(encoding="utf-8")]

    assert marked == [], f"{mark} means “come back here”: do it now or write an issue."


@pytest.mark.parametrize("file", PAGES, ids=name_of)
def test_template_fits_the_strict_content_security_policy(file):
    source = re.sub(r"{#.*?#}|{% comment.*?endcomment %}", "", file.read_text(encoding="utf-8"), flags=re.DOTALL)

    inline = [
        tag
        for tag in re.findall(r"<script\b[^>]*>", source)
        if not re.search(r"\ssrc=", tag) and "application/ld+json" not in tag
    ]
    inline += re.findall(r"<style\b[^>]*>|\sstyle=[\"'][^\"']*|\son[a-z]+=[\"'][^\"']*|href=[\"']javascript:", source)

    assert inline == [], "The browser refuses these: use a class, a data- attribute, an SVG attribute or a module."


PHYSICAL = re.compile(
    r"(?:margin|padding|border|scroll-margin|scroll-padding)-(?:left|right)\b|border-(?:top|bottom)-(?:left|right)-radius"
    r"|(?<![\w-])(?:left|right)\s*:|text-align\s*:\s*(?:left|right)|(?:float|clear)\s*:\s*(?:left|right)"
)


@pytest.mark.parametrize("file", STYLE_SHEETS, ids=name_of)
def test_style_sheet_knows_no_left_and_right(file):
    source = re.sub(
        r"/\*.*?\*/", lambda found: "\n" * found.group().count("\n"), file.read_text(encoding="utf-8"), flags=re.DOTALL
    )

    physical = [
        f"{number}: {line.strip()}" for number, line in enumerate(source.splitlines(), 1) if PHYSICAL.search(line)
    ]

    assert PHYSICAL.search("a { margin-left: 1px }")  # the check works
    assert physical == [], "Persian runs the other way: margin-inline-start, inset-inline-end, text-align: start."


# Settings ------------------------------------------------------------------------------------------------------------


def variables_read() -> list[str]:
    """Names of the environment variables that the settings read, once per occurrence."""
    names = []
    for file in sorted((ROOT / "portal" / "settings").glob("*.py")):
        source = file.read_text(encoding="utf-8")
        names += re.findall(r"\benv\.\w+\(\s*\"(\w+)\"", source)
        for ending in re.findall(r"\benv\.\w+\(\s*f\"{provider\.upper\(\)}(\w+)\"", source):
            names += [f"GOOGLE{ending}", f"GITHUB{ending}"]
    return names


def test_every_environment_variable_is_documented():
    manual = (ROOT / "docs" / "operate.md").read_text(encoding="utf-8")

    unknown = [name for name in [*variables_read(), "HOST", "PORT", "WORKERS"] if f"`{name}`" not in manual]

    assert "DATABASE_URL" in variables_read()  # the check works
    assert unknown == [], "Add them to docs/operate.md."


def test_every_environment_variable_is_read_once():
    names = variables_read()

    twice = {name for name in names if names.count(name) > 1}

    assert twice == set(), "Two readers drift apart."


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "nonsense"),
        ("DATABASE_URL", "mysql://user@host/name"),
        ("DATABASE_URL", "postgres://user:hunter2@host:54x2/name"),
        ("HTTPS", "maybe"),
        ("STAFF_SECOND_FACTOR", "Flase"),
        ("REDIS_URL", "localhost:6379"),
        ("BASE_URL", "portal.example"),
        ("LANGUAGE_CODE", "xx"),
        ("TIME_ZONE", "Mars/Olympus"),
        ("LOG_LEVEL", "loud"),
        ("TRUSTED_PROXY_COUNT", "-1"),
        ("OIDC_PROVIDERS", "{"),
        ("EMAIL_URL", "mail.example"),
    ],
)
def test_wrong_value_stops_the_start(name, value, tmp_path):
    done = start_with({name: value}, tmp_path)

    assert done.returncode != 0
    assert f"ImproperlyConfigured: {name} must" in done.stderr.splitlines()[-1]
    assert "hunter2" not in done.stderr


def test_empty_values_count_as_unset(tmp_path):
    done = start_with({"DATABASE_URL": "", "HTTPS": "", "REDIS_URL": "", "TIME_ZONE": "", "BASE_URL": ""}, tmp_path)

    assert done.stdout.split() == ["django.db.backends.sqlite3", "Asia/Tehran"], done.stderr


def test_production_does_not_start_without_a_secret_key(tmp_path):
    done = start_with({"SECRET_KEY": ""}, tmp_path)

    assert "Set SECRET_KEY" in done.stderr.splitlines()[-1]


def test_secret_key_may_begin_with_a_dollar_sign(tmp_path):
    done = start_with({"SECRET_KEY": "$HOME"}, tmp_path, show="settings.SECRET_KEY")

    assert done.stdout.strip() == "$HOME"


def test_earlier_keys_are_named_by_the_environment(tmp_path):
    done = start_with({"SECRET_KEY_FALLBACKS": "one,two"}, tmp_path, show="settings.SECRET_KEY_FALLBACKS")

    assert done.stdout.strip() == "['one', 'two']"


def start_with(
    variables: dict[str, str], data_dir: Path, show: str = "settings.DATABASES['default']['ENGINE'], settings.TIME_ZONE"
) -> subprocess.CompletedProcess[str]:
    env = {"PATH": os.environ["PATH"], "DATA_DIR": str(data_dir), "SECRET_KEY": "for this test", **variables}
    code = f"from django.conf import settings; print(*[{show}])"
    return subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False,
        env={**env, "DJANGO_SETTINGS_MODULE": "portal.settings.production"},
    )  # fmt: skip
