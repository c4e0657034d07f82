"""The form that takes credentials in, and never gives them out again."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    FILE_CLASSES,
    UnfoldAdminTextareaWidget,
    UnfoldBooleanSwitchWidget,
)

from accounts.importers import LARGEST_FILE
from accounts.importing.files import Source


class PasteBox(UnfoldAdminTextareaWidget):  # type: ignore[misc]
    """What was pasted is not shown again, whatever was wrong with it."""

    def format_value(self, value: object) -> str:
        return ""


class FilesInput(forms.ClearableFileInput):
    allow_multiple_selected = True


class FilesField(forms.FileField):
    widget = FilesInput

    def clean(self, data: Any, initial: Any = None) -> list[UploadedFile[Any]]:
        single = super().clean
        return [single(file, initial) for file in data or []]


class ImportForm(forms.Form):
    uploaded = FilesField(
        label=_("Files"),
        required=False,
        help_text=_(
            "kiro2api's JSON, the IDE's kiro-auth-token.json (for IdC together with "
            "its registration file), credentials.json of kiro.rs, data.sqlite3 of "
            "kiro-cli, or a backup; several at once, 10 MB in all."
        ),
        widget=FilesInput(attrs={"class": " ".join((*FILE_CLASSES, "px-3 py-2"))}),
    )
    text = forms.CharField(
        label=_("Or paste the content"),
        required=False,
        strip=False,
        widget=PasteBox(
            attrs={"rows": 6, "autocomplete": "off", "spellcheck": "false"}
        ),
    )
    replace = forms.BooleanField(
        label=_("From a backup, bring accounts that exist back to its state too"),
        required=False,
        help_text=_("Without it a backup only adds the accounts that are missing."),
        widget=UnfoldBooleanSwitchWidget(),
    )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        size = sum(file.size or 0 for file in cleaned.get("uploaded", []))
        pasted = cleaned.get("text", "")
        if size + len(pasted) > LARGEST_FILE:
            raise forms.ValidationError(gettext("This is more than 10 MB."))
        if not size and not pasted.strip():
            raise forms.ValidationError(
                gettext("Choose a file with something in it, or paste its content.")
            )
        return cleaned

    @property
    def sources(self) -> list[Source]:
        files: list[UploadedFile[Any]] = self.cleaned_data["uploaded"]
        sources = [Source(file.name or "", file.read()) for file in files]
        if pasted := self.cleaned_data["text"]:
            sources.append(Source(gettext("pasted"), pasted.encode()))
        return sources
