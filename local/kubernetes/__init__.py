"""A small Kubernetes API server as EKS has it, over HTTPS on loopback: as much of it as Squall, FIS and kubectl
need."""
