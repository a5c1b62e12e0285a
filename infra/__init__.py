"""The stack: settings decide, constructs build, the stack wires."""
