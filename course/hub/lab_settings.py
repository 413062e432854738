"""What the JupyterLabs of a class's hub read, the same for Unix accounts and for pods."""

from __future__ import annotations

import json
from pathlib import Path

from course.pack.start import write_lab_settings

#: nbgrader's settings for everybody's own server.
PEOPLE = [
    "c.Exchange.path_includes_course = True  # somebody may take two courses with lessons of one name",
    "c.Exchange.assignment_dir = str(Path.home())",
    'c.Authenticator.plugin_class = "nbgrader.auth.JupyterHubAuthPlugin"',
]


def write_grader_settings(work: Path) -> Path:
    """Write the settings of a course's own JupyterLab, with the class's button; return JUPYTER_CONFIG_PATH's folder."""
    folder = write_lab_settings(work, instructor=True)
    file = folder / "jupyter_server_config.json"
    told = json.loads(file.read_text(encoding="utf-8"))
    told["ServerApp"]["jpserver_extensions"]["course.hub.whole_class"] = True
    file.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    return folder
