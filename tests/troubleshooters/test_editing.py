"""Services and editors' screens: publishing and what it refuses, copying, rights, and answers at the same moment."""

from __future__ import annotations

from dataclasses import replace

import pytest
from django.core.exceptions import PermissionDenied
from django.test import Client
from django.urls import reverse

from portal.core.roles import CONTENT_EDITORS
from portal.troubleshooters import counting, queries, services
from portal.troubleshooters.exceptions import TroubleshooterError
from portal.troubleshooters.graph import Graph, Kind
from portal.troubleshooters.models import Arrival, Outcome, Troubleshooter, Version
from tests.factories.accounts import UserFactory
from tests.factories.faq import ArticlePageFactory
from tests.factories.troubleshooters import SMALL, TroubleshooterFactory, contact, question, solution, words
from tests.threads import at_once

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.both_databases(
        "portal.troubleshooters.admin", "portal.troubleshooters.services", "portal.troubleshooters.counting",
        "portal.troubleshooters.models",
    ),
]  # fmt: skip


@pytest.fixture
def editor(settings):
    settings.STAFF_SECOND_FACTOR = False
    client = Client()
    client.force_login(UserFactory(role=CONTENT_EDITORS))
    return client


def step_data(title, *answers, kind="question", otherwise="", **more):
    data = {"kind": kind, "title_fa": title, "title_en": title, "otherwise": otherwise, **more}
    data |= {"answers-TOTAL_FORMS": len(answers), "answers-INITIAL_FORMS": 0}
    for place, (label, to) in enumerate(answers):
        data |= {f"answers-{place}-label_fa": label, f"answers-{place}-label_en": label, f"answers-{place}-to": to}
    return data


def test_an_editor_makes_one_without_knowing_what_a_graph_is_and_publishes_it(editor):
    editor.post(
        reverse("troubleshooters_admin:add"),
        {"title_fa": "سیم‌کارت", "slug": "sim", "icon": "smartphone", "audience": "public", "order": 0},
    )
    it = Troubleshooter.objects.get(slug="sim")
    new = reverse("troubleshooters_admin:add_step", args=[it.pk])
    editor.post(new, step_data("آنتن دارید؟", ("بله", "new"), ("نه", "new")))
    it.refresh_from_db()
    assert [step.targets for step in it.graph] == [[2, 3], [], []]
    problems = editor.get(reverse("troubleshooters_admin:edit", args=[it.pk])).text
    refused = editor.post(reverse("troubleshooters_admin:publish", args=[it.pk]), follow=True).text
    for number in (2, 3):
        url = reverse("troubleshooters_admin:step", args=[it.pk, number])
        editor.post(url, step_data(f"راه {number}", kind="solution", text_fa="- این"))
    editor.post(reverse("troubleshooters_admin:publish", args=[it.pk]))
    it.refresh_from_db()

    assert "این پرسش هیچ پاسخی ندارد" in problems
    assert "این پرسش هیچ پاسخی ندارد" in refused
    assert it.live.number == 1
    assert it.shown_languages == ["fa"]
    assert "آنتن دارید؟" in Client().get("/fa/troubleshoot/sim/").text


def test_answers_are_ordered_and_removed_without_a_script(editor):
    it = TroubleshooterFactory(is_published=False)
    data = step_data("پرسش", ("یک", "2"), ("دو", "3"), ("سه", "3"))
    data |= {"answers-0-ORDER": 9, "answers-1-ORDER": 1, "answers-2-DELETE": "on"}
    editor.post(reverse("troubleshooters_admin:step", args=[it.pk, 1]), data)
    editor.post(reverse("troubleshooters_admin:move", args=[it.pk, 1]), {"to": "down"})
    editor.post(reverse("troubleshooters_admin:delete_step", args=[it.pk, 3]))
    it.refresh_from_db()

    assert [step.number for step in it.graph] == [2, 1, 4, 5]
    assert [(str(each.label), each.to) for each in it.graph.step(1).answers] == [("دو", None), ("یک", 2)]


def test_a_form_that_is_older_than_what_is_there_changes_nothing(editor):
    it = TroubleshooterFactory(audience="public")
    about, step = (
        reverse("troubleshooters_admin:edit", args=[it.pk]),
        reverse("troubleshooters_admin:step", args=[it.pk, 3]),
    )
    opened = editor.get(about).context["form"]["seen"].value()
    opened_step = editor.get(step).context["form"]["seen"].value()
    it.audience = "staff"
    services.save_troubleshooter(it)
    found = it.graph.step(3)
    services.save_step(troubleshooter=it, step=replace(found, title=words("تازه")))
    data = {"title_fa": "x", "title_en": "x", "slug": it.slug, "icon": "route", "audience": "public", "order": 0}

    late = editor.post(about, {**data, "seen": opened})
    late_step = editor.post(step, step_data("کهنه", kind="solution", seen=opened_step))

    assert (late.status_code, late_step.status_code) == (422, 422)
    assert "در این میان" in late.text
    it.refresh_from_db()
    assert (it.audience, str(it.graph.step(3).title)) == ("staff", str(words("تازه")))


def test_the_preview_shows_the_draft_to_editors_only_and_counts_nothing(editor):
    it = TroubleshooterFactory(is_published=False)
    url = reverse("troubleshooters_admin:preview", args=[it.pk])

    first = editor.get(url)
    chosen = editor.get(url + "?a=0&p=0")

    assert "پرسش 1" in first.text or "Question 1" in first.text
    assert chosen["Location"].endswith("/preview/2/?p=0-1.0")
    assert editor.get(chosen["Location"]).status_code == 200
    assert Client().get(url).status_code == 302
    assert Client().get(it.get_absolute_url()).status_code == 404


def test_publishing_refuses_what_would_strand_a_reader_and_changes_nothing():
    it = TroubleshooterFactory()
    services.store_draft(troubleshooter=it, graph=Graph((question(1, 2), question(2, 1))))

    with pytest.raises(TroubleshooterError, match="1"):
        services.publish(troubleshooter=it, by=UserFactory(superuser=True))
    with pytest.raises(PermissionDenied):
        services.publish(troubleshooter=it, by=UserFactory())

    it.refresh_from_db()
    assert it.live.steps == SMALL


def test_an_article_for_fewer_readers_is_refused():
    article = ArticlePageFactory(audience="segment:fibre")
    step = contact(2)
    step = type(step)(2, Kind.ARTICLE, step.title, article=str(article.translation_key))
    it = TroubleshooterFactory(graph=Graph((question(1, 2), step)), is_published=False, title=words("یک") | {"en": ""})

    assert [each.step for each in queries.problems_in(it)] == [2]
    it.audience = "segment:fibre"
    assert queries.problems_in(services.save_troubleshooter(it)) == []


def test_publishing_twice_is_once_and_versions_never_change():
    it = TroubleshooterFactory()
    admin = UserFactory(superuser=True)
    services.publish(troubleshooter=it, by=admin)
    services.store_draft(troubleshooter=it, graph=Graph((question(1, 3), solution(3))))
    services.publish(troubleshooter=it, by=admin)

    first, second = Version.objects.order_by("number")
    assert first.steps == SMALL
    assert first.replaced_at is not None
    assert len(second.steps) == 2


def test_a_copy_is_a_draft_of_its_own(editor):
    it = TroubleshooterFactory(slug="x" * 60)
    editor.post(reverse("troubleshooters_admin:copy", args=[it.pk]))
    editor.post(reverse("troubleshooters_admin:copy", args=[it.pk]))
    copies = list(Troubleshooter.objects.exclude(pk=it.pk))

    assert {each.live for each in copies} == {None}
    assert [each.graph for each in copies] == [SMALL, SMALL]
    assert "xxx" in editor.get(reverse("troubleshooters_admin:history", args=[copies[0].pk])).text


def test_editors_open_every_screen_and_other_staff_none(editor):
    it = TroubleshooterFactory()
    whole = ("edit", "history", "add_step", "publish", "withdraw", "copy", "preview", "preview_people")
    urls = [reverse(f"troubleshooters_admin:{name}", args=[it.pk]) for name in whole]
    urls += [
        reverse(f"troubleshooters_admin:{name}", args=[it.pk, 4]) for name in ("step", "delete_step", "preview_step")
    ]
    other = Client()
    other.force_login(UserFactory(staff=True))

    assert {url: editor.get(url).status_code for url in urls} == dict.fromkeys(urls, 200)
    assert {other.get(url).status_code for url in urls} <= {302, 403}


def test_own_data_is_exported_and_forgotten():
    person = UserFactory()
    it = TroubleshooterFactory()
    services.give_outcome(version=it.live, step=4, is_solved=True, user=person)

    exported = list(services.export_of(person))
    services.erase(person)
    services.erase(person)

    assert exported[0][1]["troubleshooter"] == it.slug
    assert not Outcome.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_answers_at_the_same_moment_are_one_per_reader():
    it = TroubleshooterFactory()
    people = [{"visitor": f"{number:032x}"} for number in range(4)] * 3

    raised = at_once(
        *(
            lambda who=who, solved=bool(place % 2): services.give_outcome(
                version=it.live, step=4, is_solved=solved, **who
            )
            for place, who in enumerate(people)
        )
    )

    assert raised == []
    assert Outcome.objects.count() == 4
    figures = queries.figures_of(it)[4]
    assert figures.solved + figures.unsolved == 4


@pytest.mark.django_db(transaction=True)
def test_processes_that_store_the_same_visitors_count_each_once():
    from django.utils import timezone

    it = TroubleshooterFactory()
    batch = [
        counting.Came(
            at=timezone.now(), address=f"203.0.113.{number}", user_agent="x", troubleshooter_id=it.pk, step=2, before=1
        )
        for number in range(8)
    ]
    batch[0].visitor  # the salt of the day is stored outside the race  # noqa: B018

    raised = at_once(*(lambda part=part: counting.store_arrivals(part) for part in (batch, batch[::-1], batch)))

    assert raised == []
    assert Arrival.objects.filter(step=2, went_on=False).count() == 8
    assert Arrival.objects.filter(step=1, went_on=True).count() == 8


def test_showing_it_to_more_people_is_publishing_it_for_them():
    article = ArticlePageFactory(audience="segment:fibre")
    step = replace(contact(2), kind=Kind.ARTICLE, article=str(article.translation_key))
    it = TroubleshooterFactory(
        graph=Graph((question(1, 2), step)), title=words("یک") | {"en": ""}, audience="segment:fibre"
    )
    writer, admin = UserFactory(role=CONTENT_EDITORS), UserFactory(superuser=True)
    writer.has_perm = lambda name: name != services.PUBLISH

    for by, reason in ((writer, "فقط کسی"), (admin, "گام")):
        it.audience = "public"
        with pytest.raises(TroubleshooterError, match=reason):
            services.save_troubleshooter(it, by=by)
    it.audience = "staff"
    services.save_troubleshooter(it, by=writer)

    assert Troubleshooter.objects.get(pk=it.pk).audience == "staff"
