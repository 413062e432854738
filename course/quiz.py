"""Quizzes for learning: nothing is graded, and every choice, right or wrong, explains itself."""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import Any

import ipywidgets as widgets

from course.display import heading_html, notice_html


class Quiz:
    """One question with choices; several may be right.

    `right` and `wrong` map each choice to the sentence that explains it.

    >>> quiz = Quiz("Which one fails loudly?", right={"an exception": "It stops."}, wrong={"a NaN": "It goes on."})
    >>> quiz.answer("a NaN")
    'Not quite. It goes on.'
    """

    def __init__(self, question: str, *, right: Mapping[str, str], wrong: Mapping[str, str]) -> None:
        if not right:
            raise ValueError(f"a quiz needs at least one right choice; {question!r} has none")
        both = set(right) & set(wrong)
        if both:
            raise ValueError(f"a choice is either right or wrong; {question!r} has both for {sorted(both)}")
        self.question, self.right, self.wrong = question, dict(right), dict(wrong)
        # Sorted, so that the place of a choice says nothing about it.
        self.choices = sorted([*right, *wrong])
        self._buttons = widgets.RadioButtons(
            options=self.choices, value=None, description="", layout={"width": "max-content"}
        )
        self._reply = widgets.HTML()
        self._buttons.observe(lambda change: self.answer(change["new"]), names="value")
        from course.labs.names import Names  # only where something is shown: grading imports simulators alone

        heading = widgets.HTML(heading_html(question))
        self.widget = widgets.VBox([heading, self._buttons, self._reply, Names(question)])
        self.widget.add_class("course-quiz")
        self._reply.add_class("course-said")

    def answer(self, choice: str | None) -> str:
        """Show and return what is to be said of `choice`; raises KeyError when it is none of the choices."""
        if choice is None:
            self._reply.value = ""
            return ""
        is_right = choice in self.right
        why = self.right[choice] if is_right else self.wrong[choice]
        self._reply.value = notice_html(why, "right" if is_right else "wrong")
        return self.answer_text(choice)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        bundle = self.widget._repr_mimebundle_()
        lines = [
            f"<li>{html.escape(c)}<details><summary>Why?</summary>{html.escape(self.answer_text(c))}</details></li>"
            for c in self.choices
        ]
        bundle["text/plain"] = f"{self.question} ({' / '.join(self.choices)})"
        bundle["text/html"] = f"<p><strong>{html.escape(self.question)}</strong></p><ul>{''.join(lines)}</ul>"
        return bundle

    def answer_text(self, choice: str) -> str:
        """Return what is to be said of `choice`, without showing it."""
        return f"Yes. {self.right[choice]}" if choice in self.right else f"Not quite. {self.wrong[choice]}"
