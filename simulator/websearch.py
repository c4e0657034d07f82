"""`/mcp`: JSON-RPC with one tool, a web search over three pages that do not exist."""

import json
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from simulator.exchange import Exchange
from simulator.faults import Fault, Refused
from simulator.replies import Http
from simulator.rules import refusal
from simulator.rules.breach import Breach

LONGEST_QUERY = 200
INVALID_PARAMS = -32602
METHOD_NOT_FOUND = -32601
TOOL = {
    "description": "Searches the web",
    "inputSchema": {
        "properties": {"query": {"type": "string"}},
        "required": ["query"],
        "type": "object",
    },
    "name": "web_search",
}
PAGES = ("guide", "reference", "news")


async def invoke_mcp(exchange: Exchange) -> web.Response:
    account = exchange.admit().account
    message = _read_message(exchange)
    arn = exchange.request.headers.get("x-amzn-kiro-profile-arn")
    exchange.check_profile(account, arn or message.get("profileArn"))
    match await exchange.scripted(account.name):
        case Fault() as fault:
            raise Refused(fault)
        case Http() as http:
            return exchange.answer_http(http)
    if "id" not in message:
        return web.Response(status=202)
    answer = _answer(message["method"], message.get("params") or {})
    return exchange.answer({"id": message["id"], "jsonrpc": "2.0", **answer})


def _read_message(exchange: Exchange) -> dict[str, Any]:
    try:
        message = json.loads(exchange.call.body)
        if message["jsonrpc"] == "2.0" and isinstance(message["method"], str):
            read: dict[str, Any] = message
            return read
    except (ValueError, KeyError, TypeError):
        pass
    raise Refused(refusal(Breach("body-json"), exchange.call.style), "body-json")


def _answer(method: str, params: Mapping[str, Any]) -> dict[str, Any]:
    match method:
        case "initialize":
            info = {"name": "simulated search", "version": "1"}
            return {"result": {"capabilities": {"tools": {}}, "serverInfo": info}}
        case "tools/list":
            return {"result": {"tools": [TOOL]}}
        case "tools/call":
            return _call(params)
        case _:
            return _error(METHOD_NOT_FOUND, f"no method {method}")


def _call(params: Mapping[str, Any]) -> dict[str, Any]:
    query = params.get("arguments", {}).get("query")
    if params.get("name") != "web_search" or not isinstance(query, str):
        return _error(INVALID_PARAMS, "web_search takes a query")
    if not 1 <= len(query) <= LONGEST_QUERY:
        return _error(INVALID_PARAMS, f"a query has 1 to {LONGEST_QUERY} characters")
    text = json.dumps(search(query), ensure_ascii=False)
    content = [{"text": text, "type": "text"}]
    return {"result": {"content": content, "isError": False}}


def _error(code: int, message: str) -> dict[str, Any]:
    return {"error": {"code": code, "data": None, "message": message}}


def search(query: str) -> dict[str, Any]:
    """The same three results for the same query."""
    return {
        "error": None,
        "query": query,
        "results": [
            {
                "domain": "example.com",
                "id": f"result-{number}",
                "maxVerbatimWordLimit": 30,
                "publicDomain": False,
                "publishedDate": 1_760_000_000_000 if page == "news" else None,
                "snippet": f"What the {page} says about {query}.",
                "title": f"{query}: {page}",
                "url": f"https://example.com/{page}",
            }
            for number, page in enumerate(PAGES, start=1)
        ],
        "totalResults": len(PAGES),
    }
