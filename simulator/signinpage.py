"""The page on which a person confirms a device code: as one of the accounts, as
somebody new, or not at all."""

from html import escape
from urllib.parse import parse_qsl

from aiohttp import web

from simulator.accounts import Account
from simulator.exchange import Exchange
from simulator.signins import Device, NoSuchDevice

PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Simulated sign-in</title>
<style>
  body {{ font: 16px/1.5 system-ui, sans-serif; margin: 3rem auto; max-width: 26rem;
         padding: 0 1rem }}
  code {{ display: block; font-size: 2rem; margin: 1rem 0 }}
  button, input {{ display: block; font: inherit; margin: .5rem 0; padding: .5rem 1rem;
                  width: 100%; box-sizing: border-box }}
</style>
<h1>Simulated sign-in</h1>
{content}
</html>"""
ASK = """<form><label>Code <input name="user_code" autofocus></label>
<button>Next</button></form>"""
CONFIRM = """<p>Is this the code that the program shows?</p><code>{code}</code>
<form method="post"><input type="hidden" name="user_code" value="{code}">
{accounts}<button name="new" value="1">Sign in as somebody new</button>
<button name="deny" value="1">Deny</button></form>"""
CHOICE = '<button name="account" value="{name}">Sign in as {name}</button>'


async def show_device(exchange: Exchange) -> web.Response:
    user_code = exchange.request.query.get("user_code", "").strip().upper()
    if not user_code:
        return _page(ASK)
    try:
        device = exchange.simulation.signins.shown_as(user_code)
    except NoSuchDevice:
        return _page(f"<p>No sign-in waits with this code.</p>{ASK}")
    names = [
        standing.account.name
        for standing in exchange.simulation.directory
        if standing.account.kind == device.kind
    ]
    choices = "".join(CHOICE.format(name=escape(name)) for name in names)
    return _page(CONFIRM.format(code=escape(user_code), accounts=choices))


async def decide_device(exchange: Exchange) -> web.Response:
    form = dict(parse_qsl(exchange.call.body.decode()))
    signins = exchange.simulation.signins
    try:
        device = signins.shown_as(form.get("user_code", ""))
    except NoSuchDevice:
        return _page(f"<p>No sign-in waits with this code.</p>{ASK}")
    if "deny" in form:
        signins.decide(device.user_code, "denied")
        return _page("<p>Denied. You can close this window.</p>")
    directory = exchange.simulation.directory
    if "new" in form:
        account = directory.add(_somebody_new(exchange, device)).account
    else:
        account = directory.named(form.get("account", "")).account
    signins.decide(device.user_code, "approved", account.name)
    return _page(f"<p>Approved as {escape(account.name)}. You can close this window.")


def _somebody_new(exchange: Exchange, device: Device) -> Account:
    names = {standing.account.name for standing in exchange.simulation.directory}
    number = next(n for n in range(1, len(names) + 2) if f"guest-{n}" not in names)
    return Account(name=f"guest-{number}", kind=device.kind)


def _page(content: str) -> web.Response:
    return web.Response(text=PAGE.format(content=content), content_type="text/html")
