"""The network and everything between an image and a prediction. Importing this package alone does not import torch."""
