"""The checks before publishing, against an oracle that walks every path; paths in addresses; the drawing."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from django.utils import translation

from portal.core.localized import LocalizedText
from portal.demo.troubleshooters import FOLDER, graph_of, read_all
from portal.troubleshooters.drawing import HEIGHT, WIDTH, drawing_of, layers_of
from portal.troubleshooters.faults import Fault, problems_of
from portal.troubleshooters.graph import Answer, Graph, Kind, Step, longest_ways
from portal.troubleshooters.walking import Hop, Path, is_walkable, parse, target_of
from tests.factories.troubleshooters import SMALL, contact, question, solution, words

BOTH = ("fa", "en")


def faults(graph, **kwargs):
    return {(each.fault, each.step) for each in problems_of(graph, languages=BOTH, readable={}, **kwargs)}


def random_graph(seed):
    """Up to seven steps; some answers lead nowhere, some questions have none, circles are frequent."""
    chance = random.Random(seed)  # noqa: S311 - repeatable graphs
    numbers = list(range(1, chance.randint(2, 8)))
    steps = []
    for number in numbers:
        others = [*numbers, *numbers, *numbers, None]
        if chance.random() < 0.6:
            targets = [chance.choice(others) for _answer in range(chance.randint(0, 3))]
            steps.append(question(number, *targets, otherwise=chance.choice([None, None, *numbers])))
        else:
            steps.append(chance.choice([solution(number, chance.choice([None, *numbers])), contact(number)]))
    return Graph(tuple(steps))


def walks(graph, begin):
    """Every step on a path from `begin` that visits none twice: the slow and obvious way."""
    steps, found = {step.number: step for step in graph}, set()

    def walk(number, path):
        found.add(number)
        step = steps[number]
        following = [answer.to for answer in step.answers] if step.kind == "question" else []
        following += [step.otherwise] if step.kind != "contact" else []
        for to in following:
            if to in steps and to not in path:
                walk(to, [*path, to])

    walk(begin, [begin])
    return found


@pytest.mark.parametrize("seed", range(120))
def test_checks_agree_with_walking_every_path(seed):
    graph = random_graph(seed)
    ends = {step.number for step in graph if step.kind != "question"}
    dead = {
        step.number
        for step in graph
        if step.kind == "question" and (not step.answers or any(answer.to is None for answer in step.answers))
    }
    reached = walks(graph, graph.steps[0].number)
    # An end on the way is an end of the path: what lies behind it does not count as a way out.
    cut = Graph(tuple(replace(step, otherwise=None) if step.number in ends else step for step in graph))
    endless = {step.number for step in graph if not walks(cut, step.number) & ends} - dead

    found = faults(graph)

    assert {step for fault, step in found if fault is Fault.DEAD_END} == dead
    assert {step for fault, step in found if fault is Fault.UNREACHABLE} == {s.number for s in graph} - reached
    assert {step for fault, step in found if fault is Fault.LOOP} == endless


def test_a_sound_graph_has_no_problem_and_an_empty_one_has():
    assert faults(SMALL) == set()
    assert faults(Graph()) == {(Fault.EMPTY, None)}


@pytest.mark.parametrize(
    ("graph", "fault", "step"),
    [
        (Graph((question(1, 2), question(2))), Fault.DEAD_END, 2),
        (Graph((question(1, 2, None), solution(2))), Fault.DEAD_END, 1),
        (Graph((question(1, 2, 3), question(2, 1), solution(3), question(4, 5), question(5, 4))), Fault.LOOP, 4),
        (Graph((question(1, 2), solution(2), solution(3))), Fault.UNREACHABLE, 3),
        (Graph((question(1, 2), replace(solution(2), title=words("راه", " ")))), Fault.NO_WORDS, 2),
        (Graph((question(1, 2), replace(solution(2), text=LocalizedText()))), Fault.NO_WORDS, 2),
        (Graph((question(1, 2), replace(contact(2), kind=Kind.ARTICLE))), Fault.ARTICLE, 2),
        (Graph((question(1, 2), replace(contact(2), kind=Kind.ARTICLE, article="of-nobody"))), Fault.ARTICLE, 2),
    ],
)
def test_the_message_names_the_step(graph, fault, step):
    with translation.override("en"):
        found = problems_of(graph, languages=BOTH, readable={"of-nobody": {"fa"}})

    messages = [each.message for each in found if (each.fault, each.step) == (fault, step)]
    assert messages
    assert all(f"step {step}, " in message for message in messages)


def test_a_percent_sign_in_an_answer_is_a_percent_sign():
    wrong = Step(1, Kind.QUESTION, words("50 %s"), answers=(Answer(words("100 %(step)s %d")),))

    assert any("100 %(step)s %d" in each.message for each in problems_of(Graph((wrong,)), languages=BOTH, readable={}))


def test_a_graph_survives_being_stored_and_changed():
    assert Graph.from_json(SMALL.to_json()) == SMALL
    less = SMALL.without(3)
    assert [answer.to for answer in less.step(1).answers] == [2, None]
    assert [step.number for step in SMALL.moved(3, -5)] == [3, 1, 2, 4, 5]
    assert SMALL.moved(9, 1) == SMALL
    assert longest_ways(SMALL)[1] == 2
    assert longest_ways(Graph((question(1, 2), question(2, 1, 3), solution(3))))[1] == 2


def test_paths_are_believed_as_far_as_they_can_be_walked():
    path = Path(3, (Hop(1, 0), Hop(2, None)))

    assert str(path) == "3-1.0-2.u"
    assert parse(str(path)) == path
    assert is_walkable(SMALL, path, 5)
    assert not is_walkable(SMALL, path, 4)
    assert not is_walkable(SMALL, Path(3, (Hop(1, 0), Hop(4, None))), 5)
    assert not is_walkable(SMALL, Path(3, (Hop(1, 7),)), 2)
    assert is_walkable(SMALL, Path(3, (Hop(3, None),)), None)
    assert len(Path(1, (Hop(1, 0),) * 60).then(Hop(1, 0)).hops) == 40
    with pytest.raises(LookupError):
        target_of(contact(5), None)


@pytest.mark.parametrize(
    "text", ["", "x", "3-", "3-1", "3-1.-1", "3-1.100", "۳-۱.۰", "3-1.0\n", "9" * 4000, "1" + "-1.0" * 41]
)
def test_what_is_no_path_is_none(text):
    assert parse(text) is None


@pytest.mark.parametrize("seed", range(20))
def test_no_two_boxes_of_a_drawing_overlap_and_right_to_left_is_its_mirror(seed):
    graph = random_graph(seed)
    ltr, rtl = (drawing_of(graph, problems={1}, is_rtl=is_rtl) for is_rtl in (False, True))
    boxes = list(ltr.boxes)

    assert {box.step.number for box in boxes} == {step.number for step in graph}
    for one in boxes:
        assert 0 <= one.x <= ltr.width - WIDTH
        assert 0 <= one.y <= ltr.height - HEIGHT
        assert not any(
            abs(one.x - other.x) < WIDTH and abs(one.y - other.y) < HEIGHT for other in boxes if other is not one
        )
    assert [box.x for box in rtl.boxes] == [ltr.width - box.x - WIDTH for box in boxes]
    assert [box.step.number for box in boxes if box.has_problem] == [1]


@pytest.mark.parametrize("told", read_all(), ids=lambda told: told["slug"])
def test_those_of_the_demo_can_be_published_in_both_languages(told):
    graph = graph_of(told, key_of=str)
    readable = {step.article: BOTH for step in graph}
    texts = [text for step in graph for text in (step.title, step.text, *(each.label for each in step.answers))]

    assert problems_of(graph, languages=BOTH, readable=readable) == []
    assert len(graph) >= 6
    assert {type(value) for text in texts for value in text.values()} == {str}
    articles = {file.name.partition(".")[0] for file in FOLDER.parent.glob("articles/*/*.md")}
    assert {step.article for step in graph} - {""} <= articles


@pytest.mark.parametrize("seed", range(30))
def test_layers_lead_down_unless_the_way_leads_back(seed):
    graph = random_graph(seed)
    layers = layers_of(graph)
    depth = {number: place for place, layer in enumerate(layers) for number in layer}
    seen = walks(graph, graph.steps[0].number)

    assert sorted(number for layer in layers for number in layer) == sorted(step.number for step in graph)
    level = [
        (step.number, to) for step in graph for to in step.targets if to in depth and depth[to] == depth[step.number]
    ]
    assert all(step == to or step not in seen or to in step_back(graph, step) for step, to in level)


def step_back(graph, number):
    """The steps from which a step is reached."""
    return {step.number for step in graph if number in walks(graph, step.number)}
