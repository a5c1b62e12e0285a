"""Application services: what the states do with the ports, shared by handlers."""
