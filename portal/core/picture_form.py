"""Form for uploading pictures in Wagtail's admin: one or many, in a chooser, or as a replacement."""

from __future__ import annotations

from pathlib import PurePath
from typing import Any

from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from wagtail.images.fields import WagtailImageField
from wagtail.images.forms import BaseImageForm

from portal.core.pictures import PICTURE_FORMATS, what_is_wrong_with_picture


class PictureField(WagtailImageField):
    """Validates a picture before Wagtail's own field decodes it to determine its size."""

    def to_python(self, data: Any) -> Any:
        if isinstance(data, UploadedFile) and (data.size or 0) <= self.max_upload_size:
            kind = PurePath(data.name or "").suffix.lower().lstrip(".")
            problem = what_is_wrong_with_picture(data, kind) if kind in PICTURE_FORMATS else ""
            if problem:
                raise ValidationError(problem, code="invalid_image")
        return super().to_python(data)


class PictureForm(BaseImageForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields.get("file")
        if field is not None:
            # Created per request, since its help text is in the language active at creation.
            self.fields["file"] = PictureField(label=field.label, required=field.required, widget=field.widget)
