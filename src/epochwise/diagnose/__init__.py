"""Curve -> verdict, records -> finding. No torch."""
