"""A stand-in for FIS's Lambda extension: the content of a layer, which the sample workload publishes in the place of
AWS's own."""
