from __future__ import annotations

import os

import pytest
from django.core.management import CommandError, call_command
from django.utils.translation import gettext, override

HEAD = 'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=utf-8\\n"\n"Plural-Forms: nplurals=2; plural=(n > 1);\\n"\n\n'


@pytest.fixture
def catalogue(tmp_path, settings):
    """A catalogue with one Persian text that neither Django nor Wagtail contains."""
    folder = tmp_path / "fa" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    settings.LOCALE_PATHS = [tmp_path, *settings.LOCALE_PATHS]
    file = folder / "django.po"
    file.write_text(HEAD + 'msgid "A lamp in the hall"\nmsgstr "چراغی در راهرو"\n', encoding="utf-8")
    return file


def test_compiled_texts_are_used_at_once(catalogue):
    with override("fa"):
        before = gettext("A lamp in the hall")
        call_command("compile_translations", verbosity=0)

    with override("fa"):
        assert before == "A lamp in the hall"
        assert gettext("A lamp in the hall") == "چراغی در راهرو"


def test_only_what_changed_is_compiled_again(catalogue, capsys):
    counts = []
    for age_seconds in (None, None, 10):
        if age_seconds is not None:  # changed after it was compiled
            compiled_at = catalogue.with_suffix(".mo").stat().st_mtime
            os.utime(catalogue, (compiled_at + age_seconds, compiled_at + age_seconds))
        call_command("compile_translations", verbosity=2)
        counts.append(capsys.readouterr().out.split()[0])

    assert counts[1:] == ["0", "1"]


@pytest.mark.parametrize(
    ("entry", "complaint"),
    [
        (
            '#, fuzzy\nmsgid "Half a guess"\nmsgstr "حدس"\n',
            "entries marked fuzzy are guesses; review them first: Half a guess",
        ),
        ('#, python-format\nmsgid "%(count)s files"\nmsgstr "%(cuont)s پرونده"\n', "placeholder"),
        ('"hanging in the air"\n\nnonsense\n', "django.po"),
    ],
)
def test_doubtful_file_is_refused_and_leaves_the_old_one(catalogue, entry, complaint):
    call_command("compile_translations", verbosity=0)
    before = catalogue.with_suffix(".mo").read_bytes()
    catalogue.write_text(catalogue.read_text(encoding="utf-8") + "\n" + entry, encoding="utf-8")

    with pytest.raises(CommandError, match=complaint):
        call_command("compile_translations", force=True, verbosity=0)

    assert catalogue.with_suffix(".mo").read_bytes() == before
    assert sorted(file.name for file in catalogue.parent.iterdir()) == ["django.mo", "django.po"]


def test_texts_that_an_app_brings_along_are_compiled_too():
    call_command("compile_translations", verbosity=0)

    with override("fa"):
        assert gettext("watched words") == "واژه‌های زیر نظر"
