"""Editors' screens of downloads: what there is, its releases with their files, publishing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib import messages
from django.db import transaction
from django.db.models import Count, Q
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from wagtail.admin.viewsets.base import ViewSet

from portal.core.admin_menu import menu_item_for
from portal.core.formats import format_size
from portal.core.screens import Screen
from portal.downloads import services
from portal.downloads.admin_forms import DownloadForm, ReleaseForm, UploadForm
from portal.downloads.exceptions import DownloadError
from portal.downloads.models import Download, File, Release
from portal.downloads.queries import files_counted

if TYPE_CHECKING:
    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

    from portal.accounts.models import User

_CHANGE = "downloads.change_download"


def may_edit(user: User) -> bool:
    """Return whether the person may open the screens."""
    return user.has_perm(_CHANGE)


class _DownloadScreen(Screen):
    header_icon = "download"

    def is_allowed(self, user: User) -> bool:
        return may_edit(user)

    def refused(self, form: Any) -> HttpResponseBase:
        """Answer with the page and what is wrong with it."""
        return self.render_to_response(self.get_context_data(form=form), status=422)


class ListView(_DownloadScreen):
    """All downloads."""

    page_title = _("Downloads")
    template_name = "downloads/admin/list.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        is_published = Q(releases__state=Release.State.PUBLISHED)
        rows = Download.objects.in_order().annotate(
            releases_published=Count("releases", filter=is_published), releases_all=Count("releases")
        )
        may_add = self.user.has_perm("downloads.add_download")
        return super().get_context_data(**kwargs, rows=rows, may_add=may_add)


class DownloadView(_DownloadScreen):
    """One download, with its releases."""

    page_title = _("Download")
    parents = (("downloads_admin:index", ListView.page_title),)
    template_name = "downloads/admin/download.html"

    def is_allowed(self, user: User) -> bool:
        return may_edit(user) and ("pk" in self.kwargs or user.has_perm("downloads.add_download"))

    def _download(self) -> Download:
        return get_object_or_404(Download, pk=self.kwargs["pk"]) if "pk" in self.kwargs else Download()

    def post(self, request: HttpRequest, *_args: Any, **_kwargs: Any) -> HttpResponseBase:
        """Store it."""
        form = DownloadForm(request.POST, instance=self._download())
        if not form.is_valid():
            return self.refused(form)
        try:
            with transaction.atomic():
                saved = services.save_download(form.save(commit=False), seen=form.cleaned_data["seen"])
                form.save_m2m()
        except DownloadError as error:
            form.add_error(None, str(error))
            return self.refused(form)
        messages.success(request, gettext("The download is saved."))
        return HttpResponseRedirect(reverse("downloads_admin:edit", args=[saved.pk]))

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        form = kwargs.get("form") or DownloadForm(instance=self._download())
        stored = form.instance if form.instance.pk else None
        releases = Release.objects.filter(download=stored).annotate(count=Count("files")) if stored else []
        is_known = any(release.published_at is not None for release in releases)
        return super().get_context_data(
            form=form, media=form.media, download=stored, releases=releases, is_known=is_known
        )


class ReleaseView(_DownloadScreen):
    """One release: its facts, its files, and publishing."""

    page_title = _("Release")
    parents = (("downloads_admin:index", ListView.page_title),)
    template_name = "downloads/admin/release.html"

    def _release(self) -> Release:
        if "release" in self.kwargs:
            return get_object_or_404(Release, pk=self.kwargs["release"], download=self.kwargs["pk"])
        download = get_object_or_404(Download, pk=self.kwargs["pk"])
        return Release(download=download, released_on=timezone.localdate())

    def _here(self, release: Release) -> HttpResponse:
        return HttpResponseRedirect(reverse("downloads_admin:release", args=[release.download_id, release.pk]))

    def post(self, request: HttpRequest, *_args: Any, **_kwargs: Any) -> HttpResponseBase:
        """Store it."""
        form = ReleaseForm(request.POST, instance=self._release())
        if not form.is_valid():
            return self.refused(form)
        try:
            release = services.save_release(form.save(commit=False), seen=form.cleaned_data["seen"])
        except DownloadError as error:
            form.add_error(None, str(error))
            return self.refused(form)
        messages.success(request, gettext("The release is saved."))
        return self._here(release)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        form = kwargs.get("form") or ReleaseForm(instance=self._release())
        release = form.instance
        upload = kwargs.get("upload") or UploadForm()
        return super().get_context_data(
            form=form,
            media=form.media + upload.media,
            release=release if release.pk else None,
            download=release.download,
            files=files_counted().filter(release=release) if release.pk else [],
            upload=upload,
            limit=format_size(settings.DOWNLOADS_MAX_MB * 1024 * 1024),
            may_publish=self.user.has_perm(services.PUBLISH),
            is_withdrawn_now="withdrawn" in self.request.GET,
        )


class UploadView(ReleaseView):
    """Adds a file to a release."""

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Show the release."""
        return self._here(self._release())

    def post(self, request: HttpRequest, *_args: Any, **_kwargs: Any) -> HttpResponseBase:
        """Store the file."""
        release = self._release()
        form = UploadForm(request.POST, request.FILES)
        if form.is_valid():
            data = form.cleaned_data
            try:
                services.add_file(
                    release=release,
                    file=data["file"],
                    platform=data["platform"],
                    architecture=data["architecture"],
                    signature=data["signature"],
                )
            except DownloadError as error:
                form.add_error(None, str(error))
            else:
                messages.success(request, gettext("The file is stored."))
                return self._here(release)
        return self.render_to_response(self.get_context_data(upload=form), status=422)


class ActView(ReleaseView):
    """Publishes, withdraws or deletes a release, after a question. Withdrawing can be undone from the page after it."""

    page_title = _("Are you sure?")
    template_name = "downloads/admin/confirm.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return {**super().get_context_data(**kwargs), "act": self.kwargs["act"]}

    def post(self, request: HttpRequest, *_args: Any, **_kwargs: Any) -> HttpResponseBase:
        """Do it."""
        release = self._release()
        try:
            self._do(release)
        except DownloadError as error:
            messages.error(request, str(error))
            return self._here(release)
        messages.success(request, gettext("It is done."))
        if self.kwargs["act"] == "delete":
            return HttpResponseRedirect(reverse("downloads_admin:edit", args=[release.download_id]))
        response = self._here(release)
        if self.kwargs["act"] == "withdraw":
            response["Location"] += "?withdrawn=1"
        return response

    def _do(self, release: Release) -> None:
        if self.kwargs["act"] == "delete":
            services.delete_release(release=release)
        elif self.kwargs["act"] == "publish":
            services.publish_release(release=release, by=self.user)
        else:
            services.withdraw_release(release=release, by=self.user)


class DeleteView(DownloadView):
    """Deletes a download of which nothing was ever published, after a question."""

    page_title = _("Are you sure?")
    template_name = "downloads/admin/delete.html"

    def post(self, request: HttpRequest, *_args: Any, **_kwargs: Any) -> HttpResponseBase:
        """Delete it."""
        try:
            services.delete_download(download=self._download())
        except DownloadError as error:
            messages.error(request, str(error))
            return HttpResponseRedirect(reverse("downloads_admin:edit", args=[self.kwargs["pk"]]))
        messages.success(request, gettext("It is done."))
        return HttpResponseRedirect(reverse("downloads_admin:index"))


class DeleteFileView(ReleaseView):
    """Deletes a file of a draft."""

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Show the release."""
        return self._here(self._release())

    def post(self, request: HttpRequest, *_args: Any, **_kwargs: Any) -> HttpResponseBase:
        """Delete it."""
        release = self._release()
        file = get_object_or_404(File, pk=self.kwargs["file"], release=release)
        try:
            services.delete_file(file=file)
        except DownloadError as error:
            messages.error(request, str(error))
        return self._here(release)


class DownloadsViewSet(ViewSet):
    """The menu item and its addresses."""

    name = "downloads_admin"
    url_prefix = "downloads"
    icon = "download"
    menu_label = _("Downloads")
    menu_order = 113
    menu_item_class = menu_item_for(may_edit)

    def get_urlpatterns(self) -> list[Any]:
        """Return the addresses."""
        return [
            path("", ListView.as_view(), name="index"),
            path("new/", DownloadView.as_view(), name="add"),
            path("<int:pk>/", DownloadView.as_view(), name="edit"),
            path("<int:pk>/delete/", DeleteView.as_view(), name="delete"),
            path("<int:pk>/new/", ReleaseView.as_view(), name="add_release"),
            path("<int:pk>/<int:release>/", ReleaseView.as_view(), name="release"),
            path("<int:pk>/<int:release>/upload/", UploadView.as_view(), name="upload"),
            path("<int:pk>/<int:release>/file/<int:file>/", DeleteFileView.as_view(), name="delete_file"),
            path("<int:pk>/<int:release>/publish/", ActView.as_view(), {"act": "publish"}, name="publish"),
            path("<int:pk>/<int:release>/withdraw/", ActView.as_view(), {"act": "withdraw"}, name="withdraw"),
            path("<int:pk>/<int:release>/delete/", ActView.as_view(), {"act": "delete"}, name="delete_release"),
        ]
