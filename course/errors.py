"""The errors that a person reads: each says what was wrong, what was given and what would be right."""


class CourseError(Exception):
    """Something that the person at the keyboard can mend; shown without a traceback."""


def in_one_line(error: Exception) -> Exception:
    """Return the error, which IPython then shows as one line, its kind and its words, without a traceback.

    For what a reader has to do next: where in the course's files it was raised is no help then.

    >>> in_one_line(ValueError("too many"))._render_traceback_()
    ['ValueError: too many']
    """
    error._render_traceback_ = lambda: [f"{type(error).__name__}: {error}"]  # type: ignore[attr-defined]
    return error
