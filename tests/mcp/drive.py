"""The MCP client for Python: each call of the plan, with what came of it.

Reads the plan from its input: {url, key, wrong}.
"""

import asyncio
import json
import sys

import httpx2
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError


def show(call, outcome):
    print(json.dumps({"call": call, "outcome": outcome}), flush=True)


def said(result):
    """What a result says, in a few words: its code, or what of it is the same in each run."""
    body = json.loads(result.content[0].text)
    parts = ["error" if result.is_error else "fine", f"{len(result.content)} text"]
    if result.structured_content:
        parts.append("structured")
    if "code" in body:
        parts.append(body["code"])
    if "preview_id" in body:
        parts.append("preview")
    if "data" in body:
        parts.append(f"{len(body['data'])} rows")
    return ", ".join(parts)


async def drive(url, key, mode):
    """As clients of today do it (`auto`: they ask first whether there is no handshake any more), and as those of before."""
    headers = {"Authorization": f"Bearer {key}"}
    async with httpx2.AsyncClient(headers=headers, timeout=30) as http:
        async with Client(streamable_http_client(url, http_client=http), mode=mode) as client:
            show(f"{mode}: version", client.protocol_version)
            show(f"{mode}: server", client.server_info.name)
            if mode == "legacy":  # there is none without handshake
                await client.send_ping()
            show(f"{mode}: tools", str(len((await client.list_tools()).tools)))
            for call, tool, arguments in [
                ("status", "status", {}),
                ("item", "find_items", {"sku": "SHELF-OAK-80"}),
                ("rows", "find_deals", {"per_page": 2}),
                ("unknown sku", "find_items", {"sku": "NO-SUCH"}),
            ]:
                show(f"{mode}: {call}", said(await client.call_tool(tool, arguments)))
            try:
                await client.call_tool("find_planets", {})
            except MCPError as error:
                show(f"{mode}: unknown tool", f"failed: {error.error.code}")


def leaf(failed):
    """The first failure in a group of failures."""
    while isinstance(failed, BaseExceptionGroup):
        failed = failed.exceptions[0]
    return type(failed).__name__


async def refused(url, key):
    try:
        await drive(url, key, "legacy")
    except Exception as failed:
        show("legacy: wrong key", f"failed: {leaf(failed)}")


plan = json.load(sys.stdin)
asyncio.run(refused(plan["url"], plan["wrong"]))
for how in ("auto", "legacy"):
    asyncio.run(drive(plan["url"], plan["key"], how))
