"""What the words of Persian and English texts are, and what a person may have meant by one nobody wrote."""
