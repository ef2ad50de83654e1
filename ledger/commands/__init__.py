"""The commands of `ledger`, one per file; each parses, calls one method and prints."""
