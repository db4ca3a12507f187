"""Measures of cooperation: each is one query over dyads or one short function, with its formula and range."""
