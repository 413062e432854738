"""A JupyterHub for the course: so far the preview for one person; a class with Unix users stands on the same ground."""
