"""The API's routes, below /v1/."""

from __future__ import annotations

from proxy import models_api
from proxy.anthropic import api as anthropic
from proxy.api import routes
from proxy.openai import api as openai
from proxy.responses import api as responses

urlpatterns = [
    *routes(anthropic.api, anthropic.error_body),
    *routes(openai.api, openai.error_body),
    *routes(responses.api, responses.error_body),
    *routes(models_api.api, models_api.error_body),
]
