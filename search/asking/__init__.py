"""Reading a question: its terms, its synonyms, and other ways to read words the index does not know."""
