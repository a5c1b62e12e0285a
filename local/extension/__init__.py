"""What stands for FIS's Lambda extension: the content of a layer, which the sample workload publishes where AWS's own would be."""
