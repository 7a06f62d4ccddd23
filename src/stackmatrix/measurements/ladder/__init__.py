"""Ladders: a fresh target, driven up stepped levels of load."""
