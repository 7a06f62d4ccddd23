"""Programs of a target, for servers whose own command line does not start the stack. Standard library only.

Each becomes the server, or runs it in its own process, so that nothing is measured that a user would not run.
"""
