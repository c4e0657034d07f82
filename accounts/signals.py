"""What accounts tell whoever listens; they do not know who does."""

from django.dispatch import Signal

# The pool looks different from a moment ago. Sent without data: look again.
pool_changed = Signal()
