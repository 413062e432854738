"""nbgrader's settings for this course; every line says why it stands here."""

from course.authoring.release import PREPROCESSORS
from course.grading.feedback import PREPROCESSORS as FEEDBACK
from course.pack.taking_in import COLLECTED_NAME

c = get_config()  # noqa: F821 - traitlets puts it there

# The name under which the exchange and the gradebook know this course; it does not change within a term.
c.CourseDirectory.course_id = "mlops"

# A .py file beside a notebook in source/ would be copied to students, answers and all.
c.CourseDirectory.ignore = [
    ".ipynb_checkpoints",
    "*.pyc",
    "__pycache__",
    "feedback",
    "*.py",
    "environment.json",  # what section 7 writes when a source notebook is run in place
]

# Predictions keep a stub that runs; tests cells get the tag that lets Run All go on.
c.GenerateAssignment.preprocessors = PREPROCESSORS

# What an untouched function does when it is called: one line that says whose turn it is.
c.ClearSolutions.code_stub = {"python": 'raise NotImplementedError("write this part, then run this cell again")'}

# What an untouched written answer shows.
c.ClearSolutions.text_stub = "YOUR ANSWER HERE"

# How zip_collect reads student, time and notebook from the paths of what `course take-in` puts into downloaded/.
c.FileNameCollectorPlugin.named_regexp = COLLECTED_NAME

# `nbgrader autograde` and formgrader's button grade as `course grade` does: student code is never run beside ours.
c.Autograde.exporter_class = "course.grading.nbgrader_seams.SafeGrading"

# Feedback shows points and reasons; hidden tests, their output and their tracebacks never.
c.GenerateFeedback.preprocessors = FEEDBACK

# Its pages are readable by everybody, and neither run nor fetch anything.
c.GenerateFeedback.exporter_class = "course.grading.feedback.ReadablePage"
