"""Rules of the design, checked in the source files, without a browser or network."""

from __future__ import annotations

import gzip
import re
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from django.template.loader import get_template
from django.urls import reverse
from django.utils import translation
from lucide.templatetags.lucide import lucide

from loyalty.models.tiers import COLOURS
from portal.our_apps import OUR_FOLDERS

if TYPE_CHECKING:
    from types import ModuleType

ROOT = Path(__file__).resolve().parents[2]
STATIC = ROOT / "portal" / "static" / "portal"
TEMPLATES = [
    path
    for path in sorted(ROOT.glob("templates/**/*.html"))
    if not {"email", "mail"} & set(path.relative_to(ROOT).parts)  # mail programs do not support style sheets
]
STYLE_SHEETS = [path for path in sorted((STATIC / "css").rglob("*.css")) if path.name != "portal.css"]

# name of the text colour, name of the background, minimum contrast
PAIRS = [
    *[("ink", ground, 7) for ground in ("bg", "surface")],
    *[("ink-2", ground, 4.5) for ground in ("bg", "surface-2", "surface-3", "bg-sunken")],
    *[("ink-3", ground, 4.5) for ground in ("bg", "surface", "surface-2", "bg-sunken")],
    *[("brand-ink", ground, 4.5) for ground in ("bg", "surface", "surface-2", "brand-soft", "bg-sunken")],
    *[("on-brand", ground, 4.5) for ground in ("brand", "brand-hover")],
    ("on-lapis", "lapis", 7),
    ("on-lapis-2", "lapis", 4.5),
    ("on-lapis-2", "lapis-deep", 4.5),
    ("lapis-ink", "lapis-soft", 4.5),
    ("ink-2", "lapis-soft", 4.5),
    ("saffron-ink", "saffron-soft", 4.5),
    ("ink-2", "saffron-soft", 4.5),
    ("on-saffron", "saffron", 7),
    ("pom-ink", "pom-soft", 4.5),
    ("pom-ink", "bg", 4.5),
    ("ink-2", "pom-soft", 4.5),
    ("pom", "surface", 4.5),
    ("pist-ink", "pist-soft", 4.5),
    ("ink-2", "pist-soft", 4.5),
    ("pist", "surface", 4.5),
    ("mark-ink", "mark", 7),
    *[("line-strong", ground, 3) for ground in ("bg", "surface")],
    *[("focus", ground, 3) for ground in ("bg", "surface")],
    *[(line, "surface", 3) for line in ("brand", "chart-1", "chart-3")],
]


def script(name: str) -> ModuleType:
    """A script of script/, loaded as a module."""
    loader = SourceFileLoader(f"script_{name}", str(ROOT / "script" / name))
    spec = spec_from_loader(loader.name, loader)
    assert spec is not None
    module = module_from_spec(spec)
    loader.exec_module(module)
    return module


def without_comments(path: Path) -> str:
    return re.sub(r"/\*.*?\*/", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)


def compressed(*paths: Path) -> int:
    return sum(len(gzip.compress(path.read_bytes(), 9)) for path in paths)


def colours() -> dict[str, dict[str, str]]:
    """The colours in the three blocks of tokens.css: light, dark by device setting, dark by choice."""
    css = without_comments(STATIC / "css" / "tokens.css")
    blocks = [
        dict(re.findall(r"--([\w-]+): (#[0-9A-Fa-f]{6});", block))
        for block in re.findall(r"\{([^{}]*color-scheme:[^{}]*)\}", css)
    ]
    return dict(zip(("light", "dark", "dark by choice"), blocks, strict=True))


def luminance(colour: str) -> float:
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def test_portal_css_is_what_its_parts_give():
    assert (STATIC / "css" / "portal.css").read_text(encoding="utf-8") == script("build_css").build(), (
        "run script/build_css"
    )


@pytest.mark.parametrize("path", STYLE_SHEETS, ids=lambda path: path.stem)
def test_style_sheets_use_logical_properties_only(path):
    side = r"(?:left|right|top|bottom)"
    physical = [
        rf"[\w-]*-{side}(?:-[\w-]+)?\s*:",  # margin-left, border-top-width
        rf"(?<![\w-]){side}\s*:",
        rf"(?:text-align|float|clear)\s*:\s*{side}",
        r"background-position[\w-]*\s*:[^;]*\b(?:left|right)\b",
        r"(?<=[;{\s])(?:min-|max-)?(?:width|height)\s*:(?![^()]*\)\s*\{)",
    ]
    css = re.sub(r"@media[^{]*", "", without_comments(path))

    found = [match for pattern in physical for match in re.findall(pattern, css)]

    assert found == []


def test_every_rule_of_a_style_sheet_is_closed():
    """A rule that is not closed takes in all that follow it."""
    sheets = [path for folder in OUR_FOLDERS for path in (ROOT / folder).rglob("static/**/*.css")]
    open_ones = [path.name for path in sheets if (css := without_comments(path)).count("{") != css.count("}")]

    assert {"admin.css", "portal.css"} <= {path.name for path in sheets}
    assert open_ones == []


def test_style_sheet_stays_within_16_kb():
    assert compressed(STATIC / "css" / "portal.css") <= 16 * 1024


def test_own_scripts_of_a_page_stay_within_8_kb_and_all_within_25():
    """Scripts that only some pages load have a limit of their own."""
    base = (ROOT / "templates" / "base.html").read_text(encoding="utf-8")
    scripts = set((STATIC / "js").glob("*.js"))
    everywhere = {script for script in scripts if f"portal/js/{script.name}" in base}
    assert len(everywhere) > 3  # the check works
    assert compressed(*everywhere) <= 8 * 1024
    assert compressed(*everywhere, *(STATIC / "vendor").glob("*.js")) <= 25 * 1024
    assert {script.name: compressed(script) for script in scripts - everywhere if compressed(script) > 3 * 1024} == {}


def test_fonts_stay_within_70_kb_and_bring_their_licences():
    fonts = sorted((STATIC / "fonts").glob("*.woff2"))

    assert sum(font.stat().st_size for font in fonts) <= 70 * 1024
    assert [f"OFL-{font.stem.split('-')[0].capitalize()}.txt" for font in fonts] == sorted(
        path.name for path in (STATIC / "fonts").glob("OFL-*.txt")
    )


@pytest.mark.parametrize(("text", "ground", "least"), PAIRS, ids=str)
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_colours_that_meet_can_be_told_apart(theme, text, ground, least):
    block = colours()[theme]

    assert contrast(block[text], block[ground]) >= least


def test_every_level_has_a_card_whose_words_can_be_read():
    css = without_comments(STATIC / "css" / "components" / "mcard.css")
    cards = re.findall(r"\.mcard--(\w+) \{\s*background: (#\w{6});\s*color: (#\w{6});", css)

    assert {name for name, _ground, _text in cards} | {"gold"} == {name for name, _label in COLOURS}
    assert [name for name, ground, text in cards if contrast(text, ground) < 7] == []
    assert "print-color-adjust: exact" in css  # light words need their ground on paper, too


def test_dark_by_device_and_dark_by_choice_are_the_same():
    found = colours()

    assert found["dark"] == found["dark by choice"]
    assert found["dark"].keys() == found["light"].keys()


def test_every_custom_property_in_use_is_defined():
    css = (STATIC / "css" / "portal.css").read_text(encoding="utf-8")
    defined = set(re.findall(r"(--[\w-]+):", css)) | {"--gap"}  # --gap is optional and has a default

    assert set(re.findall(r"var\((--[\w-]+)", css)) - defined == set()


def test_vendored_files_are_those_that_were_locked():
    vendor = script("vendor_js")

    assert vendor.check(vendor.json.loads(vendor.LOCK.read_text(encoding="utf-8"))) == []


def test_drawings_are_what_the_generator_draws():
    drawn = dict(script("make_art").drawings())

    assert {name: (STATIC / "img" / name).read_bytes() for name in drawn} == drawn


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.relative_to(ROOT / "templates").as_posix())
def test_templates_obey_the_content_security_policy(path):
    html = re.sub(r"{% comment %}.*?{% endcomment %}", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)

    assert re.findall(r"\sstyle\s*=", html) == []
    assert re.findall(r"<style\b", html) == []
    assert re.findall(r"<\w[^>]*\son[a-z]+\s*=\s*[\"']", html) == []
    assert re.findall(r"<script(?![^>]*\bsrc=)(?![^>]*application/(?:ld\+)?json)[^>]*>", html) == []
    assert re.findall(r"href\s*=\s*[\"']javascript:", html) == []


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.relative_to(ROOT / "templates").as_posix())
def test_templates_name_icons_that_exist(path):
    for name in re.findall(r"{%\s*icon \"([\w-]+)\"", path.read_text(encoding="utf-8")):
        assert "<svg" in lucide(name)


@pytest.mark.django_db
@pytest.mark.parametrize(("language", "direction"), [("fa", "rtl"), ("en", "ltr")])
def test_styleguide_shows_every_component(client, language, direction):
    with translation.override(language):
        response = client.get(reverse("styleguide"))

    assert response.status_code == 200
    assert f'<html lang="{language}" dir="{direction}" data-theme="auto">' in response.text
    assert 'class="pager"' in response.text
    assert "data-error-summary" in response.text


@pytest.mark.parametrize("name", ["500.html", "503.html", "503_busy.html"])
def test_server_error_page_needs_no_context(name):
    """Nor a database, which this test has not."""
    html = get_template(name).render()

    assert re.findall(r'<section lang="(\w\w)" dir="(\w+)">\s*<h[12]>', html) == [("fa", "rtl"), ("en", "ltr")]
    assert '<svg viewBox="0 0 32 32" width="72" height="72" aria-hidden="true">' in html
    assert re.search("<title>.+ · .+</title>", html)


# Templates ----------------------------------------------------------------------------------------------------------

_TEMPLATES = sorted(path for path in (ROOT / "templates").rglob("*") if path.suffix in {".html", ".txt"})
_LONGEST_LINE = 160
#: Template tags are removed first, because they may contain what looks like markup.
_TEMPLATE_TAG = re.compile(r"\{%.*?%\}|\{\{.*?\}\}|\{#.*?#\}")
#: Elements that must be on separate lines, unlike inline elements (`a`, `bdi`, `span` …).
_BLOCK = re.compile(
    r"<(?:article|aside|blockquote|body|caption|dd|details|dialog|div|dl|dt|fieldset|figcaption|figure|footer|form|h[1-6]|head"
    r"|header|hr|html|legend|li|link|main|meta|nav|ol|option|p|script|section|select|summary|table|tbody|td|template|tfoot|th"
    r"|thead|title|tr|ul|video)\b"
)
#: A tag that begins after other content and continues on the next line.
_BEGUN_LATE = re.compile(r"\S.*<[a-z][\w-]*(?:\s[^<>]*)?$")


def _lines_to_mend(template: Path) -> list[str]:
    found = []
    for number, line in enumerate(template.read_text(encoding="utf-8").splitlines(), start=1):
        bare = _TEMPLATE_TAG.sub("", line)
        where = f"{template.parent.name}/{template.name}:{number}"
        if len(line) > _LONGEST_LINE:
            found.append(f"{where} has {len(line)} characters; at most {_LONGEST_LINE}")
        if len(_BLOCK.findall(bare)) > 1:
            found.append(f"{where} begins several elements; give each a line of its own")
        if _BEGUN_LATE.search(bare):
            found.append(f"{where} begins a tag that does not end there; begin it on a line of its own")
    return found


_INCLUDED = re.compile(r'{%\s*include\s+"([^"]+)"([^%]*)%}')
#: What a tag of a form needs of its context, which an include with `only` does not pass on.
_TOKENS = {"{% csrf_token %}": "csrf_token", "{% form_token %}": "request"}


def tokens_needed(sources: dict[str, str], name: str) -> set[str]:
    """What a template needs of its context for the tokens of its forms, and those of the templates it includes."""
    source = sources.get(name, "")
    needed = {needs for tag, needs in _TOKENS.items() if tag in source}
    for included, given in _INCLUDED.findall(source):
        needed |= {each for each in tokens_needed(sources, included) if f"{each}=" not in given}
    return needed


def forms_without_token(sources: dict[str, str]) -> list[str]:
    return [
        f"{name}: {included} needs {needs}={needs}"
        for name, source in sources.items()
        for included, given in _INCLUDED.findall(source)
        if re.search(r"\bonly\s*$", given)
        for needs in sorted(tokens_needed(sources, included))
        if f"{needs}={needs}" not in given
    ]


def test_forms_in_included_templates_get_their_token():
    """Without it every press of their button is refused, which Django's test client does not notice."""
    templates = {str(path.relative_to(ROOT / "templates")): path.read_text(encoding="utf-8") for path in TEMPLATES}

    assert forms_without_token(templates) == []


def test_forms_without_a_token_are_found():
    form = "<form method=post>{% csrf_token %}</form>"
    sources = {
        "_form.html": form,
        "_around.html": '{% include "_form.html" %}',
        "page.html": '{% include "_around.html" with x=1 only %}{% include "_form.html" with csrf_token=csrf_token only %}',
    }

    assert forms_without_token(sources) == ["page.html: _around.html needs csrf_token=csrf_token"]


def test_a_line_of_a_template_can_be_read():
    """So that diffs are readable. If white space matters: ``{% spaceless %}``, or a comment at the end of the line.

    The text of a mail continues on the next line inside ``{% blocktranslate trimmed %}``.
    """
    assert {path.suffix for path in _TEMPLATES} == {".html", ".txt"}
    assert [problem for template in _TEMPLATES for problem in _lines_to_mend(template)] == []


def test_lines_nobody_can_read_are_found(tmp_path):
    template = tmp_path / "page.html"
    template.write_text(
        f'<ul><li>one</li></ul>\n<p>{"x" * 160}</p>\n<p>a</p> {{% if b %}}<a\n  href="c">d</a>{{% endif %}}\n'
    )

    assert [problem.split(" ")[1] for problem in _lines_to_mend(template)] == ["begins", "has", "begins"]
