"""The Django project: settings, routes, server. Wiring only."""

VERSION = "1.0.0"
