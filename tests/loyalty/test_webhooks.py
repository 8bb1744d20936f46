"""Other systems are told of events: signed, once, and by nothing but the public internet; over a real socket, with and without TLS."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import json
import re
import socket
import ssl
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from django.core.exceptions import ValidationError
from django.urls import reverse
from django.utils import timezone

from loyalty.events import PointsDecided
from loyalty.exceptions import NoRightError
from loyalty.models import Decision, LoyaltyEvent, RedemptionStep, TierMembership, Webhook, WebhookDelivery
from loyalty.models.webhooks import EventKind
from loyalty.services import earning, rewards, webhooks
from loyalty.services.members import wallet_for
from loyalty.services.webhooks import sending
from portal.core import outbox
from portal.core.models import OutboxMessage
from tests.factories.accounts import UserFactory
from tests.factories.loyalty import EarningFactory, RewardFactory, badge_in_force, rule_in_force, tiers_in_force
from tests.loyalty.test_adjusting import with_rights
from tests.loyalty.test_adjusting_admin import signed_in
from tests.loyalty.test_earning import happened

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.both_databases(
        "loyalty.services.webhooks.queueing",
        "loyalty.services.webhooks.delivering",
        "loyalty.models.webhooks",
        "loyalty.webhooks_admin",
    ),
]
State, Problem = WebhookDelivery.State, WebhookDelivery.Problem


class Shop(ThreadingHTTPServer):
    """A system that is told, and answers as a test says."""

    def __init__(self) -> None:
        self.answer, self.heard = 204, []
        super().__init__(("127.0.0.1", 0), _Handler)
        self.daemon_threads = True


class _Handler(BaseHTTPRequestHandler):
    server: Shop

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.server.heard.append((self.path, dict(self.headers), body))
        if self.server.answer == "nonsense":
            self.wfile.write(b"220 mail.example ESMTP\r\n")
            return
        if self.server.answer == "slow":
            for _count in range(200):  # until the portal hangs up
                try:
                    self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
                except OSError:
                    return
                time.sleep(0.02)
            return
        self.send_response_only(103)
        self.end_headers()
        self.send_response(self.server.answer)
        if self.server.answer == 302:
            self.send_header("Location", "/elsewhere")
        self.end_headers()

    def log_message(self, *_args: object) -> None:
        pass


@contextmanager
def running(server):
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def shop(settings):
    settings.WEBHOOKS_TO_THIS_MACHINE = True
    with running(Shop()) as server:
        yield server


@pytest.fixture
def programme():
    return EarningFactory().programme


def webhook_at(url, programme, *kinds):
    by = UserFactory(superuser=True)
    return webhooks.make_webhook(programme=programme, name="صندوق", url=url, kinds=kinds or EventKind.values, by=by)


def told_at(shop, programme, *kinds):
    return webhook_at(f"http://127.0.0.1:{shop.server_port}/hook?a=1", programme, *kinds)


def given(programme, user=None):
    """Points for an event, with all that the worker does afterwards."""
    number = LoyaltyEvent.objects.count() + 1
    if number == 1:
        rule_in_force(programme, points=100)
    decisions = earning.record(happened(user or UserFactory(), number))
    outbox.drain()
    return decisions[0]


# What arrives --------------------------------------------------------------------------------------------------------


def test_points_arrive_once_signed_with_an_id_of_their_own(shop, programme):
    webhook, secret = told_at(shop, programme)
    decision = given(programme)

    [(path, headers, body)] = shop.heard
    assert path == "/hook?a=1"
    told = json.loads(body)
    assert told["kind"] == headers["Portal-Event"] == "points.decided"
    assert told["id"] == headers["Portal-Event-Id"]
    assert told["member"] == str(decision.event.member_key)
    assert (told["data"]["points"], told["data"]["outcome"]) == (100, "earned")
    at, signature = (part.split("=")[1] for part in headers["Portal-Signature"].split(","))
    assert abs(time.time() - int(at)) < 60
    assert signature == hmac.new(secret.encode(), f"{at}.{body}".encode(), hashlib.sha256).hexdigest()
    assert secret not in webhook.sealed

    webhooks.follow_decision(_decided(decision))  # the same event again
    outbox.drain()
    assert len(shop.heard) == 1
    assert WebhookDelivery.objects.get().state == State.SENT


def test_the_documented_check_accepts_what_is_sent_and_nothing_else(shop, programme):
    _webhook, secret = told_at(shop, programme)
    given(programme)
    [(_path, headers, body)] = shop.heard
    text = (Path(__file__).parents[2] / "docs" / "loyalty-api.md").read_text(encoding="utf-8")
    names = {"hmac": hmac, "hashlib": hashlib}
    exec(re.search(r"```python\n(.*?)```", text, re.DOTALL)[1], names)  # noqa: S102 - our own documentation
    check, header, now = names["is_from_portal"], headers["Portal-Signature"], time.time()
    assert check(secret, header, body.encode(), now=now)
    assert not check(secret, header, body.replace("100", "900").encode(), now=now)
    assert not check(secret, header, body.encode(), now=now + 600)
    assert not check("whs_x", header, body.encode(), now=now)
    assert not check(secret, "", body.encode(), now=now)


def _decided(decision):
    return PointsDecided(event_id=decision.event_id, wallet_id=decision.wallet_id)


def test_nobody_is_told_what_they_did_not_ask_for_or_what_was_before_them(shop, programme):
    given(programme)
    webhook, _secret = told_at(shop, programme, "reward.changed")
    other, _secret = told_at(shop, EarningFactory().programme)
    given(programme)
    webhooks.stop_webhook(other, by=UserFactory(superuser=True))
    assert (shop.heard, list(webhook.deliveries.all())) == ([], [])
    assert Decision.objects.filter(wallet__programme=programme).count() == 2


def test_tiers_badges_and_rewards_are_told(shop, programme):
    told_at(shop, programme, "tier.changed", "badge.changed", "reward.changed")
    tiers_in_force(programme)
    badge_in_force(programme, target=1)
    person = UserFactory()
    given(programme, person)
    reward = RewardFactory(programme=programme, price=4)
    rewards.redeem(
        user=person, reward=reward, key="k", price=4, seen=rewards.last_of(wallet_for(user=person, programme=programme))
    )
    outbox.drain()
    heard = {json.loads(body)["kind"]: json.loads(body)["data"] for _path, _headers, body in shop.heard}
    assert heard["tier.changed"]["tier"] == TierMembership.objects.get().to_tier.code
    assert heard["badge.changed"]["is_held"] is True
    assert heard["reward.changed"]["state"] == RedemptionStep.objects.get().state


# What does not -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "problem"),
    [(500, Problem.REFUSED), (302, Problem.REDIRECT), ("nonsense", Problem.ANSWER), ("slow", Problem.TIME)],
)
def test_what_fails_is_tried_again_later_and_nothing_else_is_sent_meanwhile(
    shop, programme, answer, problem, monkeypatch
):
    monkeypatch.setattr(sending, "SECONDS", 0.3)
    told_at(shop, programme)
    shop.answer = answer
    given(programme)
    given(programme)
    assert len(shop.heard) == 1
    first, second = WebhookDelivery.objects.order_by("attempts", "pk").reverse()
    assert (first.state, first.problem, first.attempts) == (State.WAITING, problem, 1)
    assert (second.state, second.attempts) == (State.WAITING, 0)

    shop.answer = 200
    webhooks.change_webhook(
        Webhook.objects.get(), name="x", url=Webhook.objects.get().url, kinds=["points.decided"],
        by=UserFactory(superuser=True),
    )  # fmt: skip
    outbox.drain()
    assert set(WebhookDelivery.objects.values_list("state", flat=True)) == {State.SENT}
    assert len(shop.heard) == 3


def try_until_given_up():
    for _count in range(outbox.MAX_ATTEMPTS):
        Webhook.objects.update(rests_until=None)
        OutboxMessage.objects.pending().update(available_at=timezone.now())
        outbox.drain()


def test_what_is_given_up_is_listed_and_sent_again_with_the_same_id(client, shop, programme, settings):
    settings.STAFF_SECOND_FACTOR = False
    webhook, _secret = told_at(shop, programme)
    shop.answer = 503
    given(programme)
    try_until_given_up()
    row = WebhookDelivery.objects.get()
    assert (row.state, row.attempts, row.status) == (State.GIVEN_UP, outbox.MAX_ATTEMPTS, 503)
    assert not OutboxMessage.objects.pending().exists()

    signed_in(client, "change_webhook")
    page = reverse("points_webhooks:edit", args=[webhook.pk])
    assert f'value="{row.pk}"' in client.get(page, {"state": "given-up"}).text
    shop.answer = 200
    client.post(page, {"again": row.pk})
    client.post(page, {"again": row.pk})
    outbox.drain()
    row.refresh_from_db()
    assert (row.state, len(shop.heard)) == (State.SENT, outbox.MAX_ATTEMPTS + 1)
    assert {headers["Portal-Event-Id"] for _path, headers, _body in shop.heard} == {str(row.uid)}


def test_who_is_gone_or_stopped_or_silent_for_days_is_not_asked_again(shop, programme):
    webhook, _secret = told_at(shop, programme)
    shop.answer = 410
    given(programme)
    assert WebhookDelivery.objects.get().state == State.GIVEN_UP

    Webhook.objects.update(rests_until=timezone.now() + dt.timedelta(hours=1))
    given(programme)
    WebhookDelivery.objects.filter(state=State.WAITING).update(since=timezone.now() - webhooks.GIVE_UP_AFTER)
    OutboxMessage.objects.pending().update(available_at=timezone.now())
    outbox.drain()
    given(programme)
    webhooks.stop_webhook(webhook, by=UserFactory(superuser=True))
    OutboxMessage.objects.pending().update(available_at=timezone.now())
    outbox.drain()
    assert set(WebhookDelivery.objects.values_list("state", flat=True)) == {State.GIVEN_UP}
    assert WebhookDelivery.objects.first().problem == Problem.STOPPED
    assert len(shop.heard) == 1


# Where nothing is sent -----------------------------------------------------------------------------------------------

INSIDE = (
    *("127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.1.2.3", "224.0.0.1"),
    *("::1", "::", "fe80::1", "fc00::1", "fec0::1", "ff02::1", "::ffff:10.0.0.1", "2002:0a00:0001::", "64:ff9b::a00:1"),
    *("::10.0.0.1", "255.255.255.255", "192.0.2.1"),
)


@pytest.mark.parametrize("address", INSIDE)
def test_no_address_inside_is_reached_whatever_its_name(address, monkeypatch):
    assert not sending.is_public(ip_address(address))
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    public = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("93.184.216.34", 443))
    inside = (family, socket.SOCK_STREAM, 6, "", (address, 443))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_kwargs: [public, inside])
    monkeypatch.setattr(socket, "create_connection", lambda *_args, **_kwargs: pytest.fail("It connects."))
    with pytest.raises(sending.NotSentError) as refused:
        sending.post("https://shop.example/", sending.sign("{}", secret="s", uid="u", kind="ping", at=0))
    assert refused.value.problem == Problem.NOT_PUBLIC


def test_a_name_server_that_is_silent_costs_no_more_time_than_a_server(monkeypatch):
    monkeypatch.setattr(sending, "SECONDS", 0.05)
    never = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_kwargs: never.wait(20) or [])
    began = time.monotonic()
    with pytest.raises(sending.NotSentError) as late:
        sending.post("https://shop.example/", sending.sign("{}", secret="s", uid="u", kind="ping", at=0))
    never.set()
    assert late.value.problem == Problem.TIME
    assert time.monotonic() - began < 10


def test_public_addresses_are_public():
    assert all(sending.is_public(ip_address(one)) for one in ("93.184.216.34", "2606:2800:220:1::1", "8.8.8.8"))


@pytest.mark.parametrize(
    "url",
    [
        "http://shop.example/", "ftp://shop.example/", "https://localhost/", "https://127.0.0.1/", "https://[::1]/",
        "https://user:word@shop.example/", "https://shop.example/\r\nX: y", "https://shop.example/#part", "https:///x",
        "https://shop.example:99999/", "https://10.0.0.1/", "https://2130706433/", "//shop.example/", "", "https://فروشگاه.example/",
    ],
)  # fmt: skip
def test_addresses_that_lead_nowhere_are_refused_when_they_are_typed(url, programme):
    with pytest.raises(ValidationError):
        webhook_at(url, programme)
    assert not Webhook.objects.exists()


def certificate(name, path):
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM) + private)
    return path


def test_certificates_are_checked_for_the_name_that_was_typed(shop, monkeypatch, tmp_path):
    pem = certificate("shop.example", tmp_path / "shop.pem")
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(pem)
    shop.socket = tls.wrap_socket(shop.socket, server_side=True)
    here = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", shop.server_port))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_kwargs: here)
    message = sending.sign("{}", secret="s", uid="u", kind="ping", at=0)

    def problem_at(name):
        with pytest.raises(sending.NotSentError) as refused:
            sending.post(f"https://{name}:{shop.server_port}/", message)
        return refused.value.problem

    assert problem_at("shop.example") == Problem.CERTIFICATE  # nobody vouches for it
    monkeypatch.setattr(sending, "context", lambda: ssl.create_default_context(cafile=pem))
    assert problem_at("other.example") == Problem.CERTIFICATE
    assert shop.heard == []
    assert sending.post(f"https://shop.example:{shop.server_port}/", message) == 204


# Staff ---------------------------------------------------------------------------------------------------------------


def test_only_who_may_makes_one_and_the_secret_is_shown_once(client, programme, settings):
    settings.STAFF_SECOND_FACTOR = False
    with pytest.raises(NoRightError):
        webhooks.make_webhook(
            programme=programme, name="x", url="https://shop.example/", kinds=["points.decided"],
            by=with_rights("add_apitoken"),
        )  # fmt: skip
    signed_in(client, "change_webhook")
    index = reverse("points_webhooks:index")
    form = {"programme": programme.pk, "name": "فروشگاه", "url": "https://shop.example/h", "kinds": ["points.decided"]}
    refused = client.post(index, {**form, "url": "http://shop.example/"})
    assert refused.status_code == 422
    made = client.post(index, form)
    assert "whs_" in made.text
    assert "no-store" in made["Cache-Control"]
    webhook = Webhook.objects.get()
    page = reverse("points_webhooks:edit", args=[webhook.pk])
    assert "whs_" not in client.get(index).text + client.get(page).text
    assert "باشگاه نورا" in client.get(index).text  # the programme by its name

    before = webhook.sealed
    assert "whs_" in client.post(page, {"secret": "1"}).text
    client.post(page, {"save": "1", "name": "دیگر", "url": "https://shop.example/2", "kinds": ["reward.changed"]})
    client.post(page, {"test": "1"})
    client.post(page, {"stop": "1"})
    webhook.refresh_from_db()
    assert webhook.sealed != before
    assert (webhook.name, webhook.url, webhook.kinds) == ("دیگر", "https://shop.example/2", ["reward.changed"])
    assert webhook.stopped_at is not None
    assert webhook.deliveries.get().kind == "ping"


def test_old_deliveries_are_deleted_and_waiting_ones_kept(shop, programme):
    told_at(shop, programme)
    given(programme)
    shop.answer = 500
    given(programme)
    WebhookDelivery.objects.update(created_at=timezone.now() - webhooks.KEPT - dt.timedelta(days=1))
    assert webhooks.is_anything_old()
    assert webhooks.forget_old() == 1
    assert WebhookDelivery.objects.get().state == State.WAITING
