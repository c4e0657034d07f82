"""The web search as the model sees it: a tool, and its results in words."""

from __future__ import annotations

from proxy.messages import SearchFault, SearchResult, Tool

NAME = "web_search"
QUERY_MOST = 200
"""Characters; the service takes no more."""

TOOL = Tool(
    NAME,
    "Search the web. Gives titles, addresses and extracts of pages. Search for what "
    "may have changed since you were trained, and name the pages you rely on.",
    {
        "type": "object",
        "properties": {
            "query": {
                "type": "string",
                "description": f"At most {QUERY_MOST} characters",
            }
        },
        "required": ["query"],
    },
)

_FAULTS: dict[SearchFault, str] = {
    "no_query": "There was no query to search for.",
    "query_too_long": f"The query has more than {QUERY_MOST} characters.",
    "uses_spent": "No more searches are allowed: answer with what is known.",
    "unavailable": "The search is not available now.",
}


def in_words(results: tuple[SearchResult, ...]) -> str:
    """What was found, as the model reads it."""
    found = (
        "\n".join(filter(None, (f"{at}. {r.title}", r.url, r.date, r.text)))
        for at, r in enumerate(results, 1)
    )
    return "\n\n".join(found) or "Nothing was found."


def fault_in_words(fault: SearchFault) -> str:
    return _FAULTS[fault]
