"""deploy/compose.yaml matches the portal's settings and the versions used in tests. Checked without Docker."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml
from django.conf import settings

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text())
SERVICES = COMPOSE["services"]
NGINX = (ROOT / "deploy" / "nginx.conf").read_text()
OPERATE = (ROOT / "docs" / "operate.md").read_text()
GIVEN = {"POSTGRES_PASSWORD": "secret", "SECRET_KEY": "long", "ELASTICSEARCH_URL": "http://elasticsearch:9200"}


def environment(service: str) -> dict[str, str]:
    """The environment variables of a service, substituted like Docker Compose does."""
    return {
        name: re.sub(r"\$\{(\w+)(?::[-?]([^}]*))?\}", lambda found: GIVEN.get(found[1], found[2] or ""), str(value))
        for name, value in SERVICES[service]["environment"].items()
    }


def test_every_variable_of_the_portal_is_documented_and_passed_on_under_its_own_name():
    for name, value in SERVICES["portal"]["environment"].items():
        assert f"`{name}`" in OPERATE, name
        assert name in {"DATABASE_URL", "REDIS_URL"} or value.startswith(f"${{{name}:"), name


def test_all_that_can_be_said_of_a_cluster_can_be_said_here():
    documented = set(re.findall(r"`(ELASTICSEARCH_[A-Z_]+)`", OPERATE)) - {"ELASTICSEARCH_HOME"}

    assert documented == {name for name in SERVICES["portal"]["environment"] if name.startswith("ELASTICSEARCH_")}


def test_the_portal_understands_what_it_is_told(tmp_path):
    env = {**os.environ, **environment("portal"), "DATA_DIR": str(tmp_path)}
    env["DJANGO_SETTINGS_MODULE"] = "portal.settings.production"

    done = subprocess.run(
        [sys.executable, "manage.py", "check"], cwd=ROOT, env=env, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", ["DATABASE_URL", "REDIS_URL", "ELASTICSEARCH_URL"])
def test_addresses_name_services(name):
    assert urlsplit(environment("portal")[name]).hostname in SERVICES


def test_the_cluster_is_that_of_the_tests_and_starts_on_request_only():
    version = re.search(
        r'^VERSION = "([\d.]+)"', (ROOT / "script" / "_elasticsearch_package.py").read_text(), re.MULTILINE
    )

    assert SERVICES["elasticsearch"]["image"].endswith(f"/elasticsearch:{version[1]}")
    assert SERVICES["elasticsearch"]["profiles"] == ["elasticsearch"]
    assert "ports" not in SERVICES["elasticsearch"]  # it has no passwords
    assert "--profile elasticsearch up` with `ELASTICSEARCH_URL=http://elasticsearch:9200`" in " ".join(OPERATE.split())


def test_what_must_survive_is_in_volumes():
    used = {volume.split(":")[0] for service in SERVICES.values() for volume in service.get("volumes", ())}

    assert used == set(COMPOSE["volumes"])
    assert all("volumes" in SERVICES[name] for name in ("portal", "postgres", "elasticsearch"))


# What the image is made of ----------------------------------------------------------------------------------------------

PATTERNS = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]


def is_shipped(path: str) -> bool:
    """Whether the file is part of the image: Docker takes the last pattern that fits it or a folder it is in."""
    parts = path.split("/")
    names = {"/".join(parts[:length]) for length in range(1, len(parts) + 1)}
    ignored = False
    for pattern in PATTERNS:
        expression = re.escape(pattern.lstrip("!")).replace(r"\*\*/", "(?:.*/)?").replace(r"\*", "[^/]*")
        if any(re.fullmatch(expression, name) for name in names):
            ignored = not pattern.startswith("!")
    return not ignored


@pytest.mark.parametrize("folder", ["", "portal/", "deploy/", "backups/", "script/x/"])
@pytest.mark.parametrize(
    "name", [".env", ".env.production", "portal.sqlite3", "portal.sqlite3-wal", "data.tar.gz", "portal.dump", "a.sql", "a.zip", "secret_key", "tls.key", "portal-help.example.com-20261128T190439Z.tar",
     ".portal-help.example.com-20261128T190439Z.tar.partial/archive"],
)  # fmt: skip
def test_no_secret_and_no_backup_is_shipped_wherever_it_lies(folder, name):
    assert not is_shipped(folder + name)


def test_what_the_image_needs_is_shipped():
    needed = [
        "manage.py", "requirements.txt", "requirements.lock", "script/server", "script/_common.py", "portal/urls.py", "search/apps.py",
        "templates/base.html", "portal/locale/fa/LC_MESSAGES/django.po", "portal/static/portal/css/base.css",
    ]  # fmt: skip

    assert [path for path in needed if not is_shipped(path)] == []


def test_both_builders_of_docker_read_the_same_list():
    assert (ROOT / ".dockerignore").resolve() == ROOT / "deploy" / "Dockerfile.dockerignore"


def test_the_image_can_back_up_the_database_it_is_composed_with():
    client = re.search(r"postgresql-client-(\d+)", (ROOT / "deploy" / "Dockerfile").read_text())

    assert client is not None
    assert SERVICES["postgres"]["image"].startswith(f"postgres:{client[1]}-")


# Files with secrets ---------------------------------------------------------------------------------------------------


def test_whatever_a_command_writes_is_its_owners_alone(tmp_path):
    env = {**os.environ, "DATA_DIR": str(tmp_path), "SECRET_KEY": "for this test", "DATABASE_URL": ""}
    env["DJANGO_SETTINGS_MODULE"] = "portal.settings.production"

    subprocess.run(
        [sys.executable, "manage.py", "createcachetable"],
        cwd=ROOT,
        env=env,
        check=True,
        capture_output=True,
        umask=0o022,
    )

    modes = {file.name: oct(file.stat().st_mode & 0o077) for file in tmp_path.rglob("*")}
    assert "portal.sqlite3" in modes
    assert set(modes.values()) == {"0o0"}


# The proxy ------------------------------------------------------------------------------------------------------------


def test_the_proxy_limits_bodies_by_path_and_lets_editors_upload():
    sizes = dict(
        re.findall(r"location (\S+) +\{ client_max_body_size (\w+); +proxy_pass http://127.0.0.1:8000; \}", NGINX)
    )
    text, picture = settings.DATA_UPLOAD_MAX_MEMORY_SIZE, settings.WAGTAILIMAGES_MAX_UPLOAD_SIZE

    assert sizes == {
        "/": "64k", "/admin/": "2500k", "/django-admin/": "2500k", "/admin/account/": "11m", "/admin/images/": "11m",
        "/admin/documents/": "200m", "/admin/media/": "200m", "/admin/downloads/": "200m", "/admin/help/import/": "110m",
    }  # fmt: skip
    assert text <= 2500 * 1024
    assert picture < 11 * 1024 * 1024


def test_the_proxy_answers_no_unknown_name_and_vouches_for_one_address():
    servers = NGINX.split("\nserver {")[1:]

    assert "ssl_reject_handshake on;" in servers[0]
    assert "return 444;" in servers[0]
    assert servers[0].count("default_server;") == 4
    assert all("default_server" not in other for other in servers[1:])
    assert "    http2 on;" in servers[2]
    assert "proxy_set_header X-Forwarded-For $remote_addr;" in servers[2]
    assert "TRUSTED_PROXY_COUNT=1" in NGINX
    assert environment("portal")["TRUSTED_PROXY_COUNT"] == "1"


def test_the_health_check_of_the_image_needs_no_name():
    check = re.search(r"^HEALTHCHECK .*$", (ROOT / "deploy" / "Dockerfile").read_text(), re.MULTILINE)

    assert check is not None
    assert "'http://127.0.0.1:8000/health/'" in check[0]
    assert "Host" not in check[0]
