"""The static web edition in a browser: read, searched, walked through and moved, from a server and from a disk."""

import functools
import http.server
import re
import threading
from pathlib import Path

import pytest
from playwright.sync_api import expect
from student import in_the_gate
from test_accessibility import faults

pytestmark = pytest.mark.browser
LESSON = "01_what_is_mlops"
SECTIONS = sorted(path.stem for path in (Path(__file__).parents[2] / "release" / LESSON).glob("*.ipynb"))
PAGES = ["index", "roadmap", "run", "search", f"{LESSON}/index", *(f"{LESSON}/{name}" for name in SECTIONS)]


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_words) -> None:
        pass


@pytest.fixture(scope="session")
def served(quick_site):
    """The site's addresses: from a server on loopback, and from the disk."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=quick_site))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield {"server": f"http://127.0.0.1:{server.server_port}", "disk": quick_site.as_uri()}
    server.shutdown()
    server.server_close()
    thread.join(10)


@pytest.fixture
def reader(chromium, served):
    """Open a page of the site; at the end nothing was asked of anybody else, and the console is silent."""
    opened = []

    def open_page(path: str, where: str = "server", **settings):
        context = chromium.new_context(**{"viewport": {"width": 1000, "height": 1200}} | settings)
        page, requests, complaints = context.new_page(), [], []
        page.on("request", lambda request: requests.append(request.url))
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        opened.append((context, served[where], requests, complaints))
        page.goto(f"{served[where]}/{path}.html")
        return page

    yield open_page
    for context, address, requests, complaints in opened:
        context.close()
        assert [url for url in requests if not url.startswith((address, "data:"))] == []
        assert complaints == []


def shows(lab) -> tuple[str, str, str]:
    picture = lab.locator("img")
    return picture.get_attribute("src"), picture.get_attribute("alt"), lab.locator(".sentence").inner_text()


def commit(page, lab) -> str:
    """Fill in a prediction by keyboard and commit to it; return what was predicted."""
    fields = lab.locator(".prediction input")
    fields.first.focus()
    if fields.first.get_attribute("type") == "radio":
        page.keyboard.press("Space")
        said = lab.locator(".prediction input:checked").get_attribute("value")
    else:
        numbers = [str(5 - place) for place in range(fields.count())]
        for number in numbers:
            page.keyboard.type(number)
            page.keyboard.press("Tab")
        said = ", ".join(numbers)
    fields.last.focus()
    page.keyboard.press("Enter")
    return said


def keyboard(page, control) -> None:
    control.focus()
    if control.get_attribute("type") == "checkbox":
        page.keyboard.press("Space")
    else:
        is_first = control.input_value() == "0"
        page.keyboard.press("ArrowRight" if is_first else "ArrowLeft")


def mouse(page, control) -> None:
    if control.get_attribute("type") == "checkbox":
        control.click()
    elif control.get_attribute("type") == "range":
        size, is_first = control.bounding_box(), control.input_value() == "0"
        control.click(position={"x": size["width"] - 3 if is_first else 3, "y": size["height"] / 2})
    else:
        # The list itself is the system's, not the page's.
        control.select_option(index=1 if control.input_value() == "0" else 0)


@pytest.mark.parametrize("by", [keyboard, pytest.param(mouse, marks=pytest.mark.long)], ids=lambda by: by.__name__)
@pytest.mark.parametrize("section", in_the_gate(SECTIONS, "0_start_here", "6_ownership"))
def test_every_laboratory_asks_first_and_then_moves(reader, section, by):
    page = reader(f"{LESSON}/{section}")
    labs = page.locator(".explorable:has(img)").all()
    assert labs, "a section without a laboratory"
    for lab in labs:
        name = lab.get_attribute("id")
        if lab.locator(".prediction").count():
            expect(lab.locator(".outcome"), f"{name} shows its outcome before the prediction").to_be_hidden()
            said = commit(page, lab)
            expect(lab.locator(".committed")).to_contain_text(f"You predicted: {said}.")
            expect(lab.locator(".committed")).to_be_focused()
            expect(lab.locator(".prediction")).to_be_hidden()
        expect(lab.locator("img")).to_be_visible()
        moved = set()
        for control in lab.locator(".controls input, .controls select").all():
            before = shows(lab)
            by(page, control)
            after = shows(lab)
            moved |= {place for place in range(3) if before[place] != after[place]}
            assert after[1] == after[2], f"{name}: the words of the picture are not its sentence"
            assert control.evaluate("c => c.type !== 'range' || c.getAttribute('aria-valuetext') !== ''")
            page.wait_for_function(
                "lab => lab.querySelector('img').complete && lab.querySelector('img').naturalWidth > 0",
                arg=lab.element_handle(),
            )
        assert moved == {0, 1, 2}, f"{name}: no control changed picture, words and sentence"


def test_a_slider_says_its_value_in_words(reader):
    page = reader(f"{LESSON}/2_one_sentence")
    page.locator(".peek").first.click()
    slider = page.get_by_label("data version")
    slider.focus()
    before = slider.get_attribute("aria-valuetext")
    page.keyboard.press("End")
    assert before.startswith("1: ") and slider.get_attribute("aria-valuetext").startswith("3: ")
    assert slider.locator("+ .reading").inner_text() == slider.get_attribute("aria-valuetext")


def test_the_table_follows_the_controls(reader):
    page = reader(f"{LESSON}/0_start_here")
    page.locator(".peek").click()
    page.get_by_text("The numbers as a table").click()
    rows = page.locator(".numbers tbody tr")
    expect(rows).to_have_count(1)
    page.locator(".controls input").focus()
    page.keyboard.press("End")
    expect(rows).to_have_count(6)
    expect(rows.last).to_contain_text("879")


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ("", "A prediction here is a number from 0 to 6 (rows in which the model stops with an error); yours is none."),
        ("7", "yours is 7."),
    ],
)
def test_no_prediction_is_no_way_in(reader, given, complaint):
    page = reader(f"{LESSON}/3_whats_different")
    lab = page.locator("#lab-SixRowsLab")
    lab.locator("input[type=number]").fill(given)
    lab.get_by_role("button", name="Commit to it").click()
    expect(lab.locator(".problem")).to_contain_text(complaint)
    expect(lab.locator(".outcome")).to_be_hidden()


def test_a_funnel_that_widens_and_a_share_for_a_percentage_get_a_word(reader):
    page = reader(f"{LESSON}/0_start_here")
    for field, number in zip(page.locator(".prediction input").all(), (50, 60, 40, 30, 20), strict=True):
        field.fill(str(number))
    page.get_by_role("button", name="Commit to it").click()
    expect(page.locator(".problem")).to_contain_text("A funnel never widens: 60")
    page = reader(f"{LESSON}/2_one_sentence")
    page.locator(".prediction input").fill("0.4")
    page.keyboard.press("Enter")
    expect(page.locator(".committed")).to_contain_text("Your guess is 0.4 %. Did you mean 40 %?")


def test_the_sentence_takes_the_prediction_up(reader):
    page = reader(f"{LESSON}/6_ownership")
    page.locator(".prediction input").fill("7.5")
    page.keyboard.press("Enter")
    expect(page.locator(".explorable .sentence")).to_contain_text("guessed that 7.5 would be orphaned")
    expect(page.locator(".explorable img")).to_have_attribute("alt", re.compile("guessed that 7.5"))


def test_a_choice_of_a_quiz_explains_itself(reader):
    page = reader(f"{LESSON}/2_one_sentence")
    quiz = page.locator(".quiz")
    quiz.locator("input").first.focus()
    page.keyboard.press("Space")
    expect(quiz.locator(".reply")).to_contain_text("Yes. They may err on different orders.")
    page.keyboard.press("ArrowDown")
    expect(quiz.locator(".reply")).to_contain_text("Not quite.")


def test_without_a_script_the_default_state_is_there(reader):
    page = reader(f"{LESSON}/3_whats_different", java_script_enabled=False)
    for lab in page.locator(".explorable").all():
        expect(lab.locator("img")).to_be_visible()
        expect(lab.locator(".sentence")).to_be_visible()
        expect(lab.locator(".controls")).to_be_hidden()
    page = reader(f"{LESSON}/2_one_sentence", java_script_enabled=False)
    page.locator(".quiz input").last.check()
    expect(page.locator(".quiz .why").last).to_be_visible()
    expect(page.locator(".quiz .why").first).to_be_hidden()


@pytest.mark.parametrize("where", ["server", "disk"])
def test_the_film_plays_with_captions_and_stands_in_words(reader, where):
    page = reader(f"{LESSON}/0_start_here", where)
    video = page.locator(".film video")
    page.wait_for_function("v => v.readyState >= 1", arg=video.element_handle(), timeout=30_000)
    assert video.evaluate("v => [v.paused, Math.round(v.duration)]") == [True, 80]
    video.focus()
    page.keyboard.press("Space")
    page.wait_for_function("v => v.textTracks[0].activeCues?.length === 1", arg=video.element_handle(), timeout=30_000)
    page.locator(".film summary").click()
    expect(page.locator(".film details")).to_contain_text("A shop lets a model choose what it offers")


@pytest.mark.parametrize("where", ["server", pytest.param("disk", marks=pytest.mark.long)])
def test_next_leads_through_the_course_and_previous_back(reader, where):
    page = reader("index", where)
    seen = ["index"]
    while page.locator("a.next-page").count():
        with page.expect_navigation():
            page.locator("a.next-page").click()
        seen.append(re.search(r"/([^/]+)\.html$", page.url)[1])
    assert seen == ["index", "index", *SECTIONS, "roadmap", "run"]
    for name in reversed(seen[:-1]):
        with page.expect_navigation():
            page.locator("a.prev-page").click()
        assert page.url.endswith(f"/{name}.html")


@pytest.mark.parametrize("where", ["server", "disk"])
def test_search_finds_a_word_where_it_stands(reader, where):
    page = reader("index", where)
    page.locator(".sidebar-search").fill("orphaned")
    page.keyboard.press("Enter")
    found = page.locator("#search-results a")
    expect(found.first).to_be_visible(timeout=15_000)
    assert any("6_ownership.html" in link.get_attribute("href") for link in found.all())


@pytest.mark.parametrize("where", ["server", "disk"])
def test_a_laboratory_moves_from_a_disk_as_from_a_server(reader, where):
    page = reader(f"{LESSON}/0_start_here", where)
    commit(page, page.locator(".explorable"))
    before = shows(page.locator(".explorable"))
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowRight")
    after = shows(page.locator(".explorable"))
    assert all(old != new for old, new in zip(before, after, strict=True))


def open_everything(page) -> None:
    for button in page.locator(".peek").all():
        button.click()
    page.evaluate("document.querySelectorAll('details').forEach(fold => { fold.open = true; })")
    page.wait_for_timeout(100)  # `toggle` is told a moment later


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("path", in_the_gate(PAGES, "index", f"{LESSON}/2_one_sentence"))
def test_a_page_has_no_serious_fault(chromium, served, path, theme):
    context = chromium.new_context(viewport={"width": 1000, "height": 1200}, color_scheme=theme)
    try:
        page = context.new_page()
        page.goto(f"{served['server']}/{path}.html")
        assert faults(page, ["html"]) == [], "as it opens"
        open_everything(page)
        assert faults(page, ["html"]) == [], "with everything opened"
    finally:
        context.close()


@pytest.mark.long
@pytest.mark.parametrize("width", [1000, 400])
def test_no_page_scrolls_sideways(reader, served, width):
    page = reader("index", viewport={"width": width, "height": 900})
    for path in PAGES:
        page.goto(f"{served['server']}/{path}.html")
        open_everything(page)
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), f"{path} at {width} pixels"


def test_on_a_telephone_a_picture_keeps_its_size_and_slides(reader):
    page = reader(f"{LESSON}/6_ownership", viewport={"width": 400, "height": 900})
    page.locator(".peek").click()
    frame = page.locator(".explorable .picture")
    assert frame.locator("img").bounding_box()["width"] >= 600 > frame.bounding_box()["width"]
    frame.focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function("frame => frame.scrollLeft > 0", arg=frame.element_handle())
    assert faults(page, ["html"]) == []


def test_dark_and_light_differ_and_pictures_stay_on_paper(reader):
    colours = []
    for theme in ("light", "dark"):
        page = reader(f"{LESSON}/4_five_pillars", color_scheme=theme)
        page.locator(".peek").click()
        colours.append(page.evaluate("getComputedStyle(document.body).backgroundColor"))
        paper = page.locator(".explorable img").evaluate("img => getComputedStyle(img).backgroundColor")
        assert paper == "rgb(255, 255, 255)"
    assert colours[0] != colours[1]


def test_only_the_sentences_that_change_are_written_anew_and_read_aloud(reader):
    page = reader(f"{LESSON}/1_the_gap")
    lab = page.locator("#lab-ShipItLab")
    lab.locator(".peek").click()
    parts = lab.locator(".sentence span")
    before = parts.all_inner_texts()
    parts.evaluate_all("parts => { window.written = parts.map(part => part.firstChild); }")
    lab.get_by_label("2. It is retrained").select_option("when drift shows")
    stayed = parts.evaluate_all("parts => parts.map((part, place) => part.firstChild === window.written[place])")
    assert stayed == [old == new for old, new in zip(before, parts.all_inner_texts(), strict=True)]
    assert any(stayed) and not all(stayed)
    assert lab.get_by_role("status").get_attribute("aria-atomic") == "false"
