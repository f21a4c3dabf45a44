"""Landmark schemes, images, formats, project store, model and metrics; runs without Qt."""
