from django.apps import AppConfig


class ProjectConfig(AppConfig):
    name = "kiro2api"

    def ready(self) -> None:
        from kiro2api import checks  # noqa: F401
