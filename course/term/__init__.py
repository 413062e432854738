"""A term: what one instructor adds to the course, in a private folder of their own.

The folder is an nbgrader course directory. It has the term's secret, from which the hidden worlds draw their seeds,
so it never lies in a repository, and no student can read it.
"""
