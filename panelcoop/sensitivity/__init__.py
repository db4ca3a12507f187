"""Honest bounds, leave-one-out, power."""
