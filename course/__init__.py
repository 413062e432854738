"""MLOps & Production ML: the package that the course's notebooks import.

Importing it changes nothing: no plotting backend, no options, no warnings filter, and none of pandas,
scikit-learn or matplotlib is loaded until a lab asks for it.
"""

__version__ = "1.0.0"
