"""Analysis of Persian and English texts, and the readings of words that no text contains."""
