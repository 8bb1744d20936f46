"""The log of changes: complete, in the same order for all processes, and reporting when lines are missing."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import threading
import uuid
from pathlib import Path

import pytest
import redis

from portal.core import change_log
from portal.core.change_log import FileLog, RedisLog, UnavailableError

ROOT = Path(__file__).resolve().parents[2]
REDIS_URL = os.environ.get("TEST_REDIS_URL", "")


class Logs:
    """One log, opened as by several processes."""

    def __init__(self, kind: str, folder: Path) -> None:
        self.kind = kind
        self.path = folder / "deep" / "changes"
        self.key = f"test:{uuid.uuid4().hex}"

    def open(self, *, small: bool = False) -> FileLog | RedisLog:
        if self.kind == "file":
            return FileLog(self.path, max_bytes=200 if small else change_log.MAX_FILE_BYTES)
        return RedisLog(REDIS_URL, key=self.key, max_length=5 if small else change_log.MAX_LIST_LENGTH)

    def arguments(self) -> list[str]:
        return [str(self.path)] if self.kind == "file" else [REDIS_URL, self.key]


WITH_REDIS = pytest.param("redis", marks=pytest.mark.skipif(not REDIS_URL, reason="set TEST_REDIS_URL"))


@pytest.fixture(params=["file", WITH_REDIS])
def logs(request, tmp_path, socket_enabled):
    logs = Logs(request.param, tmp_path)
    yield logs
    if logs.kind == "redis":
        redis.Redis.from_url(REDIS_URL).delete(logs.key, f"{logs.key}:last")


def news(log: FileLog | RedisLog) -> list[str] | None:
    """The lines a process reads; None if it may have missed some."""
    if not log.has_grown():
        return []
    lines = log.read()
    log.keep_place()
    return None if lines is None else list(lines)


def reader_of(log: FileLog | RedisLog) -> FileLog | RedisLog:
    """A log object, as of another process, that has read everything so far."""
    news(log)
    assert news(log) == []
    return log


# Reading -------------------------------------------------------------------------------------------------------------


def test_everybody_hears_every_line_once_and_in_order(logs):
    writer = logs.open()
    writer.append("first")
    one, other = reader_of(logs.open()), reader_of(logs.open())

    writer.append("site")
    one.append("thread:42 community")

    assert news(one) == ["site", "thread:42 community"]
    assert news(one) == []
    writer.append("articles")
    assert news(one) == ["articles"]
    assert news(other) == ["site", "thread:42 community", "articles"]


def test_who_looks_for_the_first_time_knows_nothing(logs):
    logs.open().append("site")

    assert news(logs.open()) is None


def test_a_log_nobody_has_written_to_has_nothing_to_tell_twice(logs):
    log = logs.open()

    assert news(log) is None
    assert news(log) == []


def test_what_was_read_but_not_taken_over_is_read_again(logs):
    log = logs.open()
    log.append("first")
    reader_of(log)
    log.append("site")

    assert list(log.read()) == list(log.read()) == ["site"]


def test_many_lines_are_read_at_once(logs):
    writer, reader = logs.open(), reader_of(logs.open())
    writer.append("first")
    reader_of(reader)

    for number in range(300):
        writer.append(f"thread:{number}")

    assert news(reader) == [f"thread:{number}" for number in range(300)]


def test_lines_of_many_threads_all_arrive_whole(logs):
    logs.open().append("first")
    reader = reader_of(logs.open())
    writers = [
        threading.Thread(target=lambda name=name: [logs.open().append(f"w{name}:{n}") for n in range(10)])
        for name in range(8)
    ]
    for thread in writers:
        thread.start()
    for thread in writers:
        thread.join()

    heard = news(reader)

    assert sorted(heard) == sorted(f"w{name}:{n}" for name in range(8) for n in range(10))
    for name in range(8):
        own = [line for line in heard if line.startswith(f"w{name}:")]
        assert own == [f"w{name}:{n}" for n in range(10)]


# A log that is full --------------------------------------------------------------------------------------------------


def test_the_log_is_bounded(logs):
    log = logs.open(small=True)

    for number in range(500):
        log.append(f"thread:{number}")

    if logs.kind == "file":
        assert sum(file.stat().st_size for file in logs.path.parent.iterdir()) < 2 * 300
    else:
        assert redis.Redis.from_url(REDIS_URL).llen(logs.key) == 5


def test_who_keeps_up_hears_everything_while_the_log_is_renewed(logs):
    writer, reader = logs.open(small=True), logs.open(small=True)
    writer.append("first")
    reader_of(reader)
    heard = []

    for number in range(200):
        writer.append(f"thread:{number}")
        if number % 3 == 0:
            heard += news(reader)

    assert heard + news(reader) == [f"thread:{number}" for number in range(200)]


def test_who_was_away_for_too_long_is_told_that_lines_are_gone(logs):
    writer, reader = logs.open(small=True), logs.open(small=True)
    writer.append("first")
    reader_of(reader)

    for number in range(200):
        writer.append(f"thread:{number}")

    assert news(reader) is None
    writer.append("site")
    assert news(reader) == ["site"]


# A log that is lost or damaged ---------------------------------------------------------------------------------------


def test_a_lost_log_is_noticed_before_and_after_it_is_begun_again(logs):
    writer = logs.open()
    for number in range(9):
        writer.append(f"thread:{number}")
    early, late = reader_of(logs.open()), reader_of(logs.open())

    if logs.kind == "file":
        logs.path.unlink()
    else:
        redis.Redis.from_url(REDIS_URL).delete(logs.key, f"{logs.key}:last")

    assert news(early) is None
    assert news(early) == []
    for number in range(12):  # until it is as long as before, and longer
        logs.open().append(f"thread:{number}")
    assert news(late) is None


@pytest.mark.parametrize("logs", [WITH_REDIS], indirect=True)
@pytest.mark.parametrize("lines_after", [0, 1, 2, 3])
def test_a_redis_restored_from_an_older_snapshot_hides_no_line_written_afterwards(logs, lines_after):
    server = redis.Redis.from_url(REDIS_URL)
    keys = (logs.key, f"{logs.key}:last")
    writer = logs.open()
    writer.append("first")
    behind = reader_of(logs.open())
    snapshot = [server.dump(key) for key in keys]
    writer.append("lost:1")
    writer.append("lost:2")
    ahead = reader_of(logs.open())

    for key, value in zip(keys, snapshot, strict=True):
        server.restore(key, 0, value, replace=True)
    for number in range(lines_after):
        writer.append(f"thread:{number}")

    assert news(ahead) is None
    assert news(behind) == [f"thread:{number}" for number in range(lines_after)]
    writer.append("site")
    assert news(ahead) == news(behind) == ["site"]


@pytest.mark.parametrize("logs", [WITH_REDIS], indirect=True)
def test_redis_without_the_list_knows_no_lines(logs):
    reader = logs.open()
    reader.append("first")
    reader_of(reader)
    reader.append("site")
    redis.Redis.from_url(REDIS_URL).delete(logs.key)
    assert news(reader) is None

    reader.append("articles")
    reader.append("site")
    redis.Redis.from_url(REDIS_URL).ltrim(logs.key, -1, -1)
    assert news(reader) is None


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "changes"
    FileLog(path).append("first")
    return path


def test_a_line_that_is_not_written_to_its_end_is_not_taken_for_another(file):
    early, late = reader_of(FileLog(file)), reader_of(FileLog(file))
    with file.open("ab") as torn:
        torn.write(b"thread:1")  # the beginning of thread:123456

    assert news(early) is None
    assert news(early) == []
    FileLog(file).append("site")
    assert news(early) == ["thread:1?", "site"]
    assert news(late) == ["thread:1?", "site"]


def test_a_line_that_is_finished_late_is_heard(file):
    reader = reader_of(FileLog(file))
    with file.open("ab", buffering=0) as slow:
        slow.write(b"thread:1")
        assert news(reader) is None
        slow.write(b"23\n")

    assert news(reader) == ["thread:123"]


def test_a_writer_that_waited_while_the_file_was_renewed_writes_to_the_new_one(file):
    reader = reader_of(FileLog(file))
    with file.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        writer = threading.Thread(target=FileLog(file).append, args=("site",))
        writer.start()
        while not is_waiting_for_a_lock():
            pass
        file.rename(file.with_name("changes.old"))
        FileLog(file).append("articles")
    writer.join()

    assert sorted(news(reader)) == ["articles", "site"]
    assert b"site" in file.read_bytes()


def is_waiting_for_a_lock() -> bool:
    """Whether a thread of this process waits for a file lock."""
    return any(f" {os.getpid()} " in line for line in Path("/proc/locks").read_text().splitlines() if "->" in line)


@pytest.mark.parametrize("damage", [b"", b"cha", b"nonsense\n" * 20, b"changes 1 "])
def test_a_file_that_is_no_log_is_replaced(file, damage):
    reader = reader_of(FileLog(file))
    file.write_bytes(damage)

    assert news(reader) is None
    FileLog(file).append("site")
    assert news(reader) is None
    FileLog(file).append("articles")
    assert news(reader) == ["articles"]


def test_a_file_that_was_cut_is_noticed(file):
    log = FileLog(file)
    for number in range(20):
        log.append(f"thread:{number}")
    reader = reader_of(FileLog(file))

    os.truncate(file, file.stat().st_size - 30)

    assert news(reader) is None
    log.append("site")
    assert news(reader)[-1] == "site"


def test_a_clock_that_is_set_back_hides_nothing(file):
    reader = reader_of(FileLog(file))
    status = file.stat()

    FileLog(file).append("site")
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns - 10**12))
    assert news(reader) == ["site"]
    FileLog(file).append("articles")
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))

    assert news(reader) == ["articles"]


def test_a_folder_that_cannot_be_used_is_an_error_of_the_log(tmp_path):
    (tmp_path / "taken").write_text("")
    log = FileLog(tmp_path / "taken" / "changes")

    for use in (lambda: log.append("site"), log.has_grown, log.read):
        with pytest.raises(UnavailableError):
            use()


def test_a_redis_that_is_not_there_is_an_error_of_the_log(socket_enabled):
    log = RedisLog("redis://127.0.0.1:1")

    for use in (lambda: log.append("site"), log.has_grown, log.read):
        with pytest.raises(UnavailableError):
            use()


# Processes -----------------------------------------------------------------------------------------------------------

WRITER = """
import sys
from pathlib import Path
from portal.core.change_log import FileLog, RedisLog
name, count, *where = sys.argv[1:]
log = RedisLog(where[0], key=where[1]) if where[1:] else FileLog(Path(where[0]), max_bytes=30_000)
print("ready", flush=True)
sys.stdin.readline()
number = 0
while number < int(count) or count == "0":
    log.append(f"w{name}:{number}:{'x' * (number % 50)}y")
    number += 1
    if number % 50 == 0:
        print(number, flush=True)
print("done", flush=True)
"""


def start_writer(logs: Logs, name: int, count: int) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(name), str(count), *logs.arguments()],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout.readline() == "ready\n"
    return process


def test_lines_of_several_processes_all_arrive_whole_while_the_file_is_renewed(logs):
    log = FileLog(logs.path, max_bytes=30_000) if logs.kind == "file" else logs.open()
    log.append("first")
    reader_of(log)
    writers = [start_writer(logs, name, 500) for name in range(3)]
    for writer in writers:
        writer.stdin.write("\n")
        writer.stdin.flush()

    heard: list[str] = []
    while any(writer.poll() is None for writer in writers):
        heard += news(log)  # None would raise an error: this reader is fast enough
    heard += news(log)

    assert sorted(heard) == sorted(f"w{name}:{n}:{'x' * (n % 50)}y" for name in range(3) for n in range(500))
    for writer in writers:
        writer.communicate()


def test_a_new_file_without_its_first_line_is_not_taken_for_a_lost_one(tmp_path):
    """A reader may look between creating the file and writing its first line, where a writer may even have died."""
    path = tmp_path / "changes"
    log = FileLog(path)
    log.append("first")
    reader = reader_of(FileLog(path))
    log.append("second")
    path.rename(path.with_name("changes.old"))
    path.touch()

    assert news(reader) == ["second"]
    log.append("third")
    assert news(reader) == ["third"]


@pytest.mark.parametrize("round_", range(3))
def test_a_writer_that_is_killed_leaves_a_log_that_goes_on(logs, round_):
    log = FileLog(logs.path, max_bytes=30_000) if logs.kind == "file" else logs.open()
    log.append("first")
    reader_of(log)
    victim, survivor = start_writer(logs, 0, 0), start_writer(logs, 1, 200)
    for writer in (victim, survivor):
        writer.stdin.write("\n")
        writer.stdin.flush()
    victim.stdout.readline()  # it is writing
    victim.send_signal(signal.SIGKILL)
    victim.wait()

    assert survivor.communicate(timeout=60)[0].endswith("done\n")
    log.append("after")

    heard = news(log)
    assert heard is None or heard[-1] == "after"
    log.append("later")
    assert news(log) == ["later"]
    victim.communicate()


def test_a_disk_that_is_full_is_an_error_and_no_half_line_is_taken_for_another(tmp_path):
    path = tmp_path / "changes"
    FileLog(path).append("first")
    reader = reader_of(FileLog(path))
    code = f"""
import resource, signal
from pathlib import Path
from portal.core.change_log import FileLog, UnavailableError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
path = Path({str(path)!r})
resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 4, -1))
for _ in range(2):
    try:
        FileLog(path).append("community:area:7")
    except UnavailableError:
        print("refused")
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)

    assert done.stdout == "refused\n" * 2
    assert news(reader) is None
    FileLog(path).append("site")
    assert news(reader) == ["comm?", "site"]
