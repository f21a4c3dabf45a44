"""Background work: worker pools, image decoding, thumbnails, prediction. Results arrive on the window's thread."""
