"""The report in a real browser: nothing loaded, nothing broken, the gallery does as told."""

from itertools import groupby
from pathlib import Path

import pytest
from synthetic import mixed, synthetic

from gan_jax.reports import figures
from gan_jax.reports.html import write_report

CHROMIUM = Path("/usr/bin/chromium")
OPTIONS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
HOSTILE = [
    "<script>alert(1)</script>",
    "\"'><img src=x onerror=alert(1)>",
    "\u202etxet",
    "x" * 9999,
]
VIOLATIONS = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (e) => violations.push(e.violatedDirective));
"""
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
SCROLLS = "all => all.map(x => x.scrollWidth > x.clientWidth)"
SEEN = ".card:not([hidden]):not(.real)"


@pytest.fixture(scope="module")
def browser():
    if not CHROMIUM.exists():
        pytest.skip(f"needs Chromium as {CHROMIUM}")
    playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright")
    with playwright.sync_playwright() as running:
        opened = running.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        yield opened
        opened.close()


@pytest.fixture
def show(browser):
    """Open a page in a context of its own; everything that goes wrong there fails the test."""
    wrong, contexts = [], []

    def opened(path, width=1000, **options):
        context = browser.new_context(viewport={"width": width, "height": 800}, **options)
        contexts.append(context)
        context.add_init_script(VIOLATIONS)
        page = context.new_page()
        page.on("console", lambda message: wrong.append(message.text))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("dialog", lambda dialog: (wrong.append(dialog.message), dialog.dismiss()))
        page.on("request", lambda request: _allowed(request.url, path, wrong))
        page.goto(path.as_uri())
        return page

    yield opened
    for context in contexts:
        if context.pages and context.pages[0].evaluate("typeof violations") != "undefined":
            wrong.extend(context.pages[0].evaluate("violations"))
        context.close()
    assert wrong == []


def _allowed(url, path, wrong):
    if url != path.as_uri() and not url.startswith("data:"):
        wrong.append(url)


@pytest.fixture(scope="module")
def page_of(tmp_path_factory):
    """Write the report of some results, without figures, which no script touches."""
    folder = tmp_path_factory.mktemp("pages")

    def write(results, name="report"):
        return write_report(results, folder / f"{name}.html", pictures={"ring": {}})

    return write


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A report with some figures, of hostile names, and the study.yaml beside it."""
    folder = tmp_path_factory.mktemp("whole")
    command = "gan-jax compare --losses " + "saturating " * 40
    (folder / "study.yaml").write_text(f"recorded:\n  command: {command}\n")
    outcomes = {name: ["converged", "collapsed", "diverged"] for name in HOSTILE}
    results = synthetic(outcomes, name=HOSTILE[1])
    chosen = {name: figures.picture(figures.FIGURES[name](results)) for name in WITH_FIGURES}
    return write_report(results, folder, pictures={"ring": chosen})


def ink(page, place=0):
    """What a card's canvas shows: its pixels, as text."""
    return page.locator(f"{SEEN} canvas").nth(place).evaluate("canvas => canvas.toDataURL()")


def slide(page, moment):
    page.locator("[data-part=moment]").fill(str(moment))


WITH_FIGURES = ["outcome_shares", "quality_over_steps"]
CASES = {
    "plane": (mixed(2, 6), "points", (2,)),
    "line": (mixed(1, 3), "points", (1,)),
    "space": (mixed(1, 3), "points", (3,)),
    "components": (mixed(1, 3), "points", (9,)),
    "grey": (mixed(2, 3), "images", (6, 5, 1)),
    "colour": (mixed(1, 3), "images", (6, 5, 3)),
    "sequences": (mixed(2, 3), "sequences", (12, 1)),
    "one seed": ({"a": ["converged"]}, "points", (2,)),
    "all failed": ({"a": ["diverged"] * 3, "b": ["diverged"] * 3}, "points", (2,)),
    "one missing": ({"a": ["converged"] * 3, "b": ["", "diverged", ""]}, "points", (2,)),
}


@pytest.mark.parametrize("case", CASES)
def test_every_kind_is_drawn_and_the_slider_changes_it(show, page_of, case):
    outcomes, kind, shape = CASES[case]
    page = show(page_of(synthetic(outcomes, kind, shape)))
    seeds = sum(verdict != "" for verdicts in outcomes.values() for verdict in verdicts)
    assert page.locator(SEEN).count() == seeds
    assert page.locator("[data-part=step]").inner_text() == "step 1,000"
    last = ink(page)
    slide(page, 0)
    assert page.locator("[data-part=step]").inner_text() == "step 0"
    first = ink(page)
    assert first != last
    blank = page.evaluate(
        "(side) => { const c = document.createElement('canvas'); c.width = c.height = side;"
        "return c.toDataURL(); }",
        page.locator(f"{SEEN} canvas").first.evaluate("canvas => canvas.width"),
    )
    assert blank not in (first, last)


def test_playing_goes_to_the_last_moment_and_stops(show, page_of):
    page = show(page_of(synthetic(mixed(1, 2), moments=3)))
    page.clock.install()
    page.locator("[data-part=play]").click()
    assert page.locator("[data-part=step]").inner_text() == "step 0"
    page.clock.run_for(5000)
    assert page.locator("[data-part=step]").inner_text() == "step 1,000"
    assert "play" in page.locator("[data-part=play]").inner_text()


def test_a_variant_with_fewer_moments_shows_its_last_and_says_its_step(show, page_of):
    results = synthetic(mixed(2, 2), moments=3)
    results["snapshot_step"].values[1] = [0, 200, -1]
    page = show(page_of(results))
    assert page.locator("[data-part=step]").inner_text() == "moment 3 of 3"
    assert page.locator('[data-variant="1"] canvas').count() == 2
    steps = page.evaluate("[...document.querySelectorAll('.card')].map(c => c.innerText)")
    assert any("outside" in text or "step 200" in text for text in steps)


def seen(page, key):
    return page.locator(SEEN).evaluate_all(f"cards => cards.map(card => card.dataset.{key})")


def test_seeds_are_sorted(show, page_of):
    results = synthetic(mixed(2, 6))
    page = show(page_of(results))
    failed = (results["verdict"].values == "diverged").sum()
    assert seen(page, "verdict")[0] == "converged"
    assert set(seen(page, "verdict")[-failed:]) == {"diverged"}
    page.locator("[data-part=sort]").select_option("worst")
    assert set(seen(page, "verdict")[:failed]) == {"diverged"}
    page.locator("[data-part=sort]").select_option("seed")
    assert seen(page, "seed") == [str(seed) for seed in range(6) for _ in range(2)]
    page.locator("[data-part=sort]").select_option("variant")
    assert seen(page, "variant") == ["0"] * 6 + ["1"] * 6
    page.locator("[data-part=sort]").select_option("verdict")
    together = [verdict for verdict, _ in groupby(seen(page, "verdict"))]
    assert len(together) == len(set(together))


def test_seeds_are_filtered_by_verdict_and_variant(show, page_of):
    results = synthetic(mixed(2, 6))
    page = show(page_of(results))
    page.locator("[data-part=verdicts] button", has_text="converged").first.click()
    assert "converged" not in seen(page, "verdict")
    assert len(seen(page, "seed")) == (results["verdict"].values != "converged").sum()
    page.locator("[data-part=variants] button", has_text="variant_0").click()
    assert set(seen(page, "variant")) == {"1"}
    count = (results["verdict"].values[1] != "converged").sum()
    assert page.locator("[data-part=count]").inner_text() == f"{count} of 12 seeds"
    page.locator("[data-part=variants] button", has_text="variant_0").click()
    page.locator("[data-part=verdicts] button", has_text="converged").first.click()
    assert len(seen(page, "seed")) == 12


def test_many_seeds_are_shown_when_asked_for(show, page_of):
    page = show(page_of(synthetic(mixed(2, 40), moments=2)))
    assert len(seen(page, "seed")) == 36
    page.locator("[data-part=more]").click()
    assert len(seen(page, "seed")) == 80 and not page.locator("[data-part=more]").is_visible()


def test_a_card_says_variant_seed_verdict_evidence_and_distance(show, page_of):
    page = show(page_of(synthetic({"mine": ["converged"], "other": ["diverged"]})))
    first, second = page.locator(SEEN).all_inner_texts()
    for word in ("mine", "seed 0", "converged", "coverage 0.5, judged converged", "distance 0.0"):
        assert word in first
    assert "diverged" in second and "failed" in second
    borders = page.locator(SEEN).evaluate_all("c => c.map(x => getComputedStyle(x).borderTopColor)")
    assert borders == ["rgb(0, 114, 178)", "rgb(213, 94, 0)"]  # as in every figure


def test_hostile_names_are_text_and_break_no_layout(show, whole):
    page = show(whole, width=360)
    assert page.locator("h1").inner_text() == HOSTILE[1]
    assert HOSTILE[0] in page.locator("[data-part=variants]").inner_text()
    assert HOSTILE[0] in page.locator("table").inner_text()
    assert page.locator("img:not([src^='data:image/svg+xml;base64,'])").count() == 0
    assert page.evaluate(OVERFLOW) == 0


def test_figures_are_there_and_scroll_inside_themselves_on_a_phone(show, whole):
    page = show(whole, width=360)
    widths = page.locator("figure img").evaluate_all("all => all.map(img => img.naturalWidth)")
    assert len(widths) == len(WITH_FIGURES) and min(widths) > 0
    inside = page.locator(".wide").evaluate_all(
        "all => all.map(x => x.scrollWidth > x.clientWidth)"
    )
    assert any(inside)


def test_dark_and_light_follow_the_reader(show, whole):
    colours = {}
    for scheme in ("light", "dark"):
        page = show(whole, color_scheme=scheme)
        colours[scheme] = page.evaluate(
            "(s => [s.backgroundColor, s.color])(getComputedStyle(document.body))"
        )
    assert colours["light"][0] == "rgb(255, 255, 255)"
    assert colours["dark"][0] == "rgb(21, 24, 28)" and colours["dark"][1] == "rgb(230, 230, 230)"


def test_on_paper_there_are_no_controls_and_nothing_is_cut(show, whole):
    page = show(whole, color_scheme="dark")
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert not page.locator("[data-part=controls]").is_visible()
    assert page.evaluate(OVERFLOW) == 0
    wide = page.locator(".wide:has(img)").evaluate_all(
        "all => all.map(x => x.scrollWidth > x.clientWidth)"
    )
    assert not any(wide)


def test_without_scripts_the_page_says_what_is_missing(browser, whole):
    page = browser.new_context(java_script_enabled=False).new_page()
    page.goto(whole.as_uri())
    assert page.locator("noscript").first.inner_text().startswith("The gallery draws")
    assert not page.locator("[data-part=controls]").is_visible()
    assert page.locator(".answer").is_visible()
    page.context.close()


def test_one_click_selects_the_command(show, whole):
    page = show(whole)
    page.locator(".command").click()
    assert page.evaluate("getSelection().toString()").strip().startswith("gan-jax compare --losses")
    chosen = page.evaluate("getSelection().toString()")
    assert chosen.count("saturating") == 40


def test_the_policy_stops_what_is_not_the_pages_own(browser, page_of):
    page = browser.new_context().new_page()
    page.add_init_script(VIOLATIONS)
    page.goto(page_of(synthetic(mixed(1, 2))).as_uri())
    page.evaluate(
        "() => { const s = document.createElement('script'); s.textContent = 'window.ran = 1';"
        "document.body.append(s); const i = new Image(); i.src = 'https://localhost/x.png'; }"
    )
    page.wait_for_function("violations.length >= 2")
    assert page.evaluate("window.ran") is None
    assert {v.split("-")[0] for v in page.evaluate("violations")} == {"script", "img"}
    page.context.close()
