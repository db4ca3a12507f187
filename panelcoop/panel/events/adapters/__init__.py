"""Adapters: public layouts of cooperation records, each turned into the columns of the codebook."""
