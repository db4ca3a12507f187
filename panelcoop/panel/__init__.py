"""Records of cooperation and covariates -> a region-by-week panel and a ledger of what was lost."""
