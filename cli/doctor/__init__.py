"""`squall doctor`: what a deployment promises, measured on it."""
