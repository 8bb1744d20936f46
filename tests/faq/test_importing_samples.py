"""Small folders in the shape of each documentation system arrive: their files, and what is in them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from bench.import_measures import compare, counts_of_markdown
from faq.importing import Outcome, import_articles
from tests.factories.faq import help_site

SAMPLES = Path(__file__).parent / "samples"

pytestmark = pytest.mark.django_db


def sources():
    """Each folder, or the spreadsheet in it."""
    for folder in sorted(SAMPLES.iterdir()):
        if list(folder.glob("*.json")):
            continue  # see test_importing_zendesk.py
        tables = [path for path in folder.iterdir() if path.suffix in {".csv", ".tsv", ".xlsx"}]
        yield pytest.param(tables[0] if tables else folder, id=folder.name)


@pytest.mark.parametrize("source", list(sources()))
def test_a_folder_arrives_as_it_is(source):
    help_site()

    report = import_articles(source)
    result = compare(source, report)

    assert not result.refused
    assert result.share_of_files >= 0.99, result.refused
    assert result.share_of_elements >= 0.98, result.lost
    assert result.share_of_words >= 0.98, result.lost
    assert result.silent == []
    assert {row.outcome for row in import_articles(source, dry_run=True).rows} <= {Outcome.UNCHANGED, Outcome.SKIPPED}


def test_the_measure_sees_what_is_lost():
    source = counts_of_markdown(
        "---\ntitle: x\n---\n# A\n\n!!! note\n    two words\n\n- one\n- `two`\n\n[[Page|text]] ![[x.png]]\n"
    )
    arrived = counts_of_markdown("- one\n")

    assert source.elements == {"headings": 1, "list items": 2, "code": 1, "links": 1, "pictures": 1}
    assert source.missing(arrived) == Counter(
        {"headings": 1, "list items": 1, "code": 1, "links": 1, "pictures": 1, "words": 4}
    )
