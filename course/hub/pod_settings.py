"""`python -m course.hub.pod_settings FOLDER`: what JupyterLab and nbgrader read in a container, written into the image.

    FOLDER/people/     everybody's server: the assignment list, and lessons from the exchange service
    FOLDER/grader/     a course's own server: formgrader; which course it is stands in its environment

No secret is in it: the image is the students' too.
"""

from __future__ import annotations

import sys
from pathlib import Path

from course.hub.lab_settings import PEOPLE, write_grader_settings
from course.pack.start import write_lab_settings

OVER_SERVICE = {
    "list": "ListOverService",
    "fetch_assignment": "FetchOverService",
    "submit": "SubmitOverService",
    "fetch_feedback": "FetchFeedbackOverService",
    "release_assignment": "ReleaseOverService",
    "collect": "CollectOverService",
    "release_feedback": "ReleaseFeedbackOverService",
}
COMMON = [
    "import os",
    "from pathlib import Path",
    "c = get_config()",
    *(f'c.ExchangeFactory.{what} = "course.exchange.over_service.{name}"' for what, name in OVER_SERVICE.items()),
]
GRADER = [
    *COMMON,
    'c.CourseDirectory.course_id = os.environ["COURSE_ID"]',
    'c.CourseDirectory.root = str(Path.home() / "term")',
]


def write(folder: Path) -> dict[str, Path]:
    """Write both; return their folders for JUPYTER_CONFIG_PATH."""
    people = write_lab_settings(folder / "people")
    (people / "nbgrader_config.py").write_text("\n".join([*COMMON, *PEOPLE]) + "\n", encoding="utf-8")
    grader = write_grader_settings(folder / "grader")
    (grader / "nbgrader_config.py").write_text("\n".join(GRADER) + "\n", encoding="utf-8")
    return {"people": people, "grader": grader}


if __name__ == "__main__":
    for name, place in write(Path(sys.argv[1])).items():
        print(f"{name}: {place}")
