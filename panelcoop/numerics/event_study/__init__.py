"""Event studies on cohort cells: effects, weights and influence."""
