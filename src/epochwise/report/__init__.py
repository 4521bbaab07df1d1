"""Records -> tables, figures, pages. No torch."""
