"""What is shown of what the index found, to whom."""
