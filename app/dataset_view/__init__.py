"""The data-set view: a window of charts and tables over all faces of the project."""
