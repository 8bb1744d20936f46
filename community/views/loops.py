"""Loops that make a community help itself: “this solved it”, and questions that wait for who was just helped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from community import rules, services
from community.exceptions import CommunityError
from community.models import SolvedIt, ThreadLoops
from community.pay_forward import questions_for
from community.queries import thread_at
from community.see_also import SilentHelp
from community.views.common import for_members, is_htmx, person_in, thread_or_404, to_post
from portal.core.http import same_origin_post
from portal.core.limits import client_address, limited, too_many_requests
from portal.core.text import row_number
from portal.core.visitors import VisitorCookie, origin_of

if TYPE_CHECKING:
    from django.http import HttpRequest

    from community.models import Post, Thread
    from portal.accounts.models import User

_PER_HOUR: Final = 20
#: Readers without an account who say it for the first time: few of an hour at one address, some of a day in its range.
_NEW_PER_HOUR: Final = 3
_NEW_PER_DAY: Final = 20
#: Query of a page of a thread after a reader without an account said that it helped: that page is made for them.
THANKS: Final = "thanks=solved"
#: A reader without an account counts once within half a year.
HELPED: Final = VisitorCookie(name="helped", purpose="community.solved_it", max_age_seconds=60 * 60 * 24 * 180)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@same_origin_post
def solved_it(request: HttpRequest, thread_id: int) -> HttpResponse:
    """Store that the solution of a thread helped a reader, too, who needs no account; htmx gets the thanks."""
    thread = thread_or_404(request, thread_id)
    address = thread.get_absolute_url()
    back = HttpResponseRedirect(f"{address}#solved-it")
    if request.method != "POST":
        return back
    user = person_in(request) if request.user.is_authenticated else None
    if user is not None and not rules.can_take_part(user):
        raise PermissionDenied
    visitor = "" if user else HELPED.key_of(request)
    wait_seconds = limited(request, "community.solved_it", _PER_HOUR, 3600)
    if visitor and not wait_seconds and not SolvedIt.objects.filter(thread=thread, visitor=visitor).exists():
        wait_seconds = limited(request, f"solved-it-hour:{thread.pk}", _NEW_PER_HOUR, 3600) or limited(
            request, f"solved-it-day:{thread.pk}", _NEW_PER_DAY, 86_400, by_network=True
        )
    if wait_seconds:
        return too_many_requests(request, wait_seconds)
    origin = origin_of(client_address(request), f"thread:{thread.pk}", timezone.localdate())
    try:
        services.say_solved_it(thread=thread, user=user, visitor=visitor, origin=origin)
    except CommunityError as error:
        messages.error(request, str(error))
        return HttpResponse(headers={"HX-Redirect": back.headers["Location"]}) if is_htmx(request) else back
    if visitor:  # nobody else is shown that page, so it can say what this reader said, as one of an article does
        address = f"{address}?{THANKS}"
        back = HttpResponseRedirect(f"{address}#solved-it")
    response: HttpResponse = back
    if is_htmx(request):
        response = _thanks(request, thread)
        response.headers["HX-Replace-Url"] = address
    else:
        messages.success(request, _("Thank you. That tells others that this is a good answer."))
    if visitor:
        HELPED.remember(response, visitor)
    return response


def visitor_who_said(request: HttpRequest) -> str:
    """Return the key of a reader without an account on the page after they said that a solution helped; else empty."""
    is_told = request.META.get("QUERY_STRING", "") == THANKS and not request.user.is_authenticated
    return HELPED.key_of(request) if is_told else ""


def _thanks(request: HttpRequest, thread: Thread) -> HttpResponse:
    count = ThreadLoops.objects.filter(pk=thread.pk).values_list("solved_it_shown", flat=True).first() or 0
    help_given = SilentHelp(thread, count, has_said=True)
    return render(request, "community/_solved_it.html", {"silent": help_given, "thanks": True})


# Pay it forward -----------------------------------------------------------------------------------------------------


def after_accepting(person: User, post: Post) -> HttpResponseRedirect:
    """Lead whoever accepted an answer to their own question to those who still wait; others back to the answer."""
    if post.thread.author_id != person.pk or not questions_for(person):
        return to_post(post)
    return HttpResponseRedirect(f"{reverse('community:pay_forward')}?thread={post.thread_id}")


@never_cache
@for_members
@require_safe
def pay_forward(request: HttpRequest) -> HttpResponse:
    """Show questions without a reply that this person may know something about; ``?thread=`` leads back to theirs."""
    number = row_number(request.GET.get("thread"))
    context = {
        "rows": questions_for(person_in(request)),
        "thread": thread_at(request.user, number) if number is not None else None,
    }
    return render(request, "community/pay_forward.html", context)
