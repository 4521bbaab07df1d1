"""The numbers of each figure, apart from the drawing, so that they can be checked by hand."""
