"""Wild bootstraps, randomisation, simultaneous bands: draws as matrix products, never refits."""
