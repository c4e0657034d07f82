from django.apps import AppConfig, apps
from django.db.models.signals import post_migrate


class ProjectConfig(AppConfig):
    name = "kiro2api"

    def ready(self) -> None:
        from kiro2api import checks  # noqa: F401
        from kiro2api.roles import keep_roles

        # Of the apps with models the last: then all permissions are made.
        with_models = [app for app in apps.get_app_configs() if app.models_module]
        post_migrate.connect(keep_roles, sender=with_models[-1])
