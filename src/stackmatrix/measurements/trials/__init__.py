"""Trials: a fresh target, driven up a ladder of load levels."""
