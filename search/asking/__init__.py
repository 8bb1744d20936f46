"""What a person asks: the text as the index knows its words, and how it may be read otherwise."""
