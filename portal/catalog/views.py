"""Views of the customer's own products."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from portal.catalog.forms import OwnershipForm
from portal.catalog.models import Ownership, Product
from portal.catalog.services import add_ownership
from portal.core.http import form_status

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse


@login_required
@never_cache
def devices(request: HttpRequest) -> HttpResponse:
    context = {
        "ownerships": Ownership.objects.for_user(request.user),
        "products": Product.objects.filter(is_active=True),
    }
    return render(request, "catalog/devices.html", context)


@login_required
@never_cache
def device_add(request: HttpRequest, code: str) -> HttpResponse:
    product = get_object_or_404(Product, code=code, is_active=True)
    form = OwnershipForm(request.POST or None, product=product)
    if request.method == "POST" and form.is_valid():
        add_ownership(user=request.user, product=product, **form.cleaned_data)  # type: ignore[arg-type]  # signed in
        messages.success(request, _("%(product)s is among your devices.") % {"product": product})
        return redirect("catalog:devices")
    context = {"product": product, "form": form}
    return render(request, "catalog/device_add.html", context, status=form_status(form))


@login_required
@require_POST
def device_remove(request: HttpRequest, pk: int) -> HttpResponse:
    """Remove a product from one's own list; does nothing if it is already gone or belongs to somebody else."""
    ownership = Ownership.objects.for_user(request.user).filter(pk=pk).first()
    if ownership is not None:
        ownership.delete()
        messages.success(request, _("%(product)s is no longer on your list.") % {"product": ownership.product})
    return redirect("catalog:devices")
