"""A Kubernetes API server as EKS has it, in small: what Squall, FIS and kubectl's own words need of one, over HTTPS on loopback."""
