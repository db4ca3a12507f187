"""Fixed effects, least squares and Poisson: exact solvers, rank, leverage and separation."""
