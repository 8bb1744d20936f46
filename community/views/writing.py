"""Asking, replying, editing; previews, drafts and pictures while writing.

The three pages work in the same way: a form whose buttons are named ``do``. What is typed is never lost: not by an
error, a preview, a sign-out, or by somebody who changed the same text meanwhile.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from community import rendering, rules, services
from community.drafting import NEW, may_keep_draft
from community.exceptions import CommunityError, EditConflictError
from community.forms import AskForm, EditForm, ReplyForm, WritingForm, say_wrong
from community.listing import is_old
from community.masks import in_own_words
from community.models import Area, Draft, Level, Post, State, ThreadState, Upload, policy
from community.people import person_of
from community.rendering import UploadedFile
from community.services.texts import language_of, people_named
from community.services.uploads import accept_picture
from community.showing import target_of
from community.views.common import for_members, is_htmx, person_in, post_or_404, say_left_out, thread_or_404, to_post
from portal.catalog.queries import own_product_codes
from portal.core.formats import format_number
from portal.core.http import form_status
from portal.core.limits import too_many_requests
from portal.core.privacy import redact, translate_placeholders
from portal.core.taken_along import taken_along
from portal.core.text import row_number
from portal.notifications import services as following
from search.queries import search

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from django.http import HttpRequest

    from community.models import Thread
    from portal.accounts.models import User
    from search.showing.results import Hit

_MOST_SIMILAR: Final = 5
_SHORTEST_QUESTION: Final = 8
#: Pictures sent with a form: each takes a while, during which nobody else is served.
_MOST_PICTURES: Final = 4
_QUOTED_CHARACTERS: Final = 600
#: What a draft keeps besides title and text, and how much of each.
_KEPT: Final = ("area", "product", "tags", "version", "poll_question", "poll_options", "poll_is_multiple")
_MOST_KEPT: Final = 1500


# Starting a thread ---------------------------------------------------------------------------------------------------


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@for_members
def ask(request: HttpRequest) -> HttpResponse:
    """Show the form for a new thread, and start it."""
    person = person_in(request)
    if not rules.can_write(person):
        return _not_now(request)
    if request.method != "POST":
        form = AskForm(user=person, initial=_first_values(request))
        return _ask_page(request, form)
    if settles_draft(request, NEW):
        return redirect("community:ask")
    form = AskForm(_with_pictures(request), request.FILES, user=person)
    if request.POST.get("do") == "answered" and (shown := _suggested(request)):
        return _spared(request, form, shown)
    if not form.is_valid() or not is_final(request, form, place=NEW):
        return _ask_page(request, form)
    return _start(request, form)


def _start(request: HttpRequest, form: AskForm) -> HttpResponse:
    """Start the thread of a valid form."""
    person = person_in(request)
    cleaned = form.cleaned_data
    area: Area = cleaned["area"]
    try:
        may_create = rules.level_of(person) >= Level.ACTIVE
        words = form.tag_words()
        limit = policy().max_tags
        thread = services.start_thread(
            author=person,
            area=area,
            title=cleaned["title"],
            body=cleaned["body"],
            token=cleaned["token"],
            products=[cleaned["product"]] if cleaned["product"] else [],
            tags=services.tags_named(words[:limit], may_create=may_create),
            poll=_poll_in(form),
            keeps_personal_data=cleaned["keeps_personal_data"],
            suspicions=form.suspicions(person),
        )
    except CommunityError as error:
        say_wrong(form, error)
        return _ask_page(request, form)
    say_left_out(request, words[:limit], words[limit:])
    if cleaned["follows"]:
        following.follow(person_id=person.pk, target=target_of(thread))
    if thread.state == ThreadState.HELD:
        messages.info(request, _("Thank you. Others will see it after a quick check by a moderator."))
    elif cleaned["follows"]:
        messages.success(request, _("It is published. We tell you when somebody replies."))
    else:
        messages.success(request, _("It is published."))
    return redirect(thread)


def _suggested(request: HttpRequest) -> Sequence[Hit]:
    """Return what is shown for the title that was sent."""
    return similar_to(request, request.POST.get("title", "").replace("\0", ""))


def _spared(request: HttpRequest, form: AskForm, shown: Sequence[Hit]) -> HttpResponse:
    """Store that the suggestions answered it. What was typed is kept, in case they do not after all."""
    if form.data.get("body", "").strip():
        _save(request, form.data, NEW)
        messages.success(request, _("Glad that you found it. What you wrote is kept as a draft."))
    else:
        messages.success(request, _("Glad that you found it."))
    services.say_spared(user=person_in(request), shown=shown)
    return redirect("community:index")


def _first_values(request: HttpRequest) -> dict[str, Any]:
    """Return what the form shows at first: the draft, and what the address says."""
    person = person_in(request)
    draft = Draft.objects.filter(user=person, place=NEW).first()
    given: dict[str, Any] = {"follows": True}
    codes = own_product_codes(person)
    if len(codes) == 1:
        given["own_code"] = codes[0]
    if draft is not None:
        given |= {"title": draft.title, "body": draft.body, "has_draft": True, **draft.extra}
    slug = request.GET.get("area", "")
    if slug and "\0" not in slug:
        given["area"] = Area.objects.visible_to(person).filter(slug=slug).values_list("pk", flat=True).first()
    title = " ".join(request.GET.get("q", "").replace("\0", "").split())[:200]
    if title and draft is None:
        given["title"] = title
    if draft is None and (taken := taken_along(person, request.GET.get("from", ""))) is not None:
        given |= {"title": taken.title, "body": taken.text}
    return given


def _ask_page(request: HttpRequest, form: AskForm) -> HttpResponse:
    initial = form.initial
    if initial.get("own_code") and not initial.get("product"):
        products = form.fields["product"].queryset  # type: ignore[attr-defined]  # a choice field
        initial["product"] = products.filter(code=initial["own_code"]).values_list("pk", flat=True).first()
    title = str(form["title"].value() or "")
    context = {
        **writing_context(request, form, place=NEW),
        "hits": similar_to(request, title) if form.is_bound or title else [],
        "has_poll": bool(form["poll_question"].value() or form["poll_options"].value()),
    }
    return render(request, "community/ask.html", context, status=status_of(request, form))


def _poll_in(form: AskForm) -> services.NewPoll | None:
    """Return the poll that was typed, unfinished as it may be: the service says what is missing."""
    question, options = form.cleaned_data["poll_question"], form.poll_lines()
    if not question and not options:
        return None
    return services.NewPoll(question=question, options=options, is_multiple=form.cleaned_data["poll_is_multiple"])


def similar_to(request: HttpRequest, title: str) -> Sequence[Hit]:
    """Return articles and threads that may answer a question already."""
    text = " ".join(title.split())[:200]
    if len(text) < _SHORTEST_QUESTION:
        return []
    found = search(text=text, user=request.user, language=get_language() or "")
    return found.hits[:_MOST_SIMILAR]


# Replying ------------------------------------------------------------------------------------------------------------


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@for_members
def reply(request: HttpRequest, thread_id: int) -> HttpResponse:
    """Show the form for a reply (``?to=<post>``, with ``&quote=1`` quoting it), and post it."""
    thread = thread_or_404(request, thread_id)
    person = person_in(request)
    if not rules.can_reply(person, thread):
        return _closed(request, thread)
    place = Draft.place_of_reply(thread.pk)
    if request.method != "POST":
        return _reply_page(request, ReplyForm(initial=_reply_values(request, thread, place)), thread)
    if settles_draft(request, place):
        to = row_number(request.POST.get("to"))
        return redirect(reverse("community:reply", args=[thread.pk]) + (f"?to={to}" if to else ""))
    form = ReplyForm(_with_pictures(request), request.FILES)
    if not form.is_valid() or not is_final(request, form, place=place):
        return _reply_page(request, form, thread)
    cleaned = form.cleaned_data
    try:
        post = services.post_reply(
            author=person,
            thread=thread,
            body=cleaned["body"],
            token=cleaned["token"],
            reply_to=_answered(request, thread, cleaned["to"]),
            keeps_personal_data=cleaned["keeps_personal_data"],
            suspicions=form.suspicions(person),
        )
    except CommunityError as error:
        say_wrong(form, error)
        return _reply_page(request, form, thread)
    following.follow_by_taking_part(person_id=person.pk, target=target_of(post.thread))
    if post.state == State.HELD:
        messages.info(request, _("Thank you. Others will see it after a quick check by a moderator."))
    return to_post(post)


def _closed(request: HttpRequest, thread: Thread) -> HttpResponse:
    """Answer somebody who cannot reply: not at the moment, not here any more, or not at all."""
    if not rules.can_write(request.user):
        return _not_now(request)
    if thread.state != ThreadState.VISIBLE or not thread.is_locked:
        raise PermissionDenied
    messages.error(request, _("This thread is closed; nothing can be added to it."))
    return redirect(thread)


def _answered(request: HttpRequest, thread: Thread, post_id: int | None) -> Post | None:
    if post_id is None:
        return None
    found = Post.objects.visible_to(request.user).filter(thread=thread, pk=post_id)
    return found.select_related("author").first()


def _reply_values(request: HttpRequest, thread: Thread, place: str) -> dict[str, Any]:
    draft = Draft.objects.filter(user=person_in(request), place=place).first()
    to = request.GET.get("to", "")
    answered = _answered(request, thread, row_number(to))
    body = draft.body if draft is not None else ""
    if answered is not None and request.GET.get("quote"):
        body = "\n\n".join(filter(None, [body.rstrip(), quote_of(answered)])) + "\n\n"
    return {"body": body, "to": answered.pk if answered is not None else None, "has_draft": draft is not None}


def quote_of(post: Post) -> str:
    """Return the beginning of a post as a quote in Markdown, with a link to it."""
    text = in_own_words(rendering.beginning_of_source(post.body, _QUOTED_CHARACTERS, picture=_("picture")))
    name = person_of(post.author).name.replace("[", "").replace("]", "")
    said = _("%(name)s wrote:") % {"name": name}
    lines = "\n".join(f"> {line}".rstrip() for line in text.split("\n"))
    return f"> [{said}](post:{post.pk})\n>\n{lines}"


def _reply_page(request: HttpRequest, form: ReplyForm, thread: Thread) -> HttpResponse:
    to = form["to"].value()
    context = {
        **writing_context(request, form, place=Draft.place_of_reply(thread.pk)),
        "thread": thread,
        "is_old": is_old(thread),
        "answered": _answered(request, thread, row_number(to)),
    }
    return render(request, "community/reply.html", context, status=status_of(request, form))


# Editing -------------------------------------------------------------------------------------------------------------


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@for_members
def edit(request: HttpRequest, post_id: int) -> HttpResponse:
    """Show the form with a post's text, and change it. If somebody else changed it meanwhile, both texts are shown."""
    post = post_or_404(request, post_id)
    person = person_in(request)
    if not rules.can_edit_post(person, post):
        raise PermissionDenied
    place = f"post:{post.pk}"
    if request.method != "POST":
        return _edit_page(request, EditForm(initial=_edit_values(request, post, place), has_title=post.is_first), post)
    if settles_draft(request, place):
        return redirect("community:edit", post.pk)
    typed = _with_pictures(request)
    form = EditForm(typed, request.FILES, has_title=post.is_first)
    if not form.is_valid() or not is_final(request, form, place=place):
        return _edit_page(request, form, post)
    cleaned = form.cleaned_data
    try:
        changed = services.edit_post(
            post=post,
            editor=person,
            body=cleaned["body"],
            version=cleaned["version"],
            title=cleaned.get("title"),
            keeps_personal_data=cleaned["keeps_personal_data"],
        )
    except EditConflictError as conflict:
        typed["version"] = str(conflict.stored_version)
        again = EditForm(typed, has_title=post.is_first)
        again.is_valid()
        say_wrong(again, _conflict_in_words(person, post, conflict))
        return _edit_page(request, again, post, conflict=conflict, status=HTTPStatus.CONFLICT)
    except CommunityError as error:
        say_wrong(form, error)
        return _edit_page(request, form, post)
    if changed.state == State.HELD:
        messages.info(request, _("Thank you. Others will see it after a quick check by a moderator."))
    return to_post(changed)


def _conflict_in_words(person: User, post: Post, conflict: EditConflictError) -> str:
    """Return who changed the text meanwhile: often it was the same person, in another window."""
    replaced = post.revisions.filter(version=conflict.stored_version - 1).first()
    changed_by = replaced.edited_by_id if replaced is not None else post.author_id  # only authors leave no history
    if changed_by == person.pk:
        return _("You changed this text yourself meanwhile, perhaps in another window. Both texts are below.")
    return str(conflict)


def _edit_values(request: HttpRequest, post: Post, place: str) -> dict[str, Any]:
    draft = Draft.objects.filter(user=person_in(request), place=place).first()
    values = {"title": post.thread.title, "body": in_own_words(post.body), "version": post.version}
    if draft is not None:
        values |= {"title": draft.title or values["title"], "body": draft.body, "has_draft": True}
        values["version"] = draft.extra.get("version", post.version)
    return values


def _edit_page(
    request: HttpRequest,
    form: EditForm,
    post: Post,
    *,
    conflict: EditConflictError | None = None,
    status: HTTPStatus | None = None,
) -> HttpResponse:
    context = {
        **writing_context(request, form, place=f"post:{post.pk}"),
        "post": post,
        "thread": post.thread,
        "conflict": conflict,
        "stored_language": language_of(conflict.stored_body) if conflict else "",
    }
    return render(request, "community/edit.html", context, status=status or status_of(request, form))


# What the three pages share ------------------------------------------------------------------------------------------


def _not_now(request: HttpRequest) -> HttpResponse:
    """Answer somebody who may not write at the moment: their own page says why."""
    messages.error(
        request, _("You cannot write in the community at the moment. Your profile says why, and until when.")
    )
    return redirect("community:person", person_in(request).handle)


def settles_draft(request: HttpRequest, place: str, *, with_pictures: bool = True) -> bool:
    """Delete or keep the draft of a place, if that was asked for. It is kept unfinished as it is: nothing is checked."""
    do = request.POST.get("do")
    if do == "discard":
        services.save_draft(user=person_in(request), place=place)
    elif do == "draft":
        typed = _with_pictures(request) if with_pictures else request.POST
        if _save(request, typed, place) is None:
            messages.error(request, _("Write something first."))
        else:
            messages.success(request, _("The draft is saved. You find it here when you come back."))
    return do in {"discard", "draft"}


def _with_pictures(request: HttpRequest) -> Any:
    """Return the typed values, with the pictures sent along stored, and named at the end of the text."""
    data = request.POST.copy()
    files = request.FILES.getlist("pictures")
    if not files:
        return data
    names, problems = [], []
    if len(files) > _MOST_PICTURES:
        problems.append(
            _("At most %(count)s pictures can be added at a time; the others were left out.")
            % {"count": format_number(_MOST_PICTURES)}
        )
    for file in files[:_MOST_PICTURES]:
        made, problem = _store(request, file)
        if made is not None:
            names.append(f"![{made.name.rpartition('.')[0]}](upload:{made.pk})")
        else:
            problems.append(f"{file.name}: {problem}")
    data["body"] = "\n\n".join(filter(None, [data.get("body", "").rstrip(), *names]))
    for problem in problems:
        messages.error(request, problem)
    if problems:
        data["do"] = "preview"  # nothing is published without a picture that was meant to be there
    return data


def _store(request: HttpRequest, file: Any) -> tuple[Upload | None, str]:
    person = person_in(request)
    if not rules.can_upload(person):
        return None, _("New members can add pictures once their first visit is over.")
    if rules.seconds_to_wait(request, "upload"):
        return None, _("Too many pictures at once. Please wait a while.")
    try:
        return accept_picture(owner=person, file=file), ""
    except CommunityError as error:
        return None, str(error)


def is_final(request: HttpRequest, form: WritingForm, *, place: str, limit: str = "post") -> bool:
    """Return whether the valid form is to be published now; else its page is shown again, with what it asked for.

    `limit` is what it counts as; see `community.rules.seconds_to_wait`.
    """
    do = form.data.get("do", "post")
    if do in {"preview", "similar", "answered"}:
        return False
    body = form.cleaned_data["body"]
    has_personal_data = redact(body) != body
    if has_personal_data and not form.cleaned_data["keeps_personal_data"] and not form.cleaned_data["has_seen_warning"]:
        return False
    return not is_too_much(request, form, limit)


def is_too_much(request: HttpRequest, form: WritingForm, limit: str) -> bool:
    """Count what somebody writes; return whether it is too much at once, which the form then says."""
    wait_seconds = rules.seconds_to_wait(request, limit)
    if wait_seconds:
        say_wrong(form, _("You are writing very fast. Please wait a while; your text is kept here."))
        request.wait_seconds = wait_seconds  # type: ignore[attr-defined]  # read by `status_of`
    return bool(wait_seconds)


def _save(request: HttpRequest, typed: Mapping[str, Any], place: str) -> Draft | None:
    """Store the draft of a place as it was typed; one without title and text is deleted, and None returned."""
    kept = {name: typed.get(name, "").replace("\0", "")[:_MOST_KEPT] for name in _KEPT}
    return services.save_draft(
        user=person_in(request),
        place=place,
        title=typed.get("title", "").replace("\0", ""),
        body=typed.get("body", "").replace("\0", ""),
        extra={name: value for name, value in kept.items() if value},
    )


def status_of(request: HttpRequest, form: WritingForm) -> int:
    """Return the status of a page with such a form."""
    return HTTPStatus.TOO_MANY_REQUESTS if getattr(request, "wait_seconds", None) else form_status(form)


def writing_context(request: HttpRequest, form: WritingForm, *, place: str) -> dict[str, Any]:
    """Return what every page with such a form shows."""
    body = str(form["body"].value() or "")
    masked = redact(body[: rendering.MAX_LENGTH])
    wants_preview = form.is_bound and (form.data.get("do") == "preview" or masked != body)
    return {
        "form": form,
        "draft_place": place,
        "has_draft": bool(form.initial.get("has_draft")),
        "preview": preview_of(request, masked) if wants_preview and body.strip() else "",
        "masks": _masks(body, masked) if form.is_bound else [],
        "may_upload": rules.can_upload(request.user),
    }


def _masks(body: str, masked: str) -> list[str]:
    """Return the kinds of personal data that will be masked, in words of the reader."""
    if body == masked:
        return []
    from portal.core.privacy import PLACEHOLDERS  # noqa: PLC0415 - used here only

    return [translate_placeholders(each) for each in PLACEHOLDERS if masked.count(each) > body.count(each)]


def preview_of(request: HttpRequest, body: str) -> SafeString:
    """Return the HTML a text will have, by the renderer of posts. Two queries if it names people and files."""
    parsed = rendering.parse(body)
    people = {key: user.handle for key, user in people_named(parsed.handles).items()}
    uploads: dict[int, UploadedFile] = {}
    if parsed.upload_ids:
        files = Upload.objects.visible_to(request.user).filter(pk__in=parsed.upload_ids)
        uploads = {each.pk: UploadedFile(name=each.name, width=each.width, height=each.height) for each in files}
    return SafeString(translate_placeholders(parsed.to_html(people=people, uploads=uploads)))


# Parts of pages, asked for by scripts --------------------------------------------------------------------------------


@never_cache
@for_members
@require_GET
def similar(request: HttpRequest) -> HttpResponse:
    """Return articles and threads like a title that is being typed."""
    if wait_seconds := rules.seconds_to_wait(request, "preview"):
        return too_many_requests(request, wait_seconds)
    title = request.GET.get("title", "").replace("\0", "")
    if not is_htmx(request):
        return redirect(reverse("community:ask"))
    return render(request, "community/_similar.html", {"hits": similar_to(request, title)})


@never_cache
@for_members
@require_POST
def preview(request: HttpRequest) -> HttpResponse:
    """Return a text as it will look, and which personal data will be masked."""
    if wait_seconds := rules.seconds_to_wait(request, "preview"):
        return too_many_requests(request, wait_seconds)
    body = request.POST.get("body", "").replace("\0", "")[: rendering.MAX_LENGTH]
    masked = redact(body)
    context = {"preview": preview_of(request, masked), "masks": _masks(body, masked)}
    return render(request, "community/_preview.html", context)


@never_cache
@for_members
@require_POST
def draft(request: HttpRequest) -> HttpResponse:
    """Store a draft; says whether it is stored."""
    if rules.seconds_to_wait(request, "draft"):
        return JsonResponse({"saved": False}, status=HTTPStatus.TOO_MANY_REQUESTS)
    place = request.POST.get("place", "")
    if not may_keep_draft(person_in(request), place):
        return JsonResponse({"saved": False}, status=HTTPStatus.BAD_REQUEST)
    saved = _save(request, request.POST, place)
    return JsonResponse({"saved": saved is not None})


@never_cache
@for_members
@require_POST
def upload(request: HttpRequest) -> HttpResponse:
    """Store a picture and return the Markdown that shows it, or why it is not accepted."""
    file = request.FILES.get("picture")
    if file is None:
        return JsonResponse({"problem": _("Only pictures can be added: JPEG, PNG, WebP or GIF.")}, status=400)
    made, problem = _store(request, file)
    if made is None:
        return JsonResponse({"problem": problem}, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    return JsonResponse({"markdown": f"![{made.name.rpartition('.')[0]}](upload:{made.pk})"})
