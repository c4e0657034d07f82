"""Django's ASGI handler for the API: no middleware, no signal, no thread.

Whatever is sync costs a request a hop to a thread of its own, which an open
stream would keep. The API needs none of it: no session, no cookies, no
connection of the request's own.
"""

from __future__ import annotations

import asyncio
from typing import Any

from django.conf import settings
from django.core.exceptions import RequestAborted
from django.core.handlers.asgi import ASGIHandler, ASGIRequest
from django.core.handlers.exception import convert_exception_to_response
from django.urls import set_urlconf


class ApiHandler(ASGIHandler):
    def load_middleware(self, is_async: bool = False) -> None:
        self._view_middleware: list[Any] = []
        self._template_response_middleware: list[Any] = []
        self._exception_middleware: list[Any] = []
        respond = self._get_response_async  # type: ignore[attr-defined]
        self._middleware_chain = convert_exception_to_response(respond)

    async def get_response_async(self, request: Any) -> Any:
        """Without Django's own log line, which knows less than ours."""
        set_urlconf(settings.ROOT_URLCONF)
        return await self._middleware_chain(request)  # type: ignore[misc]

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            body = await self.read_body(receive)
        except RequestAborted:
            return
        with body:
            request, refusal = self.create_request(scope, body)
            if request is None:
                assert refusal is not None
                await self.send_response(refusal, send)
                return
            answer = asyncio.create_task(self._answer(request, send))
            gone = asyncio.create_task(self._until_gone(receive))
            try:
                await asyncio.wait((answer, gone), return_when=asyncio.FIRST_COMPLETED)
            finally:
                # The client left, or we are being stopped, or all was sent: in
                # each case whatever still runs has nobody to run for.
                gone.cancel()
                answer.cancel()
                await asyncio.wait((answer, gone))
            if not answer.cancelled():
                answer.result()

    async def _answer(self, request: ASGIRequest, send: Any) -> None:
        response = await self.get_response_async(request)
        try:
            await self.send_response(response, send)
        finally:
            response.close()

    async def _until_gone(self, receive: Any) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
