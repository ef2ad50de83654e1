"""Drift checks over a fleet: what is new is read, compared, and decided on together."""
