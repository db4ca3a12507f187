"""Covariances of coefficients under one vocabulary, with named small-sample conventions."""
