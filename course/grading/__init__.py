"""The grader: fast, and hard to fool. `course grade` and nbgrader's own `autograde` both go this way.

Four ideas, a room each:

- *Rebuild, don't clean* (`rebuild`): a submission is read as data. What is graded is our own notebook with the
  student's answers in it.
- *Two sides* (`wire`, `student_side`, `proxies`, `trusted_side`): the student's code runs in a process that knows
  nothing, the tests in another; only data comes back.
- *Fork, don't start* (`zygote`, `sandbox`): a warm process forks a confined child for each notebook.
- *One writer* (`gradebook`): workers return results as data; one process writes nbgrader's gradebook.

`records` holds what travels between the rooms. `grader` grades one notebook, `class_run` a class; `command` is
`course grade`, `nbgrader_seams` what `nbgrader_config.py` names.
"""
