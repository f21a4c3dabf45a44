"""The docks and bars around the canvas. They show the document and never change it themselves."""
