"""Scripts that the Python of a target's environment runs, in a project's copy: Django and the standard library only.

Each one reads its job, as JSON, from the file that its first argument names, and writes what it found to the second.
"""
