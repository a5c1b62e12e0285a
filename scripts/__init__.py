"""Build steps that the make targets and the stack share."""
