from __future__ import annotations

from portal.core import robots
from portal.core.robots import disallow, disallow_in_each_language

AS_EVER = """\
User-agent: *
Disallow: /*/community/p/
Disallow: /*/community/t/*/reply/
Disallow: /*/downloads/*/licence/
Disallow: /*/troubleshoot/*/*/
Disallow: /a/*/feedback/
Disallow: /accounts/
Disallow: /admin/
Disallow: /d/
Disallow: /django-admin/
Disallow: /en/account/
Disallow: /en/accounts/
Disallow: /en/community/ask/
Disallow: /en/community/messages/
Disallow: /en/community/similar/
Disallow: /en/desk/
Disallow: /en/notifications/
Disallow: /en/search/
Disallow: /fa/account/
Disallow: /fa/accounts/
Disallow: /fa/community/ask/
Disallow: /fa/community/messages/
Disallow: /fa/community/similar/
Disallow: /fa/desk/
Disallow: /fa/notifications/
Disallow: /fa/search/

Sitemap: http://testserver/sitemap.xml
"""


def rules(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("Disallow: ")]


def test_robots_name_the_sitemap_and_spare_the_rest(client):
    response = client.get("/robots.txt")

    assert response["Content-Type"].startswith("text/plain")
    assert response["Cache-Control"] == "max-age=3600, public"
    lines = response.text.splitlines()
    assert [lines[0], *sorted(rules(response.text)), *lines[-2:], ""] == AS_EVER.split("\n")


def test_an_app_adds_its_rooms(client, monkeypatch):
    monkeypatch.setattr(robots, "_paths", dict(robots._paths))
    monkeypatch.setattr(robots, "_names", dict(robots._names))
    before = rules(client.get("/robots.txt").text)

    disallow("/t/*/vote/")
    disallow_in_each_language("community/drafts", "search")

    added = ["Disallow: /t/*/vote/", "Disallow: /fa/community/drafts/", "Disallow: /en/community/drafts/"]
    assert sorted(rules(client.get("/robots.txt").text)) == sorted(before + added)
