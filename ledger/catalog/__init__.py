"""What series there are in databases, files and folders, and where each begins and ends."""
