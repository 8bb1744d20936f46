"""Only changed scopes are invalidated, and nothing outdated is ever served."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import redis
from django.conf import settings as django_settings
from django.db import transaction
from django.http import HttpResponse
from django.test import RequestFactory
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, rule, run_state_machine_as_test

from portal.core import page_cache, scopes
from portal.core.change_log import FileLog
from portal.core.memo import Memo, forget_all
from portal.core.page_cache import PageCacheMiddleware
from portal.core.scopes import content_changed, depends_on, forget_here, making, rests_on, stamp

ROOT = Path(__file__).resolve().parents[2]
REDIS_URL = os.environ.get("TEST_REDIS_URL", "")


@pytest.fixture(autouse=True)
def _own_log(settings, tmp_path):
    settings.DATA_DIR = tmp_path
    settings.REDIS_URL = ""
    elsewhere("begin")
    stamp()


def elsewhere(*names: str) -> None:
    """Announce a change as if another process had committed it."""
    FileLog(Path(django_settings.DATA_DIR) / scopes.FILE_NAME).append(" ".join(names))


# Names ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shown", "changed", "is_forgotten"),
    [
        ("thread:42", "thread:42", True),
        ("thread:42", "thread:43", False),
        ("thread:4", "thread:42", False),
        ("thread:42", "thread:4", False),
        ("articles", "site", False),
        ("community:area:7", "community", True),
        ("community:area:7", "community:area", True),
        ("community", "community:area:7", True),
        ("community:area", "community:area:7", True),
        ("community:area:7", "community:area:8", False),
        ("community:area:7", "community:members", False),
        ("communityarea", "community", False),
        ("community", "communityarea", False),
        ("articles", "*", True),
        ("*", "thread:42", True),
    ],
)
def test_a_change_touches_the_scope_what_is_in_it_and_what_it_lies_in(shown, changed, is_forgotten):
    value = stamp(shown)
    assert value.is_current_for_others()

    elsewhere(changed)

    assert value.is_current_for_others() is not is_forgotten
    assert value.is_current() is not is_forgotten


def test_one_scope_of_several_is_enough():
    value = stamp("site", "catalogue", "thread:42")

    elsewhere("articles", "community")
    assert value.is_current()
    elsewhere("search", "thread:42")

    assert not value.is_current()


def test_without_a_name_everything_is_meant(django_capture_on_commit_callbacks, db):
    narrow, everything = stamp("thread:42"), stamp()

    elsewhere("thread:43")
    assert (narrow.is_current(), everything.is_current()) == (True, False)
    with django_capture_on_commit_callbacks(execute=True):
        content_changed()

    assert not narrow.is_current()


@pytest.mark.parametrize("name", ["", "Articles", "a b", "a:", ":a", "a::b", "thread:42\n", "مودم", "x" * 101])
def test_what_is_no_scope_is_refused(name, rf):
    request = rf.get("/")
    with making(request=request):
        for use in (content_changed, stamp, rests_on, forget_here, lambda scope: depends_on(request, scope)):
            with pytest.raises(ValueError, match="is no scope"):
                use(name)


def test_more_scopes_than_are_worth_telling_apart_are_everything():
    many = [f"thread:{number}" for number in range(scopes.MAX_SCOPES + 1)]
    value = stamp(*many)

    elsewhere("site")

    assert not value.is_current()


def test_a_damaged_line_of_the_log_counts_as_everything():
    value = stamp("articles")

    elsewhere("Thread 42?")

    assert not value.is_current()


def test_the_table_of_scopes_is_bounded_and_forgets_on_the_safe_side(monkeypatch):
    monkeypatch.setattr(scopes, "MAX_KNOWN", 20)
    early = stamp("articles")

    for number in range(100):
        elsewhere(f"thread:{number}")
    late = stamp("articles")

    assert not early.is_current()  # there is no record that it was not touched
    assert late.is_current()
    assert len(scopes._changes.heard._touched) <= 20
    elsewhere("articles")
    assert not late.is_current()


# Transactions --------------------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_others_are_told_after_the_commit_and_this_process_forgets_at_once():
    other = FileLog(Path(django_settings.DATA_DIR) / scopes.FILE_NAME)
    other.read()
    other.keep_place()
    value, kept = stamp("thread:42"), stamp("thread:42")

    with transaction.atomic():
        content_changed("thread:42")
        assert not value.is_current()
        assert kept.is_current_for_others()
        assert not other.has_grown()

    assert not kept.is_current_for_others()
    assert other.read() == ["thread:42"]


@pytest.mark.django_db(transaction=True)
def test_what_is_rolled_back_is_not_told():
    kept = stamp("thread:42")

    with transaction.atomic():
        content_changed("thread:42")
        transaction.set_rollback(True)

    assert kept.is_current_for_others()


def test_forgetting_here_tells_nobody():
    other = FileLog(Path(django_settings.DATA_DIR) / scopes.FILE_NAME)
    other.read()
    other.keep_place()
    value, another = stamp("search"), stamp("articles")

    forget_here("search")

    assert (value.is_current(), another.is_current()) == (False, True)
    assert not other.has_grown()


# Cached values -------------------------------------------------------------------------------------------------------


def test_a_memo_forgets_what_its_scopes_touch_and_nothing_else():
    memo: Memo[int] = Memo(max_size=4, scopes=("catalogue", "site"))
    made = iter(range(10))

    def read() -> int:
        return memo.get("key", lambda: next(made))

    assert (read(), read()) == (0, 0)
    elsewhere("articles", "thread:42")
    assert read() == 0
    elsewhere("site")
    assert (read(), read()) == (1, 1)


def test_a_memo_that_declares_nothing_forgets_with_every_change():
    memo: Memo[int] = Memo(max_size=4)
    made = iter(range(10))
    assert memo.get("key", lambda: next(made)) == 0

    elsewhere("thread:42")

    assert memo.get("key", lambda: next(made)) == 1


def test_one_value_may_depend_on_more_than_the_others():
    memo: Memo[int] = Memo(max_size=4, scopes=())
    made = iter(range(10))

    def read(thread: int) -> int:
        def make() -> int:
            rests_on(f"thread:{thread}")
            return next(made)

        return memo.get(thread, make)

    assert (read(1), read(2)) == (0, 1)
    elsewhere("thread:2")

    assert (read(1), read(2)) == (0, 2)


def test_a_value_that_says_nothing_where_each_should_depends_on_everything():
    memo: Memo[int] = Memo(max_size=4, scopes=())
    made = iter(range(10))
    memo.get("key", lambda: next(made))

    elsewhere("thread:42")

    assert memo.get("key", lambda: next(made)) == 1


@pytest.mark.parametrize("inner_is_known", [False, True])
def test_what_is_made_of_a_remembered_value_depends_on_the_same(inner_is_known):
    inner: Memo[int] = Memo(max_size=4, scopes=("thread:42",))
    outer: Memo[int] = Memo(max_size=4, scopes=("site",))
    made = iter(range(10))

    def read() -> int:
        return outer.get("key", lambda: inner.get("key", lambda: next(made)))

    if inner_is_known:
        inner.get("key", lambda: next(made))
    assert (read(), read()) == (0, 0)
    elsewhere("thread:42")

    assert read() == 1


def test_a_value_that_a_change_overtook_is_not_remembered():
    memo: Memo[str] = Memo(max_size=4, scopes=("articles",))

    def make() -> str:
        elsewhere("articles")
        return "old"

    assert memo.get("key", make) == "old"

    assert memo.get("key", lambda: "new") == "new"


def test_a_value_made_while_everything_was_forgotten_is_not_remembered():
    memo: Memo[str] = Memo(max_size=4, scopes=("articles",))

    def make() -> str:
        forget_all()
        return "old"

    memo.get("key", make)

    assert memo.get("key", lambda: "new") == "new"


def test_a_value_that_could_not_be_made_leaves_nothing_behind():
    memo: Memo[int] = Memo(max_size=4, scopes=("site",))

    with pytest.raises(ZeroDivisionError):
        memo.get("key", lambda: 1 // 0)

    assert memo.get("key", lambda: 7) == 7
    assert scopes._making.get() is None


# Pages ---------------------------------------------------------------------------------------------------------------


def pages_of(view) -> PageCacheMiddleware:
    page_cache.store.clear()
    return PageCacheMiddleware(view)


def ask(middleware: PageCacheMiddleware) -> bytes:
    return middleware(RequestFactory().get("/fa/page/")).content


def numbered(number, declare=lambda request: None):
    def view(request):
        declare(request)
        return HttpResponse(f"{next(number)}")

    return view


def test_a_page_that_declares_nothing_depends_on_everything():
    middleware = pages_of(numbered(iter(range(10))))
    assert (ask(middleware), ask(middleware)) == (b"0", b"0")

    elsewhere("thread:42")

    assert ask(middleware) == b"1"


def test_a_page_is_forgotten_with_what_it_declared():
    middleware = pages_of(numbered(iter(range(10)), lambda request: depends_on(request, "articles:topic:5", "site")))
    assert ask(middleware) == b"0"

    elsewhere("thread:42")
    elsewhere("articles:topic:6")
    assert ask(middleware) == b"0"
    elsewhere("articles:topic:5")

    assert ask(middleware) == b"1"


@pytest.mark.parametrize("is_known", [False, True])
def test_a_page_is_forgotten_with_the_remembered_values_it_shows(is_known):
    memo: Memo[int] = Memo(max_size=4, scopes=("catalogue",))

    def declare(request):
        depends_on(request, "articles")
        memo.get("key", lambda: 1)

    if is_known:
        memo.get("key", lambda: 1)
    middleware = pages_of(numbered(iter(range(10)), declare))
    assert ask(middleware) == b"0"

    elsewhere("thread:42")
    assert ask(middleware) == b"0"
    elsewhere("catalogue")

    assert ask(middleware) == b"1"


def test_a_page_that_only_uses_remembered_values_still_depends_on_everything():
    memo: Memo[int] = Memo(max_size=4, scopes=("catalogue",))
    middleware = pages_of(numbered(iter(range(10)), lambda _request: memo.get("key", lambda: 1)))
    ask(middleware)

    elsewhere("thread:42")

    assert ask(middleware) == b"1"


def test_a_page_that_a_change_overtook_is_not_kept():
    overtaken = iter([True, False, False])

    def view(request):
        depends_on(request, "articles")
        old = next(overtaken)
        if old:
            elsewhere("articles")
        return HttpResponse("old" if old else "new")

    middleware = pages_of(view)
    ask(middleware)

    assert (ask(middleware), ask(middleware)) == (b"new", b"new")


def test_what_a_page_makes_late_of_what_it_read_early_is_not_remembered_after_a_change_in_between():
    memo: Memo[str] = Memo(max_size=4, scopes=("articles",))
    titles = ["old"]

    def view(request):
        depends_on(request, "articles")
        title = titles[0]
        if title == "old":
            titles[0] = "new"
            elsewhere("articles")
            another = threading.Thread(target=stamp)  # another request reads the log
            another.start()
            another.join()
        return HttpResponse(memo.get("key", lambda: title))

    middleware = pages_of(view)
    middleware(RequestFactory().get("/page-that-is-not-kept/"))

    assert ask(middleware) == b"new"


def test_one_look_at_the_log_is_enough_for_a_page(monkeypatch):
    looks = []
    look = FileLog.has_grown
    monkeypatch.setattr(FileLog, "has_grown", lambda log: looks.append(1) or look(log))
    memo: Memo[int] = Memo(max_size=40, scopes=("articles",))

    def view(request):
        depends_on(request, "articles")
        return HttpResponse(str([memo.get(number % 7, lambda: 1) for number in range(50)]))

    middleware = pages_of(view)
    ask(middleware)
    assert len(looks) == 1
    ask(middleware)

    assert len(looks) == 2


def test_declaring_where_no_page_is_kept_is_harmless(rf):
    depends_on(rf.get("/"), "articles")
    rests_on("articles")


# Consistency ---------------------------------------------------------------------------------------------------------

SHOWN = ["a", "a:1", "a:1:x", "a:2", "b", "b:1"]
_names = st.sampled_from(SHOWN)
_several = st.frozensets(_names, min_size=1, max_size=3)


def reaches(changed: str, shown: str) -> bool:
    return f"{changed}:".startswith(f"{shown}:") or f"{shown}:".startswith(f"{changed}:")


class Portal(RuleBasedStateMachine):
    """Values are read and cached later; in between, changes are committed here and elsewhere, and the log is lost."""

    reading = Bundle("reading")
    kept = Bundle("kept")

    def __init__(self) -> None:
        super().__init__()
        self.database = dict.fromkeys(SHOWN, 0)
        self.memo: Memo[dict[str, int]] = Memo(max_size=3, scopes=())

    def commit(self, name: str, *, is_here: bool) -> None:
        for shown in SHOWN:
            self.database[shown] += reaches(name, shown)
        if is_here:
            scopes._changes.announce(frozenset({name}))
        else:
            elsewhere(name)

    def read(self, names: frozenset[str]) -> dict[str, int]:
        return {name: self.database[name] for name in names}

    @rule(name=_names, is_here=st.booleans())
    def change(self, name, is_here):
        self.commit(name, is_here=is_here)

    @rule(target=reading, names=_several)
    def begin(self, names):
        return stamp(*names), self.read(names)

    @rule(target=kept, value=consumes(reading))
    def end(self, value):
        return value

    @rule(value=kept)
    def use(self, value):
        seen, known = value
        if seen.is_current():
            assert known == self.read(frozenset(known))

    @rule(names=_several, meanwhile=st.none() | _names, is_here=st.booleans())
    def remember(self, names, meanwhile, is_here):
        def make() -> dict[str, int]:
            rests_on(*names)
            found = self.read(names)
            if meanwhile:
                self.commit(meanwhile, is_here=is_here)
            return found

        before = self.read(names)
        assert self.memo.get(names, make) == before

    @rule()
    def lose_the_log(self):
        (Path(django_settings.DATA_DIR) / scopes.FILE_NAME).unlink(missing_ok=True)
        elsewhere("c")


def test_whatever_happens_in_whichever_order_no_value_is_older_than_a_change():
    run_state_machine_as_test(Portal, settings=hypothesis_settings(max_examples=150, deadline=None))


def test_readers_in_threads_never_get_what_is_older_than_a_change_they_know_of():
    """A counter is increased and announced; everyone who reads later gets this value or a later one."""
    memo: Memo[int] = Memo(max_size=4, scopes=("counter",))
    noise: Memo[int] = Memo(max_size=4, scopes=("other",))
    committed = [0]
    announced = [0]
    wrong: list[tuple[int, int]] = []
    is_over = threading.Event()

    def read() -> None:
        while not is_over.is_set():
            least = announced[0]
            noise.get("key", lambda: 1)
            got = memo.get("key", lambda: committed[0])
            if got < least:
                wrong.append((got, least))

    readers = [threading.Thread(target=read) for _ in range(4)]
    for reader in readers:
        reader.start()
    for number in range(1, 300):
        committed[0] = number
        (scopes._changes.announce(frozenset({"counter"})) if number % 2 else elsewhere("counter"))
        announced[0] = number
    is_over.set()
    for reader in readers:
        reader.join()

    assert not wrong


# An unusable log -----------------------------------------------------------------------------------------------------


@pytest.fixture
def clock(monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(scopes.time, "monotonic", lambda: now[0])
    return now


def test_while_the_log_cannot_be_read_nothing_is_kept_and_the_page_goes_on(settings, tmp_path, clock, caplog):
    place = tmp_path / "later"
    place.write_text("a file where the folder should be")
    settings.DATA_DIR = place
    with caplog.at_level(logging.ERROR):
        value = stamp("articles")
        assert not value.is_current()
    assert "cannot be heard" in caplog.text

    place.unlink()
    clock[0] += scopes.RETRY_SECONDS + 1
    value = stamp("articles")

    assert value.is_current()


@pytest.mark.django_db(transaction=True)
def test_a_change_that_could_not_be_told_is_told_later(settings, tmp_path, clock, caplog):
    place = tmp_path / "data"
    place.mkdir()
    settings.DATA_DIR = place
    elsewhere("begin")
    stamp()
    other = FileLog(place / scopes.FILE_NAME)
    other.read()
    other.keep_place()
    kept = stamp("thread:42")
    append, FileLog.append = FileLog.append, refuse
    try:
        content_changed("thread:42")  # never raises: the change is committed
    finally:
        FileLog.append = append
    assert not kept.is_current_for_others()
    assert "cannot be told" in caplog.text
    assert not other.has_grown()

    clock[0] += scopes.RETRY_SECONDS + 1
    stamp()

    assert other.read() == ["thread:42"]


def refuse(_log: FileLog, _line: str) -> None:
    raise scopes.UnavailableError("full")


def test_what_waits_to_be_told_is_bounded():
    append, FileLog.append = FileLog.append, refuse
    try:
        for number in range(300):
            scopes._changes.announce(frozenset({f"thread:{number}"}))
        assert len(scopes._changes._unsent) <= scopes._MAX_UNSENT
    finally:
        FileLog.append = append
    value = stamp("articles")

    scopes._changes._send_again_at = 0.0

    assert not value.is_current()  # everything, because the names were dropped
    assert not scopes._changes._unsent


# Processes -----------------------------------------------------------------------------------------------------------

SERVER = """
import os, sys
from portal.core.memo import Memo
from portal.core import scopes
memo = Memo(max_size=4, scopes=("thread:42",))
articles = Memo(max_size=4, scopes=("articles",))
print("ready", flush=True)
for order in sys.stdin:
    what, _space, value = order.strip().partition(" ")
    if what == "get":
        print(memo.get("key", lambda: value), articles.get("key", lambda: value), flush=True)
    elif what == "change":
        scopes._changes.announce(frozenset(value.split()))
        print("changed", flush=True)
    else:
        child = os.fork()
        if not child:
            before = memo.get("key", lambda: value)
            scopes._changes.announce(frozenset({"thread:42"}))
            print(before, memo.get("key", lambda: "own"), flush=True)
            os._exit(0)
        os.waitpid(child, 0)
"""


class Server:
    """A server process of the portal."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", SERVER], cwd=ROOT, env=environment,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def __call__(self, order: str) -> str:
        self.process.stdin.write(f"{order}\n")
        self.process.stdin.flush()
        return self.answer()

    def answer(self) -> str:
        return self.process.stdout.readline().strip()


@pytest.fixture(
    params=[
        "file",
        pytest.param("redis", marks=pytest.mark.skipif(not REDIS_URL, reason="set TEST_REDIS_URL")),
    ]
)
def servers(request, tmp_path, socket_enabled):
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "portal.settings.test",
        "DATA_DIR": str(tmp_path),
        "REDIS_URL": REDIS_URL if request.param == "redis" else "",
        "DATABASE_URL": "",
    }
    started = [Server(environment) for _ in range(3)]
    for server in started:
        assert server.answer() == "ready"
    yield started
    for server in started:
        server.process.kill()
        server.process.communicate()
    if request.param == "redis":
        redis.Redis.from_url(REDIS_URL).delete("portal:changes", "portal:changes:last")


def test_a_change_in_one_process_is_true_in_all_at_once_and_touches_nothing_else(servers):
    one, two, three = servers
    one("change site")
    assert [server("get old") for server in servers] == ["old old"] * 3

    for round_ in range(30):
        assert one("change thread:42 community:area:7") == "changed"
        assert [server(f"get new{round_}") for server in servers] == [f"new{round_} old"] * 3
    two("change thread:43")

    assert [server("get newest") for server in servers] == ["new29 old"] * 3
    three("change *")
    assert [server("get newest") for server in servers] == ["newest newest"] * 3


def test_a_process_that_is_killed_takes_nothing_with_it(servers):
    one, two, three = servers
    one("change site")
    for server in servers:
        server("get old")

    two.process.kill()
    two.process.wait()
    one("change thread:42")

    assert three("get new") == "new old"


def test_a_forked_process_hears_and_tells_by_itself(servers):
    one, two, _three = servers
    one("change site")
    assert one("get old") == "old old"
    two("get old")

    assert one("fork -") == "old own"

    assert two("get new") == "new old"
    assert one("get new") == "new old"
