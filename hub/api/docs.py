"""``/api/docs``: the HTTP contract as one plain page, without a script and without anything from outside."""

from html import escape
from typing import Any

from fastapi import APIRouter, FastAPI
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

_STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:52rem;margin:2rem auto;padding:0 1rem;color-scheme:light dark}"
    "code{font-size:.9em}h2{margin-top:2.5rem}section{border-top:1px solid #8884;padding:.75rem 0}dt{margin-top:.5rem}"
    "dd{margin:0 0 0 1rem}"
)
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'"


def docs_routes(app: FastAPI) -> APIRouter:
    """The page, made from the app's own OpenAPI document."""
    routes = APIRouter(include_in_schema=False)

    async def page(_request: Request) -> Response:
        return HTMLResponse(_page(app.openapi()), headers={"content-security-policy": _POLICY})

    routes.add_route("/api/docs", page, include_in_schema=False)
    return routes


def _page(document: dict[str, Any]) -> str:
    groups: dict[str, list[str]] = {}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            tag = (operation.get("tags") or ["other"])[0]
            groups.setdefault(tag, []).append(_operation(method, path, operation))
    body = "".join(f"<h2>{escape(tag.capitalize())}</h2>{''.join(parts)}" for tag, parts in groups.items())
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Frontdesk API</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head><body>'
        f'<h1>Frontdesk API</h1><p>Machine-readable: <a href="/api/openapi.json">/api/openapi.json</a>. Browsers sign '
        f"in with <code>POST /api/session</code> and send <code>X-CSRF-Token</code> with every change. Refusals are "
        f"RFC 9457 problems with a <code>code</code>.</p>{body}</body></html>"
    )


def _operation(method: str, path: str, operation: dict[str, Any]) -> str:
    given = [
        f"<dt><code>{escape(one['name'])}</code> ({escape(one['in'])})</dt><dd>{_type(one.get('schema', {}))}</dd>"
        for one in operation.get("parameters", ())
    ]
    sent = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
    if sent:
        given.append(f"<dt>body</dt><dd>{_type(sent)}</dd>")
    answers = operation.get("responses", {})
    good = next((code for code in answers if code.startswith("2")), "")
    back = answers.get(good, {}).get("content", {}).get("application/json", {}).get("schema", {})
    given.append(f"<dt>{escape(good)}</dt><dd>{_type(back) if back else 'nothing'}</dd>")
    return (
        f"<section><h3><code>{method.upper()} {escape(path)}</code></h3>"
        f"<p>{escape(operation.get('description', ''))}</p><dl>{''.join(given)}</dl></section>"
    )


def _type(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        return f"<code>{escape(schema['$ref'].rsplit('/', 1)[-1])}</code>"
    if "items" in schema:
        return f"list of {_type(schema['items'])}"
    if "anyOf" in schema:
        return " or ".join(_type(one) for one in schema["anyOf"])
    if "enum" in schema:
        return " | ".join(f"<code>{escape(str(value))}</code>" for value in schema["enum"])
    return f"<code>{escape(str(schema.get('type', 'any')))}</code>"
