"""What readers asked and chose: recorded, counted, and what follows from it."""
