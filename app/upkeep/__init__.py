"""Keeping a project well, in the window: backups, missing images, merging."""
