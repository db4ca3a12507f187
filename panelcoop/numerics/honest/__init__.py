"""Inference when parallel trends may fail by a bounded amount (Rambachan and Roth 2023): arrays in, records out."""
