"""What Hydra finds by itself: the launcher and the sweeper of `epochwise sweep`."""
