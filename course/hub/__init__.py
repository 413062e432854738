"""A JupyterHub for the course: a preview for one person, and a class of Unix accounts on one machine."""
