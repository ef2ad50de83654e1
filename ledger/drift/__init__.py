"""Drift in the ledger: profiles, runs of checks, what they found, and the verdicts."""
