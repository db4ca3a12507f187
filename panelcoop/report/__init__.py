"""Estimates -> tables, figures and the numbers in the text."""
