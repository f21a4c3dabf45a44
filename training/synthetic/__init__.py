"""Rendered faces with known landmarks, and labels of simulated annotators."""
