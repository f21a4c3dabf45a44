"""Import and export in the window: dialogs that show what will happen before it does."""
