"""Event studies: dated events, staggered timing, honest inference."""
