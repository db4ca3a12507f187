"""Wave tests and their single pre-specified verdict."""
