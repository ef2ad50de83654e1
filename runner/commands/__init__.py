"""The commands of `runner`, one per file; each parses, calls one function and prints."""
