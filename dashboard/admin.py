"""The dashboard's pages in the admin."""

from dashboard.alerts import admin  # noqa: F401  (registers them)
