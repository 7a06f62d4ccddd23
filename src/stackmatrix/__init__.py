"""The harness: it plans trials, drives them, checks them, and says which differences between stacks are real."""

__version__ = "0.1.0"
