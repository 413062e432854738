"""The film of the start page in JupyterLab: it waits, plays, shows its captions and obeys the keyboard."""

import pytest
from playwright.sync_api import expect
from student import Page

pytestmark = pytest.mark.browser


@pytest.fixture
def student(chromium, lab_url):
    page = Page(chromium, lab_url)
    yield page
    page.close()


def the_player(student):
    """Run the film's cell and return the player once it knows how long the film is."""
    student.open("0_start_here.ipynb")
    student.run_cell("start_film()")
    video = student.page.locator(".course-film video")
    video.wait_for(timeout=30_000)
    student.page.wait_for_function("v => v.readyState >= 1", arg=video.element_handle(), timeout=30_000)
    return video


def test_the_film_waits_plays_and_shows_its_captions(student):
    video = the_player(student)
    handle = video.element_handle()
    assert video.evaluate("v => [v.paused, v.currentTime, Math.round(v.duration)]") == [True, 0, 80]
    video.focus()
    student.page.keyboard.press("Space")
    student.page.wait_for_function("v => v.currentTime > 1.5", arg=handle, timeout=30_000)
    shown = video.evaluate("v => [...v.textTracks[0].activeCues].map(cue => cue.text)")
    assert shown == ["A shop lets a model choose\nwhat it offers to each visitor."]
    assert video.evaluate("v => v.textTracks[0].mode") == "showing"
    student.page.keyboard.press("Space")
    assert video.evaluate("v => v.paused")
    before = video.evaluate("v => v.currentTime")
    student.page.keyboard.press("ArrowRight")
    student.page.wait_for_function("([v, t]) => v.currentTime > t + 0.3", arg=[handle, before])
    expect(video).to_be_focused()  # to JupyterLab an arrow is the next cell
    student.screenshot("film")
    assert student.strange_messages() == []
    assert student.strange_requests() == []


def test_a_late_second_can_be_gone_to(student):
    video = the_player(student)
    handle = video.element_handle()
    video.evaluate("v => { v.currentTime = 57; }")
    student.page.wait_for_function("v => !v.seeking && v.textTracks[0].activeCues.length", arg=handle, timeout=30_000)
    assert "It lies 12,525 euro higher." in video.evaluate("v => v.textTracks[0].activeCues[0].text")
    student.page.get_by_text("The film in words").click()
    assert student.page.get_by_text("The line that climbed is now thick").is_visible()
    student.screenshot("film-late")
