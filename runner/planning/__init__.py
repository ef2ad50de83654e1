"""What a run will cost, measured on a sample before a night is spent on it."""
