"""Losses: pure functions, each with a thin module where a setting is kept."""
