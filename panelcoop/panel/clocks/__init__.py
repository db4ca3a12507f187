"""Stage clocks beside the official and the epidemic one: change points, hidden Markov, and a table of one's own."""
