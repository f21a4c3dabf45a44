"""Losses, targets, augmentation and the training loop; knows `core` only."""
