"""URLs of the community, under a language."""

from __future__ import annotations

from django.urls import path

from community.views import (
    acting,
    bookmarks,
    feeds,
    following,
    follows,
    loops,
    managing,
    mentioning,
    messages,
    own,
    reading,
    writing,
)

app_name = "community"

urlpatterns = [
    path("community/", reading.index, name="index"),
    path("community/popular/", reading.index, {"tab": "popular"}, name="popular"),
    path("community/unanswered/", reading.index, {"tab": "unanswered"}, name="unanswered"),
    path("community/solved/", reading.index, {"tab": "solved"}, name="solved"),
    path("community/following/", reading.following, name="following"),
    path("community/feed/", feeds.latest, name="feed"),
    path("community/a/<slug:slug>/", reading.area, name="area"),
    path("community/a/<slug:slug>/feed/", feeds.area, name="area_feed"),
    path("community/a/<slug:slug>/<slug:tab>/", reading.area, name="area_tab"),
    path("community/tag/<str:slug>/", reading.tag, name="tag"),
    path("community/product/<slug:code>/", reading.product, name="product"),
    path("u/<str:handle>/", reading.person, name="person"),
    path("community/follows/", follows.follows, name="follows"),
    path("community/pay-forward/", loops.pay_forward, name="pay_forward"),
    path("community/bookmarks/", bookmarks.bookmarks, name="bookmarks"),
    path("community/mine/", own.posts, name="own_posts"),
    # Private messages
    path("community/messages/", messages.inbox, name="messages"),
    path("community/messages/settings/", messages.settings_page, name="message_settings"),
    path("community/messages/<int:conversation_id>/", messages.conversation, name="conversation"),
    path("community/messages/<int:conversation_id>/delete/", messages.delete, name="conversation_delete"),
    path("community/messages/<int:conversation_id>/report/<int:number>/", messages.report, name="message_report"),
    path("community/messages/to/<str:handle>/", messages.write, name="message_write"),
    path("community/messages/block/<str:handle>/", messages.block, name="block"),
    # Writing
    path("community/ask/", writing.ask, name="ask"),
    path("community/similar/", writing.similar, name="similar"),
    path("community/follow/<str:kind>/<str:key>/", following.follow_place, name="follow_place"),
    path("community/people/", mentioning.people, name="people"),
    path("community/preview/", writing.preview, name="preview"),
    path("community/draft/", writing.draft, name="draft"),
    path("community/upload/", writing.upload, name="upload"),
    path("community/t/<int:thread_id>/reply/", writing.reply, name="reply"),
    path("community/p/<int:post_id>/edit/", writing.edit, name="edit"),
    # Threads
    path("community/t/<int:thread_id>/feed/", feeds.thread, name="thread_feed"),
    path("community/t/<int:thread_id>/me-too/", acting.me_too, name="me_too"),
    path("community/t/<int:thread_id>/follow/", acting.follow, name="follow"),
    path("community/t/<int:thread_id>/vote/", acting.vote_idea, name="vote_idea"),
    path("community/t/<int:thread_id>/status/", acting.idea_status, name="idea_status"),
    path("community/t/<int:thread_id>/poll/", acting.vote_in_poll, name="vote_in_poll"),
    path("community/t/<int:thread_id>/solved-it/", loops.solved_it, name="solved_it"),
    path("community/t/<int:thread_id>/manage/", managing.manage, name="manage"),
    path("community/t/<int:thread_id>/", reading.thread, {"slug": ""}, name="thread_without_slug"),
    path("community/t/<int:thread_id>/<str:slug>/", reading.thread, name="thread"),
    # Posts
    path("community/p/<int:post_id>/helpful/", acting.helpful, name="helpful"),
    path("community/p/<int:post_id>/accept/", acting.accept, name="accept"),
    path("community/p/<int:post_id>/bookmark/", acting.bookmark, name="bookmark"),
    path("community/p/<int:post_id>/remind/", acting.remind, name="remind"),
    path("community/p/<int:post_id>/flag/", acting.flag, name="flag"),
    path("community/p/<int:post_id>/delete/", acting.delete, name="delete"),
    path("community/p/<int:post_id>/restore/", acting.restore, name="restore"),
    path("community/p/<int:post_id>/appeal/", acting.appeal, name="appeal"),
    path("community/p/<int:post_id>/hide/", managing.hide, name="hide"),
    path("community/p/<int:post_id>/history/", reading.history, name="history"),
    path("community/read/", acting.mark_read, name="mark_read"),
]
