"""Random texts for the renderer, made of the payloads: ``python -m tests.community.fuzzing --minutes 60``.

The tests run a few seconds of it. Prints the texts that got past, shortened to the part that does.
"""

from __future__ import annotations

import argparse
import os
import random
import time

PIECES = [
    "سلام", "می\u200cخواهم", "[", "](", ")", "`", "```", "\n", "\n\n", "> ", "- ", "1. ", "| a |", "|---|", "**", "~~", "_", "<", ">",
    "&", "&#x202e;", "&rlm;", "&zwnj;", "@name", "https://", "http://a.example/", "javascript:", "upload:1", "post:9", "![", "#", "\\",
    '"', "'", " ", "\t", "\x00", "\u202e", "    ", "html\n", "=", "<!--", "-->", "]]>", "&colon;", "&Tab;", "%0a", "\u2028", "\r",
    "mailto:", "[x]: ", "\n| a | b |\n|---|---|\n", "</code></pre>", "<a href=", "~~~js\n", "&lt;", "\ufeff", "\U000e0001", "\u200b",
]  # fmt: skip


def texts(chance, payloads):
    """Yield random texts for ever."""
    while True:
        text = chance.choice(payloads)
        for _ in range(chance.randrange(1, 9)):
            text = _changed(chance, text, payloads)
        yield text[:3000]


def _changed(chance, text, payloads):
    """A text with one more change."""
    where, end = sorted(chance.choices(range(len(text) + 1), k=2))
    mark = chance.choice(("**", "~~", "`", "```\n", "_", '"', "|"))
    letter = chr(chance.choice((chance.randrange(128), chance.randrange(0x3000))))
    line = chance.choice(("> ", "- ", "1. ", "# ", "    ", "| "))
    return chance.choice(
        (
            text[:where] + chance.choice(payloads) + text[where:],
            text[:where] + text[end:],
            text[:end] + text[where:],
            text[:where] + letter + text[where:],
            line + text.replace("\n", "\n" + chance.choice(("", "> ", "  "))),
            text[:where] + mark + text[where:end] + mark + text[end:],
            f"[{text[:where]}]({text[where:end]}){text[end:]}",
            text[:where] + chance.choice(PIECES) + text[where:],
        )
    )


def shortened(text, is_bad):
    """The shortest part of a bad text that was found to be bad."""
    size = max(len(text) // 2, 1)
    while size:
        for start in range(0, len(text), size):
            shorter = text[:start] + text[start + size :]
            if is_bad(shorter):
                text = shorter
                break
        else:
            size //= 2
    return text


def fuzz(*, seed, seconds, most=10**9):
    """Judge random texts until the time is over; return how many, and what is wrong with which."""
    from tests.community.judge import found_in
    from tests.community.payloads import PAYLOADS

    until = time.process_time() + seconds
    bad = {}
    number = 0
    for number, text in enumerate(texts(random.Random(seed), PAYLOADS), 1):  # noqa: S311 - no secret
        try:
            problems = found_in(text)
        except Exception as error:  # noqa: BLE001 - an error is a finding
            problems = [repr(error)]
        if problems:
            bad[text] = problems
        if number >= most or len(bad) >= 20 or time.process_time() > until:
            break
    return number, bad


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=60, help="of processor time")
    parser.add_argument("--seed", type=int, default=random.randrange(10**9))  # noqa: S311 - no secret
    arguments = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings.test")
    import django

    django.setup()
    from tests.community.judge import found_in

    number, bad = fuzz(seed=arguments.seed, seconds=arguments.minutes * 60)
    print(f"{number:,} texts in {arguments.minutes:g} minutes from seed {arguments.seed}: {len(bad)} got past.")
    for text, problems in bad.items():
        print(repr(shortened(text, lambda shorter: bool(found_in(shorter)))), problems)


if __name__ == "__main__":
    main()
