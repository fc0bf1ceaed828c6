"""The documentation page in a real browser: it works under its own strict policy, with nothing from outside."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from playwright.async_api import ConsoleMessage, Page, Request, async_playwright, expect

from tests.server import start_server
from tests.tools import require_tool

OPERATIONS = [
    ("GET", "/demo/v1/todo"),
    ("POST", "/demo/v1/todo"),
    ("GET", "/demo/v1/todo/{id}"),
    ("PUT", "/demo/v1/todo/{id}"),
    ("DELETE", "/demo/v1/todo/{id}"),
    ("GET", "/demo/latest/services"),
]
FLAGS = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--disable-background-networking"]


async def test_docs_page_lists_operations_and_tries_them_out(
    demo_root: Path, mongo_url: str, database_name: str, tmp_path: Path
) -> None:
    chromium = require_tool("chromium")
    url = mongo_url.replace("/?", f"/{database_name}?")
    with start_server(demo_root, CATENA_MONGO_URL=url) as server:
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=chromium, args=FLAGS)
            try:
                page = await browser.new_page(viewport={"width": 1280, "height": 1600})
                await check_page(page, server.url, tmp_path / "docs.png")
            finally:
                await browser.close()


async def check_page(page: Page, url: str, screenshot: Path) -> None:
    """Opens the page, looks for the operations, and sends one of them."""
    complaints: list[str] = []
    outside: list[str] = []

    def on_console(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            complaints.append(message.text)

    def on_request(request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme in {"http", "https", "ws"} and f"http://{parts.netloc}" != url:
            outside.append(request.url)

    page.on("console", on_console)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", on_request)
    await page.goto(f"{url}/docs")
    await expect(page).to_have_title("Catena")
    await expect(page.locator(".opblock-tag").first).to_contain_text("Demo API")
    for method, path in OPERATIONS:
        operation = page.locator(".opblock", has=page.locator(f'.opblock-summary-path[data-path="{path}"]')).filter(
            has=page.locator(".opblock-summary-method", has_text=method)
        )
        await expect(operation).to_have_count(1)
    block = page.locator("#operations-Demo_API-demo-v1-todos")
    await block.locator(".opblock-summary").click()
    await block.get_by_role("button", name="Try it out").click()
    await block.get_by_role("button", name="Execute").click()
    reply = block.locator(".live-responses-table .response")
    await expect(reply.locator(".response-col_status").first).to_contain_text("200")
    await expect(reply).to_contain_text('"response"')
    await page.screenshot(path=screenshot)
    assert complaints == []
    assert outside == []
