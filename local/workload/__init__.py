"""The sample workload: real processes behind a real balancer, registered in the local account as AWS resources."""
