"""Does an instructor get a term of their own, and does it stay whole whatever they do next?"""

import datetime
import json
import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from course.cli import main
from course.errors import CourseError
from course.term import proof
from course.term.folder import nbgrader
from course.term.seeds import seeds_of, with_term_seeds
from tests.term.conftest import LESSON, words_of


def hidden_seeds(folder):
    return [
        seed
        for path in sorted((folder / "source" / LESSON).glob("*.ipynb"))
        for seed in seeds_of(nbformat.read(path, as_version=4))
    ]


def book_of(folder):
    from nbgrader.api import Gradebook

    return Gradebook(f"sqlite:///{folder / 'gradebook.db'}", "mlops-spring-27")


def hand_in(school, folder, student, stamp):
    target = folder / "submitted" / student / LESSON
    shutil.copytree(school.repository / "source" / LESSON, target)
    (target / "timestamp.txt").write_text(stamp)


def grade(folder):
    done = subprocess.run(
        [sys.executable, "-m", "course.cli", "grade", LESSON, "--course-dir", folder, "--report", folder / "r.json"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    found = json.loads((folder / "r.json").read_text()) if (folder / "r.json").exists() else None
    return done, found


# --- What a new term holds ----------------------------------------------------------------------------------------


def test_the_gradebook_knows_students_and_due_date(term):
    with book_of(term) as book:
        assert {(s.id, s.first_name, s.email) for s in book.students} == {
            ("ada", "Ada", "ada@example.org"), ("ben", "José", "ben@example.org"), ("cem", "Cem", None),
        }  # fmt: skip
        assert book.find_assignment(LESSON).duedate == datetime.datetime(2027, 2, 1, 22, 59)


def test_nobody_else_on_the_machine_can_read_a_term(term):
    assert stat.S_IMODE(term.stat().st_mode) == 0o700
    for name in ("term-secret", "term.toml", "roster.csv", "gradebook.db"):
        assert stat.S_IMODE((term / name).stat().st_mode) == 0o600, name
    for path in (term / "source").rglob("*.ipynb"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path


def test_hidden_worlds_are_the_terms_own_and_everything_else_is_the_courses(school, term):
    public = hidden_seeds(school.repository)
    assert public and not set(public) & set(hidden_seeds(term)) and len(public) == len(hidden_seeds(term))
    for path in (school.repository / "source" / LESSON).glob("*.ipynb"):
        ours, theirs = path.read_text(), (term / "source" / LESSON / path.name).read_text()
        assert re.sub("0x[0-9A-F]{32}", "", ours) == re.sub("0x[0-9A-F]{32}", "", theirs)


def test_two_terms_share_no_world_and_no_secret(school, term, tmp_path):
    assert main(words_of(school, tmp_path / "autumn")) == 0
    assert (tmp_path / "autumn" / "term-secret").read_bytes() != (term / "term-secret").read_bytes()
    assert not set(hidden_seeds(tmp_path / "autumn")) & set(hidden_seeds(term))


def test_students_get_the_same_whatever_the_term(school, term):
    secret = (term / "term-secret").read_text().strip()
    for path in (school.repository / "release" / LESSON).glob("*.ipynb"):
        made = (term / "release" / LESSON / path.name).read_text()
        assert nbformat.reads(made, as_version=4).cells == nbformat.read(path, as_version=4).cells
        assert secret not in made and not any(seed in made for seed in hidden_seeds(term))


def test_the_secret_alone_decides(school):
    path = next((school.repository / "source" / LESSON).glob("*.ipynb"))
    notebook = nbformat.read(path, as_version=4)
    one, same, other = (with_term_seeds(notebook, bytes([key]) * 32, LESSON) for key in (1, 1, 2))
    assert one == same != other
    assert one != with_term_seeds(notebook, bytes([1]) * 32, LESSON, draw=1)


# --- It grades ----------------------------------------------------------------------------------------------------


def test_being_late_costs_what_the_policy_says_and_an_extension_moves_the_date(school, own_term):
    for student, stamp in (("ada", "02-01 22:58"), ("ben", "02-03 12:00"), ("cem", "02-09 00:00")):
        hand_in(school, own_term, student, f"2027-{stamp}:00 UTC")
    done, report = grade(own_term)
    assert done.returncode == 0, done.stderr
    found = {entry["student"]: entry for entry in report["submissions"]}
    earned = found["ada"]["score"]
    assert earned > 0 and found["ada"]["late_penalty"] == 0
    assert found["ben"]["late_penalty"] == pytest.approx(0.2 * earned)  # the second day has begun
    assert found["cem"]["late_penalty"] == pytest.approx(0.3 * earned)  # never more than 30 percent
    with book_of(own_term) as book:
        book.grant_extension(LESSON, "cem", days=8)
    done, report = grade(own_term)
    assert {e["student"]: e["late_penalty"] for e in report["submissions"]}["cem"] == 0, done.stdout


def test_who_is_not_on_the_roster_gets_no_place_in_the_gradebook(school, own_term):
    hand_in(school, own_term, "eve", "2027-01-01 12:00:00 UTC")
    done, report = grade(own_term)
    assert done.returncode == 1 and report["submissions"][0]["status"] == "could not be graded", done.stdout
    assert "eve" in report["submissions"][0]["reason"]


# --- Draws ----------------------------------------------------------------------------------------------------------


def test_a_draw_in_which_a_right_answer_fails_is_not_used(school, tmp_path, capsys):
    from course.term.new_term import new_term
    from course.term.plan import TermPlan, read_plan

    tried = []

    def unlucky_once(sections):
        graded = dict(proof.grade_on_this_machine(sections))
        tried.append(seeds_of(sections[0].source))
        if len(tried) == 1:
            found = graded[sections[0].name]
            name, result = next((n, r) for n, r in found.reference.items() if r.score)
            found.reference[name] = type(result)(name, "failed", 0.0, message="expected 3, got 4")
        return graded

    new_term(tmp_path / "spring", school.repository, TermPlan("mlops"), school.roster, grade=unlucky_once)
    assert len(tried) == 2 and tried[0] != tried[1] and hidden_seeds(tmp_path / "spring") == tried[1]
    assert read_plan(tmp_path / "spring").draws == {LESSON: 1}
    assert "draw 0 of seeds is not used" in capsys.readouterr().out


def test_a_lesson_whose_planted_mistake_gets_through_starts_no_term(school, tmp_path):
    from course.term.new_term import new_term
    from course.term.plan import TermPlan

    def generous(sections):
        graded = dict(proof.grade_on_this_machine(sections))
        for results in graded[sections[0].name].mistakes.values():
            for name, result in results.items():
                results[name] = type(result)(name, "passed", 2.0)  # type: ignore[index]
        return graded

    with pytest.raises(CourseError, match=r"no draw of 5 is fair.*(?s:.*)the planted mistake .* earns 2 points"):
        new_term(tmp_path / "spring", school.repository, TermPlan("mlops"), school.roster, grade=generous)
    assert list(tmp_path.iterdir()) == []


# --- Bringing it up to date ---------------------------------------------------------------------------------------


def test_a_mended_lesson_keeps_marks_and_seeds_and_grades_anew(school, own_term, tmp_path):
    hand_in(school, own_term, "ada", "2027-01-01 12:00:00 UTC")
    assert grade(own_term)[0].returncode == 0
    repository = Path(shutil.copytree(school.repository, tmp_path / "mended"))
    [section] = (repository / "lessons" / LESSON).glob("*.py")
    section.write_text(section.read_text().replace("# # ", "# # Mended: ", 1))
    assert main(["build", "--root", str(repository)]) == 0
    before = hidden_seeds(own_term)
    assert main(["new-term", str(own_term), "--update", "--root", str(repository)]) == 0
    assert hidden_seeds(own_term) == before
    assert "Mended: " in next((own_term / "release" / LESSON).glob("*.ipynb")).read_text()
    with book_of(own_term) as book:
        assert book.find_submission(LESSON, "ada").score > 0
    done, report = grade(own_term)
    assert done.returncode == 0 and report["submissions"][0]["score"] > 0, done.stdout + done.stderr


def test_an_update_without_a_change_touches_no_notebook_and_no_mark(school, own_term, capsys):
    def files(tree):
        return {p: (p.stat().st_mtime_ns, p.read_bytes()) for p in (own_term / tree).rglob("*") if p.is_file()}

    before = files("source"), files("release")
    assert main(["new-term", str(own_term), "--update", "--root", str(school.repository)]) == 0
    assert (files("source"), files("release")) == before
    assert f"{LESSON}: unchanged" in capsys.readouterr().out


@pytest.mark.parametrize("damage", ["changed", "cut off", "gone"])
def test_an_update_mends_a_release_that_is_not_the_lessons(school, own_term, damage):
    path = next((own_term / "release" / LESSON).glob("*.ipynb"))
    right = path.read_text()
    path.write_text(right.replace("# # ", "# # Not ", 1).replace("# 1.", "# 9.", 1) if damage == "changed" else "{")
    if damage == "gone":
        path.unlink()
    assert not path.exists() or path.read_text() != right
    assert main(["new-term", str(own_term), "--update", "--root", str(school.repository)]) == 0
    assert nbformat.reads(path.read_text(), as_version=4).cells == nbformat.reads(right, as_version=4).cells


def test_an_update_takes_new_students_dates_and_policy_and_keeps_who_left(school, own_term, tmp_path, capsys):
    roster = tmp_path / "new.csv"
    roster.write_text("id,first_name,last_name,email\nada,Ada,King,ada@example.org\ndee,Dee,Day,\n")
    words = ["--update", "--root", str(school.repository), "--roster", str(roster)]
    words += ["--due", f"{LESSON}=2027-03-01T12:00+00:00", "--late-percent", "5"]
    assert main(["new-term", str(own_term), *words]) == 0
    assert "roster: 1 new, 1 changed, 2 not on the roster" in capsys.readouterr().out
    with book_of(own_term) as book:
        assert {s.id for s in book.students} == {"ada", "ben", "cem", "dee"}
        assert book.find_student("ada").last_name == "King"
        assert book.find_assignment(LESSON).duedate == datetime.datetime(2027, 3, 1, 12)
    assert "percent_per_day = 5" in (own_term / "term.toml").read_text()
    assert "at_most_percent = 30" in (own_term / "term.toml").read_text()


def test_what_an_instructor_added_to_the_settings_is_kept(school, own_term):
    settings = own_term / "nbgrader_config.py"
    settings.write_text(settings.read_text() + "c.SafeGrading.jobs = 1\n")
    (own_term / "course_settings.py").write_text("c = get_config()\n")
    assert main(["new-term", str(own_term), "--update", "--root", str(school.repository)]) == 0
    assert settings.read_text().endswith("c.SafeGrading.jobs = 1\n")
    assert (own_term / "course_settings.py").read_bytes() == (school.repository / "nbgrader_config.py").read_bytes()


# --- What is refused -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--course-id", "My Course"], "'My Course' cannot be a course id"),
        (["--due", "03_nowhere=2027-02-01T23:59"], "a due date is given for 03_nowhere; the course has: 02_gaps"),
        (["--due", "02_gaps=tomorrow"], "expected LESSON=2027-02-01T23:59"),
        (["--due", "02_gaps=2027-02-01"], "has no time of day; write 2027-02-01T23:59"),
        (["--late-percent", "120"], "percent_per_day is 120; it must lie between 0 and 100"),
        (["--roster", "no/such.csv"], "The roster no/such.csv cannot be read"),
        (["--root", "/usr/share"], "is not the course's repository"),
    ],
)
def test_what_is_given_wrongly_is_refused_before_anything_is_written(school, tmp_path, capsys, given, said):
    assert main([*words_of(school, tmp_path / "spring"), *given]) == 2
    assert said in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_term_is_never_made_inside_a_repository(school, tmp_path, capsys):
    (tmp_path / ".git").mkdir()
    assert main(words_of(school, tmp_path / "private" / "spring")) == 2
    assert "from which the term's secret would be published" in capsys.readouterr().err
    assert main(words_of(school, school.repository / "spring")) == 2
    assert not (school.repository / "spring").exists()


def test_a_folder_with_something_in_it_is_left_alone(school, term, capsys):
    before = {p: p.read_bytes() for p in term.rglob("*") if p.is_file()}
    assert main(words_of(school, term)) == 2
    assert "bring it up to date: --update" in capsys.readouterr().err
    assert {p: p.read_bytes() for p in term.rglob("*") if p.is_file()} == before


def test_an_update_of_what_is_no_term_says_so(school, tmp_path, own_term, capsys):
    assert main(["new-term", str(tmp_path), "--update", "--root", str(school.repository)]) == 2
    assert "is no term's folder" in capsys.readouterr().err
    (own_term / "term-secret").unlink()
    assert main(["new-term", str(own_term), "--update", "--root", str(school.repository)]) == 2
    assert "take it from your backup" in capsys.readouterr().err


def test_a_terms_commands_mean_its_own_folder_whatever_the_server_around_them_is_set_to(tmp_path, monkeypatch):
    settings, here = tmp_path / "settings", tmp_path / "here"
    for folder in (settings, here, tmp_path / "elsewhere"):
        folder.mkdir()
    lines = ["c = get_config()", f"c.CourseDirectory.root = {str(tmp_path / 'elsewhere')!r}"]
    (settings / "nbgrader_config.py").write_text("\n".join(lines))
    monkeypatch.setenv("JUPYTER_CONFIG_PATH", str(settings))
    nbgrader(here, "db", "student", "add", "ada")
    assert (here / "gradebook.db").exists() and not list((tmp_path / "elsewhere").iterdir())
