"""The memo's page in a real browser: network off, both widths, both themes.

Chromium is driven by Selenium, since Debian's chromium and chromium-driver are of one
version (Playwright asks for a build of its own); axe-core is axe's own script from npm.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from memos import HOURS, SCRIPT, saved
from test_memo import UPTIME
from test_memo_sweeps import along, ends, grid, places  # noqa: F401  of page

from energyopt.memo.exhibits import memo
from energyopt.memo.html import html
from energyopt.memo.options import of_run
from energyopt.memo.run import read_run

webdriver = pytest.importorskip(
    "selenium.webdriver", reason="no selenium: pip install '.[browser]'"
)
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")
AXE = Path(__file__).parent / "browser/node_modules/axe-core/axe.min.js"
MISSING = [
    *([] if CHROMIUM else ["chromium"]),
    *([] if DRIVER else ["chromedriver (Debian: chromium-driver)"]),
    *([] if AXE.is_file() else ["axe-core (npm ci --prefix tests/browser)"]),
]
pytestmark = pytest.mark.skipif(bool(MISSING), reason=f"no {', no '.join(MISSING)}")

FLAGS = (
    "--headless=new",
    "--no-sandbox",  # a container's root may not make one
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
LOOKS = [(1280, "light"), (1280, "dark"), (390, "light"), (390, "dark")]


@pytest.fixture(scope="module")
def page(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Path:
    """A memo with all that draws: a base case, sampled outages, sweeps, a script."""
    folder = saved(tmp_path_factory.mktemp("browser") / "case")
    run_id = json.loads((folder / "manifest.json").read_text())["run_id"]
    (folder / "uptime.json").write_text(json.dumps(UPTIME | {"run_id": run_id}))
    sweeps = [request.getfixturevalue(name) for name in ("along", "ends", "grid")]
    run = read_run(folder)
    path = folder / "memo.html"
    path.write_text(
        html(memo(run, [of_run(replace(run, uptime=None))], sweeps)),
        encoding="utf-8",
    )
    return path


def started() -> Any:
    options = webdriver.ChromeOptions()
    for flag in FLAGS:
        options.add_argument(flag)
    options.binary_location = CHROMIUM
    options.set_capability(
        "goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"}
    )
    return webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))


@pytest.fixture(scope="module", params=LOOKS, ids=lambda look: f"{look[0]}-{look[1]}")
def browser(request: pytest.FixtureRequest, page: Path) -> Iterator[Any]:
    """A browser that shows the page, and has no network."""
    width, theme = request.param
    one = started()
    try:
        scheme = {"name": "prefers-color-scheme", "value": theme}
        for command, asked in (
            (
                "Emulation.setDeviceMetricsOverride",
                {"width": width, "height": 844, "deviceScaleFactor": 1}
                | {"mobile": width < 600},
            ),
            ("Emulation.setEmulatedMedia", {"features": [scheme]}),
            ("Network.enable", {}),
            (
                "Network.emulateNetworkConditions",
                {"offline": True, "latency": 0}
                | {"downloadThroughput": 0, "uploadThroughput": 0},
            ),
        ):
            one.execute_cdp_cmd(command, asked)
        one.get(page.as_uri())
        yield one
    finally:
        one.quit()


def by_id(browser: Any, name: str) -> Any:
    return browser.find_element("id", name)


def pressed(browser: Any, name: str, *keys: str) -> None:
    """Press keys in an element that holds the focus, as a reader without a mouse."""
    browser.execute_script("arguments[0].focus()", by_id(browser, name))
    for key in keys:
        browser.switch_to.active_element.send_keys(key)


def test_the_page_asks_only_for_itself_and_reports_no_error(browser, page):
    """The explorer is used first, so that what it does counts too."""
    pressed(browser, "from", "\ue014")
    pressed(browser, "plot", "\ue014")
    messages = [json.loads(line["message"]) for line in browser.get_log("performance")]
    asked = [
        m["message"]["params"]["request"]["url"]
        for m in messages
        if m["message"]["method"] == "Network.requestWillBeSent"
    ]
    assert asked
    assert {url.split("#")[0] for url in asked} == {page.as_uri()}
    assert browser.get_log("browser") == []


def test_a_title_that_is_a_script_is_shown_and_not_run(browser):
    assert browser.title == SCRIPT
    assert SCRIPT in browser.find_element("tag name", "h1").text


def test_the_theme_of_the_reader_is_used(browser, request):
    theme = request.node.callspec.id.partition("-")[2]
    paper = browser.execute_script("return getComputedStyle(document.body).background")
    assert ("rgb(255, 255, 255)" in paper) == (theme == "light")


def test_nothing_is_wider_than_the_screen(browser, request):
    """Wide tables scroll within themselves; the page does not.

    The asked width counts: a phone zooms out until the widest thing fits its screen.
    """
    screen = int(request.node.callspec.id.partition("-")[0])
    wide = browser.execute_script("return document.documentElement.scrollWidth")
    assert wide <= screen


def test_the_arrow_keys_move_through_hours_and_weeks(browser):
    right, page_down = "\ue014", "\ue00f"
    pressed(browser, "plot", right)
    first = by_id(browser, "read").text
    assert "load" in first
    assert "MW" in first
    pressed(browser, "plot", right)
    second = by_id(browser, "read").text
    pressed(browser, "plot", page_down)
    third = by_id(browser, "read").text
    assert len({first, second, third}) == 3
    assert second.split(", ")[0].split(" ")[0] != third.split(", ")[0].split(" ")[0]
    browser.execute_script(
        "const f = arguments[0]; f.value = 0; f.dispatchEvent(new Event('input'))",
        by_id(browser, "from"),
    )
    before = by_id(browser, "when").text
    pressed(browser, "from", right)
    assert by_id(browser, "when").text != before


def test_a_named_week_is_drawn_where_it_begins(browser):
    from selenium.webdriver.support.ui import Select

    pick = Select(by_id(browser, "week"))
    names = [option.text for option in pick.options]
    assert names[-1] == "any week"
    seen = set()
    for name in names[:-1]:
        pick.select_by_visible_text(name)
        shapes = browser.execute_script(
            "return [...document.querySelectorAll('#plot polygon')]"
            ".map((p) => p.getAttribute('points')).join()"
        )
        assert "NaN" not in shapes
        seen.add((by_id(browser, "from").get_attribute("value"), shapes))
    assert len(seen) == len({start for start, _ in seen})


def test_a_touched_or_pointed_hour_is_told(browser):
    browser.execute_script(
        "const p = document.getElementById('plot'), r = p.getBoundingClientRect();"
        "p.dispatchEvent(new PointerEvent('pointermove',"
        " {clientX: r.left + r.width / 2, clientY: r.top + 40}))"
    )
    assert "load" in by_id(browser, "read").text


def test_every_heat_map_holds_a_picture(browser):
    painted = browser.execute_script(
        "return [...document.querySelectorAll('#heat canvas')].map((c) =>"
        " c.getContext('2d').getImageData(0, 0, c.width, c.height).data"
        ".some((v, i) => i % 4 === 3 && v > 0))"
    )
    assert painted
    assert all(painted)
    days = browser.execute_script("return document.querySelector('#heat canvas').width")
    assert days in (HOURS // 24, HOURS // 24 + 1)


def test_axe_finds_no_serious_fault(browser):
    """Folded tables are opened first, so that they are looked at too."""
    browser.execute_script(
        "document.querySelectorAll('details').forEach((d) => { d.open = true; })"
    )
    browser.execute_script(AXE.read_text(encoding="utf-8"))
    found = browser.execute_async_script(
        "axe.run(document, {resultTypes: ['violations']}).then(arguments[0])"
    )
    assert found["passes"], "axe looked at nothing"
    serious = [
        (fault["id"], fault["help"], [node["html"] for node in fault["nodes"]][:3])
        for fault in found["violations"]
        if fault["impact"] in ("serious", "critical")
    ]
    assert serious == []
