"""The local chaos account: the AWS side, the sample workload and what starts them on a laptop."""
