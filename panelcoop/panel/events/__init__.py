"""Logs of cooperation events: their contract, reading, checking, and the adapters of public layouts."""
