"""What clients tell whoever listens; they do not know who does."""

from __future__ import annotations

from django.dispatch import Signal

# Records were written. Sent with `owners`: the numbers of those whose keys they are
# about, 0 for keys of nobody; and without anything else: look again.
usage_written = Signal()
