"""Pages of the community that are read: lists, threads, people."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from django.conf import settings
from django.core.paginator import InvalidPage
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import patch_vary_headers
from django.utils.functional import SimpleLazyObject
from django.utils.translation import get_language, override
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from community import rules, services, structured
from community.capturing import address_of_article
from community.forms import ReplyForm, form_marks
from community.ladder import ladder_of
from community.listing import (
    AREA_TABS,
    LANGUAGES_IN,
    TAB_LABELS,
    Tab,
    ThreadList,
    areas_of,
    hot_tags,
    is_old,
    threads_in,
    with_end_of_news,
)
from community.models import CommunityProfile, Level, Post, Tag, Thread
from community.models.access import id_of
from community.models.member import profile_of
from community.notifications.common import area_target, person_target, product_target, tag_target
from community.people import person_of
from community.queries import numbers_of_page, place_of_post
from community.services.texts import people_named
from community.showing import FRAME, Reader, ThreadPage, pages_of, target_of
from community.viewing import FACT
from community.views.common import for_members, is_htmx, person_in, post_or_404, thread_or_404
from community.views.loops import THANKS, visitor_who_said
from portal.catalog.models import Product
from portal.core.honours import honours_of, scope_of
from portal.core.privacy import is_prefetch
from portal.core.scopes import depends_on
from portal.core.text import row_number
from portal.insight.facts import tell
from portal.notifications.queries import is_following
from portal.notifications.services import mark_read as mark_notifications_read

if TYPE_CHECKING:
    from django.http import HttpRequest, QueryDict

    from portal.accounts.models import User

_TABS: Final = (Tab.LATEST, Tab.POPULAR, Tab.UNANSWERED, Tab.SOLVED)
_PLACE: Final = re.compile(r"(\d{1,9})-(\d{1,9})\Z")
#: The query of the page with the most helpful replies first, which is cached.
HELPFUL_FIRST: Final = "sort=helpful"
_RECENT: Final = 20
#: In the session: when the visit before this one ended, and when a list was opened last.
_VISIT: Final = "community_visit"
_VISIT_ENDS: Final = 30 * 60
_VISIT_STORED: Final = 5 * 60
_LANGUAGES: Final = frozenset(code for code, _name in settings.LANGUAGES)


# Lists ---------------------------------------------------------------------------------------------------------------


@require_safe
def index(request: HttpRequest, tab: str = Tab.LATEST) -> HttpResponse:
    """Show the threads of all areas."""
    depends_on(request, "community", *FRAME)
    return _index(request, Tab(tab))


@never_cache
@for_members
@require_safe
def following(request: HttpRequest) -> HttpResponse:
    """Show the threads the person follows."""
    return _index(request, Tab.FOLLOWING)


def _index(request: HttpRequest, tab: Tab) -> HttpResponse:
    after = request.GET.get("after", "")
    found = threads_in(request.user, tab=tab, after=after, language=_language_in(request))
    found = _since_last_visit(request, found, tab)
    context = {
        "list": found,
        "tab": tab,
        "tabs": _index_tabs(request, found.query),
        "after": after,
        "feed_url": reverse("community:feed"),
    }
    if is_htmx(request) and after:
        return _vary(render(request, "community/_rows_page.html", context))
    context |= {
        "areas": areas_of(request.user),
        "tags": hot_tags(),
    }
    return _vary(render(request, "community/index.html", context))


def _since_last_visit(request: HttpRequest, found: ThreadList, tab: Tab) -> ThreadList:
    """Return the newest threads with a line below those with posts since a member was here before, on this device.

    A visit ends when they open no list for half an hour. Few sessions are stored: none within five minutes.
    """
    if not request.user.is_authenticated or tab is not Tab.LATEST or request.GET.get("after") or is_prefetch(request):
        return found
    now = timezone.now().timestamp()
    before, last = request.session.get(_VISIT, (None, None))
    if last is None or now - last > _VISIT_ENDS:
        before = last
    if last is None or now - last > _VISIT_STORED:
        request.session[_VISIT] = (before, now)
    since = dt.datetime.fromtimestamp(before, tz=dt.UTC) if before is not None else None
    return replace(found, rows=with_end_of_news(found.rows, since))


def _language_in(request: HttpRequest) -> str:
    return request.GET.get(LANGUAGES_IN, "")


def _index_tabs(request: HttpRequest, query: str) -> list[tuple[Tab, Any, str]]:
    names = {tab: f"community:{tab}" for tab in _TABS} | {Tab.LATEST: "community:index"}
    if request.user.is_authenticated:
        names[Tab.FOLLOWING] = "community:following"
    return [(tab, TAB_LABELS[tab], reverse(name) + query) for tab, name in names.items()]


@require_safe
def area(request: HttpRequest, slug: str, tab: str = "") -> HttpResponse:
    """Show the threads of an area and of those inside it."""
    depends_on(request, *FRAME)
    everything = areas_of(request.user)
    here = next((each for each in everything if each.slug == slug), None)
    tabs = AREA_TABS.get(here.kind, ()) if here is not None else ()
    if here is None or (tab and tab not in tabs):
        raise Http404
    inside = [each for each in everything if each.parent_id == here.pk]
    shown = [here, *(each for each in inside if each.kind == here.kind)]
    depends_on(request, *(f"community:area:{each.pk}" for each in shown))
    chosen = Tab(tab) if tab else tabs[0]
    after = request.GET.get("after", "")
    found = threads_in(request.user, tab=chosen, areas=shown, after=after, language=_language_in(request))
    found = _since_last_visit(request, found, chosen)
    context = {"list": found, "tab": chosen, "after": after, "area": here}
    if is_htmx(request) and after:
        return _vary(render(request, "community/_rows_page.html", context))
    context |= {
        "areas": everything,
        "inside": inside,
        "parent": next((each for each in everything if each.pk == here.parent_id), None),
        "tabs": [
            (
                each,
                TAB_LABELS[each],
                (here.get_absolute_url() if each == tabs[0] else reverse("community:area_tab", args=[here.slug, each]))
                + found.query,
            )
            for each in tabs
        ],
        "feed_url": reverse("community:area_feed", args=[here.slug]),
        "may_start": not request.user.is_authenticated or rules.can_start_thread(request.user, here),
        "is_empty": not found.rows and not after,
        **_following(request, area_target(here.pk)),
    }
    return _vary(render(request, "community/area.html", context))


def _following(request: HttpRequest, target: str) -> dict[str, bool]:
    """Return whether the reader may follow what a page is about, and does. No query for visitors."""
    person_id = id_of(request.user)
    if person_id is None or not rules.can_take_part(request.user):
        return {"may_follow": False, "is_following": False}
    return {"may_follow": True, "is_following": is_following(person_id, target)}


@require_safe
def tag(request: HttpRequest, slug: str) -> HttpResponse:
    """Show the threads with a tag."""
    depends_on(request, "community", *FRAME)
    chosen = get_object_or_404(Tag, slug=slug)
    after = request.GET.get("after", "")
    found = threads_in(request.user, tag=chosen, after=after, language=_language_in(request))
    return _about(request, found, {"tag": chosen}, tag_target(chosen.pk))


@require_safe
def product(request: HttpRequest, code: str) -> HttpResponse:
    """Show the threads about a product of the catalogue."""
    depends_on(request, "community", "catalogue", *FRAME)
    chosen = get_object_or_404(Product, code=code)
    after = request.GET.get("after", "")
    found = threads_in(request.user, product=chosen, after=after, language=_language_in(request))
    return _about(request, found, {"product": chosen}, product_target(chosen.pk))


def _about(request: HttpRequest, found: ThreadList, what: dict[str, Any], target: str) -> HttpResponse:
    """Show the threads of all areas that have something in common, which can be followed."""
    after = request.GET.get("after", "")
    context = {"list": found, **what, "after": after, "is_empty": not found.rows and not after}
    if is_htmx(request) and after:
        return _vary(render(request, "community/_rows_page.html", context))
    return _vary(render(request, "community/about.html", context | _following(request, target)))


# A thread ------------------------------------------------------------------------------------------------------------


@require_safe
def thread(request: HttpRequest, thread_id: int, slug: str) -> HttpResponse:
    """Show a page of a thread; another slug, or the address of a thread that was merged, leads to the right address.

    So does a query that changes nothing: each would be a page of its own, which no cache has.
    """
    depends_on(request, f"thread:{thread_id}", *FRAME)
    found = thread_or_404(request, thread_id)
    query, typed = _thread_query(request.GET), request.META.get("QUERY_STRING", "")
    is_elsewhere = found.pk != thread_id or slug != (found.slug or "-")
    if found.pk != thread_id:  # its posts are behind those that were there before
        _thread_id, moved_to = place_of_post(thread_id, 1)
        return HttpResponseRedirect(found.get_absolute_url() + Post(number=moved_to).fragment, status=301)
    if is_elsewhere or query != typed:
        address = found.get_absolute_url() + (f"?{query}" if query else "")
        return HttpResponseRedirect(address, status=301 if is_elsewhere else 302)
    by_helpfulness = request.GET.get("sort") == "helpful"
    number: int | None = None
    after: tuple[int, int] | None = None
    context: dict[str, Any] = {"thread": found}
    visitor = visitor_who_said(request)
    if by_helpfulness:
        place = _PLACE.match(request.GET.get("after", ""))
        after = (int(place[1]), int(place[2])) if place else None
        reader = Reader(request.user, found, visitor=visitor)
    else:
        try:
            page = pages_of(found).page(request.GET.get("page", 1))
        except InvalidPage as error:
            raise Http404 from error
        number = page.number
        context |= {
            "page_obj": page,
            "page_range": page.paginator.get_elided_page_range(page.number, on_each_side=1, on_ends=1),
        }
        first, last = numbers_of_page(number)
        reader = Reader(request.user, found, first=first, last=last, visitor=visitor)
        _note_reading(request, reader, page.end_index())
    is_common = reader.is_common
    shown = ThreadPage(request.user, found, number=number, after=after, is_common=is_common)
    canonical = _address_in_its_language(found)
    if number is not None and number > 1:
        canonical += f"?page={number}"
    is_outdated = is_old(found)
    context |= {
        "page": shown,
        "reader": reader,
        # Pages for visitors are kept as a whole, and others see what only they may see.
        "is_kept": is_common and request.user.is_authenticated,
        "article_address": lambda: address_of_article(request.user, found),
        "canonical": canonical,
        "is_listed": found.is_listed,
        "is_old": is_outdated,
        # For those who index the page: nobody signs in for that, and no other order or page is indexed with it.
        "json_ld": "" if query or request.user.is_authenticated else structured.thread_json_ld(found, shown.parts),
        "statuses": _idea_statuses() if reader.may.get("set_status") else [],
        "restriction": _restriction_of(request) if not reader.may.get("reply") else None,
        "feed_url": reverse("community:thread_feed", args=[found.pk]) if found.is_listed else "",
    }
    if reader.may.get("reply"):
        context |= {
            "reply_form": SimpleLazyObject(ReplyForm),
            "form_marks": form_marks(),
            "reply_key": (
                found.pk,
                reader.may["upload"],
                is_outdated,
                found.title,
                found.area_id,
                reader.is_starter,
                reader.waits,
                reader.own.is_following,
                reader.own.has_draft,
            ),
        }
    response = _vary(render(request, "community/thread.html", context))
    if found.is_listed:
        tell(response, FACT, found.pk)
    return response


def _address_in_its_language(thread: Thread) -> str:
    """Return the address of a thread where its own language is that of the page, which is where search engines find it."""
    if thread.language == get_language() or thread.language not in _LANGUAGES:
        return thread.get_absolute_url()
    with override(thread.language):
        return thread.get_absolute_url()


def _thread_query(query: QueryDict) -> str:
    """Return the part of a query that a page of a thread answers, in its only spelling. Raises `Http404`."""
    if query.get("sort") == "helpful":
        place = _PLACE.match(query.get("after", ""))
        return f"{HELPFUL_FIRST}&after={int(place[1])}-{int(place[2])}" if place else HELPFUL_FIRST
    if not query.get("page"):
        return THANKS if query.urlencode() == THANKS else ""
    page = row_number(query["page"])
    if page is None:
        raise Http404
    return f"page={page}"


def _idea_statuses() -> list[tuple[str, Any]]:
    wanted = Thread.Status
    chosen = (wanted.NEW, wanted.UNDER_REVIEW, wanted.PLANNED, wanted.DONE, wanted.NOT_NOW)
    return [(status.value, status.label) for status in chosen]


def _note_reading(request: HttpRequest, reader: Reader, number: int) -> None:
    """Remember how far a signed-in person has read, and that they were here today. Prefetching changes nothing."""
    if reader.id is None or profile_of(request.user) is None or is_prefetch(request) or request.method != "GET":
        return
    person = person_in(request)
    if reader.own.read_to < number:
        services.mark_read(user=person, thread=reader.thread, number=number)
    if reader.own.has_news:
        mark_notifications_read(person_id=reader.id, subject=target_of(reader.thread))
    services.note_visit(user=person)


@require_safe
def short_link(request: HttpRequest, thread_id: int) -> HttpResponse:
    """Lead from ``/t/<id>`` to the thread in the reader's language."""
    return _in_own_language(request, thread_or_404(request, thread_id).get_absolute_url())


@require_safe
def post(request: HttpRequest, post_id: int) -> HttpResponse:
    """Lead from ``/p/<id>/`` to a post where it is now."""
    return _in_own_language(request, post_or_404(request, post_id).get_absolute_url())


@require_safe
def person_in_own_language(request: HttpRequest, handle: str) -> HttpResponse:
    """Lead from ``/u/<handle>/`` to the page of a member in the reader's language."""
    return _in_own_language(request, reverse("community:person", args=[_member(request, handle).handle]))


def _in_own_language(request: HttpRequest, url: str) -> HttpResponse:
    response = HttpResponseRedirect(url)
    response.headers["Cache-Control"] = "private, no-cache"
    return _vary(response, "Accept-Language", "Cookie")


@never_cache
@for_members
@require_safe
def history(request: HttpRequest, post_id: int) -> HttpResponse:
    """Show the earlier texts of a post to its author and to moderators: others may have been meant to forget them."""
    found = post_or_404(request, post_id)
    if found.author_id != request.user.pk and not rules.can_moderate(request.user):
        raise Http404
    revisions = list(found.revisions.select_related("edited_by").order_by("-version"))
    context = {
        "post": found,
        "thread": found.thread,
        "revisions": [(each, person_of(each.edited_by)) for each in revisions],
    }
    return render(request, "community/history.html", context)


# People --------------------------------------------------------------------------------------------------------------


@require_safe
def person(request: HttpRequest, handle: str) -> HttpResponse:
    """Show a member: standing, what they gave, their recent posts that this reader may see."""
    depends_on(request, "community", *FRAME)
    member = _member(request, handle)
    if handle != member.handle:
        return HttpResponseRedirect(reverse("community:person", args=[member.handle]))
    depends_on(request, scope_of(member.pk))
    profile = CommunityProfile.objects.filter(pk=member.pk).first() or CommunityProfile(user=member)
    own = Post.objects.visible_to(request.user).filter(author=member, state="visible", thread__state="visible")
    posts = list(own.select_related("thread").order_by("-created_at", "-pk")[:_RECENT])
    is_self = request.user.pk == member.pk
    context = {
        "member": member,
        "person": person_of(member),
        "profile": profile,
        "level": Level(profile.level).label,
        "honours": honours_of(member.pk),
        "posts": posts,
        "is_self": is_self,
        "ladder": ladder_of(profile) if is_self and not member.is_staff else None,
        **({} if is_self else _following(request, person_target(member.pk))),
        "may_write": not is_self and _may_write_to(request, member),
        "restriction": _restriction(profile) if is_self or rules.can_moderate(request.user) else None,
    }
    return _vary(render(request, "community/person.html", context))


def _may_write_to(request: HttpRequest, member: User) -> bool:
    """Return whether the reader may begin or go on with a conversation. No query for visitors."""
    return request.user.is_authenticated and not rules.why_no_message(request.user, member)


def _restriction(profile: CommunityProfile) -> dict[str, Any] | None:
    if profile.is_suspended():
        return {"until": profile.suspended_until, "reason": profile.suspended_reason, "is_total": True}
    if profile.is_silenced():
        return {"until": profile.silenced_until, "reason": profile.silenced_reason, "is_total": False}
    return None


def _restriction_of(request: HttpRequest) -> dict[str, Any] | None:
    """Return what keeps the reader from writing at the moment."""
    profile = profile_of(request.user)
    return _restriction(profile) if profile is not None else None


def _member(request: HttpRequest, handle: str) -> User:
    """Return the member of an address, unless they hide their page from this reader."""
    member = people_named([handle]).get(handle.lower())
    if member is None or not rules.can_see_person(request.user, member):
        raise Http404
    return member


def _vary(response: HttpResponse, *headers: str) -> HttpResponse:
    patch_vary_headers(response, headers or ("HX-Request",))
    return response
