"""What pages of threads put into kept HTML for their reader: ``{% load threads %}``. They need ``reader`` in the context."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django import template

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.utils.safestring import SafeString

    from community.see_also import SilentHelp
    from community.showing import PostFacts, Reader

register = template.Library()


@register.simple_tag(takes_context=True)
def post_acts(context: template.Context, post: PostFacts) -> SafeString:
    """``{% post_acts shown.facts %}``: the buttons under a post."""
    reader: Reader = context["reader"]
    return reader.acts_html(post, context)


@register.simple_tag(takes_context=True)
def may_with_post(context: template.Context, post: PostFacts) -> Mapping[str, bool]:
    """``{% may_with_post shown.facts as may %}``: what the reader may do with a post."""
    reader: Reader = context["reader"]
    return reader.may_with(post)


@register.simple_tag(takes_context=True)
def silent_help(context: template.Context, helper_id: int | None, count: int) -> SilentHelp | None:
    """``{% silent_help helper_id count as silent %}``: what the reader is shown of those whom a solution helped, too."""
    reader: Reader = context["reader"]
    return reader.silent_help(helper_id=helper_id, count=count)
