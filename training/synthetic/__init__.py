"""Faces with known landmarks: rendered heads (needs the extra `starmark[synthetic]`) and simulated annotators."""
