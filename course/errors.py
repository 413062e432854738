"""The errors that a person reads: each says what was wrong, what was given and what would be right."""


class CourseError(Exception):
    """Something that the person at the keyboard can mend; shown without a traceback."""
