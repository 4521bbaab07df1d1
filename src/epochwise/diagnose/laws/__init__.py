"""Laws of the loss: how it goes with epochs, rows, rank and model, and how they are fitted."""
