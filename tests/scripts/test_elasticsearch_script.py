"""script/elasticsearch with a real node, as developers, the search tests and CI use it."""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

SCRIPT = Path(__file__).resolve().parents[2] / "script" / "elasticsearch"
UNAVAILABLE = 69

pytestmark = [pytest.mark.elasticsearch, pytest.mark.slow]


@dataclass
class Node:
    """A folder for a node, and a free port."""

    folder: Path
    port: int

    def arguments(self, command: str, *more: str) -> list[str]:
        start = ["--quick", "--port", str(self.port)] if command in {"start", "run"} else []
        return [str(SCRIPT), command, "--data", str(self.folder), *start, *more]

    def call(self, command: str, *more: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.arguments(command, *more), env={**os.environ, **variables}, cwd="/",
            capture_output=True, text=True, timeout=900, check=False,
        )  # fmt: skip

    def start(self) -> str:
        """Start the node; return the output."""
        done = self.call("start")
        skip_if_unavailable(done)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    @property
    def pid(self) -> int:
        return int(self.call("pid").stdout)

    def ask(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        text = None if body is None else json.dumps(body)
        connection.request(method, path, text, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        text = answer.read().decode()
        assert answer.status < 300, text
        return dict(json.loads(text))

    def alive(self) -> list[str]:
        """Command lines of all processes that contain the folder."""
        found = []
        for file in Path("/proc").glob("[0-9]*/cmdline"):
            with suppress(OSError):
                line = file.read_bytes().replace(b"\0", b" ").decode(errors="replace")
                if str(self.folder) in line:
                    found.append(line)
        return found

    def everything_gone(self, seconds: float = 30) -> bool:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if not self.alive():
                return True
            time.sleep(0.1)
        return False


def skip_if_unavailable(done: subprocess.CompletedProcess[str]) -> None:
    """Skip the test if the script reports that Java, Maven or the network is missing."""
    if done.returncode == UNAVAILABLE:
        pytest.skip(done.stderr)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder accessible to all, unlike pytest's: if started by root, the node runs under another account."""
    path = Path(tempfile.mkdtemp(prefix="portal-test-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


@pytest.fixture(scope="module")
def made() -> Iterator[tuple[Node, str]]:
    """A node, and the output of its first start. Tests may stop it."""
    path = Path(tempfile.mkdtemp(prefix="portal node "))
    path.chmod(0o755)
    node = Node(path / "داده", free_port())
    try:
        yield node, node.start()
    finally:
        node.call("stop")
        assert node.everything_gone(), node.alive()
        shutil.rmtree(path)


@pytest.fixture
def node(made: tuple[Node, str]) -> Node:
    """The node, started if a test has stopped it."""
    node, _said = made
    if node.call("status").returncode:
        node.start()
    return node


@pytest.fixture
def stopped(made: tuple[Node, str]) -> Node:
    node, _said = made
    node.call("stop")
    return node


INDEX = {
    "settings": {
        "number_of_replicas": 0,
        "analysis": {
            "char_filter": {
                "letters": {"type": "mapping", "mappings": ["ي=>ی", "ك=>ک", "۱=>1"]},
                "endings": {"type": "pattern_replace", "pattern": "\u200c(ها|های)(?=\\s|$)", "replacement": ""},
            },
            "filter": {
                "prefixes": {"type": "edge_ngram", "min_gram": 1, "max_gram": 15},
                "english": {"type": "stemmer", "language": "english"},
                "same": {"type": "synonym_graph", "synonyms": ["گذرواژه, رمز عبور"]},
            },
            "analyzer": {
                "words": {"tokenizer": "standard", "char_filter": ["letters", "endings"], "filter": ["lowercase", "english"]},
                "asked": {"tokenizer": "standard", "char_filter": ["letters", "endings"], "filter": ["lowercase", "same", "english"]},
                "typed": {"tokenizer": "standard", "char_filter": ["letters"], "filter": ["lowercase", "prefixes"]},
            },
        },
    },
    "mappings": {
        "properties": {
            "title": {
                "type": "text", "analyzer": "words", "search_analyzer": "asked",
                "fields": {"typed": {"type": "text", "analyzer": "typed", "search_analyzer": "words"}},
            },
        },
    },
}  # fmt: skip
TITLE = "بازنشانی رمز عبور مودم‌های نسل 1 after resetting"


def found(node: Node, text: str, **options: object) -> list[str]:
    """Highlighted titles of the results."""
    query = {"match": {options.pop("field", "title"): {"query": text, "operator": "and", **options}}}
    highlight = {"type": "unified", "number_of_fragments": 0, "fields": {"title*": {}}}
    hits = node.ask("POST", "/articles/_search", {"query": query, "highlight": highlight})["hits"]["hits"]
    return [next(iter(hit["highlight"].values()))[0] for hit in hits]


def test_first_start_says_the_address_to_use(made):
    node, said = made

    assert f"\nELASTICSEARCH_URL=http://127.0.0.1:{node.port}\n" in said
    log = node.folder / "log" / "elasticsearch.log"
    assert f"its log is {log}" in said
    assert "started {portal}" in log.read_text()


def test_node_finds_a_persian_document_with_everything_search_relies_on(node):
    node.ask("PUT", "/articles", INDEX)
    node.ask("PUT", "/articles/_doc/1?refresh=true", {"title": TITLE})
    marked = TITLE.replace("مودم‌های", "<em>مودم‌های</em>")

    assert node.ask("GET", "/")["version"]["number"] == "8.19.13"
    assert found(node, "مودم") == [marked]
    assert found(node, "مودن", fuzziness="AUTO:4,7") == [marked]
    assert found(node, "مو", field="title.typed") == [marked]
    assert found(node, "گذرواژه") == [TITLE.replace("رمز عبور", "<em>رمز عبور</em>")]
    assert found(node, "reset بازنشاني") == [
        TITLE.replace("بازنشانی", "<em>بازنشانی</em>").replace("resetting", "<em>resetting</em>")
    ]
    assert found(node, "چاپگر") == []


def test_starting_twice_is_refused_and_harms_nothing(node):
    pid = node.pid

    again = node.call("start")
    elsewhere = Node(node.folder.parent / "other", node.port).call("start")

    assert again.returncode == elsewhere.returncode == 1
    assert f"It runs already, at http://127.0.0.1:{node.port} (pid {pid})" in again.stderr
    assert f"Port {node.port} is taken by another program" in elsewhere.stderr
    assert node.pid == pid
    assert node.call("status").returncode == 0


def test_it_listens_on_the_loopback_only(node):
    sockets = set()
    for handle in Path(f"/proc/{node.pid}/fd").iterdir():
        with suppress(OSError):
            sockets |= set(re.findall(r"socket:\[(\d+)\]", str(handle.readlink())))
    rows = [line.split() for name in ("tcp", "tcp6") for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]]

    listening = {row[1].rpartition(":")[0] for row in rows if row[3] == "0A" and row[9] in sockets}

    assert listening
    assert listening <= {"0100007F", "0000000000000000FFFF00000100007F"}  # 127.0.0.1, also as an IPv6 address


def test_a_paused_node_is_told_from_one_that_answers(node):
    os.kill(node.pid, signal.SIGSTOP)
    paused = node.call("status")
    os.kill(node.pid, signal.SIGCONT)
    awake = node.call("status")

    assert paused.returncode == 1
    assert f"(pid {node.pid}) but does not answer at http://127.0.0.1:{node.port}" in paused.stdout
    assert awake.returncode == 0
    assert re.search(r": (green|yellow), pid \d+\.$", awake.stdout.strip())


def test_stopping_leaves_no_process_and_the_next_start_has_the_documents(node):
    node.ask("PUT", "/kept/_doc/1?refresh=true", {"title": "سند"})
    assert len(node.alive()) == 1  # the process that the next lines check

    done = node.call("stop")

    assert done.returncode == 0, done.stderr
    assert node.alive() == []
    assert [node.call(command).returncode for command in ("status", "pid", "stop")] == [3, 3, 0]
    node.start()
    assert node.ask("GET", "/kept/_source/1") == {"title": "سند"}


def test_stopping_a_paused_node_leaves_no_process(node):
    os.kill(node.pid, signal.SIGSTOP)

    done = node.call("stop")

    assert done.returncode == 0, done.stderr
    assert node.alive() == []


def test_killed_node_is_known_as_not_running_and_can_be_started(node):
    os.kill(node.pid, signal.SIGKILL)
    assert node.everything_gone()
    assert (node.folder / "elasticsearch.pid").exists()

    assert node.call("status").returncode == 3
    node.start()
    assert node.call("status").returncode == 0


def test_pid_of_another_process_is_never_taken_for_the_node(stopped):
    (stopped.folder / "elasticsearch.pid").write_text(str(os.getpid()))

    assert [stopped.call(command).returncode for command in ("status", "pid", "stop")] == [3, 3, 0]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_run_stays_until_it_is_ended_and_leaves_no_process(stopped, number):
    process = subprocess.Popen(
       stopped.arguments("run"), cwd="/", stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        start_new_session=True,
    )  # fmt: skip
    assert process.stdout is not None
    said = ""
    for line in process.stdout:
        said += line
        if "Ctrl-C stops it." in line:
            break
    assert f"\nELASTICSEARCH_URL=http://127.0.0.1:{stopped.port}\n" in said
    assert stopped.call("status").returncode == 0

    process.send_signal(number)
    process.communicate(timeout=60)

    assert stopped.everything_gone(), stopped.alive()


def test_a_failed_start_names_its_log_and_leaves_no_process(folder):
    other = Node(folder / "other", free_port())

    done = other.call("start", "--heap", "1m")
    skip_if_unavailable(done)

    assert done.returncode == 1
    assert "Too small maximum heap" in done.stderr
    assert f"Its log: {other.folder / 'log' / 'elasticsearch.log'}" in done.stderr
    assert other.alive() == []
    assert other.call("status").returncode == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--port", "eighty"], "--port must be a whole number from 1 to 65535, not “eighty”."),
        (["--heap", "much"], "--heap must be a size such as 512m or 2g, not “much”."),
    ],
)
def test_what_cannot_be_meant_is_said_at_once(folder, arguments, message):
    done = Node(folder / "node", free_port()).call("start", *arguments)

    assert done.returncode == 1
    assert message in done.stderr
    assert list(folder.iterdir()) == []


def test_a_folder_of_something_else_is_left_alone(folder):
    (folder / "letters.txt").write_text("نامه")

    done = Node(folder, free_port()).call("start")

    assert done.returncode == 1
    assert "is not empty and not a node's folder" in done.stderr
    assert [file.name for file in folder.iterdir()] == ["letters.txt"]


@pytest.mark.parametrize(("tools", "missing"), [((), "Java 17 or newer"), (("java",), "Maven")])
def test_missing_tools_are_named_with_the_packages_that_bring_them(folder, tools, missing):
    path = folder / "bin"
    path.mkdir()
    for tool in ("sh", "dirname", "readlink", "python3", "test", *tools):
        target = shutil.which(tool)
        if target is None:
            pytest.skip(f"{tool} is missing (Debian: apt install openjdk-17-jre-headless maven)")
        (path / tool).symlink_to(target)

    done = Node(folder / "node", free_port()).call(
        "start", PATH=str(path), JAVA_HOME="", ELASTICSEARCH_HOME=str(folder / "home")
    )

    assert done.returncode == UNAVAILABLE
    assert missing in done.stderr
    assert "apt install openjdk-17-jre-headless maven" in done.stderr


def test_what_maven_cannot_fetch_is_said_and_leaves_nothing(folder):
    if not shutil.which("mvn"):
        pytest.skip("mvn is missing (Debian: apt install maven)")
    (folder / ".m2").mkdir()
    (folder / ".m2" / "settings.xml").write_text("<settings><offline>true</offline></settings>")  # with nothing cached

    done = Node(folder / "node", free_port()).call(
        "start", ELASTICSEARCH_HOME=str(folder / "home"), HOME=str(folder), MAVEN_OPTS=f"-Duser.home={folder}"
    )

    assert done.returncode == UNAVAILABLE, done.stderr
    assert "Is the network reachable?" in done.stderr
    assert "offline mode" in done.stdout
    assert list((folder / "home").iterdir()) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to become somebody else")
def test_root_is_told_of_a_folder_the_other_account_cannot_enter(folder):
    folder.chmod(0o700)

    done = Node(folder / "node", free_port()).call("start")

    assert done.returncode == 1
    assert "cannot enter" in done.stderr
    assert "ELASTICSEARCH_HOME=/var/cache/portal-elasticsearch" in done.stderr
