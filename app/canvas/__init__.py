"""The picture: image, faces, ellipses, and the mouse.

`app.canvas.model` says what is shown (no Qt), `app.canvas.view.CanvasView` shows it and reports what the user does.
It never changes a label: the document does, and calls `update_face`.
"""
